import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DataError, UsageError } from '#attune/errors.js';
import type { Row } from '#attune/data/dataset.js';
import { Dataset } from '#attune/data/dataset.js';
import { loadDataset } from '#attune/data/load.js';
import { NumpyGenerator } from '#attune/random/numpy-generator.js';
import { fixtureJson } from '../support/fixtures.js';
import { folder } from '../support/folder.js';

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
const ids = ({ rows }: Dataset): number[] => rows.map(({ id }) => Number(id));

test('numpy: permutations and choices of default_rng', () => {
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
  for (const seed of [-1, 0.5, 2 ** 53, NaN]) assert.throws(() => new NumpyGenerator(seed), RangeError);
});

test('shuffle and trainTestSplit take the rows that datasets takes', () => {
  for (const { rows, classes, testSize, seed, plain, stratified } of golden.splits) {
    const dataset = datasetOf(Array.from({ length: rows }, (_, i) => (i * i + Math.floor(i / 3)) % classes));
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
  const ten = golden.permutations.find(({ seed, n }) => seed === 42 && n === 10)!;
  assert.deepEqual(ids(datasetOf(Array(10).fill(0) as number[]).shuffle(42)), ten.order);
});

test('any stratified parts are disjoint, complete, and each class is in both by its share', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 2, max: 40 }), { minLength: 2, maxLength: 5 }),
      fc.double({ min: 0.05, max: 0.95, noNaN: true }),
      fc.nat(2 ** 31),
      (counts, share, seed) => {
        const dataset = datasetOf(counts.flatMap((count, label) => Array<number>(count).fill(label))).shuffle(
          1,
        );
        let parts;
        try {
          parts = dataset.trainTestSplit({ testSize: share, seed, stratified: true });
        } catch (error) {
          assert.ok(error instanceof UsageError, String(error));
          return;
        }
        const size = Math.ceil(share * dataset.length);
        assert.equal(parts.test.length, size);
        assert.deepEqual(
          [...ids(parts.train), ...ids(parts.test)].sort((a, b) => a - b),
          [...Array(dataset.length).keys()],
        );
        for (const { label, rows } of parts.test.classLabels)
          assert.ok(Math.abs(rows - (counts[label] * size) / dataset.length) <= 1, `class ${label}: ${rows}`);
      },
    ),
    { numRuns: 200, seed: 9 },
  );
});

test('select, filter, map, batches, iteration, classLabels', () => {
  const dataset = datasetOf([0, 1, 2, 1, 0]);
  assert.equal(dataset.select(9), dataset);
  assert.deepEqual(ids(dataset.select(2)), [0, 1]);
  assert.deepEqual(ids(dataset.select([4, 0, 0])), [4, 0, 0]);
  assert.throws(() => dataset.select([5]), /row 5 is not one of the 5 rows/);
  assert.deepEqual(ids(dataset.filter(({ label }, i) => label === 1 && i > 1)), [3]);
  assert.deepEqual(
    dataset.map(({ text }, i) => ({ text: text.toUpperCase(), label: i % 2 })).rows.slice(1, 3),
    [
      { text: 'TEXT 1', label: 1, labelText: 'b', id: '1' },
      { text: 'TEXT 2', label: 0, labelText: 'a', id: '2' },
    ],
  );
  assert.throws(
    () => dataset.map(() => ({ label: 3 })),
    (error) =>
      error instanceof DataError &&
      /row 0 of rows: the label became 3; the classes are 0 to 2/.test(error.message),
  );
  assert.throws(() => dataset.map(() => ({ text: 1 as never })), DataError);
  assert.deepEqual(
    [...dataset.batches(2)].map((batch) => batch.length),
    [2, 2, 1],
  );
  assert.throws(() => [...dataset.batches(0)], RangeError);
  assert.deepEqual([...dataset], dataset.rows);
  assert.deepEqual(dataset.classLabels, [
    { label: 0, name: 'a', rows: 2 },
    { label: 1, name: 'b', rows: 2 },
    { label: 2, name: 'c', rows: 1 },
  ]);
  assert.throws(
    () => dataset.trainTestSplit({ testSize: 0.5, stratified: true }),
    (error) => error instanceof UsageError && /class 2 has one row only/.test(error.message),
  );
  assert.throws(
    () => datasetOf([0, 1, 0, 1, 0, 1]).trainTestSplit({ testSize: 1, stratified: true }),
    /1 rows cannot hold each of 2 classes/,
  );
});

test('loadDataset: all splits or one, of the sample, a file, or what a run needs', async (t) => {
  const sample = await loadDataset('sample', { seed: 7 });
  assert.deepEqual(
    Object.entries(sample).map(([name, { length }]) => [name, length]),
    [
      ['train', 1000],
      ['test', 200],
    ],
  );
  assert.deepEqual((await loadDataset('sample', { split: 'test', seed: 7 })).rows, sample.test.rows);
  await assert.rejects(
    loadDataset('sample', { split: 'dev' }),
    /sample: has no split dev; it has train, test$/,
  );
  const dir = folder(t, { 'train.csv': 'text,label\na,y\nb,x\n', 'test.csv': 'text,label\nc,y\n' });
  assert.deepEqual(Object.keys(await loadDataset(`${dir}/train.csv`)), ['train']);
  // The classes are learnt from the training split, though the other one alone is asked for.
  assert.deepEqual((await loadDataset(dir, { split: 'test' })).rows, [
    { text: 'c', label: 1, labelText: 'y' },
  ]);
  assert.deepEqual((await loadDataset(dir, { split: 'test', labelNames: ['y', 'x'] })).rows[0].label, 0);
  assert.deepEqual((await loadDataset({ dataset: dir, seed: 1 })).train.length, 2);
});
