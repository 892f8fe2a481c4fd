import { DataError, ModelError, UsageError } from '../errors/attune-error.js';
import { Pace } from '../pace.js';
import type { DenseMatrix, EstimatorState, Matrix, Transformer } from './estimator.js';
import { checkFeatures, checkPredict } from './matrix.js';
import { StateReader } from './state-reader.js';

/** Of a larger result the arithmetic takes so long that new memory does not matter. Bytes. */
const LARGEST_SPARE = 2 ** 20;

/**
 * Subtracts each column's mean and divides by its population standard deviation (1 where that is zero), as
 * scikit-learn's StandardScaler. A sparse matrix is refused: subtracting means would fill it.
 */
export class StandardScaler implements Transformer<Matrix, Matrix> {
  /** [columns] */
  mean: Float64Array = new Float64Array(0);
  /** [columns] */
  scale: Float64Array = new Float64Array(0);
  #fitted = false;
  /** Memory of an earlier result. */
  #spare = new Float64Array(0);

  /** @throws DataError `fit-without-rows`, `scaler-takes-dense-only`, `feature-not-finite` */
  fit(x: Matrix, signal?: AbortSignal): Promise<void> {
    const features = dense(x);
    checkFeatures(x);
    if (features.rows === 0) throw new DataError('fit-without-rows', {});
    return this.#learn(features, new Pace(signal));
  }

  async #learn({ rows, columns, values }: DenseMatrix, pace: Pace): Promise<void> {
    const mean = new Float64Array(columns);
    for (let i = 0; i < rows; i++) {
      if (pace.due) await pace.rest();
      addRow(mean, values, i * columns);
    }
    for (let j = 0; j < columns; j++) mean[j] /= rows;
    // Two passes, with the sum of deviations to take off what rounding left in the mean (Chan, Golub, LeVeque
    // 1983), as scikit-learn does.
    const squares = new Float64Array(columns);
    const rest = new Float64Array(columns);
    for (let i = 0; i < rows; i++) {
      if (pace.due) await pace.rest();
      addDeviations(squares, rest, values, i * columns, mean);
    }
    const scale = squares.map((sum, j) => {
      const variance = (sum - (rest[j] * rest[j]) / rows) / rows;
      // A constant column whose mean is not exact has a variance of a few roundings; scikit-learn's bound for
      // "constant".
      const bound = rows * Number.EPSILON * variance + (rows * mean[j] * Number.EPSILON) ** 2;
      return variance <= bound ? 1 : Math.sqrt(variance);
    });
    this.mean = mean;
    this.scale = scale;
    this.#fitted = true;
  }

  /**
   * @throws UsageError `estimator-not-fitted`; DataError `scaler-takes-dense-only`, `feature-count-differs`,
   *   `feature-not-finite`
   */
  transform(x: Matrix, signal?: AbortSignal): Promise<Matrix> {
    if (!this.#fitted) throw new UsageError('estimator-not-fitted', { estimator: 'StandardScaler' });
    const features = dense(x);
    checkPredict(x, this.mean.length);
    return this.#scaled(features, new Pace(signal));
  }

  async #scaled({ rows, columns, values }: DenseMatrix, pace: Pace): Promise<Matrix> {
    const { mean, scale } = this;
    const size = rows * columns;
    const scaled = this.#spare.length >= size ? this.#spare.subarray(0, size) : new Float64Array(size);
    this.#spare = new Float64Array(0);
    for (let start = 0; start < values.length; start += columns) {
      if (pace.due) await pace.rest();
      scaleRow(values, start, mean, scale, scaled);
    }
    return { kind: 'dense', rows, columns, values: scaled };
  }

  recycle(result: Matrix): void {
    const values =
      result.values.buffer instanceof ArrayBuffer ? new Float64Array(result.values.buffer) : this.#spare;
    if (values.byteLength <= LARGEST_SPARE) this.#spare = values;
  }

  state(): EstimatorState {
    return { kind: 'standard-scaler', settings: {}, arrays: { mean: this.mean, scale: this.scale } };
  }

  /** @throws ModelError `estimator-setting-*`, `estimator-array-*`, `estimator-state-unsound` */
  static restore(state: EstimatorState): StandardScaler {
    const reader = new StateReader(state);
    const scaler = new StandardScaler();
    scaler.mean = reader.float64('mean');
    scaler.scale = reader.float64('scale', scaler.mean.length);
    if (scaler.scale.some((value) => value <= 0))
      throw new ModelError('estimator-array-not-positive', { estimator: state.kind, array: 'scale' });
    scaler.#fitted = true;
    return scaler;
  }
}

function addRow(sums: Float64Array, values: DenseMatrix['values'], start: number): void {
  for (let j = 0; j < sums.length; j++) sums[j] += values[start + j];
}

/** Adds up the row's deviations from the mean, and their squares. */
function addDeviations(
  squares: Float64Array,
  rest: Float64Array,
  values: DenseMatrix['values'],
  start: number,
  mean: Float64Array,
): void {
  for (let j = 0; j < mean.length; j++) {
    const deviation = values[start + j] - mean[j];
    squares[j] += deviation * deviation;
    rest[j] += deviation;
  }
}

/** A function of its own: the few rows of one prediction are enough for V8 to compile it. */
function scaleRow(
  values: Float32Array | Float64Array,
  start: number,
  mean: Float64Array,
  scale: Float64Array,
  scaled: Float64Array,
): void {
  for (let j = 0; j < mean.length; j++) scaled[start + j] = (values[start + j] - mean[j]) / scale[j];
}

function dense(x: Matrix): DenseMatrix {
  if (x.kind === 'sparse') throw new DataError('scaler-takes-dense-only', {});
  return x;
}
