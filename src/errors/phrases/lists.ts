/** Values and lists of names in a sentence, shortened. */

/** A value of a user's file, as JSON. */
export function shown(value: unknown): string {
  const text =
    typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))
      ? String(value)
      : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Names of classes, quoted. */
export const listed = (names: readonly string[]): string => shortened(names, 12, shown);

/** Names of files, splits and the like, as they are. */
export const shortList = (names: readonly string[]): string => shortened(names, 10, (name) => name);

function shortened(names: readonly string[], most: number, show: (name: string) => string): string {
  const first = names.slice(0, most).map(show).join(', ');
  return names.length > most ? `${first}, … (${names.length} in all)` : first;
}
