/**
 * The same for all texts that count as the same: those that differ in nothing but white space, which scraped
 * texts gain and lose.
 */
export const textIdentity = (text: string): string => text.trim().replace(/\s+/g, ' ');
