// Text to ids in the steps of GPT-2's byte-level BPE:
//   text -> sections    cut out the added tokens ("<|endoftext|>")
//        -> words       GPT-2's pattern: letters, digits, other signs or white space, the first three with at most one space before
//        -> ids         BPE over the bytes of each word, by @huggingface/tokenizers
// A word's ids depend on the word alone, so they are remembered: natural text repeats its words, and this is four times
// faster than asking the library for every one.
import type { AddedToken } from './special-tokens.js';

/**
 * GPT-2's pre-tokenisation (openai/gpt-2 src/encoder.py; Rust tokenizers' ByteLevel). `\s` is spelt as the Unicode property,
 * because JavaScript's `\s` holds U+FEFF and lacks U+0085, and the reference has it the other way round. Letters and digits are
 * those of the JavaScript engine's Unicode version; letters added since the reference's version (16) may fall differently.
 */
export const GPT2_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** Words longer than this, and words beyond this many, are encoded anew each time, so that odd input cannot fill the memory. */
const LONGEST_REMEMBERED = 48;
const MOST_REMEMBERED = 100_000;

export class WordEncoder {
  readonly #encodeWord: (word: string) => readonly number[];
  readonly #addPrefixSpace: boolean;
  readonly #addedIds: ReadonlyMap<string, number>;
  /** Matches any added token, the longest where several begin at one place. */
  readonly #addedPattern: RegExp;
  readonly #idsOfWord = new Map<string, readonly number[]>();

  /** `encodeWord` is byte-level BPE of one word of GPT2_WORDS. */
  constructor(encodeWord: (word: string) => readonly number[], addedTokens: readonly AddedToken[], addPrefixSpace: boolean) {
    this.#encodeWord = encodeWord;
    this.#addPrefixSpace = addPrefixSpace;
    this.#addedIds = new Map(addedTokens.map(({ content, id }) => [content, id]));
    const contents = [...this.#addedIds.keys()].sort((a, b) => b.length - a.length);
    this.#addedPattern = new RegExp(`(${contents.map((content) => content.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`);
  }

  /** The ids of `text`, at least the first `limit` of them. */
  encode(text: string, limit: number): number[] {
    const ids: number[] = [];
    for (const section of text.split(this.#addedPattern)) {
      if (ids.length >= limit) break;
      if (section === '') continue;
      const added = this.#addedIds.get(section);
      if (added !== undefined) {
        ids.push(added);
        continue;
      }
      const spaced = this.#addPrefixSpace && !section.startsWith(' ') ? ` ${section}` : section;
      for (const word of spaced.match(GPT2_WORDS) ?? []) {
        for (const id of this.#wordIds(word)) ids.push(id);
        if (ids.length >= limit) break;
      }
    }
    return ids;
  }

  #wordIds(word: string): readonly number[] {
    const known = this.#idsOfWord.get(word);
    if (known) return known;
    const ids = this.#encodeWord(word);
    if (word.length <= LONGEST_REMEMBERED) {
      if (this.#idsOfWord.size >= MOST_REMEMBERED) this.#idsOfWord.clear();
      this.#idsOfWord.set(word, ids);
    }
    return ids;
  }
}
