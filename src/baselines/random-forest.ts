import { usableCores } from '../engine/cores.js';
import { DataError, ModelError, UsageError } from '../errors/attune-error.js';
import { factNumber } from '../errors/phrases/values.js';
import { Pace } from '../pace.js';
import type { Classifier, EstimatorState, Matrix } from './estimator.js';
import { FOREST_WORK, MAX_ROWS, forestProbabilities, rankFeatures } from './forest-trees.js';
import type { Tree } from './forest-trees.js';
import { argmaxRows, checkFit, checkPredict, toDense } from './matrix.js';
import { StateReader } from './state-reader.js';
import { runTasks, sharedArray } from './tasks.js';

export interface RandomForestOptions {
  /** Trees; 200, the notebook's number, where not given (scikit-learn: 100). */
  readonly trees?: number;
  readonly seed?: number;
  /** The forest is the same at any number. */
  readonly threads?: number;
}

/**
 * Below so many rows times features times trees they grow here: starting threads takes longer than they save.
 */
const WORTH_THREADS = 4_000_000;

const MAX_CLASSES = 65536;

/**
 * scikit-learn's RandomForestClassifier with its defaults: Gini, sqrt(features) candidates a split (looking
 * further while all of them are constant), bootstrap, grown to purity; features are taken as float32.
 * Probabilities are the mean of the leaves' class fractions.
 *
 * Each tree has its own generator, seeded by the forest's seed and its number. scikit-learn's generator is
 * another, so forests agree in distribution.
 */
export class RandomForestClassifier implements Classifier {
  /** [columns] mean decrease of Gini's impurity, adding up to 1 (0 where no tree has a split). */
  featureImportances: Float64Array = new Float64Array(0);
  #trees: readonly Tree[] = [];
  #columns = 0;
  #classes = 0;

  readonly #options: RandomForestOptions;

  /** @throws UsageError `estimator-option-not-whole` */
  constructor(options: RandomForestOptions = {}) {
    this.#options = options;

    const { trees = 200, seed = 0 } = options;
    if (!Number.isInteger(trees) || trees < 1)
      throw new UsageError('estimator-option-not-whole', {
        option: 'trees',
        given: factNumber(trees),
        min: 1,
      });
    if (!Number.isSafeInteger(seed))
      throw new UsageError('estimator-option-not-whole', {
        option: 'seed',
        given: factNumber(seed),
        min: undefined,
      });
  }

  /**
   * @throws DataError as `Classifier.fit`, and `forest-rows-limit`, `forest-classes-limit`,
   *   `feature-exceeds-float32`
   */
  async fit(x: Matrix, labels: Int32Array, classes: number, signal?: AbortSignal): Promise<void> {
    checkFit(x, labels, classes);
    const { rows, columns } = x;
    if (rows >= MAX_ROWS) throw new DataError('forest-rows-limit', { rows, limit: MAX_ROWS });
    if (classes > MAX_CLASSES) throw new DataError('forest-classes-limit', { classes, limit: MAX_CLASSES });
    const single = toDense(x);
    const large = single.values.findIndex((value) => !Number.isFinite(Math.fround(value)));
    if (large >= 0)
      throw new DataError('feature-exceeds-float32', {
        row: Math.floor(large / columns),
        column: large % columns,
      });
    const { trees = 200, seed = 0, threads = usableCores() } = this.#options;
    const own = sharedArray(Int32Array, rows);
    own.set(labels);
    const batch = Math.max(1, Math.min(8, Math.ceil(trees / (4 * threads))));
    const tries = Math.max(1, Math.floor(Math.sqrt(columns)));
    const setup = {
      rows,
      columns,
      classes,
      tries,
      seed,
      trees,
      batch,
      labels: own,
      ...(await rankFeatures(single, new Pace(signal))),
    };
    const worth = rows * columns * trees >= WORTH_THREADS ? threads : 0;
    const grown = (
      await runTasks(FOREST_WORK, setup, { tasks: Math.ceil(trees / batch), threads: worth, signal })
    ).flat();
    const importances = new Float64Array(columns);
    for (const tree of grown) for (let j = 0; j < columns; j++) importances[j] += tree.importances[j];
    const total = importances.reduce((sum, value) => sum + value, 0);
    this.featureImportances = importances.map((value) => (total > 0 ? value / total : 0));
    this.#trees = grown;
    this.#columns = columns;
    this.#classes = classes;
  }

  /** @throws as `Classifier.predict` */
  async predict(x: Matrix, signal?: AbortSignal): Promise<Int32Array> {
    return argmaxRows(await this.predictProba(x, signal), this.#classes);
  }

  /** @throws as `Classifier.predict` */
  async predictProba(x: Matrix, signal?: AbortSignal): Promise<Float64Array> {
    if (this.#trees.length === 0)
      throw new UsageError('estimator-not-fitted', { estimator: 'RandomForestClassifier' });
    checkPredict(x, this.#columns);
    return forestProbabilities(this.#trees, this.#classes, toDense(x), new Pace(signal));
  }

  /** Trees lie one behind the other; `nodes` and `distributionCounts` say where each ends. */
  state(): EstimatorState {
    const trees = this.#trees;
    const columns = this.#columns;
    const classes = this.#classes;
    const { featureImportances } = this;
    return {
      kind: 'random-forest',
      settings: { seed: this.#options.seed ?? 0, columns, classes },
      arrays: {
        nodes: Int32Array.from(trees, ({ features }) => features.length),
        features: joinInt32(trees.map(({ features }) => features)),
        targets: joinInt32(trees.map(({ targets }) => targets)),
        thresholds: joinFloat64(trees.map(({ thresholds }) => thresholds)),
        distributionCounts: Int32Array.from(trees, ({ distributions }) => distributions.length / classes),
        distributions: joinFloat64(trees.map(({ distributions }) => distributions)),
        featureImportances,
      },
    };
  }

  /**
   * @throws ModelError `forest-node-target`, `estimator-setting-*`, `estimator-array-*`,
   *   `estimator-state-unsound`
   */
  static restore(state: EstimatorState): RandomForestClassifier {
    const reader = new StateReader(state);
    const [columns, classes] = [reader.integer('columns', 1), reader.integer('classes', 1)];
    const limit = 2 ** 31 - 1;
    const nodes = reader.int32('nodes', undefined, 1, limit);
    const counts = reader.int32('distributionCounts', nodes.length, classes, limit);
    if (nodes.length === 0) throw reader.unsound('trees-none');
    const [total, fractions] = [sum(nodes), classes * sum(counts)];
    const features = reader.int32('features', total, -1, columns - 1);
    const targets = reader.int32('targets', total, 0, limit);
    const thresholds = reader.float64('thresholds', total);
    const distributions = reader.float64('distributions', fractions);
    const trees: Tree[] = [];
    let [node, fraction] = [0, 0];
    for (let t = 0; t < nodes.length; t++) {
      const [size, width] = [nodes[t], classes * counts[t]];
      const tree = {
        features: features.slice(node, node + size),
        targets: targets.slice(node, node + size),
        thresholds: thresholds.slice(node, node + size),
        distributions: distributions.slice(fraction, fraction + width),
        importances: new Float64Array(columns),
      };
      const misled = misledNode(tree, counts[t]);
      if (misled >= 0) {
        const place = { tree: t, node: misled, target: tree.targets[misled] };
        throw new ModelError('forest-node-target', { estimator: state.kind, ...place });
      }
      trees.push(tree);
      node += size;
      fraction += width;
    }
    const forest = new RandomForestClassifier({ trees: trees.length, seed: reader.number('seed') });
    forest.featureImportances = reader.float64('featureImportances', columns);
    forest.#trees = trees;
    forest.#columns = columns;
    forest.#classes = classes;
    return forest;
  }
}

/**
 * The first node that leads nowhere, or -1. Children come after their parents and exist, so that reading a tree
 * ends and stays inside it.
 */
const misledNode = ({ features, targets }: Tree, distributions: number): number =>
  features.findIndex((feature, i) =>
    feature < 0 ? targets[i] >= distributions : targets[i] <= i + 1 || targets[i] >= features.length,
  );

function sum(values: Int32Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function joinInt32(parts: readonly Int32Array[]): Int32Array {
  const joined = new Int32Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function joinFloat64(parts: readonly Float64Array[]): Float64Array {
  const joined = new Float64Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
