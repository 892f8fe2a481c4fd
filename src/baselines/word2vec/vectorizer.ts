import { UsageError } from '../../errors/attune-error.js';
import { Pace, pacedMap } from '../../pace.js';
import type { DenseMatrix, EstimatorState, Transformer } from '../estimator.js';
import { StateReader } from '../state-reader.js';
import { resolveTrainOptions, Word2Vec } from './word2vec.js';
import type { TrainOptions } from './word2vec.js';
import { splitWords } from './words.js';

const KIND = 'word2vec';
/** Texts that are taken in one go. */
const SLICE = 256;

/** Texts to the mean vectors of their words, the vectors learned from the texts that it is fitted on. */
export class Word2VecVectorizer implements Transformer<readonly string[], DenseMatrix> {
  #fitted: Word2Vec | undefined;

  readonly #options: TrainOptions;

  /** @throws as `Word2Vec.train` for an option that is wrong */
  constructor(options: TrainOptions = {}) {
    this.#options = options;

    resolveTrainOptions(options);
  }

  /** The vectors of the words. @throws UsageError `estimator-not-fitted` */
  get model(): Word2Vec {
    if (!this.#fitted) throw new UsageError('estimator-not-fitted', { estimator: 'Word2VecVectorizer' });
    return this.#fitted;
  }

  /** @throws as `Word2Vec.train`; the signal's reason if it is aborted */
  async fit(texts: readonly string[], signal = this.#options.signal): Promise<void> {
    const sentences = await pacedMap(texts, splitWords, signal);
    this.#fitted = await Word2Vec.train(sentences, { ...this.#options, signal });
  }

  /**
   * [texts, vectorSize]; zeros where a text has no known word.
   *
   * @throws UsageError `estimator-not-fitted`; the signal's reason if it is aborted
   */
  transform(texts: readonly string[], signal?: AbortSignal): Promise<DenseMatrix> {
    const { model } = this;
    return texts.length <= SLICE
      ? Promise.resolve(model.meanVectors(texts))
      : this.#slices(model, texts, new Pace(signal));
  }

  async #slices(model: Word2Vec, texts: readonly string[], pace: Pace): Promise<DenseMatrix> {
    const columns = model.vectorSize;
    const values = new Float32Array(texts.length * columns);
    for (let start = 0; start < texts.length; start += SLICE) {
      if (pace.due) await pace.rest();
      values.set(model.meanVectors(texts.slice(start, start + SLICE)).values, start * columns);
    }
    return { kind: 'dense', rows: texts.length, columns, values };
  }

  /** @throws UsageError `estimator-not-fitted` */
  state(): EstimatorState {
    const { words, vectors, vectorSize } = this.model;
    return { kind: KIND, settings: { vectorSize, words }, arrays: { vectors } };
  }

  /**
   * @throws ModelError `word2vec-vectors-size`, `word2vec-word-repeated`, `estimator-setting-*`,
   *   `estimator-state-unsound`
   */
  static restore(state: EstimatorState): Word2VecVectorizer {
    const reader = new StateReader(state);
    const vectorSize = reader.number('vectorSize');
    const { words } = state.settings;
    const { vectors } = state.arrays;
    if (!Array.isArray(words) || !words.every((word) => typeof word === 'string'))
      throw reader.unsound('word2vec-words');
    if (!(vectors instanceof Float32Array)) throw reader.unsound('word2vec-vectors');
    const vectorizer = new Word2VecVectorizer();
    vectorizer.#fitted = new Word2Vec(words, vectors, vectorSize);
    return vectorizer;
  }
}
