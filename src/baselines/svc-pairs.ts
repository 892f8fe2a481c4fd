/**
 * One-against-one machines and the decision values of their cross-validation. Runs in any thread.
 *
 * All six problems of a pair of classes (the whole one and five folds) are solved over the same rows and
 * share their kernel rows: a fold keeps its left-out rows in sight but lets their alphas not move, so that
 * their decision values come for nothing. A fold starts from the whole problem's solution without the
 * left-out rows, which is nearly its own.
 */
import { TrainingError } from '../errors/attune-error.js';
import { libsvmOrder } from '../random/libsvm.js';
import type { Work } from './tasks.js';
import { Arena } from './wasm.js';

export const FOLDS = 5;
/** The whole problem and the folds. */
export const TASKS_A_PAIR = 1 + FOLDS;

/** Arrays are shared. */
export interface SvcSetup {
  /** [n, d], centred and scaled as svc.assembly.ts says. */
  readonly features: Float32Array;
  readonly columns: number;
  /** [n] */
  readonly labels: Int32Array;
  /** Pairs of classes. */
  readonly pairs: readonly (readonly [number, number])[];
  readonly C: number;
  readonly epsilon: number;
  readonly seed: number;
  /** Of the kernel cache. */
  readonly cacheBytes: number;
}

/**
 * A pair's machine: the decision of x is the sum of coefficients[i] K(x, rows[i]), less rho; above 0 it is
 * the first class.
 */
export interface Machine {
  /** [l] of the training rows */
  readonly rows: Int32Array;
  /** [l] alpha times +1 or -1; most are 0 where the classes are far apart. */
  readonly coefficients: Float64Array;
  readonly rho: number;
  readonly iterations: number;
}

/** A fold's left-out rows (places in the machine's rows) and their decision values. */
export interface FoldDecisions {
  readonly places: Int32Array;
  readonly decisions: Float64Array;
}

export interface SvcResult {
  readonly machine?: Machine;
  readonly fold?: FoldDecisions;
}

/** The exports of svc.assembly.ts. */
export interface SvcKernels {
  heapBase(): number;
  kernelRow(p: number, half: number, x: number, halves: number, l: number, s: number, out: number): void;
  kernelRows2(
    p: number,
    halfP: number,
    q: number,
    halfQ: number,
    x: number,
    halves: number,
    l: number,
    s: number,
    outP: number,
    outQ: number,
  ): void;
  weigh(kernel: number, coefficients: number, l: number): number;
  addRow(i: number, factor: number, f: number): void;
  openCache(
    x: number,
    halves: number,
    l: number,
    s: number,
    memory: number,
    slots: number,
    bookkeeping: number,
  ): void;
  computedRows(): number;
  solve(
    y: number,
    alpha: number,
    f: number,
    up: number,
    low: number,
    C: number,
    epsilon: number,
    limit: number,
  ): number;
}

export function padTo4(n: number): number {
  return Math.ceil(n / 4) * 4;
}

/** Half the squared length of each row of x [rows, s], as its float32 numbers have it. */
export function fillHalves(x: Float32Array, s: number, rows: number, halves: Float32Array): void {
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let j = i * s; j < (i + 1) * s; j++) sum += x[j] * x[j];
    halves[i] = sum / 2;
  }
}

const ITERATION_LIMIT = 2 ** 31 - 1;

/** The problem of one pair, with its whole solution. */
class PairProblem {
  readonly #kernels: SvcKernels;
  readonly #y: Float64Array;
  readonly #alpha: Float64Array;
  readonly #f: Float64Array;
  readonly #up: Float64Array;
  readonly #low: Float64Array;
  readonly #rows: Int32Array;
  readonly machine: Machine;
  readonly #wholeAlpha: Float64Array;
  readonly #wholeF: Float64Array;

  readonly #setup: SvcSetup;

  constructor(setup: SvcSetup, pair: number) {
    this.#setup = setup;

    const { features, columns, labels, pairs } = setup;
    const [first, second] = pairs[pair];
    // In libsvm's order: the first class, then the second.
    const of = (label: number): number[] => Array.from(labels.keys()).filter((row) => labels[row] === label);
    this.#rows = Int32Array.from([...of(first), ...of(second)]);
    const count = this.#rows.length;
    const [l, s] = [padTo4(count), padTo4(columns)];
    const slots = Math.max(4, Math.min(l, Math.floor(setup.cacheBytes / (4 * l))));
    const arena = new Arena<SvcKernels>('svc', 4 * (l * s + l + l * slots + l + 3 * slots) + 8 * 5 * l);
    this.#kernels = arena.exports;
    const x = arena.float32(l * s);
    const halves = arena.float32(l);
    [this.#y, this.#alpha, this.#f, this.#up, this.#low] = [
      arena.float64(l),
      arena.float64(l),
      arena.float64(l),
      arena.float64(l),
      arena.float64(l),
    ];
    for (let i = 0; i < count; i++) {
      const from = this.#rows[i] * columns;
      for (let j = 0; j < columns; j++) x[i * s + j] = features[from + j];
      this.#y[i] = labels[this.#rows[i]] === first ? 1 : -1;
    }
    fillHalves(x, s, l, halves);
    const memory = arena.float32(l * slots);
    this.#kernels.openCache(
      x.byteOffset,
      halves.byteOffset,
      l,
      s,
      memory.byteOffset,
      slots,
      arena.int32(l + 3 * slots).byteOffset,
    );
    for (let i = 0; i < l; i++) this.#f[i] = -this.#y[i];
    const iterations = this.#solve((i) => i < count);
    this.machine = {
      rows: this.#rows,
      coefficients: Float64Array.from(this.#rows, (_, i) => this.#alpha[i] * this.#y[i]),
      rho: this.#rho(),
      iterations,
    };
    this.#wholeAlpha = this.#alpha.slice();
    this.#wholeF = this.#f.slice();
  }

  fold(fold: number): FoldDecisions {
    const y = this.#y;
    const alpha = this.#alpha;
    const f = this.#f;
    const rows = this.#rows;
    const setup = this.#setup;
    const count = rows.length;
    const order = libsvmOrder(count, setup.seed);
    const places = order.slice(Math.floor((fold * count) / FOLDS), Math.floor(((fold + 1) * count) / FOLDS));
    const out = new Uint8Array(y.length).fill(1, count);
    for (const i of places) out[i] = 1;
    const seen = (sign: number): boolean => rows.some((_, i) => out[i] === 0 && y[i] === sign);
    const [hasPositive, hasNegative] = [seen(1), seen(-1)];
    if (!hasPositive || !hasNegative) {
      // libsvm's answer if one class (or both) is missing: the sign of the other one, or 0.
      const decision = Number(hasPositive) - Number(hasNegative);
      return { places, decisions: new Float64Array(places.length).fill(decision) };
    }
    alpha.set(this.#wholeAlpha);
    f.set(this.#wholeF);
    let balance = 0;
    for (const i of places) {
      if (alpha[i] === 0) continue;
      balance -= alpha[i] * y[i];
      this.#move(i, -alpha[i]);
    }
    // What they leave out of balance is taken off the class that has too much.
    for (let i = 0; i < count && balance !== 0; i++) {
      if (out[i] === 1 || alpha[i] === 0 || y[i] * balance < 0) continue;
      const less = Math.min(alpha[i], Math.abs(balance));
      this.#move(i, -less);
      balance -= less * y[i];
    }
    this.#solve((i) => out[i] === 0);
    const rho = this.#rho();
    return { places, decisions: Float64Array.from(places, (i) => f[i] + y[i] - rho) };
  }

  #move(i: number, change: number): void {
    this.#kernels.addRow(i, change * this.#y[i], this.#f.byteOffset);
    this.#alpha[i] = Math.max(0, this.#alpha[i] + change);
  }

  #solve(takesPart: (i: number) => boolean): number {
    const y = this.#y;
    const alpha = this.#alpha;
    const up = this.#up;
    const low = this.#low;
    const setup = this.#setup;
    const kernels = this.#kernels;
    for (let i = 0; i < y.length; i++) {
      const [below, above] = [alpha[i] < setup.C, alpha[i] > 0];
      const part = takesPart(i);
      up[i] = part && (y[i] > 0 ? below : above) ? 0 : -Infinity;
      low[i] = part && (y[i] > 0 ? above : below) ? 0 : -Infinity;
    }
    const iterations = kernels.solve(
      y.byteOffset,
      alpha.byteOffset,
      this.#f.byteOffset,
      up.byteOffset,
      low.byteOffset,
      setup.C,
      setup.epsilon,
      ITERATION_LIMIT,
    );
    if (iterations < 0) throw new TrainingError('svc-not-converged', {});
    return iterations;
  }

  /** The mean of f over free rows; without any, the middle of what the bounds allow (LIBSVM, 4.1.5). */
  #rho(): number {
    const alpha = this.#alpha;
    const f = this.#f;
    const up = this.#up;
    const low = this.#low;
    let [free, sum, upper, lower] = [0, 0, Infinity, -Infinity];
    for (let i = 0; i < alpha.length; i++) {
      const [canRise, canFall] = [up[i] === 0, low[i] === 0];
      if (canRise && canFall) {
        free++;
        sum += f[i];
      } else if (canRise) upper = Math.min(upper, f[i]);
      else if (canFall) lower = Math.max(lower, f[i]);
    }
    return free > 0 ? sum / free : (upper + lower) / 2;
  }
}

function preparePairs(setup: SvcSetup): (task: number) => SvcResult {
  let current: { readonly pair: number; readonly problem: PairProblem } | undefined;
  return (task) => {
    const pair = Math.floor(task / TASKS_A_PAIR);
    if (current?.pair !== pair) {
      current = undefined; // its memory first
      current = { pair, problem: new PairProblem(setup, pair) };
    }
    const part = task % TASKS_A_PAIR;
    return part === 0 ? { machine: current.problem.machine } : { fold: current.problem.fold(part - 1) };
  };
}

export const SVC_WORK: Work<SvcSetup, SvcResult> = {
  module: new URL('./svc-worker.js', import.meta.url),
  prepare: preparePairs,
  what: 'support vector machine',
};
