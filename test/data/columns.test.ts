/** The columns of text and label: named, or guessed from their names and contents. */
import assert from 'node:assert/strict';
import { notice } from '#attune/errors/notices.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { DataError } from '#attune/errors/attune-error.js';
import type { FactsOf } from '#attune/errors/catalogue.js';
import { loadSplits } from '#attune/data/splits.js';
import type { LoadSplitsOptions } from '#attune/data/splits.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

const TEXTS = [
  'a fine long day',
  'a dull evening',
  'so very fine',
  'how dull it was',
  'it was fine again',
  'nothing but dull',
];
const LABELS = ['good', 'bad', 'good', 'bad', 'good', 'bad'];

const csv = (header: string, row: (i: number) => string): string =>
  [header, ...TEXTS.map((_, i) => row(i))].join('\n');

async function load(
  t: TestContext,
  text: string,
  options: Partial<LoadSplitsOptions> = {},
  name = 'rows.csv',
): Promise<Awaited<ReturnType<typeof loadSplits>>> {
  const file = join(folder(t), name);
  writeFileSync(file, text);
  return loadSplits({ dataset: file, seed: 1, ...options });
}

describe('loadSplits', () => {
  const guessed: readonly [string, string, { readonly textColumn: string; readonly labelColumn: string }][] =
    [
      [
        'with common names',
        csv('id,message,category', (i) => `${i},${TEXTS[i]},${LABELS[i]}`),
        { textColumn: 'message', labelColumn: 'category' },
      ],
      [
        'with capitalized names',
        csv('Text,Label', (i) => `${TEXTS[i]},${LABELS[i]}`),
        { textColumn: 'Text', labelColumn: 'Label' },
      ],
      [
        'if one of two has a common name',
        csv('verdict,review', (i) => `${LABELS[i]},${TEXTS[i]}`),
        { textColumn: 'review', labelColumn: 'verdict' },
      ],
      [
        'if there is one column beside text',
        csv('text,verdict', (i) => `${TEXTS[i]},${LABELS[i]}`),
        { textColumn: 'text', labelColumn: 'verdict' },
      ],
      [
        'by their contents if their names give no hint',
        csv('v1,v2', (i) => `${LABELS[i]},${TEXTS[i]}`),
        { textColumn: 'v2', labelColumn: 'v1' },
      ],
    ];
  for (const [how, text, columns] of guessed) {
    it(`guesses columns ${how}, and reports the guess`, async (t) => {
      const splits = await load(t, text, { testSize: 2 });
      assert.deepEqual(splits.columns, columns);
      assert.deepEqual(splits.notes, [notice('columns-guessed', columns)]);
      assert.deepEqual(
        [splits.train.length, splits.test?.length, splits.labelNames],
        [4, 2, ['bad', 'good']],
      );
    });
  }

  it('takes text and label without a note if there are columns of these names', async (t) => {
    const splits = await load(
      t,
      csv('message,text,category,label', (i) => `x,${TEXTS[i]},y,${LABELS[i]}`),
    );
    assert.deepEqual([splits.columns, splits.notes], [{ textColumn: 'text', labelColumn: 'label' }, []]);
  });

  it('takes the guessed columns for the evaluation file as well', async (t) => {
    const dir = folder(t);
    const other = join(dir, 'other.jsonl');
    writeFileSync(
      other,
      TEXTS.map((message, i) => JSON.stringify({ label: 9, text: 'no', message, category: LABELS[i] })).join(
        '\n',
      ),
    );
    const { test, notes } = await load(
      t,
      csv('message,category', (i) => `${TEXTS[i]},${LABELS[i]}`),
      { evalDataset: other },
    );
    assert.deepEqual(
      test!.rows.map(({ text }) => text),
      TEXTS,
    );
    assert.equal(notes.length, 1);
  });

  it('refuses a test or evaluation file without the columns of the training file', async (t) => {
    const dir = folder(t, {
      'train.csv': csv('text,label', (i) => `${TEXTS[i]},${LABELS[i]}`),
      'test.csv': csv('id,text', (i) => `${i},${TEXTS[i]}`),
    });
    const file = join(dir, 'test.csv');
    const lacksLabel = refusal(DataError, 'column-missing', {
      file,
      line: 1,
      column: 'label',
      columns: ['id', 'text'],
    });
    await assert.rejects(loadSplits({ dataset: dir, seed: 1 }), lacksLabel);
    await assert.rejects(
      loadSplits({ dataset: join(dir, 'train.csv'), evalDataset: file, seed: 1 }),
      lacksLabel,
    );
  });

  it('prefers usualColumns to text and label, and columns given by name to both', async (t) => {
    const usualColumns = { textColumn: 'review', labelColumn: 'verdict' };
    const both = await load(
      t,
      csv('review,verdict,text,label', (i) => `${TEXTS[i]},${LABELS[i]},x,y`),
      { usualColumns },
    );
    assert.deepEqual([both.columns, both.notes], [usualColumns, []]);
    const plain = await load(
      t,
      csv('text,label', (i) => `${TEXTS[i]},${LABELS[i]}`),
      { usualColumns },
    );
    assert.deepEqual(
      [plain.columns, plain.notes],
      [
        { textColumn: 'text', labelColumn: 'label' },
        [notice('columns-guessed', { textColumn: 'text', labelColumn: 'label' })],
      ],
    );
    await assert.rejects(
      load(
        t,
        csv('text,label', (i) => `${TEXTS[i]},${LABELS[i]}`),
        { ...usualColumns },
      ),
      refusal(DataError, 'column-missing', { line: 1, column: 'review', columns: ['text', 'label'] }),
    );
  });

  it('reports the guessed columns with an error that they may have caused', async (t) => {
    const stars = csv('review,stars', (i) => `${TEXTS[i]},${1 + (i % 2)}`);
    await assert.rejects(load(t, stars), (error) => {
      const { cause } = error as DataError;
      assert.ok(cause instanceof DataError);
      return refusal(DataError, 'columns-guessed', {
        error: { code: cause.code, facts: cause.facts },
        textColumn: 'review',
        labelColumn: 'stars',
      })(error);
    });
  });

  const notGuessed: readonly [
    when: string,
    text: string,
    options: Partial<LoadSplitsOptions>,
    missing: Partial<FactsOf<'column-missing'>>,
    name?: string,
  ][] = [
    [
      'two columns are candidates for the text',
      csv('title,body,category', (i) => `${i},${TEXTS[i]},${LABELS[i]}`),
      {},
      { line: 1, column: 'text' },
    ],
    [
      'neither of two columns looks like labels',
      csv('a,b', (i) => `${i},${TEXTS[i]}`),
      {},
      { line: 1, column: 'text' },
    ],
    [
      'the only other column numbers the rows',
      csv('id,text', (i) => `${i},${TEXTS[i]}`),
      {},
      { line: 1, column: 'label' },
    ],
    [
      'the only other column holds fractions',
      csv('price,description', (i) => `${i % 2}.5,${TEXTS[i]}`),
      {},
      { line: 1, column: 'text' },
    ],
    [
      'a column with the name of a label holds texts',
      csv('title,topic', (i) => `${i},${TEXTS[i]}`),
      {},
      { line: 1, column: 'text' },
    ],
    [
      'names and contents disagree on which is the label',
      csv('y,x', (i) => `${TEXTS[i]},${i % 2}`),
      {},
      { line: 1, column: 'text' },
    ],
    [
      'the given text column leaves only texts for the label',
      csv('message,category', (i) => `${TEXTS[i]},${LABELS[i]}`),
      { textColumn: 'category' },
      { line: 1, column: 'label' },
    ],
    [
      'a given column does not exist',
      csv('message,category', (i) => `${TEXTS[i]},${LABELS[i]}`),
      { textColumn: 'txt' },
      { line: 1, column: 'txt' },
    ],
    [
      'one record lacks a column that the others have',
      TEXTS.map((text, i) =>
        JSON.stringify(i === 3 ? { text, category: 'x' } : { text, label: LABELS[i] }),
      ).join('\n'),
      {},
      { line: 4, column: 'label', columns: ['text', 'category'] },
      'rows.jsonl',
    ],
  ];
  for (const [when, text, options, missing, name] of notGuessed) {
    it(`does not guess columns if ${when}`, async (t) => {
      await assert.rejects(load(t, text, options, name), refusal(DataError, 'column-missing', missing));
    });
  }
});
