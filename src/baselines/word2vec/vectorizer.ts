import { ModelError, UsageError } from '../../errors.js';
import type { DenseMatrix, EstimatorState, Transformer } from '../estimator.js';
import { resolveTrainOptions, Word2Vec } from './word2vec.js';
import type { TrainOptions } from './word2vec.js';
import { splitWords } from './words.js';

const KIND = 'word2vec';

/** Texts to the mean vectors of their words, the vectors learned from the texts that it is fitted on. */
export class Word2VecVectorizer implements Transformer<readonly string[], DenseMatrix> {
  private fitted: Word2Vec | undefined;

  /** @throws UsageError naming an option that is wrong */
  constructor(private readonly options: TrainOptions = {}) {
    resolveTrainOptions(options);
  }

  /** The vectors of the words. @throws UsageError before `fit` */
  get model(): Word2Vec {
    if (!this.fitted) throw new UsageError('this Word2VecVectorizer is not fitted', { hint: 'Call fit first.' });
    return this.fitted;
  }

  /** @throws what `Word2Vec.train` throws */
  async fit(texts: readonly string[]): Promise<void> {
    this.fitted = await Word2Vec.train(texts.map(splitWords), this.options);
  }

  /** [texts, vectorSize]; zeros where a text has no known word. */
  transform(texts: readonly string[]): Promise<DenseMatrix> {
    return Promise.resolve(this.model.meanVectors(texts));
  }

  state(): EstimatorState {
    const { words, vectors, vectorSize } = this.model;
    return { kind: KIND, settings: { vectorSize, words }, arrays: { vectors } };
  }

  /** @throws ModelError where the state does not fit together */
  static restore({ settings, arrays }: EstimatorState): Word2VecVectorizer {
    const { vectorSize, words } = settings;
    const { vectors } = arrays;
    const refusal = (what: string): ModelError => new ModelError(`the saved ${KIND} is damaged: ${what}`, { hint: 'Save it again.' });
    if (typeof vectorSize !== 'number') throw refusal('it has no setting vectorSize');
    if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) throw refusal('the setting words is no list of words');
    if (!(vectors instanceof Float32Array)) throw refusal('it has no array vectors of float32');
    const vectorizer = new Word2VecVectorizer();
    vectorizer.fitted = new Word2Vec(words, vectors, vectorSize);
    return vectorizer;
  }
}
