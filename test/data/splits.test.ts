import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { AttuneError } from '#attune/errors.js';
import { DataError, UsageError } from '#attune/errors.js';
import { loadSplits, loadTestSplit } from '#attune/data/splits.js';
import { folder } from '../support/folder.js';
import { sharedPath } from '../support/shared.js';

const jsonl = (...labels: (number | string)[]) =>
  labels.map((label, i) => JSON.stringify({ text: `text ${i}`, label })).join('\n');
const csv = (...labels: (number | string)[]) =>
  `text,label\n${labels.map((label, i) => `text ${i},${label}\n`).join('')}`;
const seed = 42;

async function refuses(
  action: Promise<unknown>,
  message: RegExp,
  kind: new (message: string) => AttuneError = DataError,
): Promise<void> {
  await assert.rejects(action, (error) => {
    assert.ok(error instanceof kind, String(error));
    assert.match(error.message, message);
    return true;
  });
}

test('a folder: train.* and test.* of any kinds, classes shared', async (t) => {
  const dir = folder(t, { 'train.jsonl': jsonl('b', 'a', 'c'), 'test.csv': csv('c', 'c'), 'readme.md': '' });
  const { train, test: held, labelNames, notes } = await loadSplits({ dataset: dir, seed });
  assert.deepEqual([train.name, train.source, train.length], ['train', `${dir}/train.jsonl`, 3]);
  assert.deepEqual([held!.name, held!.source], ['test', `${dir}/test.csv`]);
  assert.deepEqual(labelNames, ['a', 'b', 'c']);
  assert.deepEqual(
    train.rows.map(({ label }) => label),
    [1, 0, 2],
  );
  assert.deepEqual(held!.rows, [
    { text: 'text 0', label: 2, labelText: 'c' },
    { text: 'text 1', label: 2, labelText: 'c' },
  ]);
  assert.deepEqual(held!.labelNames, labelNames);
  assert.deepEqual(notes, []);
});

test('a file has no test split, unless another file is named', async (t) => {
  const dir = folder(t, { 'rows.json': jsonl(0, 1), 'other.csv': csv(1, 0, 0) });
  const alone = await loadSplits({ dataset: `${dir}/rows.json`, seed });
  assert.equal(alone.test, undefined);
  const both = await loadSplits({ dataset: `${dir}/rows.json`, evalDataset: `${dir}/other.csv`, seed });
  assert.deepEqual(
    both.test!.rows.map(({ label }) => label),
    [1, 0, 0],
  );
});

test("another evaluation file takes the place of the folder's own, which is not read", async (t) => {
  const dir = folder(t, { 'train.csv': csv(0, 1), 'test.csv': 'broken', 'other.csv': csv(1) });
  const { test: held } = await loadSplits({ dataset: dir, evalDataset: `${dir}/other.csv`, seed });
  assert.equal(held!.source, `${dir}/other.csv`);
});

test('a folder without a test split is noted', async (t) => {
  const dir = folder(t, { 'train.csv': csv(0, 1) });
  const { test: held, notes } = await loadSplits({ dataset: dir, seed });
  assert.equal(held, undefined);
  assert.deepEqual(notes, [
    `${dir} holds no test.*, so there is no test split; --test-size 0.2 parts one off`,
  ]);
});

test('rows N are the first N; classes come from the whole training file; asking for too many is noted', async (t) => {
  const dir = folder(t, { 'train.csv': csv(0, 1, 2, 0), 'test.csv': csv(2, 1) });
  const {
    train,
    test: held,
    labelNames,
    notes,
  } = await loadSplits({ dataset: dir, trainRows: 2, evalRows: 5, seed });
  assert.deepEqual(
    train.rows.map(({ text }) => text),
    ['text 0', 'text 1'],
  );
  assert.equal(labelNames.length, 3);
  assert.equal(held!.length, 2);
  assert.deepEqual(notes, [
    'only the first 2 of the 4 rows of the train split are taken',
    'the test split has 2 rows, fewer than the 5 asked for; all of them are used',
  ]);
  for (const rows of [0, -1, 1.5, NaN]) {
    await refuses(
      loadSplits({ dataset: dir, trainRows: rows, seed }),
      /trainRows must be a whole number from 1 up/,
      UsageError,
    );
    await refuses(loadSplits({ dataset: dir, evalRows: rows, seed }), /evalRows must be/, UsageError);
  }
});

test('one class in the rows that are trained on is refused', async (t) => {
  const dir = folder(t, { 'sorted.csv': csv(0, 0, 0, 1, 1), 'one.csv': csv(1, 1) });
  await refuses(
    loadSplits({ dataset: `${dir}/sorted.csv`, trainRows: 3, seed }),
    /the first 3 of its 5 rows have the label 0 \(LABEL_0\); training needs two classes/,
  );
  await refuses(
    loadSplits({ dataset: `${dir}/one.csv`, labelNames: ['no', 'yes'], seed }),
    /one\.csv: all 2 rows have the label 1 \(yes\)/,
  );
});

test('label names given beforehand allow gaps', async (t) => {
  const dir = folder(t, { 'train.csv': csv(0, 2) });
  await refuses(loadSplits({ dataset: dir, seed }), /no row has label 1/);
  const { train } = await loadSplits({ dataset: dir, labelNames: ['a', 'b', 'c'], seed });
  assert.deepEqual(
    train.rows.map(({ labelText }) => labelText),
    ['a', 'c'],
  );
  assert.deepEqual(train.labelNames, ['a', 'b', 'c']);
});

test('refused: what is not there, or not clear', async (t) => {
  const dir = folder(t, {});
  await refuses(loadSplits({ dataset: `${dir}/none.jsonl`, seed }), /none\.jsonl: no such file or folder$/);
  await refuses(
    loadSplits({ dataset: dir, seed }),
    /holds no train\.\* that attune reads; it holds nothing$/,
  );
  for (const name of ['train.arrow', 'trainer.txt', 'test.csv']) writeFileSync(`${dir}/${name}`, csv(0, 1));
  mkdirSync(`${dir}/train.csv`);
  await refuses(
    loadSplits({ dataset: dir, seed }),
    /holds no train\.\* that attune reads; it holds test\.csv, train\.arrow, trainer\.txt$/,
  );
  const two = folder(t, { 'train.csv': csv(0, 1), 'train.jsonl': jsonl(0, 1) });
  await refuses(loadSplits({ dataset: two, seed }), /holds several train files: train\.csv, train\.jsonl$/);
  const tests = folder(t, { 'train.csv': csv(0, 1), 'test.json': jsonl(0), 'test.jsonl': jsonl(0) });
  await refuses(loadSplits({ dataset: tests, seed }), /holds several test files: test\.json, test\.jsonl$/);
  await refuses(
    loadSplits({ dataset: `${tests}/train.csv`, evalDataset: tests, seed }),
    /is a folder; the evaluation dataset must be a file/,
  );
  await refuses(
    loadSplits({ dataset: `${tests}/train.csv`, evalDataset: `${tests}/none.csv`, seed }),
    /none\.csv: no such file or folder/,
  );
});

test('refused: an evaluation label that training does not know, by file and line', async (t) => {
  const dir = folder(t, { 'train.jsonl': jsonl(0, 1), 'test.csv': csv(0, 1, 2) });
  await refuses(loadSplits({ dataset: dir, seed }), /test\.csv:4: unknown label 2; the classes are 0 to 1/);
});

test('the bundled sample: 1,000 and 200 sentences of two classes, disjoint, in an order the seed draws', async () => {
  const { train, test: held, labelNames } = await loadSplits({ dataset: 'sample', seed });
  assert.deepEqual(labelNames, ['negative', 'positive']);
  assert.deepEqual([train.length, held!.length], [1000, 200]);
  const rows = [...train.rows, ...held!.rows];
  assert.ok(rows.every(({ text, label, labelText }) => text.length > 0 && labelText === labelNames[label]));
  // 1,500 of 3,000 are positive: the count among 1,200 drawn has a standard deviation of 13.4.
  const positive = rows.filter(({ label }) => label === 1).length;
  assert.ok(Math.abs(positive - 600) < 60, `${positive} positive`);
  // A few sentences occur twice in the package; nearly all are distinct.
  assert.ok(new Set(rows.map(({ text }) => text)).size > 1190);

  const again = await loadSplits({ dataset: 'sample', seed });
  assert.deepEqual(again, {
    train,
    test: held,
    validation: undefined,
    labelNames,
    heldOut: { evalSplit: 'test' },
    notes: [],
    columns: { textColumn: 'text', labelColumn: 'label' },
  });
  const other = await loadSplits({ dataset: 'sample', seed: 43, trainRows: 10, evalRows: 5 });
  assert.notDeepEqual(other.train.rows, train.rows.slice(0, 10));
  assert.deepEqual([other.train.length, other.test!.length], [10, 5]);
});

test('the sample with other names, or an evaluation file of its own', async (t) => {
  const dir = folder(t, { 'other.csv': csv('positive', 0) });
  const { test: held } = await loadSplits({ dataset: 'sample', evalDataset: `${dir}/other.csv`, seed });
  assert.deepEqual(
    held!.rows.map(({ label }) => label),
    [1, 0],
  );
  const renamed = await loadSplits({ dataset: 'sample', labelNames: ['bad', 'good'], seed });
  assert.ok(renamed.train.rows.every(({ label, labelText }) => labelText === ['bad', 'good'][label]));
  await refuses(
    loadSplits({ dataset: 'sample', labelNames: ['one'], seed }),
    /the bundled sample has 2 classes/,
    UsageError,
  );
});

test('a test split for a trained model: from a file, a folder or the sample; one class is enough', async (t) => {
  const dir = folder(t, { 'rows.csv': csv('good', 1), 'test.jsonl': jsonl(1, 1) });
  const labelNames = ['bad', 'good', 'ugly'];
  const file = await loadTestSplit({ dataset: `${dir}/rows.csv`, labelNames, seed });
  assert.deepEqual(
    file.test.rows.map(({ label }) => label),
    [1, 1],
  );
  const held = await loadTestSplit({ dataset: dir, labelNames, evalRows: 1, seed });
  assert.deepEqual(
    [held.test.source, held.test.length, held.test.labelNames],
    [`${dir}/test.jsonl`, 1, labelNames],
  );
  const sample = await loadTestSplit({ dataset: 'sample', labelNames: ['negative', 'positive'], seed });
  assert.deepEqual(sample.test, (await loadSplits({ dataset: 'sample', seed })).test);
  await refuses(
    loadTestSplit({ dataset: 'sample', labelNames, seed }),
    /the bundled sample has 2 classes \(negative, positive\), but the model has 3/,
  );
  await refuses(
    loadTestSplit({ dataset: `${dir}/rows.csv`, labelNames: ['a'], seed }),
    /rows\.csv:2: unknown label "good"/,
  );
  await refuses(loadTestSplit({ dataset: folder(t), labelNames, seed }), /holds no test\.\*/);
  await refuses(
    loadTestSplit({ dataset: dir, labelNames, evalRows: 0, seed }),
    /evalRows must be/,
    UsageError,
  );
});

const tweets = sharedPath('data', 'tweets');
test('the tweets, as the notebook selects them', { skip: tweets === undefined }, async () => {
  const {
    train,
    test: held,
    labelNames,
  } = await loadSplits({ dataset: tweets!, trainRows: 1000, evalRows: 200, seed });
  assert.deepEqual(labelNames, ['negative', 'neutral', 'positive']);
  assert.deepEqual([train.length, held!.length], [1000, 200]);
  assert.equal(train.rows[314].text, '');
  assert.ok(train.rows[0].text.startsWith(' '));
  assert.deepEqual(
    train.rows.slice(0, 3).map(({ label, labelText, id }) => [label, labelText, id]),
    [
      [1, 'neutral', 'cb774db0d1'],
      [0, 'negative', '549e992a42'],
      [0, 'negative', '088c60f138'],
    ],
  );
});
