/** GPT-2's pre-tokenisation: a text cut into words, of which each is encoded on its own. */

/**
 * GPT-2's pattern (openai/gpt-2 src/encoder.py; Rust tokenizers' ByteLevel): letters, digits, other signs or
 * white space, the first three with at most one space before. `\s` is spelt as the Unicode property, because
 * JavaScript's `\s` holds U+FEFF and lacks U+0085, and the reference has it the other way round. Letters and
 * digits are those of the JavaScript engine's Unicode version; letters added since the reference's version
 * (16) may fall differently.
 */
const GPT2_WORDS = new RegExp(
  [
    /'s|'t|'re|'ve|'m|'ll|'d/u,
    / ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+/u,
    /\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/u,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gu',
);

/**
 * Runs that may be long, in pieces: a regular expression remembers each character that it repeats over, and
 * overflows its stack after some millions.
 */
const RUNS = [/\p{L}{1,50000}/uy, /\p{N}{1,50000}/uy, /[^\p{White_Space}\p{L}\p{N}]{1,50000}/uy] as const;
const WHITE_SPACE = /\p{White_Space}{1,50000}/uy;
const CONTRACTION = /'(?:s|t|re|ve|m|ll|d)/uy;

/** Texts up to this length are cut at once, longer ones word by word as they are asked for. */
const SHORT = 2048;

/** The words of a text, in order; together they are the text. */
export function gpt2Words(text: string): Iterable<string> {
  return text.length <= SHORT ? (text.match(GPT2_WORDS) ?? []) : wordsOfLong(text);
}

function* wordsOfLong(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const end = wordEnd(text, start);
    yield text.slice(start, end);
    start = end;
  }
}

/** Where the word that begins at `start` ends: what GPT2_WORDS finds there. */
function wordEnd(text: string, start: number): number {
  const contraction = runEnd(CONTRACTION, text, start);
  if (contraction > start) return contraction;
  const afterSpace = text[start] === ' ' ? start + 1 : start;
  for (const run of RUNS) {
    let end = afterSpace;
    for (let to = runEnd(run, text, end); to > end; to = runEnd(run, text, end)) end = to;
    if (end > afterSpace) return end;
  }
  let end = start;
  for (let to = runEnd(WHITE_SPACE, text, end); to > end; to = runEnd(WHITE_SPACE, text, end)) end = to;
  // The last white space before a word is left to what follows; all of it is of one UTF-16 unit.
  return end < text.length && end - start > 1 ? end - 1 : end;
}

/** The end of the match of a sticky pattern at `at`; `at` itself where there is none. */
function runEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
