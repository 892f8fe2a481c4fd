import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RandomForestClassifier } from '#attune/baselines/random-forest.js';
import { loadEstimator, saveEstimator } from '#attune/baselines/saved.js';
import { DataError, ModelError, UsageError } from '#attune/errors/attune-error.js';
import { fixtureJson } from '../support/fixtures.js';
import { folder } from '../support/folder.js';
import { dense } from '../support/matrices.js';
import { assertClose } from '../support/numbers.js';
import { Random } from '../support/random.js';
import { refusal } from '../support/refusal.js';
import { watchThreads } from '../support/threads.js';
import { aucOf } from './scores.js';

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** A forest of nine trees, and the rows it was fitted on. */
async function small() {
  const random = new Random(5);
  const x = { kind: 'dense', rows: 80, columns: 5, values: random.normals(400) } as const;
  const forest = new RandomForestClassifier({ trees: 9 });
  await forest.fit(
    x,
    Int32Array.from({ length: 80 }, () => random.integer(0, 2)),
    3,
  );
  return { forest, x };
}

describe('RandomForestClassifier', () => {
  it('grows pure leaves from distinct rows, with probabilities and importances that sum to 1', async () => {
    const shape = fc.record({
      rows: fc.integer({ min: 1, max: 120 }),
      columns: fc.integer({ min: 1, max: 9 }),
      classes: fc.integer({ min: 1, max: 4 }),
      seed: fc.nat(),
      levels: fc.constantFrom(2, 5, 1e6),
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ rows, columns, classes, seed, levels }) => {
        const random = new Random(seed);
        const values = Float64Array.from(
          { length: rows * columns },
          () => random.integer(-levels, levels) / 4,
        );
        const x = { kind: 'dense', rows, columns, values } as const;
        const y = Int32Array.from({ length: rows }, () => random.integer(0, classes - 1));
        const forest = new RandomForestClassifier({ trees: 7, seed });
        await forest.fit(x, y, classes);
        const probabilities = await forest.predictProba(x);
        for (let row = 0; row < rows; row++)
          assertClose(
            [probabilities.slice(row * classes, (row + 1) * classes).reduce((sum, p) => sum + p, 0)],
            [1],
            1e-12,
          );
        const total = forest.featureImportances.reduce((sum, value) => sum + value, 0);
        assert.ok(total === 0 || Math.abs(total - 1) < 1e-12);
        // Distinct rows end in pure leaves: no leaf fraction but 0 and 1.
        const keys = new Set(
          Array.from({ length: rows }, (_, row) => values.slice(row * columns, (row + 1) * columns).join()),
        );
        const fractions = forest.state().arrays['distributions']!;
        if (keys.size === rows) assert.ok(fractions.every((value) => value === 0 || value === 1));
      }),
      { numRuns: 80 },
    );
  });

  it('grows the same forest at one, two and three threads', async (t) => {
    const random = new Random(8);
    const x = { kind: 'dense', rows: 900, columns: 60, values: random.normals(900 * 60) } as const;
    const y = Int32Array.from({ length: 900 }, (_, i) =>
      x.values[60 * i] + x.values[60 * i + 1] > 0.3 ? 1 : 0,
    );
    const states = [];
    const noneIsAlive = watchThreads(t);
    for (const threads of [1, 2, 3]) {
      const forest = new RandomForestClassifier({ trees: 80, seed: 3, threads });
      await forest.fit(x, y, 2);
      states.push(forest.state());
      // Only the first two features matter.
      const [first, second, ...rest] = forest.featureImportances;
      assert.ok(Math.min(first, second) > 2 * Math.max(...rest));
    }
    assert.equal(noneIsAlive(), 1 + 2 + 3);
    assert.deepEqual(states[1], states[0]);
    assert.deepEqual(states[2], states[0]);
  });

  it('splits halfway between neighboring values', async () => {
    const forest = new RandomForestClassifier({ trees: 60, seed: 1 });
    await forest.fit(dense([[1], [2], [10], [11]]), Int32Array.of(0, 0, 1, 1), 2);
    const { features, thresholds } = forest.state().arrays;
    const seen = new Set([...thresholds!].filter((_, i) => features![i] >= 0));
    assert.deepEqual(
      [...seen].sort((a, b) => a - b),
      [5.5, 6, 6.5].filter((value) => seen.has(value)),
    );
    assert.ok(seen.has(6));
  });

  it('splits on the only feature that is not constant', async () => {
    const forest = new RandomForestClassifier({ trees: 50, seed: 2 });
    // Three of nine features are candidates for a split, but only one can split the rows.
    const rows = Array.from({ length: 40 }, (_, i) => [4, 4, 4, 4, i, 4, 4, 4, 4]);
    const y = Int32Array.from(rows, (_, i) => i % 2);
    await forest.fit(dense(rows), y, 2);
    assert.deepEqual([...forest.featureImportances], [0, 0, 0, 0, 1, 0, 0, 0, 0]);
    assert.deepEqual([...(await forest.predict(dense(rows)))], [...y]);
  });

  it('leaves a mixed leaf if the rows are equal in float32', async () => {
    const forest = new RandomForestClassifier({ trees: 50, seed: 2 });
    await forest.fit(
      dense([
        [1, 1],
        [1, 1],
        [1, 1 + 1e-8],
      ]),
      Int32Array.of(0, 0, 1),
      2,
    );
    assert.deepEqual([...forest.featureImportances], [0, 0]);
    assertClose([(await forest.predictProba(dense([[1, 1]])))[1]], [1 / 3], 0.1);
  });

  it('gives the only class probability 1', async () => {
    const forest = new RandomForestClassifier({ trees: 3 });
    await forest.fit(dense([[1], [2]]), Int32Array.of(1, 1), 3);
    assert.deepEqual([...(await forest.predictProba(dense([[5]])))], [0, 1, 0]);
  });

  it('fits a single row', async () => {
    const forest = new RandomForestClassifier({ trees: 3 });
    await forest.fit(dense([[7]]), Int32Array.of(0), 1);
    assert.deepEqual([...(await forest.predict(dense([[7], [8]])))], [0, 0]);
  });

  it('refuses features and options that it cannot use', async () => {
    const forest = new RandomForestClassifier();
    await assert.rejects(
      forest.predict(dense([[1]])),
      refusal(UsageError, 'estimator-not-fitted', { estimator: 'RandomForestClassifier' }),
    );
    await assert.rejects(
      forest.fit(dense([[1], [NaN]]), Int32Array.of(0, 1), 2),
      refusal(DataError, 'feature-not-finite', { row: 1, column: 0, found: 'NaN' }),
    );
    await assert.rejects(
      forest.fit(dense([[1], [1e39]]), Int32Array.of(0, 1), 2),
      refusal(DataError, 'feature-exceeds-float32', { row: 1, column: 0 }),
    );
    await assert.rejects(forest.fit(dense([]), new Int32Array(0), 2), refusal(DataError, 'fit-without-rows'));
    assert.throws(
      () => new RandomForestClassifier({ trees: 0 }),
      refusal(UsageError, 'estimator-option-not-whole', { option: 'trees', given: 0, min: 1 }),
    );
  });

  it("has scikit-learn's mean AUC and mean number of nodes on synthetic rows", async () => {
    const golden = fixtureJson('baselines/forest.json') as {
      x: number[][];
      y: number[];
      test: number[][];
      testLabels: number[];
      auc: number[];
      nodes: number[];
    };
    const [x, rows, labels] = [dense(golden.x), dense(golden.test), Int32Array.from(golden.testLabels)];
    const aucs = [];
    const nodes = [];
    for (let seed = 0; seed < golden.auc.length; seed++) {
      const forest = new RandomForestClassifier({ trees: 100, seed });
      await forest.fit(x, Int32Array.from(golden.y), 3);
      aucs.push(aucOf(labels, await forest.predictProba(rows), 3));
      nodes.push(forest.state().arrays['features']!.length);
    }
    assertClose([mean(aucs)], [mean(golden.auc)], 0.005, 'AUC');
    assertClose([mean(nodes) / mean(golden.nodes)], [1], 0.01, 'nodes');
  });

  it('predicts the same after it was saved and loaded', async (t) => {
    const dir = join(folder(t), 'forest');
    const { forest, x } = await small();
    await saveEstimator(dir, forest);
    assert.deepEqual(await (await loadEstimator(dir)).predictProba(x), await forest.predictProba(x));
  });
});

describe('RandomForestClassifier.restore', () => {
  it('refuses a tree with a node that leads back to the root', async () => {
    const state = (await small()).forest.state();
    const broken = {
      ...state,
      arrays: { ...state.arrays, targets: Int32Array.from(state.arrays['targets']!, () => 0) },
    };
    assert.throws(
      () => RandomForestClassifier.restore(broken),
      refusal(ModelError, 'forest-node-target', { estimator: 'random-forest', tree: 0, target: 0 }),
    );
  });
});
