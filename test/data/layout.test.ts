import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { AttuneError, DataError, UsageError } from '#attune/errors.js';
import { parseCard } from '#attune/data/card.js';
import { loadDataset } from '#attune/data/load.js';
import { findLayout } from '#attune/data/layout.js';
import type { DataRepository } from '#attune/data/repository.js';
import { splitsByName } from '#attune/data/split-names.js';
import { loadSplits, loadTestSplit } from '#attune/data/splits.js';
import { folder } from '../support/folder.js';
import { parquetBytes } from '../support/parquet.js';

const csv = (...labels: (number | string)[]) =>
  `text,label\n${labels.map((label, i) => `text ${i},${label}\n`).join('')}`;
const parquet = (...labels: number[]) =>
  parquetBytes([
    { name: 'text', data: labels.map((_, i) => `text ${i}`) },
    { name: 'label', data: Int32Array.from(labels) },
  ]);
const seed = 42;

/** A folder whose files may lie in folders. */
function tree(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): string {
  const dir = folder(t);
  for (const [path, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), contents);
  }
  return dir;
}

/** The same as a repository that is not the user's own folder, which counts what is fetched. */
function remote(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
  converted?: DataRepository,
): DataRepository & { fetched: string[] } {
  const dir = tree(t, files);
  const fetched: string[] = [];
  return {
    name: 'owner/rows',
    fetched,
    list: () => Promise.resolve(Object.keys(files).sort()),
    fetch: (path) => Promise.resolve((fetched.push(path), join(dir, path))),
    converted: () => Promise.resolve(converted),
  };
}

async function refuses(
  action: Promise<unknown>,
  message: RegExp,
  kind: new (message: string) => AttuneError = DataError,
  hint?: RegExp,
): Promise<void> {
  await assert.rejects(action, (error) => {
    assert.ok(error instanceof kind, String(error));
    assert.match(error.message, message);
    if (hint) assert.match(error.hint ?? '', hint);
    return true;
  });
}

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

test('a folder: every kind of file, packed or not, several of them as one split', async (t) => {
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
  await refuses(
    loadDataset(dir, { split: 'valdation' }),
    /holds no valdation\.\*/,
    DataError,
    /Did you mean validation\?/,
  );
});

test('an error in one of several files names that file', async (t) => {
  const dir = tree(t, {
    'data/train-00000-of-00002.parquet': parquet(0, 1),
    'data/train-00001-of-00002.parquet': parquet(1, 3),
  });
  await refuses(
    loadDataset(dir),
    /data\/train-00001-of-00002\.parquet: row 2: the highest label is 3, but no row has label 2$/,
  );
});

test('a train.* at the top of a folder is the training split, whatever else lies there', async (t) => {
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

test('a pattern names several files as one split', async (t) => {
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
  assert.equal((await loadDataset(`${dir}/**/a-*.csv`, { split: 'train' })).length, 4);
  assert.equal(
    (await loadTestSplit({ dataset: `${dir}/a-*.csv`, labelNames: ['x', 'y', 'z'], seed })).test.length,
    3,
  );
  await refuses(loadSplits({ dataset: `${dir}/z-*.csv`, seed }), /z-\*\.csv: no file matches$/);
  await refuses(loadSplits({ dataset: `${dir}/none/*.csv`, seed }), /there is no folder .*none$/);
  // A file of that very name is meant as one.
  writeFileSync(join(dir, 'a[1].csv'), csv(0, 1));
  assert.equal((await loadDataset(`${dir}/a[1].csv`)).train.length, 2);
});

test('the split to train on, and the one to evaluate on', async (t) => {
  const dir = tree(t, { 'train.csv': csv(0, 1, 1), 'validation.csv': csv(1), 'extra.csv': csv(0) });
  const { test: none, notes } = await loadSplits({ dataset: dir, seed });
  assert.equal(none, undefined);
  assert.deepEqual(notes, [
    `${dir} holds no test.*, so there is no test split; it has validation: --eval-split validation evaluates on that`,
  ]);
  const { test: held } = await loadSplits({ dataset: dir, evalSplit: 'validation', seed });
  assert.deepEqual([held!.name, held!.length], ['validation', 1]);
  assert.equal(
    (await loadTestSplit({ dataset: dir, split: 'validation', labelNames: ['a', 'b'], seed })).test.length,
    1,
  );
  await refuses(
    loadTestSplit({ dataset: dir, labelNames: ['a', 'b'], seed }),
    /holds no test\.\*/,
    DataError,
    /Its splits are train, validation/,
  );
  await refuses(loadSplits({ dataset: dir, evalSplit: 'test', seed }), /holds no test\.\*/);
  await refuses(
    loadSplits({ dataset: dir, split: 'train', evalSplit: 'train', seed }),
    /cannot be trained and evaluated on at once/,
    UsageError,
  );
  await refuses(
    loadSplits({ dataset: dir, evalSplit: 'validation', testSize: 0.5, seed }),
    /testSize and evalSplit exclude each other/,
    UsageError,
  );
  await refuses(
    loadSplits({ dataset: `${dir}/train.csv`, split: 'dev', seed }),
    /train\.csv: is one split, which has no dev/,
    UsageError,
  );
  await refuses(
    loadSplits({ dataset: `${dir}/train.csv`, datasetConfig: 'en', seed }),
    /has no configurations/,
    UsageError,
  );
  await refuses(
    loadSplits({ dataset: dir, revision: 'main', seed }),
    /is on this machine and has no revisions/,
    UsageError,
  );
});

test('a share of the training rows to evaluate on, the classes in proportion', async (t) => {
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
  assert.deepEqual(notes, [
    "the dataset's own test split is not used, because testSize makes one of 10 rows",
  ]);
  assert.equal((await loadSplits({ dataset: `${dir}/train.csv`, testSize: 5, seed })).test!.length, 5);
  await refuses(
    loadSplits({ dataset: dir, testSize: 50, seed }),
    /testSize 50 takes 50 of 50 rows/,
    UsageError,
  );
  await refuses(loadSplits({ dataset: dir, testSize: 1.5, seed }), /testSize must be a share/, UsageError);
});

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
  await refuses(
    card(
      `a0: &a0 [x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array.from({ length: 10 }, () => `*a${i}`).join(', ')}]`).join('\n')}`,
    ),
    /the YAML of the card is broken/,
  );
  assert.equal(await parseCard('no card', 'README.md'), undefined);
  assert.equal(await parseCard('---\njust text\n---\n', 'README.md'), undefined);
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
    'README.md':
      '---\ndataset_info:\n  config_name: b\n  features:\n  - name: label\n    dtype: {class_label: {names: [no, yes]}}\n---\n',
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

test('names that are neither here nor on the Hub', async (t) => {
  const dir = folder(t, {});
  for (const name of ['nowhere', `${dir}/none`, './x/y', 'rows.csv', 'data/rows.csv', 'a/b/c'])
    await refuses(
      loadDataset(name),
      /: no such file or folder$/,
      DataError,
      /owner\/name on the Hugging Face Hub/,
    );
  await refuses(
    loadDataset('owner/name@main', { revision: 'other' }),
    /names one revision, and other is given beside it/,
    UsageError,
  );
});

test('a gzip file that unpacks without end, is cut short or is none', async (t) => {
  const bomb = gzipSync(Buffer.alloc(8 << 20, 0x20));
  const cut = gzipSync(csv(0, 1)).subarray(0, 30);
  const dir = tree(t, {
    'bomb.csv.gz': bomb,
    'cut.csv.gz': cut,
    'none.jsonl.gz': '{"text": "a", "label": 0}\n',
    'packed.csv.zip': 'PK',
    'good.jsonl.gz': gzipSync('{"text": "a", "label": 0}\n{"text": "b", "label": 1}\n'),
  });
  await refuses(
    loadDataset(`${dir}/bomb.csv.gz`),
    /bomb\.csv\.gz: becomes more than 256 times as long when it is unpacked/,
  );
  await refuses(loadDataset(`${dir}/cut.csv.gz`), /cut\.csv\.gz: the gzip file ends too early$/);
  await refuses(loadDataset(`${dir}/none.jsonl.gz`), /none\.jsonl\.gz: is not a sound gzip file/);
  await refuses(loadDataset(`${dir}/packed.csv.zip`), /does not unpack this kind of file/);
  assert.equal((await loadDataset(`${dir}/good.jsonl.gz`)).train.length, 2);
});

test('a JSON array is read, row by row', async (t) => {
  const dir = tree(t, {
    'rows.json': '\ufeff [\n{"text": "a", "label": 0},\n{"text": "b", "label": 2}]',
    'odd.json': '[{"text": "a", "label": 0}, 7]',
    'broken.json': '[{"text": "a"},\n{"text" "b"}]',
  });
  await refuses(
    loadDataset(`${dir}/rows.json`),
    /rows\.json: row 2: the highest label is 2, but no row has label 1$/,
  );
  await refuses(loadDataset(`${dir}/odd.json`), /odd\.json: row 2: is 7, not an object$/);
  await refuses(loadDataset(`${dir}/broken.json`), /broken\.json:2: broken JSON at column 9/);
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
