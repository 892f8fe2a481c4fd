/**
 * What every model of the comparison can do, under scikit-learn's names. Rows of features in, class indices
 * and probabilities out; fitting is deterministic by seed at any number of workers.
 *
 * Each takes a signal last: work that is long gives way to the event loop, and ends with the signal's reason
 * when it is aborted.
 */

/** Row-major dense features [rows, columns]. */
export interface DenseMatrix {
  readonly kind: 'dense';
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array | Float64Array;
}

/**
 * Compressed sparse rows: row r holds `values[i]` at column `indices[i]` for i from `offsets[r]` to
 * `offsets[r + 1]`, columns ascending.
 */
export interface SparseMatrix {
  readonly kind: 'sparse';
  readonly rows: number;
  readonly columns: number;
  /** [rows + 1] */
  readonly offsets: Int32Array;
  readonly indices: Int32Array;
  readonly values: Float64Array;
}

export type Matrix = DenseMatrix | SparseMatrix;

/**
 * A fitted estimator as data: what `save` writes and `load` reads. Arrays become safetensors, the rest JSON;
 * nothing in it is code.
 */
export interface EstimatorState {
  /** Names the estimator, such as `logistic-regression`. */
  readonly kind: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly arrays: Readonly<Partial<Record<string, Float32Array | Float64Array | Int32Array>>>;
  /** Steps of a pipeline. */
  readonly steps?: readonly EstimatorState[];
}

/** Turns rows of one form into rows of another: texts into vectors, vectors into scaled ones. */
export interface Transformer<In, Out> {
  fit(input: In, signal?: AbortSignal): Promise<void>;
  /**
   * @throws UsageError `estimator-not-fitted`; DataError as `Classifier.predict`; the signal's reason if it
   *   is aborted
   */
  transform(input: In, signal?: AbortSignal): Promise<Out>;
  /**
   * Gives back what `transform` made and nobody holds any more, so that the next result need not touch new
   * memory: for some hundred rows that takes longer than the arithmetic.
   */
  recycle?(result: Out): void;
  state(): EstimatorState;
}

/** A classifier over features (`Matrix`) or texts (`readonly string[]`). */
export interface Classifier<In = Matrix> {
  /**
   * @param labels class index of each row, 0 to `classes` - 1
   * @throws DataError `fit-without-rows`, `fit-label-count`, `fit-label-out-of-range`, `feature-not-finite`,
   *   `matrix-size`, `sparse-*`; the signal's reason if it is aborted
   */
  fit(input: In, labels: Int32Array, classes: number, signal?: AbortSignal): Promise<void>;
  /**
   * Class index of each row. Not always the argmax of `predictProba`: libsvm votes.
   *
   * @throws UsageError `estimator-not-fitted`; DataError `feature-count-differs`, `feature-not-finite`; the
   *   signal's reason if it is aborted
   */
  predict(input: In, signal?: AbortSignal): Promise<Int32Array>;
  /** [rows, classes], each row adding up to 1. @throws as `predict` */
  predictProba(input: In, signal?: AbortSignal): Promise<Float64Array>;
  state(): EstimatorState;
}
