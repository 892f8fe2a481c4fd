import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Dataset } from '#attune/data/dataset.js';
import { notice } from '#attune/errors/notices.js';
import { ModelError } from '#attune/errors/attune-error.js';
import type { Plain } from '#attune/errors/wording.js';
import {
  hashesToJson,
  hashTexts,
  leakNotes,
  readTrainedTexts,
  ROWS_FILE,
} from '#attune/train/trained-rows.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

const dataset = (...texts: string[]): Dataset =>
  new Dataset(
    'test',
    'memory',
    texts.map((text, i) => ({ text, label: i % 2 })),
    ['no', 'yes'],
  );
const asFile = async (...texts: string[]): Promise<string> =>
  hashesToJson(await hashTexts(dataset(...texts)));

describe('leakNotes', () => {
  it('counts the rows whose text is in the file that was read', async (t) => {
    const dir = folder(t);
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n', '\u00a0', '🙂'), maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 12 }),
        fc.array(text, { maxLength: 12 }),
        async (trained, held) => {
          writeFileSync(join(dir, ROWS_FILE), await asFile(...trained));
          const words = (each: string): string => each.trim().split(/\s+/).join(' ');
          const known = new Set(trained.map(words));
          const seen = held.filter((each) => known.has(words(each))).length;
          const [note] = await leakNotes(dataset(...held), await readTrainedTexts(dir), 'model');
          assert.equal(note === undefined ? 0 : note.facts['seen'], seen);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('counts the rows, for the model and for the baselines; reports nothing of new rows', async () => {
    const seen = await hashTexts(dataset('a', 'b  c'));
    assert.deepEqual(await leakNotes(dataset('a', 'd'), seen, 'model'), [
      notice('rows-trained-on', { learner: 'model', seen: 1, rows: 2 }),
    ]);
    assert.deepEqual(await leakNotes(dataset('a', 'a', ' b c\n'), seen, 'baselines'), [
      notice('rows-trained-on', { learner: 'baselines', seen: 3, rows: 3 }),
    ]);
    assert.deepEqual(await leakNotes(dataset('d'), seen, 'model'), []);
    assert.deepEqual(await leakNotes(undefined, seen, 'model'), []);
    assert.deepEqual(await leakNotes(dataset('a'), undefined, 'model'), []);
  });
});

describe('hashesToJson', () => {
  it('writes the same file for the same texts in any order', async () => {
    const file = await asFile('a', 'b', 'a');
    assert.equal(await asFile('b', 'a'), file);
    const { texts, checksum, ...rest } = JSON.parse(file) as { texts: string; checksum: string };
    assert.deepEqual(rest, { format: 1, hash: 'sha256', bytes: 8, count: 2 });
    assert.match(checksum, /^[0-9a-f]{64}$/);
    // sha256sum gives ca978112ca1bbdca… for "a", 3e23e8160039594a… for "b".
    assert.equal(Buffer.from(texts, 'base64').toString('hex'), '3e23e8160039594aca978112ca1bbdca');
  });
});

describe('readTrainedTexts', () => {
  it('is undefined for a folder without the file', async (t) => {
    assert.equal(await readTrainedTexts(folder(t)), undefined);
  });

  it('refuses a file that is damaged or of a later version and names it', async (t) => {
    const file = await asFile('a', 'b', 'c', 'd');
    const fields = JSON.parse(file) as { texts: string };
    const { texts } = fields;
    const dir = folder(t);
    const path = join(dir, ROWS_FILE);
    const broken = refusal(ModelError, 'model-file-broken-json', { file: path, line: 1 });
    const noObject = (found: Plain): typeof broken =>
      refusal(ModelError, 'model-file-not-object', { file: path, found });
    const later = refusal(ModelError, 'trained-rows-format', { file: path, found: 2 });
    const damaged = refusal(ModelError, 'trained-rows-damaged', { file: path });
    const cases: readonly (readonly [error: (error: unknown) => boolean, ...texts: string[]])[] = [
      [broken, '', file.slice(0, -9)],
      [noObject([]), '[]'],
      [noObject(null), 'null'],
      [noObject(5), '5'],
      [later, '{"format": 2}', file.replace('"format":1', '"format":2')],
      [damaged, file.replace('"bytes":8', '"bytes":4'), file.replace('sha256', 'md5')],
      [
        damaged,
        ...[texts.slice(0, -4), texts.slice(1), `${texts}AAAA`, texts.replace(/^../, 'AA'), 5].map((other) =>
          JSON.stringify({ ...fields, texts: other }),
        ),
      ],
    ];
    for (const [error, ...written] of cases) {
      for (const text of written) {
        writeFileSync(path, text);
        await assert.rejects(readTrainedTexts(dir), error, text);
      }
    }
  });
});
