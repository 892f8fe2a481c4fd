/**
 * The characters at which Python's `str.split()` splits: bidirectional type WS, B or S, or category Zs, so
 * U+FEFF is none and U+001C to U+001F are.
 */
const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

/** A text's words as Python's `text.split()` gives them, case and punctuation kept. */
export function splitWords(text: string): string[] {
  return text.split(SPACES).filter((word) => word !== '');
}
