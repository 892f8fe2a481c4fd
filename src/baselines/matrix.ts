/** Checks and small operations on feature matrices. n = rows, d = columns. */
import { DataError } from '../errors/attune-error.js';
import { factNumber } from '../errors/phrases/values.js';
import type { DenseMatrix, Matrix, SparseMatrix } from './estimator.js';

/** @throws DataError `matrix-size` */
export function denseMatrix(rows: number, columns: number, values: Float32Array | Float64Array): DenseMatrix {
  if (values.length !== rows * columns)
    throw new DataError('matrix-size', { numbers: values.length, rows, columns });
  return { kind: 'dense', rows, columns, values };
}

/**
 * Features as an estimator can compute with them.
 *
 * @throws DataError naming row and column (from 0): `feature-not-finite`, `matrix-size`, `sparse-*`
 */
export function checkFeatures(x: Matrix): void {
  if (x.kind === 'sparse') checkStructure(x);
  else if (x.values.length !== x.rows * x.columns)
    throw new DataError('matrix-size', { numbers: x.values.length, rows: x.rows, columns: x.columns });
  const bad = firstNonFinite(x.values);
  if (bad < 0) return;
  const [row, column] =
    x.kind === 'dense' ? [Math.floor(bad / x.columns), bad % x.columns] : [rowOf(x, bad), x.indices[bad]];
  throw new DataError('feature-not-finite', { row, column, found: String(x.values[bad]) });
}

/**
 * What fit needs.
 *
 * @param labels class index of each row
 * @throws DataError `fit-without-rows`, `fit-without-features`, `fit-class-count`, `fit-label-*`, and as
 *   `checkFeatures`
 */
export function checkFit(x: Matrix, labels: Int32Array, classes: number): void {
  if (x.rows === 0) throw new DataError('fit-without-rows', {});
  if (x.columns === 0) throw new DataError('fit-without-features', {});
  checkLabels(labels, classes, x.rows, 'features');
  checkFeatures(x);
}

/** What fit on texts needs. @throws DataError `fit-without-rows`, `fit-class-count`, `fit-label-*` */
export function checkTexts(texts: readonly string[], labels: Int32Array, classes: number): void {
  if (texts.length === 0) throw new DataError('fit-without-rows', {});
  checkLabels(labels, classes, texts.length, 'texts');
}

function checkLabels(labels: Int32Array, classes: number, rows: number, of: 'features' | 'texts'): void {
  if (!Number.isInteger(classes) || classes < 1)
    throw new DataError('fit-class-count', { given: factNumber(classes) });
  if (labels.length !== rows) throw new DataError('fit-label-count', { of, rows, labels: labels.length });
  const bad = labels.findIndex((label) => label < 0 || label >= classes);
  if (bad >= 0) throw new DataError('fit-label-out-of-range', { row: bad, label: labels[bad], classes });
}

/** What predict needs. @throws DataError `feature-count-differs`, and as `checkFeatures` */
export function checkPredict(x: Matrix, columns: number): void {
  if (x.columns !== columns)
    throw new DataError('feature-count-differs', { found: x.columns, expected: columns });
  checkFeatures(x);
}

export function toDense(x: Matrix): DenseMatrix {
  if (x.kind === 'dense') return x;
  const values = new Float64Array(x.rows * x.columns);
  for (let row = 0; row < x.rows; row++) {
    for (let i = x.offsets[row]; i < x.offsets[row + 1]; i++)
      values[row * x.columns + x.indices[i]] = x.values[i];
  }
  return { kind: 'dense', rows: x.rows, columns: x.columns, values };
}

/** The classes that have rows, ascending, and each row's place among them. */
export function presentClasses(
  labels: Int32Array,
  classes: number,
): { readonly present: Int32Array; readonly index: Int32Array } {
  const place = new Int32Array(classes).fill(-1);
  for (const label of labels) place[label] = 0;
  const present = Int32Array.from({ length: classes }, (_, k) => k).filter((k) => place[k] === 0);
  for (const [i, k] of present.entries()) place[k] = i;
  return { present, index: labels.map((label) => place[label]) };
}

/** Probabilities [n, present] spread over all classes [n, classes]; classes without rows get 0. */
export function spreadClasses(
  probabilities: Float64Array,
  present: Int32Array,
  classes: number,
): Float64Array {
  if (present.length === classes) return probabilities;
  const rows = probabilities.length / present.length;
  const spread = new Float64Array(rows * classes);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < present.length; i++)
      spread[row * classes + present[i]] = probabilities[row * present.length + i];
  }
  return spread;
}

/** The first of the largest columns of each row. */
export function argmaxRows(values: Float64Array, columns: number): Int32Array {
  const best = new Int32Array(values.length / columns);
  for (let row = 0; row < best.length; row++) {
    let at = 0;
    for (let k = 1; k < columns; k++) if (values[row * columns + k] > values[row * columns + at]) at = k;
    best[row] = at;
  }
  return best;
}

function checkStructure({ rows, columns, offsets, indices, values }: SparseMatrix): void {
  if (
    offsets.length !== rows + 1 ||
    offsets[0] !== 0 ||
    offsets[rows] !== values.length ||
    indices.length !== values.length
  ) {
    throw new DataError('sparse-matrix-lengths', {
      rows,
      offsets: offsets.length,
      indices: indices.length,
      values: values.length,
    });
  }
  for (let row = 0; row < rows; row++) {
    if (offsets[row] > offsets[row + 1]) throw new DataError('sparse-offsets-descend', { row });
    for (let i = offsets[row]; i < offsets[row + 1]; i++) {
      const ascending = i === offsets[row] || indices[i] > indices[i - 1];
      if (!ascending || indices[i] < 0 || indices[i] >= columns)
        throw new DataError('sparse-columns-disordered', { row, column: indices[i], columns });
    }
  }
}

function firstNonFinite(values: Float32Array | Float64Array): number {
  // Zero times a finite number is zero, times any other NaN.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * 0;
  return sum === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value));
}

function rowOf({ offsets }: SparseMatrix, position: number): number {
  return offsets.findIndex((_, row) => offsets[row + 1] > position);
}
