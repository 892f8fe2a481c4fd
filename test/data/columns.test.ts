import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { loadSplits } from '#attune/data/splits.js';
import type { LoadSplitsOptions } from '#attune/data/splits.js';
import { folder } from '../support/folder.js';

const TEXTS = ['a fine long day', 'a dull evening', 'so very fine', 'how dull it was', 'it was fine again', 'nothing but dull'];
const LABELS = ['good', 'bad', 'good', 'bad', 'good', 'bad'];

const csv = (header: string, row: (i: number) => string): string => [header, ...TEXTS.map((_, i) => row(i))].join('\n');

async function load(t: TestContext, text: string, options: Partial<LoadSplitsOptions> = {}, name = 'rows.csv'): Promise<Awaited<ReturnType<typeof loadSplits>>> {
  const file = join(folder(t), name);
  writeFileSync(file, text);
  return loadSplits({ dataset: file, seed: 1, ...options });
}

describe('columns that nobody names', () => {
  const cases: readonly [string, string, { readonly textColumn: string; readonly labelColumn: string }][] = [
    ['by what people call them', csv('id,message,category', (i) => `${i},${TEXTS[i]},${LABELS[i]}`), { textColumn: 'message', labelColumn: 'category' }],
    ['in capitals', csv('Text,Label', (i) => `${TEXTS[i]},${LABELS[i]}`), { textColumn: 'Text', labelColumn: 'Label' }],
    ['one by its name, and of two the other', csv('verdict,review', (i) => `${LABELS[i]},${TEXTS[i]}`), { textColumn: 'review', labelColumn: 'verdict' }],
    ['the other beside a text', csv('text,verdict', (i) => `${TEXTS[i]},${LABELS[i]}`), { textColumn: 'text', labelColumn: 'verdict' }],
    ['by what is in them', csv('v1,v2', (i) => `${LABELS[i]},${TEXTS[i]}`), { textColumn: 'v2', labelColumn: 'v1' }],
  ];
  for (const [how, text, columns] of cases) {
    it(`are guessed ${how}, which is said`, async (t) => {
      const splits = await load(t, text, { testSize: 2 });
      assert.deepEqual(splits.columns, columns);
      assert.deepEqual(splits.notes, [`the columns are guessed: text = ${columns.textColumn}, label = ${columns.labelColumn}`]);
      assert.deepEqual([splits.train.length, splits.test?.length, splits.labelNames], [4, 2, ['bad', 'good']]);
    });
  }

  it('are text and label where there are such, whatever else is there, and nothing is said', async (t) => {
    const splits = await load(t, csv('message,text,category,label', (i) => `x,${TEXTS[i]},y,${LABELS[i]}`));
    assert.deepEqual([splits.columns, splits.notes], [{ textColumn: 'text', labelColumn: 'label' }, []]);
  });

  it('are the same in the evaluation file', async (t) => {
    const dir = folder(t);
    const other = join(dir, 'other.jsonl');
    writeFileSync(other, TEXTS.map((message, i) => JSON.stringify({ label: 9, text: 'no', message, category: LABELS[i] })).join('\n'));
    const { test, notes } = await load(t, csv('message,category', (i) => `${TEXTS[i]},${LABELS[i]}`), { evalDataset: other });
    assert.deepEqual(test!.rows.map(({ text }) => text), TEXTS);
    assert.equal(notes.length, 1);
  });

  const refused: readonly [string, string, Partial<LoadSplitsOptions>, RegExp, string?][] = [
    ['two could be meant', csv('title,body,category', (i) => `${i},${TEXTS[i]},${LABELS[i]}`), {}, /has no column "text"/],
    ['neither looks like labels', csv('a,b', (i) => `${i},${TEXTS[i]}`), {}, /has no column "text"/],
    ['one was named that is not there', csv('message,category', (i) => `${TEXTS[i]},${LABELS[i]}`), { textColumn: 'txt' }, /has no column "txt"/],
    ['one record lacks what the others have', TEXTS.map((text, i) => JSON.stringify(i === 3 ? { text, category: 'x' } : { text, label: LABELS[i] })).join('\n'), {}, /rows\.jsonl:4: has no column "label"/, 'rows.jsonl'],
  ];
  for (const [when, text, options, message, name] of refused) {
    it(`are not guessed where ${when}`, async (t) => {
      await assert.rejects(load(t, text, options, name), message);
    });
  }
});
