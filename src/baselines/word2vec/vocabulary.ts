import { DataError, UsageError } from '../../errors/attune-error.js';
import type { Pace } from '../../pace.js';
import { numpyArgsort } from './numpy-argsort.js';

/** Words by descending count. */
export interface Vocabulary {
  readonly words: readonly string[];
  /** [words] */
  readonly counts: Float64Array;
  /** Place here of each word of the corpus, -1 where it was left out. */
  readonly places: Int32Array;
}

/**
 * In which order words of the same count stand, on which vectors depend (each row has its own first values):
 * as gensim sorts them, or by first occurrence, or all words in a given order.
 */
export type WordOrder = 'gensim' | 'first-occurrence' | readonly string[];

export interface VocabularyOptions {
  readonly minCount: number;
  readonly maxFinalVocab: number | undefined;
}

/** Sentences as numbers. */
export interface Corpus {
  /** By first occurrence. */
  readonly words: readonly string[];
  /** How often each occurs. */
  readonly counts: readonly number[];
  /** Place in `words` of each word of the sentences, end to end. */
  readonly tokens: Int32Array;
  /** [sentences + 1]: where in `tokens` each sentence begins, and its end. */
  readonly offsets: Int32Array;
}

/** @throws DataError `word2vec-sentence-no-list`, `word2vec-word-no-text`, and what `pace` throws */
export async function encodeSentences(
  sentences: readonly (readonly string[])[],
  pace: Pace,
): Promise<Corpus> {
  const offsets = new Int32Array(sentences.length + 1);
  for (const [i, sentence] of sentences.entries()) {
    if (!Array.isArray(sentence)) {
      throw new DataError('word2vec-sentence-no-list', { sentence: i, found: typeof sentence });
    }
    offsets[i + 1] = offsets[i] + sentence.length;
  }
  const tokens = new Int32Array(offsets[sentences.length]);
  const ids = new Map<string, number>();
  const counts: number[] = [];
  let end = 0;
  for (const [i, sentence] of sentences.entries()) {
    if (pace.due) await pace.rest();
    for (const word of sentence) {
      let id = ids.get(word);
      if (id === undefined) {
        if (typeof word !== 'string')
          throw new DataError('word2vec-word-no-text', { sentence: i, found: String(JSON.stringify(word)) });
        id = counts.push(0) - 1;
        ids.set(word, id);
      }
      counts[id]++;
      tokens[end++] = id;
    }
  }
  return { words: [...ids.keys()], counts, tokens, offsets };
}

/**
 * @throws DataError `word2vec-without-words`, `word2vec-words-too-rare`; UsageError `word2vec-order-word`,
 *   `word2vec-order-incomplete`
 */
export function buildVocabulary(
  corpus: Corpus,
  { minCount, maxFinalVocab }: VocabularyOptions,
  order: WordOrder = 'gensim',
): Vocabulary {
  const { words, counts } = corpus;
  const least = Math.max(minCount, maxFinalVocab === undefined ? 1 : leastCountFor(maxFinalVocab, counts));
  const retained = Int32Array.from(words.keys()).filter((id) => counts[id] >= least);
  if (words.length === 0) throw new DataError('word2vec-without-words', {});
  if (retained.length === 0) throw new DataError('word2vec-words-too-rare', { least });
  const ids =
    typeof order === 'string' ? sortIds(retained, counts, order) : givenOrder(order, retained, words);
  const places = new Int32Array(words.length).fill(-1);
  for (const [place, id] of ids.entries()) places[id] = place;
  return {
    words: Array.from(ids, (id) => words[id]),
    counts: Float64Array.from(ids, (id) => counts[id]),
    places,
  };
}

function sortIds(
  retained: Int32Array,
  counts: readonly number[],
  order: 'gensim' | 'first-occurrence',
): Int32Array {
  if (order === 'first-occurrence') return retained.sort((a, b) => counts[b] - counts[a] || a - b);
  return numpyArgsort(retained.map((id) => counts[id]))
    .reverse()
    .map((i) => retained[i]);
}

function givenOrder(order: readonly string[], retained: Int32Array, words: readonly string[]): Int32Array {
  const missing = new Map(Array.from(retained, (id) => [words[id], id]));
  const ids = Int32Array.from(order, (word) => {
    const id = missing.get(word);
    if (id === undefined) throw new UsageError('word2vec-order-word', { word });
    missing.delete(word);
    return id;
  });
  if (missing.size > 0) {
    const [example] = missing.keys();
    throw new UsageError('word2vec-order-incomplete', { missing: missing.size, example });
  }
  return ids;
}

/** gensim's: above the count of the first word that would be too many. */
function leastCountFor(size: number, counts: readonly number[]): number {
  return size >= counts.length ? 1 : [...counts].sort((a, b) => b - a)[size] + 1;
}

/**
 * Subsampling of frequent words: a word is kept where its threshold is not below a draw of 32 bits.
 *
 * @param sample share of all words above which a word is left out at times, or a count where it is 1 or more
 * @returns uint32 [words]
 */
export function keepThresholds({ counts }: Pick<Vocabulary, 'counts'>, sample: number): Uint32Array {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const threshold = subsamplingThreshold(sample, total);
  return Uint32Array.from(
    counts,
    (count) => Math.min((Math.sqrt(count / threshold) + 1) * (threshold / count), 1) * (2 ** 32 - 1),
  );
}

function subsamplingThreshold(sample: number, total: number): number {
  if (sample === 0) return total;
  return sample < 1 ? sample * total : Math.trunc((sample * (3 + Math.sqrt(5))) / 2);
}

/** What cumulative counts are scaled to. */
const DOMAIN = 2 ** 31 - 1;

/** Cumulative count^exponent of the words, scaled so that the last is 2^31 - 1: uint32 [words]. */
export function cumulativeTable({ counts }: Pick<Vocabulary, 'counts'>, exponent: number): Uint32Array {
  const powers = counts.map((count) => count ** exponent);
  const total = powers.reduce((sum, power) => sum + power, 0);
  let cumulative = 0;
  return Uint32Array.from(powers, (power) => {
    cumulative += power;
    return Math.round((cumulative / total) * DOMAIN);
  });
}
