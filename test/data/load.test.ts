/** Datasets in files and folders of the user: which files are read, and as which split. */
import assert from 'node:assert/strict';
import { notice } from '#attune/errors/notices.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { DataError, UsageError } from '#attune/errors/attune-error.js';
import { loadDataset } from '#attune/data/load.js';
import { loadSplits, loadTestSplit } from '#attune/data/splits.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';
import { csv, parquet, tree } from './repositories.js';

const seed = 42;
const NO_TEST_SPLIT = { 'train.csv': csv(0, 1, 1), 'validation.csv': csv(1), 'extra.csv': csv(0) };

describe('loadDataset', () => {
  it('reads every kind of file in a folder, also compressed, and several files as one split', async (t) => {
    const tsv = 'text\tlabel\nsaid "so"\t1\n"a\tb"\t0\n';
    const dir = tree(t, {
      'data/train-00000-of-00002.parquet': parquet(0, 1),
      'data/train-00001-of-00002.parquet': parquet(1, 1, 0),
      'data/validation-00000-of-00001.csv.gz': gzipSync(csv(1)),
      'data/test-00000-of-00001.tsv': tsv,
      'data/extra-00000-of-00001.json': JSON.stringify([{ text: 'x', label: 1 }]),
      'README.md': '# no card',
      '.cache/train.csv': 'rubbish',
    });
    const all = await loadDataset(dir);
    assert.deepEqual(
      Object.fromEntries(
        Object.entries(all).map(([name, rows]) => [name, rows.rows.map(({ label }) => label)]),
      ),
      { train: [0, 1, 1, 1, 0], validation: [1], test: [1, 0], extra: [1] },
    );
    assert.deepEqual(
      all.test.rows.map(({ text }) => text),
      ['said "so"', 'a\tb'],
    );
    assert.equal(all.train.source, `${dir} (2 files)`);
    assert.equal((await loadDataset(dir, { split: 'validation' })).length, 1);
  });

  it('refuses an unknown split and lists those that there are', async (t) => {
    const dir = tree(t, { 'train.csv': csv(0, 1), 'validation.csv': csv(1) });
    await assert.rejects(
      loadDataset(dir, { split: 'valdation' }),
      refusal(DataError, 'split-file-missing', {
        dataset: dir,
        split: 'valdation',
        entries: ['train.csv', 'validation.csv'],
        known: ['train', 'validation'],
      }),
    );
  });

  it('reports which of several files an error is in', async (t) => {
    const dir = tree(t, {
      'data/train-00000-of-00002.parquet': parquet(0, 1),
      'data/train-00001-of-00002.parquet': parquet(1, 3),
    });
    await assert.rejects(
      loadDataset(dir),
      refusal(DataError, 'labels-with-gaps', {
        file: join(dir, 'data/train-00001-of-00002.parquet'),
        row: 2,
        highest: 3,
        missing: [2],
        missingCount: 1,
      }),
    );
  });

  it('takes train.* at the top of a folder as the whole training split', async (t) => {
    const dir = tree(t, {
      'train.csv': csv(0, 1),
      'train_old.csv': csv(0, 1, 1),
      'old/train/rows.csv': csv(1, 0, 0, 0),
      'dev.csv': csv(1),
    });
    assert.deepEqual(
      Object.entries(await loadDataset(dir)).map(([name, { length }]) => [name, length]),
      [
        ['train', 2],
        ['validation', 1],
      ],
    );
  });

  it('reads a pattern with ** in subfolders, and a file whose name looks like a pattern', async (t) => {
    const dir = tree(t, { 'a-1.csv': csv(0, 1), 'a-2.csv': csv(2), 'b.csv': csv(1), 'deep/a-3.csv': csv(0) });
    assert.equal((await loadDataset(`${dir}/**/a-*.csv`, { split: 'train' })).length, 4);
    writeFileSync(join(dir, 'a[1].csv'), csv(0, 1));
    assert.equal((await loadDataset(`${dir}/a[1].csv`)).train.length, 2);
  });

  it('refuses a name that is neither a file, a folder, nor an id on the Hub', async (t) => {
    const dir = folder(t, {});
    for (const dataset of ['nowhere', `${dir}/none`, './x/y', 'rows.csv', 'data/rows.csv', 'a/b/c'])
      await assert.rejects(loadDataset(dataset), refusal(DataError, 'dataset-not-found', { dataset }));
  });

  it('refuses two revisions of one repository', async () => {
    await assert.rejects(
      loadDataset('owner/name@main', { revision: 'other' }),
      refusal(UsageError, 'hub-revisions-conflict', { name: 'owner/name@main', revision: 'other' }),
    );
  });

  it('reads a gzip file, but refuses one that expands too much, is truncated or is not gzip', async (t) => {
    const bomb = gzipSync(Buffer.alloc(8 << 20, 0x20));
    const cut = gzipSync(csv(0, 1)).subarray(0, 30);
    const dir = tree(t, {
      'bomb.csv.gz': bomb,
      'cut.csv.gz': cut,
      'none.jsonl.gz': '{"text": "a", "label": 0}\n',
      'packed.csv.zip': 'PK',
      'good.jsonl.gz': gzipSync('{"text": "a", "label": 0}\n{"text": "b", "label": 1}\n'),
    });
    await assert.rejects(
      loadDataset(`${dir}/bomb.csv.gz`),
      refusal(DataError, 'gzip-expansion', { file: `${dir}/bomb.csv.gz`, limit: 256 }),
    );
    for (const [name, code] of [
      ['cut.csv.gz', 'gzip-cut-short'],
      ['none.jsonl.gz', 'gzip-damaged'],
      ['packed.csv.zip', 'data-file-packed'],
    ] as const)
      await assert.rejects(
        loadDataset(`${dir}/${name}`),
        refusal(DataError, code, { file: `${dir}/${name}` }),
      );
    assert.equal((await loadDataset(`${dir}/good.jsonl.gz`)).train.length, 2);
  });

  it('reports the row of a wrong element of a JSON array, and the line of broken JSON', async (t) => {
    const dir = tree(t, {
      'rows.json': '\ufeff [\n{"text": "a", "label": 0},\n{"text": "b", "label": 2}]',
      'odd.json': '[{"text": "a", "label": 0}, 7]',
      'broken.json': '[{"text": "a"},\n{"text" "b"}]',
    });
    await assert.rejects(
      loadDataset(`${dir}/rows.json`),
      refusal(DataError, 'labels-with-gaps', {
        file: `${dir}/rows.json`,
        row: 2,
        highest: 2,
        missing: [1],
        missingCount: 1,
      }),
    );
    await assert.rejects(
      loadDataset(`${dir}/odd.json`),
      refusal(DataError, 'record-not-object', { file: `${dir}/odd.json`, row: 2, found: 7 }),
    );
    await assert.rejects(
      loadDataset(`${dir}/broken.json`),
      refusal(DataError, 'json-broken', { file: `${dir}/broken.json`, line: 2, column: 9 }),
    );
  });

  it('gives splits that are named like properties of every object', async (t) => {
    const card = [
      '---',
      'configs:',
      '- config_name: default',
      '  data_files:',
      '  - split: train',
      '    path: a.csv',
      '  - split: __proto__',
      '    path: b.csv',
      '  - split: constructor',
      '    path: c.csv',
      '---',
    ].join('\n');
    const dir = tree(t, { 'README.md': card, 'a.csv': csv(0, 1), 'b.csv': csv(1), 'c.csv': csv(0, 0, 1) });
    assert.deepEqual(
      Object.entries(await loadDataset(dir)).map(([name, { length }]) => [name, length]),
      [
        ['train', 2],
        ['__proto__', 1],
        ['constructor', 3],
      ],
    );
    assert.equal((await loadDataset(dir, { split: '__proto__' })).length, 1);
  });
});

describe('loadSplits and loadTestSplit', () => {
  it('reads the files that match a pattern as one split', async (t) => {
    const dir = tree(t, { 'a-1.csv': csv(0, 1), 'a-2.csv': csv(2), 'b.csv': csv(1), 'deep/a-3.csv': csv(0) });
    const { train, notes } = await loadSplits({
      dataset: `${dir}/a-*.csv`,
      evalDataset: `${dir}/{b,c}.csv`,
      seed,
    });
    assert.deepEqual(
      train.rows.map(({ label }) => label),
      [0, 1, 2],
    );
    assert.equal(train.source, `${dir}/a-1.csv … ${dir}/a-2.csv (2 files)`);
    assert.deepEqual(notes, []);
    assert.equal(
      (await loadTestSplit({ dataset: `${dir}/a-*.csv`, labelNames: ['x', 'y', 'z'], seed })).test.length,
      3,
    );
  });

  it('refuses a pattern that matches no file, or in a folder that does not exist', async (t) => {
    const dir = tree(t, { 'a-1.csv': csv(0, 1) });
    await assert.rejects(
      loadSplits({ dataset: `${dir}/z-*.csv`, seed }),
      refusal(DataError, 'file-pattern-unmatched', { pattern: `${dir}/z-*.csv`, folder: dir }),
    );
    await assert.rejects(
      loadSplits({ dataset: `${dir}/none/*.csv`, seed }),
      refusal(DataError, 'file-pattern-without-folder', {
        pattern: `${dir}/none/*.csv`,
        folder: `${dir}/none`,
      }),
    );
  });

  it('evaluates on the validation split only on request, and suggests it in a note', async (t) => {
    const dir = tree(t, NO_TEST_SPLIT);
    const { test: none, notes } = await loadSplits({ dataset: dir, seed });
    assert.equal(none, undefined);
    assert.deepEqual(notes, [notice('no-test-split', { folder: dir, others: ['validation'] })]);
    const { test: held } = await loadSplits({ dataset: dir, evalSplit: 'validation', seed });
    assert.deepEqual([held!.name, held!.length], ['validation', 1]);
    assert.equal(
      (await loadTestSplit({ dataset: dir, split: 'validation', labelNames: ['a', 'b'], seed })).test.length,
      1,
    );
  });

  it('refuses a dataset without the test split and lists the splits that it has', async (t) => {
    const dir = tree(t, NO_TEST_SPLIT);
    const refused = refusal(DataError, 'split-file-missing', {
      dataset: dir,
      split: 'test',
      known: ['train', 'validation'],
    });
    await assert.rejects(loadTestSplit({ dataset: dir, labelNames: ['a', 'b'], seed }), refused);
    await assert.rejects(loadSplits({ dataset: dir, evalSplit: 'test', seed }), refused);
  });

  it('refuses to train and evaluate on one split, and both a testSize and an evalSplit', async (t) => {
    const dir = tree(t, NO_TEST_SPLIT);
    await assert.rejects(
      loadSplits({ dataset: dir, split: 'train', evalSplit: 'train', seed }),
      refusal(UsageError, 'eval-split-is-training-split', { split: 'train' }),
    );
    await assert.rejects(
      loadSplits({ dataset: dir, evalSplit: 'validation', testSize: 0.5, seed }),
      refusal(UsageError, 'held-out-twice', { one: 'testSize', other: 'evalSplit' }),
    );
  });

  it('refuses a split or a configuration of a file, and a revision of a folder', async (t) => {
    const dir = tree(t, NO_TEST_SPLIT);
    const file = `${dir}/train.csv`;
    await assert.rejects(
      loadSplits({ dataset: file, split: 'dev', seed }),
      refusal(UsageError, 'files-have-no-split', { files: [file], split: 'dev' }),
    );
    await assert.rejects(
      loadSplits({ dataset: file, datasetConfig: 'en', seed }),
      refusal(UsageError, 'dataset-has-no-configs', { dataset: file }),
    );
    await assert.rejects(
      loadSplits({ dataset: dir, revision: 'main', seed }),
      refusal(UsageError, 'dataset-has-no-revisions', { dataset: dir }),
    );
  });

  it('splits testSize of the training rows off, stratified, in place of the test split', async (t) => {
    const dir = tree(t, {
      'train.csv': csv(...Array.from({ length: 50 }, (_, i) => (i < 40 ? 0 : 1))),
      'test.csv': csv(0, 1),
    });
    const { train, test: held, notes } = await loadSplits({ dataset: dir, testSize: 0.2, seed });
    assert.deepEqual([train.length, held!.length], [40, 10]);
    assert.deepEqual(
      held!.classLabels.map(({ rows }) => rows),
      [8, 2],
    );
    assert.equal(new Set([...train, ...held!].map(({ text }) => text)).size, 50);
    assert.deepEqual(notes, [notice('test-split-unused', { rows: 10 })]);
    assert.equal((await loadSplits({ dataset: `${dir}/train.csv`, testSize: 5, seed })).test!.length, 5);
  });

  it('refuses a testSize of all rows, or one that is neither a share nor a number of rows', async (t) => {
    const dir = tree(t, { 'train.csv': csv(...Array.from({ length: 50 }, (_, i) => (i < 40 ? 0 : 1))) });
    await assert.rejects(
      loadSplits({ dataset: dir, testSize: 50, seed }),
      refusal(UsageError, 'part-takes-all-rows', { name: 'testSize', given: 50, taken: 50, rows: 50 }),
    );
    await assert.rejects(
      loadSplits({ dataset: dir, testSize: 1.5, seed }),
      refusal(UsageError, 'part-size-invalid', { name: 'testSize', given: 1.5 }),
    );
  });
});
