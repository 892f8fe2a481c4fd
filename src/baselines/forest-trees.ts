/** The forest's inner half: features as ranks, trees grown one by one. Runs in any thread. */
import type { Pace } from '../pace.js';
import type { DenseMatrix } from './estimator.js';
import type { Work } from './tasks.js';
import { sharedArray } from './tasks.js';
import { Arena } from './wasm.js';

/** What every thread needs; arrays are shared. n rows, d columns. */
export interface ForestSetup {
  readonly rows: number;
  readonly columns: number;
  readonly classes: number;
  readonly tries: number;
  readonly seed: number;
  readonly trees: number;
  /** Trees a task. */
  readonly batch: number;
  /** [d, n] place of each row's value among the feature's distinct values. */
  readonly ranks: Int32Array;
  /** [d, n] those values, ascending; the rest is 0. */
  readonly values: Float32Array;
  /** [n] */
  readonly labels: Int32Array;
}

/** One tree: nodes in preorder, the left child of node i is i + 1. */
export interface Tree {
  /** [nodes] -1 marks a leaf. */
  readonly features: Int32Array;
  /** [nodes] the right child; of a leaf, its distribution. */
  readonly targets: Int32Array;
  /** [nodes] rows whose feature is at most this go left. */
  readonly thresholds: Float64Array;
  /** [distributions, classes] the first of them are the pure ones. */
  readonly distributions: Float64Array;
  /** [d] decrease of weighted impurity, adding up to 1 where there was any. */
  readonly importances: Float64Array;
}

/** The exports of forest.assembly.ts. */
interface ForestKernels {
  heapBase(): number;
  growTree(
    ranks: number,
    values: number,
    labels: number,
    n: number,
    s: number,
    d: number,
    K: number,
    tries: number,
    seed: bigint,
    nodes: number,
    distributions: number,
    importances: number,
    scratch: number,
  ): number;
  distributionCount(): number;
  addTree(
    nodes: number,
    distributions: number,
    x: number,
    n: number,
    d: number,
    K: number,
    sums: number,
  ): void;
}

/** Ranks and distinct values of float32 features, as scikit-learn's trees see them. */
export async function rankFeatures(
  { rows, columns, values }: DenseMatrix,
  pace: Pace,
): Promise<Pick<ForestSetup, 'ranks' | 'values'>> {
  const ranks = sharedArray(Int32Array, rows * columns);
  const distinct = sharedArray(Float32Array, rows * columns);
  // A float32's bits order as the number once the sign is dealt with; with the row in the low half, one
  // numeric sort gives the order.
  const column = new Float32Array(rows);
  const bits = new Uint32Array(column.buffer);
  const keys = new Float64Array(rows);
  for (let f = 0; f < columns; f++) {
    if (pace.due) await pace.rest();
    for (let i = 0; i < rows; i++) column[i] = values[i * columns + f] + 0; // no negative zero
    for (let i = 0; i < rows; i++) {
      const ordered = bits[i] & 0x80000000 ? ~bits[i] >>> 0 : (bits[i] | 0x80000000) >>> 0;
      keys[i] = ordered * 2 ** 21 + i;
    }
    keys.sort();
    let rank = -1;
    for (let place = 0; place < rows; place++) {
      const i = keys[place] % 2 ** 21;
      if (rank < 0 || column[i] !== distinct[f * rows + rank]) distinct[f * rows + ++rank] = column[i];
      ranks[f * rows + i] = rank;
    }
  }
  return { ranks, values: distinct };
}

/** Rows that a key of rankFeatures has room for. */
export const MAX_ROWS = 2 ** 21;

function prepareTrees(setup: ForestSetup): (task: number) => Tree[] {
  const { rows: n, columns: d, classes: K, tries, seed, trees, batch } = setup;
  const probe = 52 * n + 8 * d + 16 * K + 4096;
  const nodeBytes = 16 * (2 * n + 1);
  const arena = new Arena<ForestKernels>(
    'forest',
    8 * n * d + 4 * n + nodeBytes + 8 * K * (n + K) + 8 * d + probe + 32 * n,
  );
  const ranks = arena.int32(n * d);
  const values = arena.float32(n * d);
  const labels = arena.int32(n);
  const nodes = arena.int32(nodeBytes / 4);
  const thresholds = new Float64Array(nodes.buffer, nodes.byteOffset, nodes.length / 2);
  const distributions = arena.float64(K * (n + K));
  const importances = arena.float64(d);
  const scratch = arena.int32(Math.ceil((probe + 32 * n) / 4) - 64);
  ranks.set(setup.ranks);
  values.set(setup.values);
  labels.set(setup.labels);
  for (let k = 0; k < K; k++) distributions[k * K + k] = 1;
  const grow = (tree: number): Tree => {
    importances.fill(0);
    const count = arena.exports.growTree(
      ranks.byteOffset,
      values.byteOffset,
      labels.byteOffset,
      n,
      n,
      d,
      K,
      tries,
      BigInt.asUintN(64, BigInt(seed) * 0x9e3779b97f4a7c15n + BigInt(tree) * 0xd1342543de82ef95n),
      nodes.byteOffset,
      distributions.byteOffset,
      importances.byteOffset,
      scratch.byteOffset,
    );
    const total = importances.reduce((sum, value) => sum + value, 0);
    return {
      features: Int32Array.from({ length: count }, (_, i) => nodes[4 * i]),
      targets: Int32Array.from({ length: count }, (_, i) => nodes[4 * i + 1]),
      thresholds: Float64Array.from({ length: count }, (_, i) => thresholds[2 * i + 1]),
      distributions: distributions.slice(0, K * arena.exports.distributionCount()),
      importances: importances.map((value) => (total > 0 ? value / total : 0)),
    };
  };
  return (task) => {
    const grown: Tree[] = [];
    for (let tree = task * batch; tree < Math.min(trees, (task + 1) * batch); tree++) grown.push(grow(tree));
    return grown;
  };
}

export const FOREST_WORK: Work<ForestSetup, Tree[]> = {
  module: new URL('./forest-worker.js', import.meta.url),
  prepare: prepareTrees,
  what: 'random forest',
};

/** Mean of the trees' leaf fractions [rows, classes]. */
export async function forestProbabilities(
  trees: readonly Tree[],
  classes: number,
  { rows, columns, values }: DenseMatrix,
  pace: Pace,
): Promise<Float64Array> {
  const nodes = Math.max(...trees.map(({ features }) => features.length));
  const distributions = Math.max(...trees.map((tree) => tree.distributions.length));
  const arena = new Arena<ForestKernels>(
    'forest',
    16 * nodes + 8 * distributions + 4 * rows * columns + 8 * rows * classes,
  );
  const nodeInts = arena.int32(4 * nodes);
  const nodeFloats = new Float64Array(nodeInts.buffer, nodeInts.byteOffset, 2 * nodes);
  const fractions = arena.float64(distributions);
  const x = arena.float32(rows * columns);
  const sums = arena.float64(rows * classes);
  x.set(values);
  for (const tree of trees) {
    if (pace.due) await pace.rest();
    for (let i = 0; i < tree.features.length; i++) {
      nodeInts[4 * i] = tree.features[i];
      nodeInts[4 * i + 1] = tree.targets[i];
      nodeFloats[2 * i + 1] = tree.thresholds[i];
    }
    fractions.set(tree.distributions);
    arena.exports.addTree(
      nodeInts.byteOffset,
      fractions.byteOffset,
      x.byteOffset,
      rows,
      columns,
      classes,
      sums.byteOffset,
    );
  }
  return sums.map((sum) => sum / trees.length);
}
