import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DataError } from '#attune/errors/attune-error.js';
import { parseJsonl, readJsonl } from '#attune/data/jsonl.js';
import type { DataRecord } from '#attune/data/records.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

async function parse(text: string | Uint8Array, size = 7): Promise<DataRecord[]> {
  const bytes = Buffer.from(text);
  async function* chunks() {
    for (let at = 0; at < bytes.length; at += size)
      yield await Promise.resolve(bytes.subarray(at, at + size));
  }
  const records: DataRecord[] = [];
  for await (const record of parseJsonl(chunks(), 'rows.jsonl')) records.push(record);
  return records;
}

describe('parseJsonl', () => {
  it('gives one record per line; accepts blank lines, CRLF and a byte order mark', async () => {
    assert.deepEqual(await parse('\ufeff{"a": 1}\r\n\r\n  \n{"a": "x\\ny"}\n{"b": null}'), [
      { line: 1, fields: { a: 1 } },
      { line: 4, fields: { a: 'x\ny' } },
      { line: 5, fields: { b: null } },
    ]);
    assert.deepEqual(await parse(''), []);
    assert.deepEqual(await parse('\n\n'), []);
  });

  const file = 'rows.jsonl';
  const refused: [what: string, text: string | Uint8Array, refusal: (error: unknown) => true][] = [
    [
      'a truncated line',
      '{"text": "a"}\n{"text": "b',
      refusal(DataError, 'jsonl-broken', { file, line: 2, column: 10, reason: 'a string is not closed' }),
    ],
    [
      'two objects on one line',
      '{"text": "a"} {"text": "b"}\n',
      refusal(DataError, 'jsonl-broken', { file, line: 1, column: 15 }),
    ],
    [
      'a trailing comma',
      '{"text": "a",}\n',
      refusal(DataError, 'jsonl-broken', { file, line: 1, column: 13 }),
    ],
    ['NaN', '{"label": NaN}\n', refusal(DataError, 'jsonl-broken', { file, line: 1, column: 11 })],
    [
      'a number in place of an object',
      '{"text": "a"}\n\n7\n',
      refusal(DataError, 'record-not-object', { file, line: 3, found: 7 }),
    ],
    [
      'null in place of an object',
      'null\n',
      refusal(DataError, 'record-not-object', { file, line: 1, found: null }),
    ],
    [
      'a string in place of an object',
      '"a"\n',
      refusal(DataError, 'record-not-object', { file, line: 1, found: 'a' }),
    ],
    [
      'an array in place of an object',
      '{}\n[1]\n',
      refusal(DataError, 'record-not-object', { file, line: 2, found: [1] }),
    ],
    ['a JSON array on one line', '[{"text": "a"}]', refusal(DataError, 'jsonl-array', { file, line: 1 })],
    [
      'a JSON array over several lines',
      '[\n  {"text": "a"},\n  {"text": "b"}\n]\n',
      refusal(DataError, 'jsonl-array', { file, line: 1 }),
    ],
    [
      'text in Latin-1',
      Buffer.concat([Buffer.from('{"text": "a"}\n{"text": "caf'), Buffer.of(0xe9), Buffer.from('"}\n')]),
      refusal(DataError, 'data-file-not-utf8', { file, line: 2, utf16: false }),
    ],
    ['a NUL byte', '{"text": "a\0"}\n', refusal(DataError, 'jsonl-broken', { file, line: 1, column: 12 })],
  ];
  for (const [what, text, isExpected] of refused) {
    it(`refuses ${what} and reports the line`, async () => {
      await assert.rejects(parse(text), isExpected);
    });
  }

  it('gives records or a DataError for damaged input', async () => {
    const good = Buffer.from('{"text": "caf\u00e9 \\u00e9", "label": 0}\n{"text": "b", "label": 1}\r\n');
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(good.length), async (changes, length) => {
        const bytes = Buffer.from(good);
        for (const [at, byte] of changes) bytes[at] = byte;
        await parse(bytes.subarray(0, length), 5).catch((error: unknown) => {
          assert.ok(error instanceof DataError, String(error));
          assert.deepEqual([error.facts.file, typeof error.facts.line], [file, 'number'], error.message);
        });
      }),
      { numRuns: 1000, seed: 4 },
    );
  });
});

describe('readJsonl', () => {
  it('reads back any objects that were written', async (t) => {
    const dir = folder(t);
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.constant(null), fc.boolean());
    const records = fc.array(fc.dictionary(fc.string({ unit: 'binary' }), value, { noNullPrototype: true }), {
      maxLength: 8,
    });
    let n = 0;
    await fc.assert(
      fc.asyncProperty(
        records,
        fc.constantFrom('\n', '\r\n', '\n\n'),
        fc.boolean(),
        async (objects, separator, last) => {
          const file = `${dir}/${n++}.jsonl`;
          await writeFile(
            file,
            objects.map((object) => JSON.stringify(object)).join(separator) + (last ? separator : ''),
          );
          const read: unknown[] = [];
          for await (const { fields } of readJsonl(file)) read.push(fields);
          assert.deepEqual(read, objects);
        },
      ),
      { numRuns: 200, seed: 3 },
    );
  });
});
