import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DataError, UsageError } from '#attune/errors.js';
import { LabelMap } from '#attune/data/labels.js';
import type { RawRow } from '#attune/data/rows.js';
import { readRows } from '#attune/data/rows.js';
import { folder } from '../support/folder.js';

/** Rows from line 1 on; a pair is a label and its label_text. */
function rows(...labels: (number | string | [number, string])[]): RawRow[] {
  return labels.map((entry, i) => {
    const [label, labelText] = Array.isArray(entry) ? entry : [entry, undefined];
    return { line: i + 1, text: `t${i}`, label, labelText };
  });
}

const indices = async (map: LabelMap, raw: RawRow[]): Promise<number[]> =>
  (await map.encode(raw, 'test.jsonl')).map(({ label }) => label);

test('integers are indices, called LABEL_i where nothing names them', async () => {
  const raw = rows(2, 0, 1, 1);
  const map = await LabelMap.learn(raw, 'train.jsonl');
  assert.deepEqual(map.names, ['LABEL_0', 'LABEL_1', 'LABEL_2']);
  assert.deepEqual((await map.encode(raw, 'train.jsonl'))[0], { text: 't0', label: 2 });
});

test('integers with label_text are called by it', async () => {
  const raw = rows([1, 'good'], [0, 'bad'], 1);
  const map = await LabelMap.learn(raw, 'train.jsonl');
  assert.deepEqual(map.names, ['bad', 'good']);
  assert.deepEqual(
    (await map.encode(raw, 'train.jsonl')).map(({ labelText }) => labelText),
    ['good', 'bad', 'good'],
  );
  assert.deepEqual(await indices(map, rows('good', [0, 'bad'])), [1, 0]);
});

test('names get indices in order of their code points', async () => {
  const map = await LabelMap.learn(rows('b', 'a', '\u{1f600}', '\uff5e', 'Z', 'ab'), 'train.jsonl');
  assert.deepEqual(map.names, ['Z', 'a', 'ab', 'b', '\uff5e', '\u{1f600}']);
  assert.deepEqual(await indices(map, rows('ab', 'Z')), [2, 0]);
});

test('labels known beforehand may be indices or names, in any number', async () => {
  const map = LabelMap.of(['no', 'yes', 'maybe']);
  assert.deepEqual(
    (await map.encode(rows(1, 'maybe', [1, 'otherwise']), 'f')).map(({ label, labelText }) => [
      label,
      labelText,
    ]),
    [
      [1, 'yes'],
      [2, 'maybe'],
      [1, 'yes'],
    ],
  );
});

async function refuses(work: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof DataError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

test('what cannot be learnt from is refused, with file and line', async () => {
  const learn = (...labels: Parameters<typeof rows>) => LabelMap.learn(rows(...labels), 'train.jsonl');
  await refuses(
    learn(0, 0, 0),
    /^train\.jsonl: all 3 rows have the label 0; a classifier needs two classes or more$/,
  );
  await refuses(learn('a', 'a'), /^train\.jsonl: all 2 rows have the label "a"/);
  await refuses(learn(0, 1, 'a'), /^train\.jsonl:3: the label "a" is a name, but 0 in line 1 is an integer$/);
  await refuses(learn('a', 1), /^train\.jsonl:2: the label 1 is an integer, but "a" in line 1 is a name$/);
  await refuses(learn(1, 2), /^train\.jsonl:2: the highest label is 2, but no row has label 0$/);
  await refuses(learn(0, 5, 2), /^train\.jsonl:2: the highest label is 5, but no row has label 1, 3, 4$/);
  await refuses(
    learn(0, 1e15),
    /no row has label 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 \(and 999999999999989 more\)$/,
  );
  await refuses(
    learn([0, 'a'], [1, 'b'], [0, 'b']),
    /^train\.jsonl:3: class 0 is called "b", but "a" in train\.jsonl:1$/,
  );
  await refuses(
    learn([0, 'a'], 1, [1, 'a']),
    /^train\.jsonl:3: class 1 is called "a", but so is class 0 in train\.jsonl:1$/,
  );
});

test('a label of another split that the training split does not know is refused, with file and line', async () => {
  const integers = await LabelMap.learn(rows([0, 'bad'], [1, 'good']), 'train.jsonl');
  await refuses(
    indices(integers, rows(0, 2)),
    /^test\.jsonl:2: unknown label 2; the classes are 0 to 1 \("bad", "good"\)$/,
  );
  await refuses(
    indices(integers, rows('ugly')),
    /^test\.jsonl:1: unknown label "ugly"; the classes are "bad", "good"$/,
  );
  await refuses(
    indices(integers, rows([1, 'ugly'])),
    /^test\.jsonl:1: class 1 is called "ugly", but "good" in train\.jsonl:2$/,
  );
  await refuses(
    indices(integers, rows([1, 'bad'], [1, 'good'])),
    /^test\.jsonl:2: class 1 is called "good", but "bad" in test\.jsonl:1$/,
  );
  const names = await LabelMap.learn(rows('bad', 'good'), 'train.jsonl');
  await refuses(
    indices(names, rows('bad', 1)),
    /^test\.jsonl:2: unknown label 1; the classes are named: "bad", "good"$/,
  );
  await refuses(indices(LabelMap.of(['a', 'b']), rows(2)), /^test\.jsonl:1: unknown label 2/);
});

test('a split that numbers the same names otherwise is taken by the names', async () => {
  const integers = await LabelMap.learn(rows([0, 'bad'], [1, 'good']), 'train.jsonl');
  assert.deepEqual(await indices(integers, rows([1, 'bad'], [0, 'good'], [1, 'bad'])), [0, 1, 0]);
  const declared = await integers.encode(rows(0, 1, 'good'), 'test.jsonl', undefined, ['good', 'bad']);
  assert.deepEqual(
    declared.map(({ label, labelText }) => [label, labelText]),
    [
      [1, 'good'],
      [0, 'bad'],
      [1, 'good'],
    ],
  );
  // Classes that nobody named are taken by their number, whatever they are called elsewhere.
  const unnamed = LabelMap.named(['LABEL_0', 'LABEL_1'], 'the model');
  assert.deepEqual(await indices(unnamed, rows([1, 'bad'], 0)), [1, 0]);
  await refuses(
    indices(LabelMap.named(['bad', 'good'], 'the model'), rows([0, 'sad'])),
    /^test\.jsonl:1: class 0 is called "sad", but "bad" in the model$/,
  );
});

const readLines = async (dir: string, options = {}) => readRows(`${dir}/rows.jsonl`, options);

test('labels of a file: integers however they are written, and names, without the spaces around them', async (t) => {
  const values = [3, '3', ' 4 ', '+1', '007', 2.0, -0, '-0', 'pos', ' neg\t', false, true];
  const dir = folder(t, {
    'rows.jsonl': values.map((label) => JSON.stringify({ text: '', label })).join('\n'),
  });
  assert.deepEqual(
    (await readLines(dir)).map(({ label }) => label),
    [3, 3, 4, 1, 7, 2, 0, 0, 'pos', 'neg', 0, 1],
  );
});

test('other columns, ids, and texts kept as they are', async (t) => {
  const dir = folder(t, {
    'rows.jsonl': [
      '{"id": 7, "s": " a ", "y": 1, "y_text": " good ", "label_text": "x"}',
      '{"id": "q", "s": "", "y": 0, "y_text": null}',
    ].join('\n'),
  });
  assert.deepEqual(await readLines(dir, { textColumn: 's', labelColumn: 'y' }), [
    { line: 1, text: ' a ', label: 1, labelText: 'good', id: '7' },
    { line: 2, text: '', label: 0, id: 'q' },
  ]);
  await assert.rejects(readLines(dir, { textColumn: 'y', labelColumn: 'y' }), UsageError);
});

const refusedRows: [name: string, row: string, message: RegExp][] = [
  ['no text', '{"label": 0}', /:2: has no column "text"; its columns are "label"$/],
  ['a text by a near name', '{"texts": "a", "label": 0}', /:2: has no column "text"; did you mean "texts"\?/],
  ['a text that is a number', '{"text": 5, "label": 0}', /:2: column "text" is 5, not a text$/],
  ['an inherited name', '{"text": "a"}', /:2: has no column "label"/],
  ['a null label', '{"text": "a", "label": null}', /:2: column "label": the label null is missing$/],
  ['an empty label', '{"text": "a", "label": "  "}', /:2: column "label": the label " {2}" is missing$/],
  ['a fraction', '{"text": "a", "label": 0.5}', /:2: column "label": the label 0\.5 is not an integer$/],
  [
    'a spelt fraction',
    '{"text": "a", "label": "1.0"}',
    /:2: column "label": the label "1\.0" is not an integer$/,
  ],
  ['a power', '{"text": "a", "label": "1e3"}', /the label "1e3" is not an integer$/],
  ['a negative label', '{"text": "a", "label": -1}', /:2: column "label": the label -1 is negative$/],
  ['a spelt negative label', '{"text": "a", "label": "-1"}', /the label "-1" is negative$/],
  ['a huge label', '{"text": "a", "label": 1e300}', /is too large for a class index$/],
  ['a list', '{"text": "a", "label": [1]}', /the label \[1\] is neither an integer nor a name$/],
  [
    'a name that is a number',
    '{"text": "a", "label": 0, "label_text": 3}',
    /:2: column "label_text" is 3, not a text$/,
  ],
];
for (const [name, row, message] of refusedRows) {
  test(`refused: ${name}`, async (t) => {
    const dir = folder(t, { 'rows.jsonl': `{"text": "ok", "label": 1}\n${row}\n` });
    await assert.rejects(readLines(dir), (error) => {
      assert.ok(error instanceof DataError, String(error));
      assert.match(error.message, message);
      assert.ok(error.message.startsWith(`${dir}/rows.jsonl:2: `), error.message);
      return true;
    });
  });
}

test('refused: a file without rows, and one of another kind', async (t) => {
  const dir = folder(t, { 'rows.jsonl': '\n\n', 'rows.arrow': 'ARROW1' });
  await assert.rejects(
    readLines(dir),
    (error) => error instanceof DataError && error.message.endsWith('rows.jsonl: holds no rows'),
  );
  await assert.rejects(
    readRows(`${dir}/rows.arrow`),
    (error) =>
      error instanceof DataError &&
      /does not read this kind of file/.test(error.message) &&
      /\.jsonl, .*\.json, .*\.csv, .*\.parquet/.test(error.hint ?? ''),
  );
});
