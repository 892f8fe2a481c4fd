/** What the card of a dataset says of its configurations and classes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '#attune/errors.js';
import { parseCard } from '#attune/data/card.js';
import { findLayout } from '#attune/data/layout.js';
import { loadSplits } from '#attune/data/splits.js';
import { csv, refuses, remote, tree } from './repositories.js';

const seed = 42;

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

test("the card's configurations decide, by pattern, and its class names hold", async (t) => {
  const en = remote(t, CARD_FILES);
  const layout = await findLayout(en, 'en');
  assert.deepEqual(
    [layout.config, Object.fromEntries(layout.splits), layout.classNames('label')],
    ['en', { train: ['en/a.csv', 'en/b1.csv', 'en/b2.csv'], test: ['en/held.csv'] }, ['bad', 'good']],
  );
  assert.deepEqual(en.fetched, ['README.md']);
  assert.deepEqual(Object.fromEntries((await findLayout(remote(t, CARD_FILES))).splits), {
    train: ['de/x.csv'],
  });
  const named = await findLayout(remote(t, CARD_FILES), 'named');
  assert.deepEqual(
    [Object.fromEntries(named.splits), named.classNames('label')],
    [{ train: ['fr/train.csv'], validation: ['fr/dev.csv'] }, undefined],
  );
  await refuses(
    findLayout(en, 'enn'),
    /owner\/rows: has no configuration enn; it has en, de, named$/,
    UsageError,
    /Did you mean en\?/,
  );
  const several = remote(t, { ...CARD_FILES, 'README.md': CARD.replace('default: true', 'default: false') });
  await refuses(
    findLayout(several),
    /owner\/rows: has several configurations: en, de, named$/,
    UsageError,
    /--dataset-config/,
  );

  const {
    train,
    test: held,
    labelNames,
  } = await loadSplits({ dataset: tree(t, CARD_FILES), datasetConfig: 'en', seed });
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

test('what is wrong in a card is refused, with the line or the field', async (t) => {
  const card = (yaml: string) =>
    findLayout(remote(t, { 'README.md': `---\n${yaml}\n---\n`, 'a.csv': csv(0, 1) }));
  await refuses(card('configs:\n- config_name: [a'), /README\.md:\d+: the YAML of the card is broken/);
  await refuses(card('configs: 7'), /configs\[0\]: is 7, not a configuration/);
  await refuses(
    card('configs:\n- data_files:\n  - split: train\n    path: 5'),
    /data_files: 5 is not a path/,
  );
  await refuses(
    card('configs:\n- data_files:\n  - split: train\n    path: a.csv\n  - split: train\n    path: a.csv'),
    /the split "train" is there twice/,
  );
  await refuses(card('configs:\n- data_files: none.csv'), /no file that attune reads matches "none\.csv"/);
  await refuses(
    card('configs:\n- data_files: "hf://datasets/x/y/a.csv"'),
    /attune takes files of the repository alone/,
  );
  // Made to take ages with a regular expression.
  await refuses(card(`configs:\n- data_files: "${'*a'.repeat(20)}"`), /no file that attune reads matches/);
  for (const path of ['../a.csv', '/etc/a.csv', 'x/../../a.csv', 'x\\\\..\\\\a.csv', 'C:/a.csv'])
    await refuses(
      card(`configs:\n- data_files: "${path}"`),
      /owner\/rows: names the file .* which may lie outside of it/,
    );
  await refuses(card('configs:\n- data_dir: "../x"'), /which may lie outside of it/);
  // Aliases that multiply: 10^9 of them.
  const tenTimes = (alias: string): string => `[${new Array<string>(10).fill(`*${alias}`).join(', ')}]`;
  const aliases = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} ${tenTimes(`a${i}`)}`);
  await refuses(card(['a0: &a0 [x]', ...aliases].join('\n')), /the YAML of the card is broken/);
  assert.equal(await parseCard('no card', 'README.md'), undefined);
  assert.equal(await parseCard('---\njust text\n---\n', 'README.md'), undefined);
});
