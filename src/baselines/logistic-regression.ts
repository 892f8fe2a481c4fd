import { UsageError } from '../errors/attune-error.js';
import { factNumber } from '../errors/phrases/values.js';
import { Pace } from '../pace.js';
import type { Classifier, EstimatorState, Matrix } from './estimator.js';
import { minimise } from './lbfgs.js';
import { decisionScores, denseObjective, scoreProbabilities, sparseObjective } from './logistic-objective.js';
import { argmaxRows, checkFit, checkPredict, presentClasses, spreadClasses } from './matrix.js';
import { StateReader } from './state-reader.js';

export interface LogisticRegressionOptions {
  /** Inverse strength of the penalty, as scikit-learn's; 1 where not given. */
  readonly C?: number;
  /** Largest entry of the gradient of (C times losses + penalty) at which the fit ends. */
  readonly tolerance?: number;
  readonly maxIterations?: number;
}

/**
 * scikit-learn's LogisticRegression (L2 penalty, intercept not penalised): multinomial for three and more
 * classes, the plain logistic loss for two. Converges to the optimum itself (scikit-learn stops at a gradient
 * of 1e-4), so probabilities do not depend on the way there.
 *
 * Classes without rows get probability 0. Rows of one class alone, which scikit-learn refuses, give that
 * class probability 1.
 */
export class LogisticRegression implements Classifier {
  /** [K, columns], K = 1 for two classes. */
  coefficients: Float64Array = new Float64Array(0);
  /** [K] */
  intercepts: Float64Array = new Float64Array(0);
  /** Steps that the fit took. */
  iterations = 0;
  #columns = 0;
  #classes = 0;
  #present: Int32Array = new Int32Array(0);
  readonly #C: number;

  readonly #options: LogisticRegressionOptions;

  /** @throws UsageError `estimator-option-not-positive` for a C that is not above 0 */
  constructor(options: LogisticRegressionOptions = {}) {
    this.#options = options;

    this.#C = options.C ?? 1;
    if (!(this.#C > 0 && this.#C < Infinity))
      throw new UsageError('estimator-option-not-positive', { option: 'C', given: factNumber(this.#C) });
  }

  /** @throws DataError as `Classifier.fit`; TrainingError `fit-not-converged` */
  async fit(x: Matrix, labels: Int32Array, classes: number, signal?: AbortSignal): Promise<void> {
    checkFit(x, labels, classes);
    const pace = new Pace(signal);
    const { present, index } = presentClasses(labels, classes);
    const K = present.length === 2 ? 1 : present.length;
    let [coefficients, intercepts, iterations] = [new Float64Array(x.columns), new Float64Array(1), 0];
    if (present.length > 1) {
      const objective =
        x.kind === 'dense'
          ? await denseObjective(x, index, K, this.#C, pace)
          : sparseObjective(x, index, K, this.#C);
      // The gradient is a sum over rows: its own rounding grows with them.
      const tolerance = Math.max(this.#options.tolerance ?? 1e-8, 1e-14 * this.#C * x.rows);
      const minimum = await minimise(objective, tolerance, this.#options.maxIterations ?? 10_000, pace);
      ({ iterations } = minimum);
      ({ coefficients, intercepts } = objective.unpack(minimum.point) as {
        coefficients: Float64Array<ArrayBuffer>;
        intercepts: Float64Array<ArrayBuffer>;
      });
      // Adding a number to all intercepts changes no probability; scikit-learn's add up to 0.
      if (K > 1) {
        const mean = intercepts.reduce((sum, value) => sum + value, 0) / K;
        intercepts = intercepts.map((value) => value - mean);
      }
    }
    this.coefficients = coefficients;
    this.intercepts = intercepts;
    this.iterations = iterations;
    this.#columns = x.columns;
    this.#classes = classes;
    this.#present = present;
  }

  /** @throws as `Classifier.predict` */
  async predict(x: Matrix, signal?: AbortSignal): Promise<Int32Array> {
    return argmaxRows(await this.predictProba(x, signal), this.#classes);
  }

  /** @throws as `Classifier.predict` */
  async predictProba(x: Matrix, signal?: AbortSignal): Promise<Float64Array> {
    if (this.#classes === 0)
      throw new UsageError('estimator-not-fitted', { estimator: 'LogisticRegression' });
    checkPredict(x, this.#columns);
    if (this.#present.length === 1)
      return spreadClasses(new Float64Array(x.rows).fill(1), this.#present, this.#classes);
    const scores = await decisionScores(x, this.coefficients, this.intercepts, new Pace(signal));
    return spreadClasses(scoreProbabilities(scores, this.intercepts.length), this.#present, this.#classes);
  }

  state(): EstimatorState {
    const C = this.#C;
    const columns = this.#columns;
    const classes = this.#classes;
    const present = this.#present;
    const { coefficients, intercepts } = this;
    return {
      kind: 'logistic-regression',
      settings: { C, columns, classes },
      arrays: { coefficients, intercepts, present },
    };
  }

  /** @throws ModelError `estimator-setting-*`, `estimator-array-*`, `estimator-state-unsound` */
  static restore(state: EstimatorState): LogisticRegression {
    const reader = new StateReader(state);
    const model = new LogisticRegression({ C: reader.number('C') });
    const classes = reader.integer('classes', 1);
    const present = reader.int32('present', undefined, 0, classes - 1);
    if (present.length === 0 || present.some((k, i) => i > 0 && k <= present[i - 1]))
      throw reader.unsound('classes-descend');
    const columns = reader.integer('columns', 1);
    const K = present.length === 2 ? 1 : present.length;
    model.coefficients = reader.float64('coefficients', K * columns);
    model.intercepts = reader.float64('intercepts', K);
    model.#columns = columns;
    model.#classes = classes;
    model.#present = present;
    return model;
  }
}
