/** The splits to train and to evaluate on: from a folder, a file or the bundled sample. */
import assert from 'node:assert/strict';
import { notice } from '#attune/errors/notices.js';
import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { DataError, UsageError } from '#attune/errors/attune-error.js';
import { factNumber } from '#attune/errors/phrases/values.js';
import { loadSplits, loadTestSplit } from '#attune/data/splits.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';
import { sharedPath } from '../support/shared.js';
import { csv } from './repositories.js';

const jsonl = (...labels: (number | string)[]) =>
  labels.map((label, i) => JSON.stringify({ text: `text ${i}`, label })).join('\n');
const seed = 42;
const tweets = sharedPath('data', 'tweets');

describe('loadSplits', () => {
  it('reads train.* and test.* of a folder, of any kinds, with the same classes', async (t) => {
    const dir = folder(t, {
      'train.jsonl': jsonl('b', 'a', 'c'),
      'test.csv': csv('c', 'c'),
      'readme.md': '',
    });
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

  it('gives a file no test split unless there is an evaluation file', async (t) => {
    const dir = folder(t, { 'rows.json': jsonl(0, 1), 'other.csv': csv(1, 0, 0) });
    const alone = await loadSplits({ dataset: `${dir}/rows.json`, seed });
    assert.equal(alone.test, undefined);
    const both = await loadSplits({ dataset: `${dir}/rows.json`, evalDataset: `${dir}/other.csv`, seed });
    assert.deepEqual(
      both.test!.rows.map(({ label }) => label),
      [1, 0, 0],
    );
  });

  it('does not read the test split of a folder if there is an evaluation file', async (t) => {
    const dir = folder(t, { 'train.csv': csv(0, 1), 'test.csv': 'broken', 'other.csv': csv(1) });
    const { test: held } = await loadSplits({ dataset: dir, evalDataset: `${dir}/other.csv`, seed });
    assert.equal(held!.source, `${dir}/other.csv`);
  });

  it('notes that a folder has no test split', async (t) => {
    const dir = folder(t, { 'train.csv': csv(0, 1) });
    const { test: held, notes } = await loadSplits({ dataset: dir, seed });
    assert.equal(held, undefined);
    assert.deepEqual(notes, [notice('no-test-split', { folder: dir, others: [] })]);
  });

  it('takes the first trainRows and evalRows rows, and the classes of the whole training file', async (t) => {
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
      notice('first-rows-taken', { split: 'train', rows: 4, taken: 2 }),
      notice('fewer-rows-than-asked', { split: 'test', rows: 2, asked: 5 }),
    ]);
    const { test: first } = await loadSplits({ dataset: dir, evalRows: 1, seed });
    assert.deepEqual(
      first!.rows.map(({ text, label }) => [text, label]),
      [['text 0', 2]],
    );
  });

  it('refuses a number of rows that is not a whole number from 1 up', async (t) => {
    const dir = folder(t, { 'train.csv': csv(0, 1, 2, 0), 'test.csv': csv(2, 1) });
    for (const given of [0, -1, 1.5, NaN])
      for (const name of ['trainRows', 'evalRows'] as const)
        await assert.rejects(
          loadSplits({ dataset: dir, [name]: given, seed }),
          refusal(UsageError, 'row-count-invalid', { name, given: factNumber(given) }),
        );
  });

  it('refuses training rows of a single class', async (t) => {
    const dir = folder(t, { 'sorted.csv': csv(0, 0, 0, 1, 1), 'one.csv': csv(1, 1) });
    await assert.rejects(
      loadSplits({ dataset: `${dir}/sorted.csv`, trainRows: 3, seed }),
      refusal(DataError, 'labels-of-one-class', {
        source: `${dir}/sorted.csv`,
        rows: 5,
        taken: 3,
        label: 0,
        name: 'LABEL_0',
      }),
    );
    await assert.rejects(
      loadSplits({ dataset: `${dir}/one.csv`, labelNames: ['no', 'yes'], seed }),
      refusal(DataError, 'labels-of-one-class', {
        source: `${dir}/one.csv`,
        rows: 2,
        taken: undefined,
        label: 1,
        name: 'yes',
      }),
    );
  });

  it('accepts rows without some of the classes if labelNames are given', async (t) => {
    const dir = folder(t, { 'train.csv': csv(0, 2) });
    await assert.rejects(
      loadSplits({ dataset: dir, seed }),
      refusal(DataError, 'labels-with-gaps', { file: `${dir}/train.csv`, line: 3, highest: 2, missing: [1] }),
    );
    const { train } = await loadSplits({ dataset: dir, labelNames: ['a', 'b', 'c'], seed });
    assert.deepEqual(
      train.rows.map(({ labelText }) => labelText),
      ['a', 'c'],
    );
    assert.deepEqual(train.labelNames, ['a', 'b', 'c']);
  });

  it('refuses a dataset that does not exist', async (t) => {
    const dataset = `${folder(t, {})}/none.jsonl`;
    await assert.rejects(loadSplits({ dataset, seed }), refusal(DataError, 'dataset-not-found', { dataset }));
  });

  it('refuses a folder without a training file, and lists what it holds', async (t) => {
    const dir = folder(t, {});
    const facts = { dataset: dir, split: 'train' };
    await assert.rejects(
      loadSplits({ dataset: dir, seed }),
      refusal(DataError, 'split-file-missing', { ...facts, entries: [], known: [] }),
    );
    for (const name of ['train.arrow', 'trainer.txt', 'test.csv']) writeFileSync(`${dir}/${name}`, csv(0, 1));
    mkdirSync(`${dir}/train.csv`);
    const entries = ['test.csv', 'train.arrow', 'trainer.txt'];
    await assert.rejects(
      loadSplits({ dataset: dir, seed }),
      refusal(DataError, 'split-file-missing', { ...facts, entries, known: ['test'] }),
    );
  });

  it('refuses several files for one split', async (t) => {
    const two = folder(t, { 'train.csv': csv(0, 1), 'train.jsonl': jsonl(0, 1) });
    await assert.rejects(
      loadSplits({ dataset: two, seed }),
      refusal(DataError, 'split-files-ambiguous', {
        dataset: two,
        split: 'train',
        files: ['train.csv', 'train.jsonl'],
      }),
    );
    const tests = folder(t, { 'train.csv': csv(0, 1), 'test.json': jsonl(0), 'test.jsonl': jsonl(0) });
    await assert.rejects(
      loadSplits({ dataset: tests, seed }),
      refusal(DataError, 'split-files-ambiguous', {
        dataset: tests,
        split: 'test',
        files: ['test.json', 'test.jsonl'],
      }),
    );
  });

  it('refuses an evaluation dataset that is a folder or does not exist', async (t) => {
    const dir = folder(t, { 'train.csv': csv(0, 1) });
    await assert.rejects(
      loadSplits({ dataset: `${dir}/train.csv`, evalDataset: dir, seed }),
      refusal(DataError, 'eval-dataset-is-folder', { path: dir }),
    );
    await assert.rejects(
      loadSplits({ dataset: `${dir}/train.csv`, evalDataset: `${dir}/none.csv`, seed }),
      refusal(DataError, 'eval-dataset-not-found', { path: `${dir}/none.csv` }),
    );
  });

  it('refuses a test label that the training split does not have, and reports its line', async (t) => {
    const dir = folder(t, { 'train.jsonl': jsonl(0, 1), 'test.csv': csv(0, 1, 2) });
    await assert.rejects(
      loadSplits({ dataset: dir, seed }),
      refusal(DataError, 'label-out-of-range', { file: `${dir}/test.csv`, line: 4, label: 2, classes: 2 }),
    );
  });

  it('draws 1,000 and 200 sentences of the bundled sample by the seed, nearly all distinct', async () => {
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

  it('takes an evaluation file beside the bundled sample', async (t) => {
    const dir = folder(t, { 'other.csv': csv('positive', 0) });
    const { test: held } = await loadSplits({ dataset: 'sample', evalDataset: `${dir}/other.csv`, seed });
    assert.deepEqual(
      held!.rows.map(({ label }) => label),
      [1, 0],
    );
  });

  it('renames the classes of the bundled sample, but refuses another number of them', async () => {
    const renamed = await loadSplits({ dataset: 'sample', labelNames: ['bad', 'good'], seed });
    assert.ok(renamed.train.rows.every(({ label, labelText }) => labelText === ['bad', 'good'][label]));
    await assert.rejects(
      loadSplits({ dataset: 'sample', labelNames: ['one'], seed }),
      refusal(UsageError, 'sample-label-names-missing', { classes: 2, given: 1 }),
    );
  });

  it(
    'selects the rows of the tweets that the reference notebook trains on',
    { skip: tweets === undefined },
    async () => {
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
    },
  );
});

describe('loadTestSplit', () => {
  it('reads a test split, also of a single class, from a file, a folder or the bundled sample', async (t) => {
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
  });

  it('refuses the bundled sample for a model with another number of classes', async () => {
    const labelNames = ['bad', 'good', 'ugly'];
    await assert.rejects(
      loadTestSplit({ dataset: 'sample', labelNames, seed }),
      refusal(DataError, 'sample-classes-differ', { classes: ['negative', 'positive'], modelClasses: 3 }),
    );
  });

  it('refuses a label that the model does not have', async (t) => {
    const dir = folder(t, { 'rows.csv': csv('good', 1) });
    await assert.rejects(
      loadTestSplit({ dataset: `${dir}/rows.csv`, labelNames: ['a'], seed }),
      refusal(DataError, 'label-unknown', {
        file: `${dir}/rows.csv`,
        line: 2,
        label: 'good',
        classes: ['a'],
      }),
    );
  });

  it('refuses a folder without a test file, and 0 rows', async (t) => {
    const labelNames = ['bad', 'good', 'ugly'];
    const empty = folder(t);
    await assert.rejects(
      loadTestSplit({ dataset: empty, labelNames, seed }),
      refusal(DataError, 'split-file-missing', { dataset: empty, split: 'test' }),
    );
    const dir = folder(t, { 'test.jsonl': jsonl(1, 1) });
    await assert.rejects(
      loadTestSplit({ dataset: dir, labelNames, evalRows: 0, seed }),
      refusal(UsageError, 'row-count-invalid', { name: 'evalRows', given: 0 }),
    );
  });
});
