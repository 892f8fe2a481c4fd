/** Labels of rows and the classes that they become. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DataError, UsageError } from '#attune/errors/attune-error.js';
import type { ErrorCode } from '#attune/errors/catalogue.js';
import type { Facts } from '#attune/errors/wording.js';
import { LabelMap } from '#attune/data/labels.js';
import { EXTENSIONS } from '#attune/data/readers.js';
import type { RawRow } from '#attune/data/rows.js';
import { readRows } from '#attune/data/rows.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

/** Rows from line 1 on; a pair is a label and its label_text. */
function rows(...labels: (number | string | [number, string])[]): RawRow[] {
  return labels.map((entry, i) => {
    const [label, labelText] = Array.isArray(entry) ? entry : [entry, undefined];
    return { line: i + 1, text: `t${i}`, label, labelText };
  });
}

const indices = async (map: LabelMap, raw: RawRow[]): Promise<number[]> =>
  (await map.encode(raw, 'test.jsonl')).map(({ label }) => label);

const learn = (...labels: Parameters<typeof rows>): Promise<LabelMap> =>
  LabelMap.learn(rows(...labels), 'train.jsonl');

describe('LabelMap.learn', () => {
  it('takes integers as class indices, called LABEL_i if the rows have no names', async () => {
    const raw = rows(2, 0, 1, 1);
    const map = await LabelMap.learn(raw, 'train.jsonl');
    assert.deepEqual(map.names, ['LABEL_0', 'LABEL_1', 'LABEL_2']);
    assert.deepEqual((await map.encode(raw, 'train.jsonl'))[0], { text: 't0', label: 2 });
  });

  it('names integer labels by their label_text', async () => {
    const raw = rows([1, 'good'], [0, 'bad'], 1);
    const map = await LabelMap.learn(raw, 'train.jsonl');
    assert.deepEqual(map.names, ['bad', 'good']);
    assert.deepEqual(
      (await map.encode(raw, 'train.jsonl')).map(({ labelText }) => labelText),
      ['good', 'bad', 'good'],
    );
    assert.deepEqual(await indices(map, rows('good', [0, 'bad'])), [1, 0]);
  });

  it('numbers names in the order of their code points', async () => {
    const map = await learn('b', 'a', '\u{1f600}', '\uff5e', 'Z', 'ab');
    assert.deepEqual(map.names, ['Z', 'a', 'ab', 'b', '\uff5e', '\u{1f600}']);
    assert.deepEqual(await indices(map, rows('ab', 'Z')), [2, 0]);
  });

  it('refuses rows of a single class', async () => {
    for (const labels of [
      [0, 0, 0],
      ['a', 'a'],
    ])
      await assert.rejects(
        learn(...labels),
        refusal(DataError, 'labels-of-one-class', {
          source: 'train.jsonl',
          rows: labels.length,
          label: labels[0],
          taken: undefined,
          name: undefined,
        }),
      );
  });

  it('refuses a mix of integers and names, and reports both lines', async () => {
    const file = 'train.jsonl';
    await assert.rejects(
      learn(0, 1, 'a'),
      refusal(DataError, 'labels-mixed', { file, line: 3, label: 'a', other: { file, line: 1, label: 0 } }),
    );
    await assert.rejects(
      learn('a', 1),
      refusal(DataError, 'labels-mixed', { file, line: 2, label: 1, other: { file, line: 1, label: 'a' } }),
    );
  });

  it('refuses integers that leave out a class', async () => {
    for (const [labels, highest, missing, missingCount] of [
      [[1, 2], 2, [0], 1],
      [[0, 5, 2], 5, [1, 3, 4], 3],
      [[0, 1e15], 1e15, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 999999999999999],
    ] as const)
      await assert.rejects(
        learn(...labels),
        refusal(DataError, 'labels-with-gaps', {
          file: 'train.jsonl',
          line: 2,
          highest,
          missing,
          missingCount,
        }),
      );
  });

  it('refuses names that contradict each other, and reports both lines', async () => {
    const place = { file: 'train.jsonl', line: 1 };
    await assert.rejects(
      learn([0, 'a'], [1, 'b'], [0, 'b']),
      refusal(DataError, 'class-with-two-names', {
        file: 'train.jsonl',
        line: 3,
        label: 0,
        name: 'b',
        other: { name: 'a', place },
      }),
    );
    await assert.rejects(
      learn([0, 'a'], 1, [1, 'a']),
      refusal(DataError, 'class-name-shared', {
        file: 'train.jsonl',
        line: 3,
        label: 1,
        name: 'a',
        other: { label: 0, place },
      }),
    );
  });
});

describe('LabelMap.encode', () => {
  it('accepts indices and names, and rows without some of the classes', async () => {
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
    assert.deepEqual(await indices(map, rows(0, 'no')), [0, 0]);
  });

  it('refuses a label that the training split does not have, and reports its line', async () => {
    const file = 'test.jsonl';
    const names = ['bad', 'good'];
    const integers = await learn([0, 'bad'], [1, 'good']);
    await assert.rejects(
      indices(integers, rows(0, 2)),
      refusal(DataError, 'label-out-of-range', { file, line: 2, label: 2, classes: 2, names }),
    );
    await assert.rejects(
      indices(integers, rows('ugly')),
      refusal(DataError, 'label-unknown', { file, line: 1, label: 'ugly', classes: names }),
    );
    await assert.rejects(
      indices(await learn('bad', 'good'), rows('bad', 1)),
      refusal(DataError, 'label-unknown', { file, line: 2, label: 1, classes: names }),
    );
    await assert.rejects(
      indices(LabelMap.of(['a', 'b']), rows(2)),
      refusal(DataError, 'label-out-of-range', { file, line: 1, label: 2, classes: 2, names: ['a', 'b'] }),
    );
  });

  it('refuses names that contradict those of the training split or of the same split', async () => {
    const file = 'test.jsonl';
    const integers = await learn([0, 'bad'], [1, 'good']);
    await assert.rejects(
      indices(integers, rows([1, 'ugly'])),
      refusal(DataError, 'class-with-two-names', {
        file,
        line: 1,
        label: 1,
        name: 'ugly',
        other: { name: 'good', place: { file: 'train.jsonl', line: 2 } },
      }),
    );
    await assert.rejects(
      indices(integers, rows([1, 'bad'], [1, 'good'])),
      refusal(DataError, 'class-with-two-names', {
        file,
        line: 2,
        label: 1,
        name: 'good',
        other: { name: 'bad', place: { file, line: 1 } },
      }),
    );
    await assert.rejects(
      indices(LabelMap.named(['bad', 'good'], 'model'), rows([0, 'sad'])),
      refusal(DataError, 'class-with-two-names', {
        file,
        line: 1,
        label: 0,
        name: 'sad',
        other: { name: 'bad', place: 'model' },
      }),
    );
  });

  it('matches classes by name if the other split numbers them differently', async () => {
    const integers = await learn([0, 'bad'], [1, 'good']);
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
  });

  it('matches classes by number if they have no names of their own', async () => {
    const unnamed = LabelMap.named(['LABEL_0', 'LABEL_1'], 'model');
    assert.deepEqual(await indices(unnamed, rows([1, 'bad'], 0)), [1, 0]);
  });
});

const readLines = async (dir: string, options = {}) => readRows(`${dir}/rows.jsonl`, options);

describe('readRows', () => {
  it('reads integer labels in any notation and names, without surrounding whitespace', async (t) => {
    const values = [3, '3', ' 4 ', '+1', '007', 2.0, -0, '-0', 'pos', ' neg\t', false, true];
    const dir = folder(t, {
      'rows.jsonl': values.map((label) => JSON.stringify({ text: '', label })).join('\n'),
    });
    assert.deepEqual(
      (await readLines(dir)).map(({ label }) => label),
      [3, 3, 4, 1, 7, 2, 0, 0, 'pos', 'neg', 0, 1],
    );
  });

  it('reads the columns that are given, and keeps texts and ids as they are', async (t) => {
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
  });

  it('refuses one column for both the text and the label', async (t) => {
    const dir = folder(t, { 'rows.jsonl': '{"s": " a ", "y": 1}' });
    await assert.rejects(
      readLines(dir, { textColumn: 'y', labelColumn: 'y' }),
      refusal(UsageError, 'columns-identical', { column: 'y' }),
    );
  });

  it('does not take a property that every object has for a column', async (t) => {
    const dir = folder(t, { 'rows.jsonl': '{"text": "a", "label": 1}' });
    for (const labelColumn of ['constructor', 'toString', '__proto__'])
      await assert.rejects(
        readLines(dir, { labelColumn }),
        refusal(DataError, 'column-missing', { line: 1, column: labelColumn, columns: ['text', 'label'] }),
      );
  });

  const inLabel = { column: 'label' };
  const refusedRows: [what: string, row: string, code: ErrorCode, facts: Facts][] = [
    ['a row without a text', '{"label": 0}', 'column-missing', { column: 'text', columns: ['label'] }],
    [
      'a misspelled text column',
      '{"texts": "a", "label": 0}',
      'column-missing',
      { column: 'text', columns: ['texts', 'label'] },
    ],
    ['a text that is a number', '{"text": 5, "label": 0}', 'text-not-string', { column: 'text', found: 5 }],
    ['a row without a label', '{"text": "a"}', 'column-missing', { column: 'label', columns: ['text'] }],
    ['a null label', '{"text": "a", "label": null}', 'label-missing', { ...inLabel, label: null }],
    ['an empty label', '{"text": "a", "label": "  "}', 'label-missing', { ...inLabel, label: '  ' }],
    ['a fraction', '{"text": "a", "label": 0.5}', 'label-not-integer', { ...inLabel, label: 0.5 }],
    [
      'a fraction in a string',
      '{"text": "a", "label": "1.0"}',
      'label-not-integer',
      { ...inLabel, label: '1.0' },
    ],
    [
      'a number with an exponent',
      '{"text": "a", "label": "1e3"}',
      'label-not-integer',
      { ...inLabel, label: '1e3' },
    ],
    ['a negative label', '{"text": "a", "label": -1}', 'label-negative', { ...inLabel, label: -1 }],
    [
      'a negative label in a string',
      '{"text": "a", "label": "-1"}',
      'label-negative',
      { ...inLabel, label: '-1' },
    ],
    [
      'a label too large for an index',
      '{"text": "a", "label": 1e300}',
      'label-too-large',
      { ...inLabel, label: '1e+300' },
    ],
    ['a list as a label', '{"text": "a", "label": [1]}', 'label-type', { ...inLabel, label: [1] }],
    [
      'a label_text that is a number',
      '{"text": "a", "label": 0, "label_text": 3}',
      'class-name-not-string',
      { column: 'label_text', found: 3 },
    ],
  ];
  for (const [what, row, code, facts] of refusedRows) {
    it(`refuses ${what} and reports the line`, async (t) => {
      const dir = folder(t, { 'rows.jsonl': `{"text": "ok", "label": 1}\n${row}\n` });
      const file = `${dir}/rows.jsonl`;
      await assert.rejects(readLines(dir), refusal(DataError, code, { file, line: 2, ...facts }));
    });
  }

  it('refuses a file without rows', async (t) => {
    const dir = folder(t, { 'rows.jsonl': '\n\n' });
    await assert.rejects(
      readLines(dir),
      refusal(DataError, 'data-file-empty', { file: `${dir}/rows.jsonl` }),
    );
  });

  it('refuses an unknown kind of file and lists those that it reads', async (t) => {
    const dir = folder(t, { 'rows.arrow': 'ARROW1' });
    await assert.rejects(
      readRows(`${dir}/rows.arrow`),
      refusal(DataError, 'data-file-kind', { file: `${dir}/rows.arrow`, readable: EXTENSIONS }),
    );
    for (const ending of ['.jsonl', '.json', '.csv', '.parquet']) assert.ok(EXTENSIONS.includes(ending));
  });
});
