/**
 * What logistic regression minimises: C times the sum of the rows' losses, plus half the sum of squared
 * coefficients (intercepts are free).
 *
 *   n rows, d columns, K class vectors: 1 for two classes (plain logistic loss), one a class for more
 *   (softmax)
 *
 * Both forms start from the exact Newton step at zero where that can be afforded: there the Hessian of the
 * losses is a multiple of x'x, in the directions that matter (those that add up to zero over classes).
 */
import type { Pace } from '../pace.js';
import type { DenseMatrix, SparseMatrix } from './estimator.js';
import type { Objective } from './lbfgs.js';
import { Arena } from './wasm.js';

export interface LogisticObjective extends Objective {
  /** Coefficients [K, d] and intercepts [K] of a point. */
  unpack(point: Float64Array): { readonly coefficients: Float64Array; readonly intercepts: Float64Array };
}

/** The exports of logistic.assembly.ts. */
interface LogisticKernels {
  heapBase(): number;
  lossAndGradient(
    x: number,
    labels: number,
    n: number,
    s: number,
    K: number,
    theta: number,
    gradient: number,
    scratch: number,
    loss: number,
  ): number;
  gram(x: number, n: number, s: number, target: number, scratch: number): void;
}

const BLOCK = 8;
/** Multiplications of one call to a kernel, which nothing interrupts: a few milliseconds. */
const CALL = 4_000_000;
/** x'x and its factor are made up to this many columns; above, its diagonal has to do. */
const MAX_GRAM = 1024;

function strideOf(columns: number): number {
  return Math.ceil((columns + 1) / 2) * 2;
}

/** Copies rows from `first` to stride `s`, with a column of ones. */
function place(x: DenseMatrix, s: number, target: Float64Array, first: number, count: number): void {
  const { columns, values } = x;
  for (let row = first; row < first + count; row++) {
    const from = row * columns;
    const to = row * s;
    for (let j = 0; j < columns; j++) target[to + j] = values[from + j];
    target[to + columns] = 1;
  }
}

/**
 * Calls `work` for slices of 0 to `rows`, each a multiple of BLOCK rows of `cost` multiplications but for the
 * last.
 */
async function eachSlice(
  rows: number,
  cost: number,
  pace: Pace,
  work: (from: number, count: number) => void,
): Promise<void> {
  const slice = BLOCK * Math.max(1, Math.floor(CALL / (BLOCK * cost)));
  for (let from = 0; from < rows; from += slice) {
    if (pace.due) await pace.rest();
    work(from, Math.min(slice, rows - from));
  }
}

export async function denseObjective(
  x: DenseMatrix,
  labels: Int32Array,
  K: number,
  C: number,
  pace: Pace,
): Promise<LogisticObjective> {
  const { rows, columns } = x;
  const s = strideOf(columns);
  const padded = Math.ceil(rows / BLOCK) * BLOCK;
  const arena = new Arena<LogisticKernels>(
    'logistic',
    8 * (padded * s + 2 * K * s + 16 * K + (columns < MAX_GRAM ? s * s : 0)) + 4 * rows,
  );
  const features = arena.float64(padded * s);
  const classes = arena.int32(rows);
  const theta = arena.float64(K * s);
  const slopes = arena.float64(K * s);
  const scratch = arena.float64(16 * K);
  await eachSlice(rows, s, pace, (from, count) => place(x, s, features, from, count));
  classes.set(labels);
  const penalised = (i: number): boolean => i % s < columns;

  // Hessian of the losses at zero: p (1 - p) with p = 1/2, or 1/K.
  const weight = C * (K === 1 ? 1 / 4 : 1 / K);
  let solve: (vector: Float64Array, start: number) => void;
  if (columns < MAX_GRAM) {
    const square = arena.float64(s * s);
    await eachSlice(padded, (s * s) / 2, pace, (from, count) => {
      arena.exports.gram(features.byteOffset + 8 * from * s, count, s, square.byteOffset, scratch.byteOffset);
    });
    const ridge = (i: number): number => (i < columns ? 1 : 1e-9 * rows * weight);
    const entry = (i: number, j: number): number => weight * square[i * s + j] + (i === j ? ridge(i) : 0);
    const factor = await cholesky(columns + 1, entry, pace);
    solve = (vector, start) => solveCholesky(factor, columns + 1, vector, start);
  } else {
    const diagonal = new Float64Array(s);
    await eachSlice(rows, s, pace, (from, count) => {
      for (let i = from * s; i < (from + count) * s; i++) diagonal[i % s] += features[i] * features[i];
    });
    solve = (vector, start) => {
      for (let j = 0; j <= columns; j++) vector[start + j] /= weight * diagonal[j] + (j < columns ? 1 : 0);
    };
  }
  return {
    size: K * s,
    async evaluate(point, gradient, ownPace) {
      theta.set(point);
      slopes.fill(0);
      let loss = 0;
      await eachSlice(rows, 2 * K * s, ownPace, (from, count) => {
        loss = arena.exports.lossAndGradient(
          features.byteOffset + 8 * from * s,
          classes.byteOffset + 4 * from,
          count,
          s,
          K,
          theta.byteOffset,
          slopes.byteOffset,
          scratch.byteOffset,
          loss,
        );
      });
      let value = C * loss;
      for (let i = 0; i < point.length; i++) {
        gradient[i] = C * slopes[i];
        if (!penalised(i)) continue;
        gradient[i] += point[i];
        value += 0.5 * point[i] * point[i];
      }
      return value;
    },
    precondition(vector) {
      for (let k = 0; k < K; k++) solve(vector, k * s);
    },
    unpack(point) {
      const coefficients = new Float64Array(K * columns);
      const intercepts = new Float64Array(K);
      for (let k = 0; k < K; k++) {
        coefficients.set(point.subarray(k * s, k * s + columns), k * columns);
        intercepts[k] = point[k * s + columns];
      }
      return { coefficients, intercepts };
    },
  };
}

/**
 * The point is [d + 1, K]: a feature's coefficients lie together, since a sparse row visits few features; the
 * intercepts come last.
 */
export function sparseObjective(
  x: SparseMatrix,
  labels: Int32Array,
  K: number,
  C: number,
): LogisticObjective {
  const { rows, columns, offsets, indices, values } = x;
  const weight = C * (K === 1 ? 1 / 4 : 1 / K);
  const diagonal = new Float64Array(columns + 1).fill(1);
  for (let i = 0; i < values.length; i++) diagonal[indices[i]] += weight * values[i] * values[i];
  diagonal[columns] = weight * rows;
  const z = new Float64Array(K);
  /** The sum of `value` and the losses of rows; adds their gradient. */
  const addRows = (
    first: number,
    end: number,
    point: Float64Array,
    gradient: Float64Array,
    value: number,
  ): number => {
    for (let row = first; row < end; row++) {
      for (let k = 0; k < K; k++) z[k] = point[columns * K + k];
      for (let i = offsets[row]; i < offsets[row + 1]; i++) {
        const at = indices[i] * K;
        for (let k = 0; k < K; k++) z[k] += values[i] * point[at + k];
      }
      value += C * lossAndResidual(z, labels[row]);
      for (let i = offsets[row]; i < offsets[row + 1]; i++) {
        const at = indices[i] * K;
        for (let k = 0; k < K; k++) gradient[at + k] += C * values[i] * z[k];
      }
      for (let k = 0; k < K; k++) gradient[columns * K + k] += C * z[k];
    }
    return value;
  };
  /** The sum of `value` and the penalty; adds its gradient. */
  const addPenalty = (point: Float64Array, gradient: Float64Array, value: number): number => {
    for (let i = 0; i < columns * K; i++) {
      gradient[i] += point[i];
      value += 0.5 * point[i] * point[i];
    }
    return value;
  };
  return {
    size: (columns + 1) * K,
    async evaluate(point, gradient, pace) {
      gradient.fill(0);
      let value = 0;
      await eachSlice(rows, (2 * K * values.length) / rows, pace, (from, count) => {
        value = addRows(from, from + count, point, gradient, value);
      });
      return addPenalty(point, gradient, value);
    },
    precondition(vector) {
      for (let j = 0; j <= columns; j++) for (let k = 0; k < K; k++) vector[j * K + k] /= diagonal[j];
    },
    unpack(point) {
      const coefficients = new Float64Array(K * columns);
      for (let k = 0; k < K; k++)
        for (let j = 0; j < columns; j++) coefficients[k * columns + j] = point[j * K + k];
      return { coefficients, intercepts: point.slice(columns * K) };
    },
  };
}

/** The loss of one row with scores z, which become the loss's derivatives. */
function lossAndResidual(z: Float64Array, label: number): number {
  if (z.length === 1) {
    const score = z[0];
    const e = Math.exp(-Math.abs(score));
    z[0] = (score >= 0 ? 1 : e) / (1 + e) - label;
    return Math.max(score, 0) + Math.log1p(e) - label * score;
  }
  const target = z[label];
  const { max, sum } = softmaxInPlace(z, 0, z.length);
  z[label] -= 1;
  return Math.log(sum) + max - target;
}

function softmaxInPlace(z: Float64Array, start: number, K: number): { max: number; sum: number } {
  let max = -Infinity;
  for (let k = start; k < start + K; k++) max = Math.max(max, z[k]);
  let sum = 0;
  for (let k = start; k < start + K; k++) {
    z[k] = Math.exp(z[k] - max);
    sum += z[k];
  }
  for (let k = start; k < start + K; k++) z[k] /= sum;
  return { max, sum };
}

/** Scores x . coefficients + intercept [n, K]. */
export async function decisionScores(
  x: DenseMatrix | SparseMatrix,
  coefficients: Float64Array,
  intercepts: Float64Array,
  pace: Pace,
): Promise<Float64Array> {
  const { rows, columns } = x;
  const K = intercepts.length;
  const scores = new Float64Array(rows * K);
  const scoreSparse = (row: number, k: number): number => {
    const { offsets, values, indices } = x as SparseMatrix;
    let sum = intercepts[k];
    for (let i = offsets[row]; i < offsets[row + 1]; i++)
      sum += values[i] * coefficients[k * columns + indices[i]];
    return sum;
  };
  // A prediction goes through the features once: making a WebAssembly memory for them would take longer than
  // the products.
  const scoreDense = (row: number, k: number): number =>
    score(x.values, row * columns, coefficients, k * columns, columns, intercepts[k]);
  const scoreOf = x.kind === 'sparse' ? scoreSparse : scoreDense;
  await eachSlice(rows, (K * x.values.length) / Math.max(rows, 1), pace, (from, count) => {
    for (let row = from; row < from + count; row++)
      for (let k = 0; k < K; k++) scores[row * K + k] = scoreOf(row, k);
  });
  return scores;
}

/**
 * intercept + values[from ..] . weights[at ..]; a function of its own, for which the few rows of one
 * prediction are enough to be compiled.
 */
function score(
  values: Float32Array | Float64Array,
  from: number,
  weights: Float64Array,
  at: number,
  columns: number,
  intercept: number,
): number {
  let [even, odd] = [intercept, 0];
  let c = 0;
  for (; c + 1 < columns; c += 2) {
    even += values[from + c] * weights[at + c];
    odd += values[from + c + 1] * weights[at + c + 1];
  }
  if (c < columns) even += values[from + c] * weights[at + c];
  return even + odd;
}

/** Probabilities of scores [n, K]: softmax, or of one score the logistic function, as two columns. */
export function scoreProbabilities(scores: Float64Array, K: number): Float64Array {
  if (K > 1) {
    const probabilities = scores.slice();
    for (let start = 0; start < scores.length; start += K) softmaxInPlace(probabilities, start, K);
    return probabilities;
  }
  const probabilities = new Float64Array(2 * scores.length);
  scores.forEach((score, row) => {
    const e = Math.exp(-Math.abs(score));
    const [small, large] = [e / (1 + e), 1 / (1 + e)];
    probabilities[2 * row] = score >= 0 ? small : large;
    probabilities[2 * row + 1] = score >= 0 ? large : small;
  });
  return probabilities;
}

/** Lower factor [size, size] of the symmetric matrix whose upper triangle `entry` gives (row <= column). */
async function cholesky(
  size: number,
  entry: (row: number, column: number) => number,
  pace: Pace,
): Promise<Float64Array> {
  const l = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    if (pace.due) await pace.rest();
    for (let j = 0; j <= i; j++) {
      let sum = entry(j, i);
      for (let k = 0; k < j; k++) sum -= l[i * size + k] * l[j * size + k];
      // The matrix is at least the identity (plus a bit for the intercept): a pivot below that is rounding.
      l[i * size + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / l[j * size + j];
    }
  }
  return l;
}

/** In place, vector[start .. start + size - 1]: the solution of L L' y = vector. */
function solveCholesky(l: Float64Array, size: number, vector: Float64Array, start: number): void {
  for (let i = 0; i < size; i++) {
    let sum = vector[start + i];
    for (let k = 0; k < i; k++) sum -= l[i * size + k] * vector[start + k];
    vector[start + i] = sum / l[i * size + i];
  }
  for (let i = size - 1; i >= 0; i--) {
    const value = vector[start + i] / l[i * size + i];
    vector[start + i] = value;
    for (let k = 0; k < i; k++) vector[start + k] -= value * l[i * size + k];
  }
}
