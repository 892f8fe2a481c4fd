/** A dataset in memory: checks, selections, batches, and the orders and splits that datasets draws. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DataError, UsageError } from '#attune/errors/attune-error.js';
import { plain } from '#attune/errors/phrases/values.js';
import type { Row } from '#attune/data/dataset.js';
import { Dataset } from '#attune/data/dataset.js';
import { loadDataset } from '#attune/data/load.js';
import { NumpyGenerator } from '#attune/random/numpy-generator.js';
import { fixtureJson } from '../support/fixtures.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

interface Parts {
  readonly train: readonly number[];
  readonly test: readonly number[];
}
const golden = fixtureJson('data/order.json') as {
  readonly permutations: readonly {
    readonly seed: number;
    readonly n: number;
    readonly order: readonly number[];
  }[];
  readonly choices: readonly {
    readonly seed: number;
    readonly n: number;
    readonly size: number;
    readonly chosen: readonly number[];
  }[];
  readonly big: {
    readonly seed: number;
    readonly n: number;
    readonly first: readonly number[];
    readonly last: readonly number[];
  };
  readonly splits: readonly {
    readonly rows: number;
    readonly classes: number;
    readonly testSize: number;
    readonly seed: number;
    readonly plain: Parts;
    readonly stratified: Parts;
  }[];
};

const rowsOf = (labels: readonly number[]): Row[] =>
  labels.map((label, i) => ({ text: `text ${i}`, label, labelText: 'abcde'[label], id: String(i) }));
const datasetOf = (labels: readonly number[]): Dataset =>
  new Dataset('train', 'rows', rowsOf(labels), [...'abcde'].slice(0, Math.max(0, ...labels) + 1));
/** Labels of five rows. */
const FIVE = [0, 1, 2, 1, 0];
const ids = ({ rows }: Dataset): number[] => rows.map(({ id }) => Number(id));

describe('NumpyGenerator', () => {
  it('draws the permutations and choices of numpy.random.default_rng', () => {
    for (const { seed, n, order } of golden.permutations)
      assert.deepEqual([...new NumpyGenerator(seed).permutation(n)], order, `seed ${seed}, n ${n}`);
    const { seed, n, first, last } = golden.big;
    const big = new NumpyGenerator(seed).permutation(n);
    assert.deepEqual([[...big.slice(0, 20)], [...big.slice(-5)]], [first, last]);
    for (const { seed, n, size, chosen } of golden.choices)
      assert.deepEqual(
        new NumpyGenerator(seed).choice([...Array(n).keys()], size),
        chosen,
        `seed ${seed}, n ${n}, size ${size}`,
      );
  });

  it('refuses a seed that is not a safe integer from 0 up', () => {
    for (const seed of [-1, 0.5, 2 ** 53, NaN]) assert.throws(() => new NumpyGenerator(seed), RangeError);
  });
});

describe('Dataset.shuffle', () => {
  it('gives the order that datasets gives', () => {
    const ten = golden.permutations.find(({ seed, n }) => seed === 42 && n === 10)!;
    assert.deepEqual(ids(datasetOf(Array(10).fill(0) as number[]).shuffle(42)), ten.order);
  });
});

describe('Dataset.trainTestSplit', () => {
  it('takes the rows that datasets takes, stratified or not', () => {
    for (const { rows, classes, testSize, seed, plain, stratified } of golden.splits) {
      const dataset = datasetOf(
        Array.from({ length: rows }, (_, i) => (i * i + Math.floor(i / 3)) % classes),
      );
      const plainly = dataset.trainTestSplit({ testSize, seed });
      assert.deepEqual([ids(plainly.train), ids(plainly.test)], [plain.train, plain.test]);
      const byClass = dataset.trainTestSplit({ testSize, seed, stratified: true });
      assert.deepEqual(
        [ids(byClass.train), ids(byClass.test)],
        [stratified.train, stratified.test],
        `${rows} rows of ${classes} classes`,
      );
      assert.deepEqual(
        [byClass.train.name, byClass.test.name, byClass.test.labelNames],
        ['train', 'test', dataset.labelNames],
      );
    }
  });

  it('makes stratified parts that are disjoint, complete, and in proportion in each class', () => {
    let splits = 0;
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 2, max: 40 }), { minLength: 2, maxLength: 5 }),
        fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        fc.nat(2 ** 31),
        (counts, share, seed) => {
          const dataset = datasetOf(
            counts.flatMap((count, label) => Array<number>(count).fill(label)),
          ).shuffle(1);
          let parts;
          try {
            parts = dataset.trainTestSplit({ testSize: share, seed, stratified: true });
          } catch (error) {
            assert.ok(error instanceof UsageError, String(error));
            return;
          }
          splits++;
          const size = Math.ceil(share * dataset.length);
          assert.equal(parts.test.length, size);
          assert.deepEqual(
            [...ids(parts.train), ...ids(parts.test)].sort((a, b) => a - b),
            [...Array(dataset.length).keys()],
          );
          for (const { label, rows } of parts.test.classLabels)
            assert.ok(
              Math.abs(rows - (counts[label] * size) / dataset.length) <= 1,
              `class ${label}: ${rows}`,
            );
        },
      ),
      { numRuns: 200, seed: 9 },
    );
    assert.ok(splits > 100, `${splits} splits`);
  });

  it('refuses to stratify a class of one row, or parts too small for each class', () => {
    const dataset = datasetOf(FIVE);
    assert.throws(
      () => dataset.trainTestSplit({ testSize: 0.5, stratified: true }),
      refusal(UsageError, 'part-class-too-small', { label: 2 }),
    );
    assert.throws(
      () => datasetOf([0, 1, 0, 1, 0, 1]).trainTestSplit({ testSize: 1, stratified: true }),
      refusal(UsageError, 'part-too-small', { rows: 1, classes: 2 }),
    );
  });
});

describe('Dataset.select', () => {
  it('takes the first N rows, or rows by index', () => {
    const dataset = datasetOf(FIVE);
    assert.equal(dataset.select(9), dataset);
    assert.deepEqual(ids(dataset.select(2)), [0, 1]);
    assert.deepEqual(ids(dataset.select([4, 0, 0])), [4, 0, 0]);
  });

  it('refuses an index outside of the dataset', () => {
    const dataset = datasetOf(FIVE);
    assert.throws(() => dataset.select([5]), /row 5 is not one of the 5 rows/);
  });

  it('refuses a number of rows below 0 or NaN', () => {
    const dataset = datasetOf([0, 1]);
    assert.equal(dataset.select(0).length, 0);
    for (const count of [-1, NaN])
      assert.throws(
        () => dataset.select(count),
        (error) =>
          error instanceof RangeError &&
          error.message === `select takes a number of rows from 0 up, not ${count}`,
      );
  });
});

describe('Dataset.filter', () => {
  it('takes the rows that a function of row and index accepts', () => {
    const dataset = datasetOf(FIVE);
    assert.deepEqual(ids(dataset.filter(({ label }, i) => label === 1 && i > 1)), [3]);
  });
});

describe('Dataset.map', () => {
  it('changes texts and labels, and the name of the label with it', () => {
    const dataset = datasetOf(FIVE);
    assert.deepEqual(
      dataset.map(({ text }, i) => ({ text: text.toUpperCase(), label: i % 2 })).rows.slice(1, 3),
      [
        { text: 'TEXT 1', label: 1, labelText: 'b', id: '1' },
        { text: 'TEXT 2', label: 0, labelText: 'a', id: '2' },
      ],
    );
  });

  it('refuses a label that is not a class, and a text that is not a string', () => {
    const dataset = datasetOf(FIVE);
    assert.throws(
      () => dataset.map(() => ({ label: 3 })),
      refusal(DataError, 'row-label-invalid', { source: 'rows', row: 0, label: 3, classes: 3, mapped: true }),
    );
    assert.throws(
      () => dataset.map(() => ({ text: 1 as never })),
      refusal(DataError, 'row-text-invalid', { source: 'rows', row: 0, type: 'number', mapped: true }),
    );
  });
});

describe('Dataset.batches', () => {
  it('gives batches of the size, the last one smaller', () => {
    const dataset = datasetOf(FIVE);
    assert.deepEqual(
      [...dataset.batches(2)].map((batch) => batch.length),
      [2, 2, 1],
    );
  });

  it('refuses a size of 0', () => {
    assert.throws(() => [...datasetOf(FIVE).batches(0)], RangeError);
  });
});

describe('Dataset', () => {
  const made = (rows: readonly unknown[], labelNames: readonly string[]) => (): Dataset =>
    new Dataset('train', 'made.jsonl', rows as Row[], labelNames);
  const place = { source: 'made.jsonl', mapped: false };

  it('refuses a label that is not a class, and names the row', () => {
    for (const label of [2, 5, -1, 0.5, NaN, '1', undefined])
      assert.throws(
        made(
          [
            { text: 'a', label: 0 },
            { text: 'b', label },
          ],
          ['n', 'p'],
        ),
        refusal(DataError, 'row-label-invalid', { ...place, row: 1, label: plain(label), classes: 2 }),
      );
    assert.throws(
      made([{ text: 'a', label: 0 }], []),
      refusal(DataError, 'row-label-invalid', { ...place, row: 0, label: 0, classes: 0 }),
    );
  });

  it('refuses a text that is not a string, and names the row', () => {
    for (const [text, type] of [
      [7, 'number'],
      [undefined, 'undefined'],
    ] as const)
      assert.throws(
        made([{ text, label: 0 }], ['n', 'p']),
        refusal(DataError, 'row-text-invalid', { ...place, row: 0, type }),
      );
  });

  it('shuffles and counts no rows, but refuses to split them', () => {
    const empty = datasetOf([0, 1]).filter(() => false);
    assert.equal(empty.shuffle().length, 0);
    assert.deepEqual([...empty.batches(2)], []);
    assert.deepEqual(
      empty.classLabels.map(({ rows }) => rows),
      [0, 0],
    );
    for (const stratified of [false, true])
      assert.throws(
        () => empty.trainTestSplit({ testSize: 0.5, stratified }),
        refusal(UsageError, 'part-takes-all-rows', { name: 'testSize', given: 0.5, taken: 0, rows: 0 }),
      );
  });

  it('iterates over its rows and counts those of each class', () => {
    const dataset = datasetOf(FIVE);
    assert.deepEqual([...dataset], dataset.rows);
    assert.deepEqual(dataset.classLabels, [
      { label: 0, name: 'a', rows: 2 },
      { label: 1, name: 'b', rows: 2 },
      { label: 2, name: 'c', rows: 1 },
    ]);
  });
});

describe('loadDataset', () => {
  it('loads all splits of the bundled sample, or one', async () => {
    const sample = await loadDataset('sample', { seed: 7 });
    assert.deepEqual(
      Object.entries(sample).map(([name, { length }]) => [name, length]),
      [
        ['train', 1000],
        ['test', 200],
      ],
    );
    assert.deepEqual((await loadDataset('sample', { split: 'test', seed: 7 })).rows, sample.test.rows);
  });

  it('refuses a split that the bundled sample does not have', async () => {
    await assert.rejects(
      loadDataset('sample', { split: 'dev' }),
      refusal(DataError, 'split-unknown', { dataset: 'sample', split: 'dev', known: ['train', 'test'] }),
    );
  });

  it('loads all splits of a file, or one of a folder, with the classes of the training split', async (t) => {
    const dir = folder(t, { 'train.csv': 'text,label\na,y\nb,x\n', 'test.csv': 'text,label\nc,y\n' });
    assert.deepEqual(Object.keys(await loadDataset(`${dir}/train.csv`)), ['train']);
    // The classes come from the training split, although only the test split is loaded.
    assert.deepEqual((await loadDataset(dir, { split: 'test' })).rows, [
      { text: 'c', label: 1, labelText: 'y' },
    ]);
    assert.deepEqual((await loadDataset(dir, { split: 'test', labelNames: ['y', 'x'] })).rows[0].label, 0);
  });

  it('takes the options of loadSplits in place of a name', async (t) => {
    const dir = folder(t, { 'train.csv': 'text,label\na,y\nb,x\n', 'test.csv': 'text,label\nc,y\n' });
    assert.deepEqual((await loadDataset({ dataset: dir, seed: 1 })).train.length, 2);
  });
});
