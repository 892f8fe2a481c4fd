/** Configurations and class names that the card of a dataset (README.md) declares. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { DataError, UsageError } from '#attune/errors/attune-error.js';
import { parseCard } from '#attune/data/card.js';
import { findLayout } from '#attune/data/layout.js';
import { loadSplits } from '#attune/data/splits.js';
import { refusal } from '../support/refusal.js';
import { csv, remote, tree } from './repositories.js';

const CARD = `---
license: mit
configs:
- config_name: en
  data_files:
  - split: train
    path: [en/a.csv, "./en/b*.csv"]
  - split: test
    path: "en/held.csv"
- config_name: de
  default: true
  data_files: de/*.csv
- config_name: named
  data_dir: fr
dataset_info:
- config_name: en
  features:
  - name: text
    dtype: string
  - name: label
    dtype:
      class_label:
        names:
          '0': bad
          '1': good
---
# Rows
`;
const CARD_FILES = {
  'README.md': CARD,
  'en/a.csv': csv(0, 'good'),
  'en/b1.csv': csv(1),
  'en/b2.csv': csv(0),
  'en/held.csv': csv(1),
  'de/x.csv': csv(0, 1),
  'fr/train.csv': csv(0, 1),
  'fr/dev.csv': csv(0),
};

/** The layout of a repository with a file `a.csv` and a card with this YAML. */
const findWithCard = (t: TestContext, yaml: string): ReturnType<typeof findLayout> =>
  findLayout(remote(t, { 'README.md': `---\n${yaml}\n---\n`, 'a.csv': csv(0, 1) }));

describe('findLayout', () => {
  it('takes the splits and class names of a configuration from the card', async (t) => {
    const repository = remote(t, CARD_FILES);
    const layout = await findLayout(repository, 'en');
    assert.deepEqual(
      [layout.config, Object.fromEntries(layout.splits), layout.classNames('label')],
      ['en', { train: ['en/a.csv', 'en/b1.csv', 'en/b2.csv'], test: ['en/held.csv'] }, ['bad', 'good']],
    );
    assert.deepEqual(repository.fetched, ['README.md']);
  });

  it('takes the default configuration if none is requested', async (t) => {
    assert.deepEqual(Object.fromEntries((await findLayout(remote(t, CARD_FILES))).splits), {
      train: ['de/x.csv'],
    });
  });

  it('finds splits by file name in the data_dir of a configuration', async (t) => {
    const named = await findLayout(remote(t, CARD_FILES), 'named');
    assert.deepEqual(
      [Object.fromEntries(named.splits), named.classNames('label')],
      [{ train: ['fr/train.csv'], validation: ['fr/dev.csv'] }, undefined],
    );
  });

  it('refuses an unknown configuration and lists those that it has', async (t) => {
    await assert.rejects(
      findLayout(remote(t, CARD_FILES), 'enn'),
      refusal(UsageError, 'dataset-config-unknown', {
        dataset: 'owner/rows',
        config: 'enn',
        known: ['en', 'de', 'named'],
      }),
    );
  });

  it('refuses to choose among several configurations if none is the default', async (t) => {
    const card = CARD.replace('default: true', 'default: false');
    await assert.rejects(
      findLayout(remote(t, { ...CARD_FILES, 'README.md': card })),
      refusal(UsageError, 'dataset-config-needed', {
        dataset: 'owner/rows',
        known: ['en', 'de', 'named'],
      }),
    );
  });

  it('refuses a card with broken YAML and reports the line', async (t) => {
    const repository = remote(t, { 'README.md': '---\nconfigs:\n- config_name: [a\n---\n' });
    const file = await repository.fetch('README.md');
    await assert.rejects(findLayout(repository), refusal(DataError, 'card-yaml-broken', { file, line: 3 }));
  });

  it('refuses a card field of the wrong type', async (t) => {
    await assert.rejects(
      findWithCard(t, 'configs: 7'),
      refusal(DataError, 'card-config-invalid', { config: 0, found: 7 }),
    );
    for (const [field, found] of [
      ['config_name', true],
      ['data_dir', 7],
    ] as const)
      await assert.rejects(
        findWithCard(t, `configs:\n- {}\n- ${field}: ${found}`),
        refusal(DataError, 'card-config-field-invalid', { config: 1, field, found }),
      );
    for (const [entry, found, expected] of [
      ['{split: train, path: 5}', 5, 'path'],
      ['{split: [a], path: a.csv}', ['a'], 'splitName'],
      ['{split: train, path: a.csv}, b.csv', 'b.csv', 'splitWithPath'],
    ] as const)
      await assert.rejects(
        findWithCard(t, `configs:\n- data_files: [${entry}]`),
        refusal(DataError, 'card-data-files-invalid', { config: 0, found, expected }),
      );
  });

  it('refuses a card that declares a split twice', async (t) => {
    const split = '  - split: train\n    path: a.csv';
    await assert.rejects(
      findWithCard(t, `configs:\n- data_files:\n${split}\n${split}`),
      refusal(DataError, 'card-split-repeated', { config: 0, split: 'train' }),
    );
  });

  it('refuses data_files that match no file', async (t) => {
    await assert.rejects(
      findWithCard(t, 'configs:\n- data_files: none.csv'),
      refusal(DataError, 'card-path-unmatched', {
        dataset: 'owner/rows',
        config: 'default',
        split: 'train',
        patterns: ['none.csv'],
      }),
    );
  });

  it('refuses data_files that belong to another repository', async (t) => {
    await assert.rejects(
      findWithCard(t, 'configs:\n- data_files: "hf://datasets/x/y/a.csv"'),
      refusal(DataError, 'card-path-foreign', {
        dataset: 'owner/rows',
        config: 'default',
        split: 'train',
        path: 'hf://datasets/x/y/a.csv',
      }),
    );
  });

  it('handles a pattern of many stars without backtracking', async (t) => {
    const pattern = '*a'.repeat(20);
    await assert.rejects(
      findWithCard(t, `configs:\n- data_files: "${pattern}"`),
      refusal(DataError, 'card-path-unmatched', { patterns: [pattern] }),
    );
  });

  it('refuses paths that lead out of the repository', async (t) => {
    for (const path of ['../a.csv', '/etc/a.csv', 'x/../../a.csv', 'x\\..\\a.csv', 'C:/a.csv'])
      await assert.rejects(
        findWithCard(t, `configs:\n- data_files: ${JSON.stringify(path)}`),
        refusal(DataError, 'dataset-path-outside', { dataset: 'owner/rows', path }),
      );
    await assert.rejects(
      findWithCard(t, 'configs:\n- data_dir: "../x"'),
      refusal(DataError, 'dataset-path-outside', { dataset: 'owner/rows', path: '../x' }),
    );
  });

  it('refuses YAML aliases that expand to 10^9 values', async (t) => {
    const tenTimes = (alias: string): string => `[${new Array<string>(10).fill(`*${alias}`).join(', ')}]`;
    const aliases = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} ${tenTimes(`a${i}`)}`);
    await assert.rejects(
      findWithCard(t, ['a0: &a0 [x]', ...aliases].join('\n')),
      refusal(DataError, 'card-yaml-broken', { line: 1 }),
    );
  });
});

describe('loadSplits', () => {
  it('applies the class names of the card', async (t) => {
    const {
      train,
      test: held,
      labelNames,
    } = await loadSplits({ dataset: tree(t, CARD_FILES), datasetConfig: 'en', seed: 42 });
    assert.deepEqual(labelNames, ['bad', 'good']);
    assert.deepEqual(
      [...train, ...held!].map(({ label, labelText }) => [label, labelText]),
      [
        [0, 'bad'],
        [1, 'good'],
        [1, 'good'],
        [0, 'bad'],
        [1, 'good'],
      ],
    );
  });
});

describe('parseCard', () => {
  it('returns undefined if there is no YAML mapping at the top of the file', async () => {
    assert.equal(await parseCard('no card', 'README.md'), undefined);
    assert.equal(await parseCard('---\njust text\n---\n', 'README.md'), undefined);
  });
});
