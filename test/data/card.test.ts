/** Configurations and class names that the card of a dataset (README.md) declares. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { UsageError } from '#attune/errors/attune-error.js';
import { parseCard } from '#attune/data/card.js';
import { findLayout } from '#attune/data/layout.js';
import { loadSplits } from '#attune/data/splits.js';
import { csv, refuses, remote, tree } from './repositories.js';

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

  it('refuses an unknown configuration and suggests one with a similar name', async (t) => {
    await refuses(
      findLayout(remote(t, CARD_FILES), 'enn'),
      /owner\/rows: has no configuration enn; it has en, de, named$/,
      UsageError,
      /Did you mean en\?/,
    );
  });

  it('refuses to choose among several configurations if none is the default', async (t) => {
    const card = CARD.replace('default: true', 'default: false');
    await refuses(
      findLayout(remote(t, { ...CARD_FILES, 'README.md': card })),
      /owner\/rows: has several configurations: en, de, named$/,
      UsageError,
      /Choose one with config/,
    );
  });

  it('refuses a card with broken YAML and reports the line', async (t) => {
    await refuses(
      findWithCard(t, 'configs:\n- config_name: [a'),
      /README\.md:\d+: the YAML of the card is broken/,
    );
  });

  it('refuses a card field of the wrong type', async (t) => {
    await refuses(findWithCard(t, 'configs: 7'), /configs\[0\]: is 7, not a configuration/);
    await refuses(
      findWithCard(t, 'configs:\n- data_files:\n  - split: train\n    path: 5'),
      /data_files: 5 is not a path/,
    );
  });

  it('refuses a card that declares a split twice', async (t) => {
    const split = '  - split: train\n    path: a.csv';
    await refuses(
      findWithCard(t, `configs:\n- data_files:\n${split}\n${split}`),
      /the split "train" is there twice/,
    );
  });

  it('refuses data_files that match no file', async (t) => {
    await refuses(
      findWithCard(t, 'configs:\n- data_files: none.csv'),
      /no file that attune reads matches "none\.csv"/,
    );
  });

  it('refuses data_files that belong to another repository', async (t) => {
    await refuses(
      findWithCard(t, 'configs:\n- data_files: "hf://datasets/x/y/a.csv"'),
      /attune takes only files of the repository/,
    );
  });

  it('handles a pattern of many stars without backtracking', async (t) => {
    await refuses(
      findWithCard(t, `configs:\n- data_files: "${'*a'.repeat(20)}"`),
      /no file that attune reads matches/,
    );
  });

  it('refuses paths that lead out of the repository', async (t) => {
    for (const path of ['../a.csv', '/etc/a.csv', 'x/../../a.csv', 'x\\\\..\\\\a.csv', 'C:/a.csv'])
      await refuses(
        findWithCard(t, `configs:\n- data_files: "${path}"`),
        /owner\/rows: names the file .* which may lie outside of it/,
      );
    await refuses(findWithCard(t, 'configs:\n- data_dir: "../x"'), /which may lie outside of it/);
  });

  it('refuses YAML aliases that expand to 10^9 values', async (t) => {
    const tenTimes = (alias: string): string => `[${new Array<string>(10).fill(`*${alias}`).join(', ')}]`;
    const aliases = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} ${tenTimes(`a${i}`)}`);
    await refuses(findWithCard(t, ['a0: &a0 [x]', ...aliases].join('\n')), /the YAML of the card is broken/);
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
