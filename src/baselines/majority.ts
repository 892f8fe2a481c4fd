import { UsageError } from '../errors/attune-error.js';
import type { Classifier, EstimatorState } from './estimator.js';
import { checkTexts } from './matrix.js';
import { StateReader } from './state-reader.js';

/**
 * Always the most frequent class (the first of equals), with each class's share of the training rows as its
 * probability: the floor.
 */
export class MajorityClassifier implements Classifier<readonly string[]> {
  /** [K] */
  #shares = new Float64Array(0);

  /** @throws DataError as `Classifier.fit` */
  // eslint-disable-next-line @typescript-eslint/require-await -- so that refusals reject
  async fit(texts: readonly string[], labels: Int32Array, classes: number): Promise<void> {
    checkTexts(texts, labels, classes);
    const shares = new Float64Array(classes);
    for (const label of labels) shares[label] += 1 / labels.length;
    this.#shares = shares;
  }

  /** @throws UsageError `estimator-not-fitted` */
  // eslint-disable-next-line @typescript-eslint/require-await -- so that refusals reject
  async predict(texts: readonly string[]): Promise<Int32Array> {
    this.#expectFitted();
    return new Int32Array(texts.length).fill(this.#shares.indexOf(Math.max(...this.#shares)));
  }

  /** @throws UsageError `estimator-not-fitted` */
  // eslint-disable-next-line @typescript-eslint/require-await -- so that refusals reject
  async predictProba(texts: readonly string[]): Promise<Float64Array> {
    this.#expectFitted();
    return Float64Array.from(
      { length: texts.length * this.#shares.length },
      (_, i) => this.#shares[i % this.#shares.length],
    );
  }

  state(): EstimatorState {
    return { kind: 'majority', settings: {}, arrays: { shares: this.#shares } };
  }

  /** @throws ModelError `estimator-array-*`, `estimator-state-unsound` */
  static restore(state: EstimatorState): MajorityClassifier {
    const reader = new StateReader(state);
    const model = new MajorityClassifier();
    model.#shares = Float64Array.from(reader.float64('shares'));
    if (model.#shares.length === 0 || model.#shares.some((share) => share < 0))
      throw reader.unsound('shares-unusable');
    return model;
  }

  #expectFitted(): void {
    if (this.#shares.length === 0)
      throw new UsageError('estimator-not-fitted', { estimator: 'MajorityClassifier' });
  }
}
