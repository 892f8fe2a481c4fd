/** Which files of a repository are which split. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { AttuneError, UsageError } from '#attune/errors.js';
import { loadDataset } from '#attune/data/load.js';
import { findLayout } from '#attune/data/layout.js';
import type { DataRepository } from '#attune/data/repository.js';
import { splitsByName } from '#attune/data/split-names.js';
import { loadSplits } from '#attune/data/splits.js';
import { folder } from '../support/folder.js';
import { csv, parquet, refuses, remote, tree } from './repositories.js';

const seed = 42;

const byName = (...paths: string[]): Record<string, readonly string[]> =>
  Object.fromEntries(splitsByName(paths));

test('splits by name, as datasets decides', () => {
  assert.deepEqual(
    byName(
      'data/train-00000-of-00002.parquet',
      'data/train-00001-of-00002-abc.parquet',
      'data/extra-00000-of-00001.parquet',
      'data/test-00000-of-00001.parquet',
      'other/dev.csv',
    ),
    {
      train: ['data/train-00000-of-00002.parquet', 'data/train-00001-of-00002-abc.parquet'],
      test: ['data/test-00000-of-00001.parquet'],
      extra: ['data/extra-00000-of-00001.parquet'],
    },
  );
  assert.deepEqual(byName('train/a.csv', 'x/my-dev.2/b.csv', 'c/test.csv'), {
    train: ['train/a.csv'],
    validation: ['x/my-dev.2/b.csv'],
  });
  assert.deepEqual(
    byName('my_train.csv', 'trainer.csv', 'a valid 1.csv', 'en/val.csv', 'x.testing.csv', 'evaluation.jsonl'),
    {
      train: ['my_train.csv'],
      validation: ['a valid 1.csv', 'en/val.csv'],
      test: ['x.testing.csv', 'evaluation.jsonl'],
    },
  );
  assert.deepEqual(byName('rows.csv', 'more/rows.csv'), { train: ['rows.csv', 'more/rows.csv'] });
  assert.deepEqual(byName(), {});
});

test('a listing that leads out of the repository is refused', async () => {
  for (const path of ['../train.csv', '/train.csv', 'a/../../train.csv', 'a\\train.csv', 'c:train.csv', '']) {
    const repository: DataRepository = {
      name: 'owner/rows',
      list: () => Promise.resolve(['test.csv', path]),
      fetch: () => Promise.reject(new Error('must not be fetched')),
    };
    await refuses(findLayout(repository), /owner\/rows: names the file .*, which may lie outside of it$/);
  }
});

test('folders that are datasets of their own are configurations', async (t) => {
  const files = {
    'en/train.csv': csv(0, 1),
    'en/test.csv': csv(1),
    'de/train.csv': csv(1, 0),
    'de/test.csv': csv(0),
  };
  await refuses(
    findLayout(remote(t, files)),
    /owner\/rows: has several configurations: en, de$|has several configurations: de, en$/,
    UsageError,
  );
  assert.deepEqual(Object.fromEntries((await findLayout(remote(t, files), 'de')).splits), {
    train: ['de/train.csv'],
    test: ['de/test.csv'],
  });
  assert.deepEqual(Object.keys(await loadDataset(tree(t, files), { config: 'en' })), ['train', 'test']);
  await refuses(findLayout(remote(t, files), 'fr'), /has no configuration fr; it has/, UsageError);
});

test('of several formats on the Hub one is taken; in a folder of the user they are unclear', async (t) => {
  const files = { 'train.csv': csv(0, 1), 'train.parquet': parquet(0, 1), 'test.jsonl': '', 'test.csv': '' };
  assert.deepEqual(Object.fromEntries((await findLayout(remote(t, files))).splits), {
    train: ['train.parquet'],
    test: ['test.jsonl'],
  });
  await refuses(
    loadSplits({ dataset: tree(t, files), seed }),
    /holds several train files: train\.csv, train\.parquet$/,
  );
});

test('a loading script alone: the converted parquet, or a word about it', async (t) => {
  const files = {
    'rows.py': 'print()',
    'README.md': `---
dataset_info:
  config_name: b
  features:
  - name: label
    dtype: {class_label: {names: [no, yes]}}
---
`,
  };
  const converted = remote(t, {
    'a/train/0000.parquet': parquet(0, 1),
    'b/train/0000.parquet': parquet(0, 1),
    'b/train/0001.parquet': parquet(1),
    'b/partial-test/0000.parquet': parquet(1),
  });
  const layout = await findLayout(remote(t, files, converted), 'b');
  assert.deepEqual(
    [Object.fromEntries(layout.splits), layout.repository, layout.classNames('label')],
    [
      { train: ['b/train/0000.parquet', 'b/train/0001.parquet'], test: ['b/partial-test/0000.parquet'] },
      converted,
      ['no', 'yes'],
    ],
  );
  await refuses(findLayout(remote(t, files, converted)), /has several configurations: a, b$/, UsageError);
  await refuses(
    findLayout(remote(t, files)),
    /has no data files, only a loading script \(rows\.py\), which attune does not run$/,
  );
});

test('any listing and any card give a layout or an AttuneError', async (t) => {
  const word = fc.constantFrom(
    'train',
    'test',
    'dev',
    'data',
    'en',
    'x',
    '..',
    '.',
    '*',
    'a b',
    'README.md',
    '00000-of-00001',
    '__x',
    '.h',
  );
  const path = fc
    .array(word, { minLength: 1, maxLength: 3 })
    .chain((parts) =>
      fc.constantFrom('.csv', '.parquet', '.py', '').map((ending) => parts.join('/') + ending),
    );
  const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      word,
      fc.integer(),
      fc.constant(null),
      fc.boolean(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom(
          'configs',
          'config_name',
          'data_files',
          'split',
          'path',
          'data_dir',
          'default',
          'dataset_info',
          'features',
          'name',
          'dtype',
          'class_label',
          'names',
          '0',
        ),
        tie('value'),
        { maxKeys: 4 },
      ),
    ),
  })).value;
  const dir = folder(t);
  await fc.assert(
    fc.asyncProperty(
      fc.array(path, { maxLength: 6 }),
      value,
      fc.option(word),
      async (paths, card, config) => {
        writeFileSync(join(dir, 'README.md'), `---\n${JSON.stringify(card)}\n---\n`);
        const repository: DataRepository = {
          name: 'r',
          list: () => Promise.resolve([...paths, 'README.md']),
          fetch: (file) => Promise.resolve(join(dir, file)),
        };
        try {
          const layout = await findLayout(repository, config ?? undefined);
          layout.classNames('label');
          for (const files of layout.splits.values())
            for (const file of files) assert.ok(paths.includes(file), file);
        } catch (error) {
          assert.ok(error instanceof AttuneError, String(error instanceof Error ? error.stack : error));
        }
      },
    ),
    { numRuns: 500, seed: 11 },
  );
});
