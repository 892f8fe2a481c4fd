import { usableCores } from '../engine/cores.js';
import { DataError, ModelError, UsageError } from '../errors/attune-error.js';
import { factNumber } from '../errors/phrases/values.js';
import { Pace } from '../pace.js';
import type { Classifier, DenseMatrix, EstimatorState, Matrix } from './estimator.js';
import { argmaxRows, checkFit, checkPredict, presentClasses, spreadClasses, toDense } from './matrix.js';
import { coupleProbabilities, fitSigmoid, sigmoidProbability } from './platt.js';
import type { Sigmoid } from './platt.js';
import { StateReader } from './state-reader.js';
import { DECISION_WORK } from './svc-decisions.js';
import { SVC_WORK, TASKS_A_PAIR } from './svc-pairs.js';
import { runTasks, sharedArray } from './tasks.js';

export interface SvcOptions {
  readonly C?: number;
  /**
   * Of the kernel exp(-gamma |x - y|^2); where not given, 1 / (columns * variance of all features),
   * scikit-learn's `scale`.
   */
  readonly gamma?: number;
  /**
   * Shuffles the cross-validation behind the probabilities, as scikit-learn's `random_state` does: the same
   * folds.
   */
  readonly seed?: number;
  /** The result is the same at any number. */
  readonly threads?: number;
  /** Kernel cache of each thread; 200, scikit-learn's, where not given. */
  readonly cacheMegabytes?: number;
}

/** The largest violation of optimality at which libsvm stops. */
const EPSILON = 1e-3;
/**
 * Below so much work, less than a second, it is done here, because starting threads takes longer; nothing
 * interrupts a task here.
 */
const WORTH_THREADS = 1_000_000_000;

/** About the multiplications of a fit. With a large C far more steps are needed. */
const fitWork = (rows: number, columns: number, C: number): number =>
  rows * rows * (columns + 32) * Math.max(1, C);

/** Pairs of K classes in libsvm's order. */
function pairsOf(K: number): [number, number][] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < K; i++) for (let j = i + 1; j < K; j++) pairs.push([i, j]);
  return pairs;
}

/** What a fit finds: m support vectors of d features, P pairs of the classes that have rows. */
interface Learned {
  readonly gamma: number;
  /** d */
  readonly columns: number;
  readonly classes: number;
  readonly present: Int32Array;
  /** [d] what was subtracted from the features. */
  readonly centre: Float64Array;
  /** [m, d] */
  readonly support: Float32Array;
  /** [P, m] */
  readonly coefficients: Float64Array;
  /** [P] */
  readonly rho: Float64Array;
  /** [P] */
  readonly sigmoids: readonly Sigmoid[];
}

const UNFITTED: Learned = {
  gamma: 0,
  columns: 0,
  classes: 0,
  present: new Int32Array(0),
  centre: new Float64Array(0),
  support: new Float32Array(0),
  coefficients: new Float64Array(0),
  rho: new Float64Array(0),
  sigmoids: [],
};

/**
 * scikit-learn's SVC(probability=True): libsvm's C-SVC with an RBF kernel, one machine a pair of classes.
 * `predict` lets them vote; `predictProba` couples their Platt probabilities, whose sigmoids are fitted to
 * decision values of a 5-fold cross-validation (C.-C. Chang and C.-J. Lin, "LIBSVM: a library for support
 * vector machines", 2011). So its argmax may differ from `predict`.
 *
 * Distances are computed in float32 from centred features, kernel values kept in float32 as libsvm keeps
 * them. Classes without rows get probability 0; rows of one class alone, which scikit-learn refuses, give
 * that class probability 1.
 */
export class SVC implements Classifier {
  #learned: Learned = UNFITTED;
  readonly #options: SvcOptions;

  /** @throws UsageError `estimator-option-not-positive`, `estimator-option-not-whole` */
  constructor(options: SvcOptions = {}) {
    this.#options = options;

    const { C = 1, gamma = 1, cacheMegabytes = 200, seed = 0 } = options;
    for (const [name, value] of Object.entries({ C, gamma, cacheMegabytes })) {
      if (!(value > 0 && value < Infinity))
        throw new UsageError('estimator-option-not-positive', { option: name, given: factNumber(value) });
    }
    if (!Number.isSafeInteger(seed))
      throw new UsageError('estimator-option-not-whole', {
        option: 'seed',
        given: factNumber(seed),
        min: undefined,
      });
  }

  get gamma(): number {
    return this.#learned.gamma;
  }

  /** Support vectors, each counted once. */
  get supportVectors(): number {
    return this.#learned.columns === 0 ? 0 : this.#learned.support.length / this.#learned.columns;
  }

  /**
   * @throws DataError as `Classifier.fit`, and `features-variance-overflow`, `feature-exceeds-float32`;
   *   TrainingError `svc-not-converged`
   */
  async fit(x: Matrix, labels: Int32Array, classes: number, signal?: AbortSignal): Promise<void> {
    checkFit(x, labels, classes);
    const pace = new Pace(signal);
    const single = toDense(x);
    const { rows, columns } = single;
    const { present, index } = presentClasses(labels, classes);
    const gamma = this.#options.gamma ?? scaleGamma(single);
    if (!(gamma > 0)) throw new DataError('features-variance-overflow', {});
    const centre = columnMeans(single);
    if (present.length === 1) {
      this.#learned = { ...UNFITTED, gamma, columns, classes, present, centre };
      return;
    }
    const pairs = pairsOf(present.length);
    const { C = 1, seed = 0, threads = usableCores(), cacheMegabytes = 200 } = this.#options;
    const own = sharedArray(Int32Array, rows);
    own.set(index);
    const features = prepareRows(single, centre, gamma);
    const setup = {
      features,
      columns,
      labels: own,
      pairs,
      C,
      epsilon: EPSILON,
      seed,
      cacheBytes: cacheMegabytes * 2 ** 20,
    };
    const worth = fitWork(rows, columns, C) >= WORTH_THREADS ? threads : 0;
    const groupOf = (task: number): number => Math.floor(task / TASKS_A_PAIR);
    const tasks = { tasks: pairs.length * TASKS_A_PAIR, threads: worth, groupOf, signal };
    const results = await runTasks(SVC_WORK, setup, tasks);

    const machines = pairs.map((_, p) => results[p * TASKS_A_PAIR].machine!);
    const isSupport = new Uint8Array(rows);
    for (const machine of machines) {
      for (const [i, value] of machine.coefficients.entries())
        if (value !== 0) isSupport[machine.rows[i]] = 1;
    }
    const chosen = Int32Array.from(isSupport.keys()).filter((row) => isSupport[row] === 1);
    const support = new Float32Array(chosen.length * columns);
    const place = new Int32Array(rows);
    chosen.forEach((row, i) => {
      support.set(features.subarray(row * columns, (row + 1) * columns), i * columns);
      place[row] = i;
    });
    const coefficients = new Float64Array(pairs.length * chosen.length);
    for (const [p, machine] of machines.entries()) {
      for (const [i, value] of machine.coefficients.entries())
        if (value !== 0) coefficients[p * chosen.length + place[machine.rows[i]]] = value;
    }
    const sigmoids: Sigmoid[] = [];
    for (const [p, [first]] of pairs.entries()) {
      const { rows: members } = machines[p];
      const decisions = new Float64Array(members.length);
      for (const { fold } of results.slice(p * TASKS_A_PAIR + 1, (p + 1) * TASKS_A_PAIR))
        for (const [i, at] of fold!.places.entries()) decisions[at] = fold!.decisions[i];
      sigmoids.push(await fitSigmoid(decisions, (i) => index[members[i]] === first, pace));
    }
    const rho = Float64Array.from(machines, (machine) => machine.rho);
    this.#learned = { gamma, columns, classes, present, centre, support, coefficients, rho, sigmoids };
  }

  /** The votes' winner, the first of several. @throws as `Classifier.predict` */
  async predict(x: Matrix, signal?: AbortSignal): Promise<Int32Array> {
    const decisions = await this.decisionFunction(x, signal);
    const { present } = this.#learned;
    const K = present.length;
    const pairs = pairsOf(K);
    const votes = new Float64Array(x.rows * K);
    const pace = new Pace(signal);
    for (let row = 0; row < x.rows; row++) {
      if (pace.due) await pace.rest();
      pairs.forEach(([i, j], p) => votes[row * K + (decisions[row * pairs.length + p] > 0 ? i : j)]++);
    }
    return argmaxRows(votes, K).map((k) => present[k]);
  }

  /** @throws as `Classifier.predict` */
  async predictProba(x: Matrix, signal?: AbortSignal): Promise<Float64Array> {
    const decisions = await this.decisionFunction(x, signal);
    const { present, classes, sigmoids } = this.#learned;
    const [K, P] = [present.length, sigmoids.length];
    const probabilities = new Float64Array(x.rows * K);
    if (K === 1) probabilities.fill(1);
    else {
      const ofPairs = new Float64Array(P);
      const pace = new Pace(signal);
      for (let row = 0; row < x.rows; row++) {
        if (pace.due) await pace.rest();
        for (let p = 0; p < P; p++) ofPairs[p] = sigmoidProbability(decisions[row * P + p], sigmoids[p]);
        probabilities.set(coupleProbabilities(ofPairs, K), row * K);
      }
    }
    return spreadClasses(probabilities, present, classes);
  }

  /**
   * Decision values [rows, pairs] of the classes that have rows, pairs in the order (0, 1), (0, 2), …; above
   * 0 is the first.
   *
   * @throws as `Classifier.predict`
   */
  async decisionFunction(x: Matrix, signal?: AbortSignal): Promise<Float64Array> {
    const { classes, columns, gamma, centre, rho, ...learned } = this.#learned;
    if (classes === 0) throw new UsageError('estimator-not-fitted', { estimator: 'SVC' });
    checkPredict(x, columns);
    const P = rho.length;
    if (P === 0 || x.rows === 0) return new Float64Array(0);
    const options = this.#options;
    const m = this.supportVectors;
    const decisions = new Float64Array(x.rows * P);
    if (m > 0) {
      const batch = 256;
      const support = sharedArray(Float32Array, learned.support.length);
      const coefficients = sharedArray(Float64Array, learned.coefficients.length);
      support.set(learned.support);
      coefficients.set(learned.coefficients);
      const setup = {
        rows: prepareRows(toDense(x), centre, gamma),
        support,
        coefficients,
        columns,
        pairs: P,
        batch,
      };
      const threads = x.rows * m * columns >= WORTH_THREADS ? (options.threads ?? usableCores()) : 0;
      const parts = await runTasks(DECISION_WORK, setup, {
        tasks: Math.ceil(x.rows / batch),
        threads,
        signal,
      });
      parts.forEach((part, i) => decisions.set(part, i * batch * P));
    }
    return decisions.map((value, i) => value - rho[i % P]);
  }

  state(): EstimatorState {
    const { gamma, columns, classes, present, centre, support, coefficients, rho, sigmoids } = this.#learned;
    return {
      kind: 'svc',
      settings: { C: this.#options.C ?? 1, gamma, columns, classes },
      arrays: {
        ...{ present, centre, support, coefficients, rho },
        sigmoids: Float64Array.from(sigmoids.flatMap(({ A, B }) => [A, B])),
      },
    };
  }

  /** @throws ModelError `estimator-setting-*`, `estimator-array-*`, `estimator-state-unsound` */
  static restore(state: EstimatorState): SVC {
    const reader = new StateReader(state);
    const [columns, classes, gamma] = [
      reader.integer('columns', 1),
      reader.integer('classes', 1),
      reader.number('gamma'),
    ];
    if (!(gamma > 0)) {
      const setting = { estimator: state.kind, setting: 'gamma', found: gamma };
      throw new ModelError('estimator-setting-not-positive', setting);
    }
    const present = reader.int32('present', undefined, 0, classes - 1);
    if (present.length === 0 || present.some((k, i) => i > 0 && k <= present[i - 1]))
      throw reader.unsound('classes-descend');
    const P = (present.length * (present.length - 1)) / 2;
    const support = reader.float32('support');
    if (support.length % columns !== 0)
      throw new ModelError('estimator-array-ragged', {
        estimator: state.kind,
        array: 'support',
        found: support.length,
        columns,
      });
    const sigmoids = reader.float64('sigmoids', 2 * P);
    const machine = new SVC({ C: reader.number('C') });
    machine.#learned = {
      ...{ columns, classes, gamma, present, support },
      centre: reader.float64('centre', columns),
      coefficients: reader.float64('coefficients', (P * support.length) / columns),
      rho: reader.float64('rho', P),
      sigmoids: Array.from({ length: P }, (_, p) => ({ A: sigmoids[2 * p], B: sigmoids[2 * p + 1] })),
    };
    return machine;
  }
}

/** 1 / (columns * variance of all features as one set of numbers); 1 where that is zero. */
function scaleGamma({ columns, values }: DenseMatrix): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  const mean = sum / values.length;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i] - mean) ** 2;
  return squares === 0 ? 1 : 1 / (columns * (squares / values.length));
}

function columnMeans({ rows, columns, values }: DenseMatrix): Float64Array {
  const means = new Float64Array(columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) means[j] += values[i * columns + j];
  return means.map((sum) => sum / rows);
}

/**
 * Rows as svc.assembly.ts wants them: the kernel does not change where all rows are moved alike, and float32
 * is finest around zero.
 */
function prepareRows(
  { rows, columns, values }: DenseMatrix,
  centre: Float64Array,
  gamma: number,
): Float32Array {
  const prepared = sharedArray(Float32Array, rows * columns);
  const factor = Math.sqrt(2 * gamma);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      prepared[i * columns + j] = (values[i * columns + j] - centre[j]) * factor;
  const bad = prepared.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new DataError('feature-exceeds-float32', {
      row: Math.floor(bad / columns),
      column: bad % columns,
    });
  return prepared;
}
