/** Word2Vec (Mikolov et al., 2013) as gensim 4.2 trains it with one worker, number for number. */
import { InterruptedError, ModelError, UsageError } from '../../errors/attune-error.js';
import { factNumber } from '../../errors/phrases/values.js';
import { nearest } from '../../nearest.js';
import { Pace } from '../../pace.js';
import type { DenseMatrix } from '../estimator.js';
import { readVectors, writeVectors } from './format.js';
import type { LoadFormatOptions, SaveFormatOptions } from './format.js';
import { resolveWord2VecOptions } from './options.js';
import type { ResolvedWord2VecOptions, Word2VecOptions } from './options.js';
import { trainVectors } from './training.js';
import type { TrainingHooks } from './training.js';
import { buildVocabulary, encodeSentences } from './vocabulary.js';
import type { WordOrder } from './vocabulary.js';
import { splitWords } from './words.js';

export interface TrainOptions extends Word2VecOptions, TrainingHooks {
  /** Order of words of the same count. */
  readonly wordOrder?: WordOrder | undefined;
}

export interface Neighbour {
  readonly word: string;
  /** Cosine, -1 to 1. */
  readonly similarity: number;
}

/**
 * Words or vectors to be added up (each scaled to length 1), and others to be taken away: king + woman - man.
 */
export interface Analogy {
  readonly positive: readonly (string | ArrayLike<number>)[];
  readonly negative?: readonly (string | ArrayLike<number>)[];
}

/** Vectors of words. */
export class Word2Vec {
  readonly #index: ReadonlyMap<string, number>;
  #lengths: Float64Array | undefined;

  /**
   * @param words by descending count, each once
   * @param vectors [words, vectorSize]
   * @param counts how often each word occurred, where that is known (files do not say)
   * @throws ModelError `word2vec-vectors-size`, `word2vec-counts-size`, `word2vec-word-repeated`
   */
  constructor(
    readonly words: readonly string[],
    readonly vectors: Float32Array,
    readonly vectorSize: number,
    readonly counts?: Float64Array,
  ) {
    if (!Number.isInteger(vectorSize) || vectorSize < 1 || vectors.length !== words.length * vectorSize) {
      const sizes = { numbers: vectors.length, vectorSize, words: words.length };
      throw new ModelError('word2vec-vectors-size', sizes);
    }
    if (counts && counts.length !== words.length)
      throw new ModelError('word2vec-counts-size', { counts: counts.length, words: words.length });
    this.#index = new Map(words.map((word, i) => [word, i]));
    if (this.#index.size !== words.length)
      throw new ModelError('word2vec-word-repeated', { words: words.length });
  }

  /**
   * Learns vectors from sentences, each a list of words (`splitWords(text)`). The result depends on
   * sentences, options and seed alone, on any machine.
   *
   * @throws UsageError `argument-*`, `word2vec-option-unsupported`; DataError `word2vec-without-words`,
   *   `word2vec-words-too-rare`, `word2vec-sentence-no-list`; TrainingError `word2vec-diverged`,
   *   `word2vec-memory-unavailable`; InterruptedError `word2vec-interrupted`
   */
  static async train(sentences: readonly (readonly string[])[], given: TrainOptions = {}): Promise<Word2Vec> {
    const { wordOrder, signal, onProgress } = given;
    const options = resolveTrainOptions(given);
    try {
      const corpus = await encodeSentences(sentences, new Pace(signal));
      const vocabulary = buildVocabulary(corpus, options, wordOrder);
      const vectors = await trainVectors(corpus, vocabulary, options, { signal, onProgress });
      return new Word2Vec(vocabulary.words, vectors, options.vectorSize, vocabulary.counts);
    } catch (error) {
      if (!signal?.aborted || error !== signal.reason || error instanceof InterruptedError) throw error;
      throw new InterruptedError('word2vec-interrupted', {}, { cause: error });
    }
  }

  /**
   * Reads the format of the original word2vec, binary or text.
   *
   * @throws ModelError saying what is wrong at which word: `word2vec-file-*`, `file-unreadable`; UsageError
   *   `estimator-option-not-whole` for a `limit` that is no whole number from 1
   */
  static async load(path: string, options: LoadFormatOptions = {}): Promise<Word2Vec> {
    const { words, vectors, vectorSize } = await readVectors(path, options);
    return new Word2Vec(words, vectors, vectorSize);
  }

  /**
   * Writes the format of the original word2vec, as gensim's `save_word2vec_format` does. The file appears
   * whole or not at all.
   *
   * @throws UsageError `word2vec-word-unsavable`; AttuneError `file-unwritable`
   */
  async save(path: string, options: SaveFormatOptions = {}): Promise<void> {
    await writeVectors(path, this, options);
  }

  has(word: string): boolean {
    return this.#index.has(word);
  }

  /** The word's vector [vectorSize], which is a view. @throws UsageError `word2vec-word-unknown` */
  vector(word: string): Float32Array {
    const i = this.#index.get(word);
    if (i === undefined) {
      const { words } = this;
      throw new UsageError('word2vec-word-unknown', {
        word,
        words: words.length,
        nearest: nearest(word, words),
      });
    }
    return this.#row(i);
  }

  /** Cosine of two words. @throws UsageError `word2vec-word-unknown` */
  similarity(a: string, b: string): number {
    return cosine(this.vector(a), this.vector(b));
  }

  /**
   * The words nearest to a word, a vector or an analogy by cosine, nearest first; words that were asked for
   * are left out.
   *
   * @throws UsageError `word2vec-word-unknown`, `word2vec-vector-size`, or `estimator-option-not-whole` for a
   *   `topN` that is no whole number from 0
   */
  mostSimilar(
    query: string | ArrayLike<number> | Analogy,
    { topN = 10 }: { readonly topN?: number } = {},
  ): Neighbour[] {
    if (!Number.isInteger(topN) || topN < 0)
      throw new UsageError('estimator-option-not-whole', { option: 'topN', given: factNumber(topN), min: 0 });
    const { positive, negative = [] } =
      typeof query === 'object' && 'positive' in query ? query : { positive: [query] };
    const wanted = new Float64Array(this.vectorSize);
    for (const item of positive) this.#accumulate(wanted, item, 1);
    for (const item of negative) this.#accumulate(wanted, item, -1);
    const asked = new Set([...positive, ...negative].filter((item) => typeof item === 'string'));
    const length = norm(wanted);
    this.#lengths ??= Float64Array.from(this.words, (_, i) => norm(this.#row(i)));
    const similarities = Float64Array.from(
      this.#lengths,
      (own, i) => dot(this.#row(i), wanted) / (own * length || 1),
    );
    const best = Array.from(this.words.keys()).filter((i) => !asked.has(this.words[i]));
    best.sort((a, b) => similarities[b] - similarities[a] || a - b);
    return best.slice(0, topN).map((i) => ({ word: this.words[i], similarity: similarities[i] }));
  }

  /**
   * The mean vector of each text's known words (`splitWords`), zeros where it has none, in float32 as numpy's
   * mean: [texts, vectorSize].
   */
  meanVectors(texts: readonly string[]): DenseMatrix {
    const { vectorSize: columns, vectors } = this;
    const values = new Float32Array(texts.length * columns);
    for (const [row, text] of texts.entries()) {
      const start = row * columns;
      let known = 0;
      for (const word of splitWords(text)) {
        const i = this.#index.get(word);
        if (i === undefined) continue;
        known++;
        for (let j = 0, from = i * columns; j < columns; j++) values[start + j] += vectors[from + j];
      }
      for (let j = start; known > 1 && j < start + columns; j++) values[j] /= known;
    }
    return { kind: 'dense', rows: texts.length, columns, values };
  }

  #row(i: number): Float32Array {
    return this.vectors.subarray(i * this.vectorSize, (i + 1) * this.vectorSize);
  }

  #accumulate(sum: Float64Array, item: string | ArrayLike<number>, sign: number): void {
    const vector = typeof item === 'string' ? this.vector(item) : item;
    if (vector.length !== this.vectorSize)
      throw new UsageError('word2vec-vector-size', { found: vector.length, expected: this.vectorSize });
    const length = norm(vector) || 1;
    for (let j = 0; j < sum.length; j++) sum[j] += (sign * vector[j]) / length;
  }
}

/** The options of training proper. @throws as `resolveWord2VecOptions` */
export function resolveTrainOptions(given: TrainOptions): ResolvedWord2VecOptions {
  const { wordOrder, signal, onProgress, ...named } = given;
  return resolveWord2VecOptions(named);
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function norm(a: ArrayLike<number>): number {
  return Math.sqrt(dot(a, a));
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return dot(a, b) / (norm(a) * norm(b) || 1);
}
