import { DataError, UsageError } from '../../errors.js';
import { numpyArgsort } from './numpy-argsort.js';

/** Words by descending count. */
export interface Vocabulary {
  readonly words: readonly string[];
  /** [words] */
  readonly counts: Float64Array;
  readonly index: ReadonlyMap<string, number>;
}

/**
 * In which order words of the same count stand, on which vectors depend (each row has its own first values): as gensim sorts them, or by first
 * occurrence, or all words in a given order.
 */
export type WordOrder = 'gensim' | 'first-occurrence' | readonly string[];

export interface VocabularyOptions {
  readonly minCount: number;
  readonly maxFinalVocab: number | undefined;
}

/** How often each word occurs, in the order of first occurrence. @throws DataError where a sentence is not a list of texts */
export function countWords(sentences: readonly (readonly string[])[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [i, sentence] of sentences.entries()) {
    if (!Array.isArray(sentence)) {
      throw new DataError(`sentence ${i} is ${typeof sentence === 'string' ? 'a text' : 'no list'}; Word2Vec takes lists of words`, { hint: 'Split texts with splitWords(text).' });
    }
    for (const word of sentence) {
      if (typeof word !== 'string') throw new DataError(`sentence ${i} holds ${JSON.stringify(word)}, which is no word`);
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return counts;
}

/** @throws DataError where no word remains, UsageError where a given order does not hold the same words */
export function buildVocabulary(counted: ReadonlyMap<string, number>, { minCount, maxFinalVocab }: VocabularyOptions, order: WordOrder = 'gensim'): Vocabulary {
  const least = Math.max(minCount, maxFinalVocab === undefined ? 1 : leastCountFor(maxFinalVocab, counted));
  const retained = [...counted].filter(([, count]) => count >= least);
  if (retained.length === 0) {
    throw new DataError(counted.size === 0 ? 'there are no words to learn from' : `no word occurs ${least} times or more`, {
      hint: counted.size === 0 ? 'Give at least one sentence with a word.' : 'Lower minCount, raise maxFinalVocab, or give more sentences.',
    });
  }
  const words = typeof order === 'string' ? sortWords(retained, order) : givenOrder(order, retained);
  return { words, counts: Float64Array.from(words, (word) => counted.get(word)!), index: new Map(words.map((word, i) => [word, i])) };
}

function sortWords(retained: readonly (readonly [string, number])[], order: 'gensim' | 'first-occurrence'): string[] {
  if (order === 'first-occurrence') return [...retained].sort(([, a], [, b]) => b - a).map(([word]) => word);
  return Array.from(numpyArgsort(retained.map(([, count]) => count)).reverse(), (i) => retained[i][0]);
}

function givenOrder(order: readonly string[], retained: readonly (readonly [string, number])[]): readonly string[] {
  const missing = new Set(retained.map(([word]) => word));
  for (const word of order) {
    if (!missing.delete(word)) throw new UsageError(`the given word order has ${JSON.stringify(word)}, which occurs in it twice or not in the vocabulary`);
  }
  if (missing.size > 0) throw new UsageError(`the given word order lacks ${missing.size} of the vocabulary's words, such as ${JSON.stringify([...missing][0])}`);
  return [...order];
}

/** gensim's: above the count of the first word that would be too many. */
function leastCountFor(size: number, counted: ReadonlyMap<string, number>): number {
  if (size >= counted.size) return 1;
  return [...counted.values()].sort((a, b) => b - a)[size] + 1;
}

/**
 * Subsampling of frequent words: a word is kept where its threshold is not below a draw of 32 bits.
 *
 * @param sample share of all words above which a word is left out at times, or a count where it is 1 or more
 * @returns uint32 [words]
 */
export function keepThresholds({ counts }: Vocabulary, sample: number): Uint32Array {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const threshold = sample === 0 ? total : sample < 1 ? sample * total : Math.trunc((sample * (3 + Math.sqrt(5))) / 2);
  return Uint32Array.from(counts, (count) => Math.min((Math.sqrt(count / threshold) + 1) * (threshold / count), 1) * (2 ** 32 - 1));
}

/** What cumulative counts are scaled to. */
const DOMAIN = 2 ** 31 - 1;

/** Cumulative count^exponent of the words, scaled so that the last is 2^31 - 1: uint32 [words]. */
export function cumulativeTable({ counts }: Vocabulary, exponent: number): Uint32Array {
  const powers = counts.map((count) => count ** exponent);
  const total = powers.reduce((sum, power) => sum + power, 0);
  let cumulative = 0;
  return Uint32Array.from(powers, (power) => {
    cumulative += power;
    return Math.round((cumulative / total) * DOMAIN);
  });
}
