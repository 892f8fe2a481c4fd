import { DataError, UsageError } from '../errors.js';
import type { EstimatorState, Matrix, Transformer } from './estimator.js';
import { checkFeatures, checkPredict } from './matrix.js';
import { StateReader } from './state-reader.js';

/** Of a larger result the arithmetic takes so long that new memory does not matter. Bytes. */
const LARGEST_SPARE = 2 ** 20;

/**
 * Subtracts each column's mean and divides by its population standard deviation (1 where that is zero), as scikit-learn's StandardScaler.
 * A sparse matrix is refused: subtracting means would fill it.
 */
export class StandardScaler implements Transformer<Matrix, Matrix> {
  /** [columns] */
  mean: Float64Array = new Float64Array(0);
  /** [columns] */
  scale: Float64Array = new Float64Array(0);
  private fitted = false;
  /** Memory of an earlier result. */
  private spare = new Float64Array(0);

  /** @throws DataError for no rows, a sparse matrix or features that are not finite */
  fit(x: Matrix): Promise<void> {
    const { rows, columns, values } = dense(x);
    checkFeatures(x);
    if (rows === 0) throw new DataError('there are no rows to learn from');
    const mean = new Float64Array(columns);
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) mean[j] += values[i * columns + j];
    for (let j = 0; j < columns; j++) mean[j] /= rows;
    // Two passes, with the sum of deviations to take off what rounding left in the mean (Chan, Golub, LeVeque 1983), as scikit-learn does.
    const squares = new Float64Array(columns);
    const rest = new Float64Array(columns);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const deviation = values[i * columns + j] - mean[j];
        squares[j] += deviation * deviation;
        rest[j] += deviation;
      }
    }
    const scale = squares.map((sum, j) => {
      const variance = (sum - (rest[j] * rest[j]) / rows) / rows;
      // A constant column whose mean is not exact has a variance of a few roundings; scikit-learn's bound for "constant".
      const bound = rows * Number.EPSILON * variance + (rows * mean[j] * Number.EPSILON) ** 2;
      return variance <= bound ? 1 : Math.sqrt(variance);
    });
    this.mean = mean;
    this.scale = scale;
    this.fitted = true;
    return Promise.resolve();
  }

  transform(x: Matrix): Promise<Matrix> {
    if (!this.fitted) throw new UsageError('this StandardScaler is not fitted');
    const { rows, columns, values } = dense(x);
    checkPredict(x, this.mean.length);
    const { mean, scale } = this;
    const size = rows * columns;
    const scaled = this.spare.length >= size ? this.spare.subarray(0, size) : new Float64Array(size);
    this.spare = new Float64Array(0);
    for (let start = 0; start < values.length; start += columns) scaleRow(values, start, mean, scale, scaled);
    return Promise.resolve({ kind: 'dense', rows, columns, values: scaled });
  }

  recycle(result: Matrix): void {
    const values = result.values.buffer instanceof ArrayBuffer ? new Float64Array(result.values.buffer) : this.spare;
    if (values.byteLength <= LARGEST_SPARE) this.spare = values;
  }

  state(): EstimatorState {
    return { kind: 'standard-scaler', settings: {}, arrays: { mean: this.mean, scale: this.scale } };
  }

  static restore(state: EstimatorState): StandardScaler {
    const reader = new StateReader(state);
    const scaler = new StandardScaler();
    scaler.mean = reader.float64('mean');
    scaler.scale = reader.float64('scale', scaler.mean.length);
    if (scaler.scale.some((value) => value <= 0)) throw reader.refusal('the array scale holds a number that is not above 0');
    scaler.fitted = true;
    return scaler;
  }
}

/** A function of its own: the few rows of one prediction are enough for V8 to compile it. */
function scaleRow(values: Float32Array | Float64Array, start: number, mean: Float64Array, scale: Float64Array, scaled: Float64Array): void {
  for (let j = 0; j < mean.length; j++) scaled[start + j] = (values[start + j] - mean[j]) / scale[j];
}

function dense(x: Matrix): Extract<Matrix, { kind: 'dense' }> {
  if (x.kind === 'sparse') throw new DataError('StandardScaler takes dense features only: subtracting the means would fill a sparse matrix');
  return x;
}
