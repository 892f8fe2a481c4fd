/** Where the tokens of byte-level BPE stand in the text they came from. */

/** Place in a text, in UTF-16 units, `end` excluded. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The span of each token, in order. Tokens are bytes: one that holds a part of a character has the span of
 * the whole character. A space that the tokenizer put before the text is in no span; a token that is not in
 * the text (a normal form changed it) has an empty one.
 *
 * @param tokens the bytes of each token, from the beginning of the text on; the text may go on after the last
 */
export function tokenSpans(text: string, tokens: readonly Uint8Array[]): Span[] {
  const { bytes, startOf, endOf } = utf8(text);
  let at = 0;
  const span = (from: number, length: number): Span => {
    if (length === 0) {
      const unit = from === 0 ? 0 : endOf[from - 1];
      return { start: unit, end: unit };
    }
    at = from + length;
    return { start: startOf[from], end: endOf[at - 1] };
  };
  return tokens.map((token) => {
    if (matches(bytes, at, token)) return span(at, token.length);
    const bare = token[0] === SPACE ? token.subarray(1) : token;
    for (let from = at; bare.length > 0 && from + bare.length <= bytes.length; from++)
      if (matches(bytes, from, bare)) return span(from, bare.length);
    return span(at, 0);
  });
}

const SPACE = 0x20;

function matches(bytes: Uint8Array, at: number, token: Uint8Array): boolean {
  return at + token.length <= bytes.length && token.every((byte, i) => bytes[at + i] === byte);
}

/**
 * The text's UTF-8 (a lone surrogate is U+FFFD), with the units of the character that each byte belongs to.
 */
function utf8(text: string): {
  readonly bytes: Uint8Array;
  readonly startOf: Int32Array;
  readonly endOf: Int32Array;
} {
  const bytes = new TextEncoder().encode(text);
  const startOf = new Int32Array(bytes.length);
  const endOf = new Int32Array(bytes.length);
  let byte = 0;
  let unit = 0;
  for (const character of text) {
    const length = utf8Length(character.codePointAt(0)!);
    startOf.fill(unit, byte, byte + length);
    unit += character.length;
    endOf.fill(unit, byte, byte + length);
    byte += length;
  }
  return { bytes, startOf, endOf };
}

/** Bytes of a code point in UTF-8. */
function utf8Length(code: number): number {
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code < 0x10000 ? 3 : 4;
}

/** The character that byte-level BPE spells each of the 256 bytes with: GPT-2's bytes_to_unicode. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  let next = 256;
  const printable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
})();

const BYTE_OF: ReadonlyMap<string, number> = new Map(
  BYTE_CHARACTERS.map((character, byte) => [character, byte]),
);

/**
 * The bytes of a token as the vocabulary spells it. A character that is no byte's (an added token's) stands
 * for itself.
 */
export function tokenBytes(spelling: string): Uint8Array {
  const characters = [...spelling];
  if (characters.some((character) => !BYTE_OF.has(character))) return new TextEncoder().encode(spelling);
  return Uint8Array.from(characters, (character) => BYTE_OF.get(character)!);
}
