import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { Dataset } from '#attune/data/dataset.js';
import { hashesToJson, leakNote, readTrainedTexts, ROWS_FILE, textsSeen } from '#attune/train/trained-rows.js';
import { folder } from '../support/folder.js';

const dataset = (...texts: string[]): Dataset => new Dataset('test', 'memory', texts.map((text, i) => ({ text, label: i % 2 })), ['no', 'yes']);
const asFile = async (...texts: string[]): Promise<string> => hashesToJson(await textsSeen(dataset(...texts), []));

test('what is read back counts the texts that were trained on, whatever they hold', async (t) => {
  const dir = folder(t);
  const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n', '\u00a0', '🙂', '\ud800'), maxLength: 4 });
  await fc.assert(fc.asyncProperty(fc.array(text, { maxLength: 12 }), fc.array(text, { maxLength: 12 }), async (trained, held) => {
    writeFileSync(join(dir, ROWS_FILE), await asFile(...trained));
    const words = (each: string): string => each.trim().split(/\s+/).join(' ');
    const known = new Set(trained.map(words));
    const seen = held.filter((each) => known.has(words(each))).length;
    const note = await leakNote(dataset(...held), (await readTrainedTexts(dir))!);
    assert.equal(note === undefined ? 0 : Number(note.split(' ')[0]), seen);
  }), { numRuns: 60 });
});

test('the words: one row, several rows', async () => {
  const seen = await textsSeen(dataset('a', 'b  c'), []);
  assert.equal(await leakNote(dataset('a', 'd'), seen), '1 of the 2 rows to measure on has a text that the model was trained on: the figures flatter it');
  assert.equal(await leakNote(dataset('a', 'a', ' b c\n'), seen), '3 of the 3 rows to measure on have texts that the model was trained on: the figures flatter it');
  assert.equal(await leakNote(dataset('d'), seen), undefined);
});

test('a checkpoint’s stand in the folder above it, and what a model was trained on before counts, too', async (t) => {
  const run = folder(t, { [ROWS_FILE]: await asFile('first') });
  const checkpoint = join(run, 'checkpoint-3');
  mkdirSync(checkpoint);
  for (const dir of [run, checkpoint]) assert.equal((await readTrainedTexts(dir))?.size, 1, dir);
  assert.equal((await textsSeen(dataset('second'), [undefined, checkpoint])).size, 2);
  assert.equal(await readTrainedTexts(folder(t)), undefined);
});

test('the same texts are the same file, in any order; a file that is none says nothing', async (t) => {
  const file = await asFile('a', 'b', 'a');
  assert.equal(await asFile('b', 'a'), file);
  const { texts, ...rest } = JSON.parse(file) as { texts: string };
  assert.deepEqual(rest, { format: 1, hash: 'sha256', bytes: 8 });
  // sha256sum gives ca978112ca1bbdca… for "a", 3e23e8160039594a… for "b".
  assert.equal(Buffer.from(texts, 'base64').toString('hex'), '3e23e8160039594aca978112ca1bbdca');
  const dir = folder(t);
  for (const damaged of ['', '[]', 'null', '{"format": 2}', file.replace('"format":1', '"format":2'), file.replace('"bytes":8', '"bytes":4'), JSON.stringify({ ...rest, texts: 5 })]) {
    writeFileSync(join(dir, ROWS_FILE), damaged);
    assert.equal(await readTrainedTexts(dir), undefined, damaged);
  }
});
