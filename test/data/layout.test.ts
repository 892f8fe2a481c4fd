/** Which files of a repository belong to which split and configuration. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AttuneError, DataError, UsageError } from '#attune/errors/attune-error.js';
import { loadDataset } from '#attune/data/load.js';
import { findLayout } from '#attune/data/layout.js';
import type { DataRepository } from '#attune/data/repository.js';
import { splitsByName } from '#attune/data/split-names.js';
import { loadSplits } from '#attune/data/splits.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';
import { csv, parquet, remote, tree } from './repositories.js';

const byName = (...paths: string[]): Record<string, readonly string[]> =>
  Object.fromEntries(splitsByName(paths));

/** A repository with a loading script in place of data files. */
const SCRIPT_FILES = {
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

/** Parts of paths, which cards have as values too. */
const anyWord = fc.constantFrom(
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
const anyPath = fc
  .array(anyWord, { minLength: 1, maxLength: 3 })
  .chain((parts) => fc.constantFrom('.csv', '.parquet', '.py', '').map((ending) => parts.join('/') + ending));
/** Cards of any shape, with the keys that findLayout reads. */
const anyCard: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    anyWord,
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

describe('splitsByName', () => {
  it('prefers files named SPLIT-00000-of-00001 to any other', () => {
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
  });

  it('prefers the names of folders to those of files', () => {
    assert.deepEqual(byName('train/a.csv', 'x/my-dev.2/b.csv', 'c/test.csv'), {
      train: ['train/a.csv'],
      validation: ['x/my-dev.2/b.csv'],
    });
  });

  it('finds the keywords of a split as words of a file name', () => {
    assert.deepEqual(
      byName(
        'my_train.csv',
        'trainer.csv',
        'a valid 1.csv',
        'en/val.csv',
        'x.testing.csv',
        'evaluation.jsonl',
      ),
      {
        train: ['my_train.csv'],
        validation: ['a valid 1.csv', 'en/val.csv'],
        test: ['x.testing.csv', 'evaluation.jsonl'],
      },
    );
  });

  it('takes all files as train if no name tells a split', () => {
    assert.deepEqual(byName('rows.csv', 'more/rows.csv'), { train: ['rows.csv', 'more/rows.csv'] });
    assert.deepEqual(byName(), {});
  });
});

describe('findLayout', () => {
  it('refuses a listing with paths that lead out of the repository', async () => {
    for (const path of [
      '../train.csv',
      '/train.csv',
      'a/../../train.csv',
      'a\\train.csv',
      'c:train.csv',
      '',
    ]) {
      const repository: DataRepository = {
        name: 'owner/rows',
        list: () => Promise.resolve(['test.csv', path]),
        fetch: () => Promise.reject(new Error('must not be fetched')),
      };
      await assert.rejects(
        findLayout(repository),
        refusal(DataError, 'dataset-path-outside', { dataset: 'owner/rows', path }),
      );
    }
  });

  it('takes folders that have train files of their own as configurations', async (t) => {
    const files = {
      'en/train.csv': csv(0, 1),
      'en/test.csv': csv(1),
      'de/train.csv': csv(1, 0),
      'de/test.csv': csv(0),
    };
    const facts = { dataset: 'owner/rows', known: ['de', 'en'] };
    await assert.rejects(findLayout(remote(t, files)), refusal(UsageError, 'dataset-config-needed', facts));
    assert.deepEqual(Object.fromEntries((await findLayout(remote(t, files), 'de')).splits), {
      train: ['de/train.csv'],
      test: ['de/test.csv'],
    });
    assert.deepEqual(Object.keys(await loadDataset(tree(t, files), { config: 'en' })), ['train', 'test']);
    await assert.rejects(
      findLayout(remote(t, files), 'fr'),
      refusal(UsageError, 'dataset-config-unknown', { ...facts, config: 'fr' }),
    );
  });

  it('takes one of several formats in a repository, but refuses them in a folder of the user', async (t) => {
    const files = {
      'train.csv': csv(0, 1),
      'train.parquet': parquet(0, 1),
      'test.jsonl': '',
      'test.csv': '',
    };
    assert.deepEqual(Object.fromEntries((await findLayout(remote(t, files))).splits), {
      train: ['train.parquet'],
      test: ['test.jsonl'],
    });
    const dataset = tree(t, files);
    await assert.rejects(
      loadSplits({ dataset, seed: 42 }),
      refusal(DataError, 'split-files-ambiguous', {
        dataset,
        split: 'train',
        files: ['train.csv', 'train.parquet'],
      }),
    );
  });

  it('takes the converted Parquet files of a repository with only a loading script', async (t) => {
    const converted = remote(t, {
      'a/train/0000.parquet': parquet(0, 1),
      'b/train/0000.parquet': parquet(0, 1),
      'b/train/0001.parquet': parquet(1),
      'b/partial-test/0000.parquet': parquet(1),
    });
    const layout = await findLayout(remote(t, SCRIPT_FILES, converted), 'b');
    assert.deepEqual(
      [Object.fromEntries(layout.splits), layout.repository, layout.classNames('label')],
      [
        { train: ['b/train/0000.parquet', 'b/train/0001.parquet'], test: ['b/partial-test/0000.parquet'] },
        converted,
        ['no', 'yes'],
      ],
    );
    await assert.rejects(
      findLayout(remote(t, SCRIPT_FILES, converted)),
      refusal(UsageError, 'dataset-config-needed', { dataset: 'owner/rows', known: ['a', 'b'] }),
    );
  });

  it('refuses a repository with only a loading script if the Hub did not convert it', async (t) => {
    await assert.rejects(
      findLayout(remote(t, SCRIPT_FILES)),
      refusal(DataError, 'dataset-has-only-script', { dataset: 'owner/rows', script: 'rows.py' }),
    );
  });

  it('gives a layout of listed files, or an AttuneError, for any listing and card', async (t) => {
    const dir = folder(t);
    let layouts = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyPath, { maxLength: 6 }),
        anyCard,
        fc.option(anyWord),
        async (paths, card, config) => {
          writeFileSync(join(dir, 'README.md'), `---\n${JSON.stringify(card)}\n---\n`);
          const repository: DataRepository = {
            name: 'r',
            list: () => Promise.resolve([...paths, 'README.md']),
            fetch: (file) => Promise.resolve(join(dir, file)),
          };
          try {
            const layout = await findLayout(repository, config ?? undefined);
            layouts++;
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
    assert.ok(layouts > 50, `${layouts} layouts`);
  });
});
