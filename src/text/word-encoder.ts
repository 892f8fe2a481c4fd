// Text to ids in the steps of GPT-2's byte-level BPE:
//   text -> sections    cut out the added tokens ("<|endoftext|>")
//        -> words       GPT-2's pattern (words.ts)
//        -> ids         BPE over the bytes of each word (byte-pair.ts)
// A word's ids depend on the word alone, so they are remembered: natural text repeats its words.
import type { BytePairEncoder } from './byte-pair.js';
import type { AddedToken } from './special-tokens.js';
import { gpt2Words } from './words.js';

/** Words longer than this are encoded anew each time. */
const LONGEST_REMEMBERED = 48;
/**
 * When so many words have been met, those not met since as many before are forgotten. Two such generations of
 * the longest words take less than 20 MB; of ordinary ones 4.
 */
const GENERATION = 16_384;

export class WordEncoder {
  readonly #bytePairs: BytePairEncoder;
  readonly #addPrefixSpace: boolean;
  readonly #addedIds: ReadonlyMap<string, number>;
  /** Matches any added token, the longest where several begin at one place. */
  readonly #addedPattern: RegExp;
  readonly #encoder = new TextEncoder();
  readonly #bytes = new Uint8Array(3 * LONGEST_REMEMBERED);
  #recent = new Map<string, readonly number[]>();
  #older = new Map<string, readonly number[]>();

  constructor(bytePairs: BytePairEncoder, addedTokens: readonly AddedToken[], addPrefixSpace: boolean) {
    this.#bytePairs = bytePairs;
    this.#addPrefixSpace = addPrefixSpace;
    this.#addedIds = new Map(addedTokens.map(({ content, id }) => [content, id]));
    const contents = [...this.#addedIds.keys()].sort((a, b) => b.length - a.length);
    this.#addedPattern = new RegExp(
      `(${contents.map((content) => content.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`,
    );
  }

  /** The ids of `text`, at least the first `limit` of them; what comes after those is not looked at. */
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
      for (const word of gpt2Words(spaced)) {
        if (word.length > LONGEST_REMEMBERED) this.#bytePairs.encode(this.#encoder.encode(word), ids, limit);
        else for (const id of this.#wordIds(word)) ids.push(id);
        if (ids.length >= limit) break;
      }
    }
    return ids;
  }

  #wordIds(word: string): readonly number[] {
    const recent = this.#recent.get(word);
    if (recent) return recent;
    let ids = this.#older.get(word);
    if (!ids) {
      const encoded: number[] = [];
      const { written } = this.#encoder.encodeInto(word, this.#bytes);
      this.#bytePairs.encode(this.#bytes.subarray(0, written), encoded);
      ids = encoded.slice(); // without the room to grow
    }
    if (this.#recent.size >= GENERATION) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    // A part of a string keeps the whole of it in memory, and a text may be large: so a part of a string that
    // holds nothing else.
    this.#recent.set(` ${word}`.slice(1), ids);
    return ids;
  }
}
