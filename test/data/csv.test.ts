import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DataError } from '#attune/errors/attune-error.js';
import { readCsv } from '#attune/data/csv.js';
import type { DataRecord } from '#attune/data/records.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

async function read(file: string, required: readonly string[] = []): Promise<DataRecord[]> {
  const records: DataRecord[] = [];
  for await (const record of readCsv(file, required)) records.push(record);
  return records;
}

const parse = (t: TestContext, text: string | Uint8Array, required: readonly string[] = []) =>
  read(`${folder(t, { 'rows.csv': text })}/rows.csv`, required);

/** 30,000 records; each third one, from the first on, takes two lines. */
const manyRows = (): string =>
  Array.from({ length: 30_000 }, (_, i) => (i % 3 === 0 ? `"row\n${i}",0\n` : `row ${i},1\n`)).join('');

describe('readCsv', () => {
  it('gives the fields by column and the line that each record begins on', async (t) => {
    const text = [
      '\ufefftext, label ,id',
      'plain,0,a',
      '',
      '"a, b ""c""",1,b',
      '"two\r\nlines\r\n\r\nand a gap",0,c',
      ',1,',
      '   ',
      'last,0,d',
    ].join('\r\n');
    assert.deepEqual(await parse(t, text), [
      { line: 2, fields: { text: 'plain', label: '0', id: 'a' } },
      { line: 4, fields: { text: 'a, b "c"', label: '1', id: 'b' } },
      { line: 5, fields: { text: 'two\r\nlines\r\n\r\nand a gap', label: '0', id: 'c' } },
      { line: 9, fields: { text: '', label: '1', id: '' } },
      { line: 11, fields: { text: 'last', label: '0', id: 'd' } },
    ]);
  });

  it('accepts mixed LF and CRLF, and keeps a lone CR and the spaces around a text', async (t) => {
    assert.deepEqual(await parse(t, 'text,label\r\n a \r b,0\nc,1\r\n'), [
      { line: 2, fields: { text: ' a \r b', label: '0' } },
      { line: 3, fields: { text: 'c', label: '1' } },
    ]);
  });

  it('reads columns named like properties of every object', async (t) => {
    const [record] = await parse(t, '__proto__,constructor\na,b\n');
    assert.deepEqual(Object.entries(record.fields), [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });

  it('gives no records for a header without rows and for an empty file', async (t) => {
    assert.deepEqual(await parse(t, 'text,label\n'), []);
    assert.deepEqual(await parse(t, ''), []);
  });

  const refused: [what: string, text: string | Uint8Array, refusal: (error: unknown) => true][] = [
    [
      'a record with more fields than the header',
      'text,label\na,0\nb, c,1\n',
      refusal(DataError, 'csv-row-width', { line: 3, found: 3, expected: 2, delimiter: ',' }),
    ],
    [
      'a record with fewer fields than the header',
      'text,label\n"a\nb",0\n\nc\n',
      refusal(DataError, 'csv-row-width', { line: 5, found: 1, expected: 2, delimiter: ',' }),
    ],
    [
      'a quote that is never closed',
      'text,label\na,0\n"b,1\nc,0\nd,1\n',
      refusal(DataError, 'csv-quote-unclosed', { line: 3, delimiter: ',' }),
    ],
    [
      'text after a closing quote',
      'text,label\n"two\nlines",0\n"b" c,1\n',
      refusal(DataError, 'csv-quote-closed-early', { line: 4, delimiter: ',' }),
    ],
    [
      'a quote in the middle of a field',
      'text,label\na,0\n\nb"c,1\n',
      refusal(DataError, 'csv-quote-misplaced', { line: 4, delimiter: ',' }),
    ],
    [
      'a header that names a column twice',
      'text,label,text\na,0,b\n',
      refusal(DataError, 'csv-column-twice', { line: 1, column: 'text' }),
    ],
    [
      'a header without a required column',
      'texts,label\na,0\n',
      refusal(DataError, 'column-missing', { line: 1, column: 'text', columns: ['texts', 'label'] }),
    ],
    [
      'columns separated by semicolons',
      'text;label\na;0\n',
      refusal(DataError, 'csv-separator', { line: 1, found: ';', expected: ',' }),
    ],
    [
      'columns separated by tabs',
      'text\tlabel\na\t0\n',
      refusal(DataError, 'csv-separator', { line: 1, found: '\t', expected: ',' }),
    ],
    [
      'a file without a header',
      'a,0\nb,1\n',
      refusal(DataError, 'column-missing', { line: 1, column: 'text', columns: ['a', '0'] }),
    ],
    [
      'text in Latin-1',
      Buffer.concat([Buffer.from('text,label\n"a\nb",0\ncaf'), Buffer.of(0xe9), Buffer.from(',1\n')]),
      refusal(DataError, 'data-file-not-utf8', { line: 4, utf16: false }),
    ],
  ];
  for (const [what, text, isExpected] of refused) {
    it(`refuses ${what} and reports the line`, async (t) => {
      const file = `${folder(t, { 'rows.csv': text })}/rows.csv`;
      await assert.rejects(read(file, ['text', 'label']), (error) => {
        assert.equal((error as DataError).facts.file, file);
        return isExpected(error);
      });
    });
  }

  it('reports the line of an error after many records', async (t) => {
    const rows = manyRows();
    await assert.rejects(
      parse(t, `text,label\n${rows}"x"y,0\n`),
      refusal(DataError, 'csv-quote-closed-early', { line: 40_002 }),
    );
    await assert.rejects(
      parse(t, `text,label\n${rows}x\n`),
      refusal(DataError, 'csv-row-width', { line: 40_002, found: 1 }),
    );
  });

  it('gives the line of every record of a long file', async (t) => {
    const lines = (await parse(t, `text,label\n${manyRows()}`)).map(({ line }) => line);
    assert.deepEqual(
      lines,
      Array.from({ length: 30_000 }, (_, i) => 2 + i + Math.ceil(i / 3)),
    );
  });

  it('refuses a file that does not exist', async (t) => {
    const file = `${folder(t)}/none.csv`;
    await assert.rejects(read(file), refusal(DataError, 'data-file-missing', { file }));
  });

  it('reads back any texts that were written, with their lines', async (t) => {
    const dir = folder(t);
    const field = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc
        .array(fc.constantFrom('"', ',', '\n', '\r\n', '\r', ' ', 'a', 'é', '\ufeff'))
        .map((parts) => parts.join('')),
    );
    const quoted = (value: string) => `"${value.replaceAll('"', '""')}"`;
    const records = fc.array(fc.tuple(field, field, fc.boolean(), fc.nat(2)), { maxLength: 12 });
    let n = 0;
    await fc.assert(
      fc.asyncProperty(records, fc.constantFrom('\n', '\r\n'), async (rows, end) => {
        let text = `one,two${end}`;
        const expected: DataRecord[] = [];
        for (const [one, two, bare, blanks] of rows) {
          text += end.repeat(blanks);
          expected.push({ line: text.split('\n').length, fields: { one, two } });
          const write = (value: string) => (bare && !/[",\r\n]/.test(value) ? value : quoted(value));
          text += `${write(one)},${write(two)}${end}`;
        }
        const file = `${dir}/${n++}.csv`;
        await writeFile(file, text);
        assert.deepEqual(await read(file), expected);
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it('gives records or a DataError for a damaged file', async (t) => {
    const dir = folder(t);
    const good = Buffer.from('text,label\n"caf\u00e9, ""x""\r\ny",0\r\nplain,1\n');
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    let n = 0;
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(good.length), async (changes, length) => {
        const bytes = Buffer.from(good);
        for (const [at, byte] of changes) bytes[at] = byte;
        const file = `${dir}/${n++}.csv`;
        await writeFile(file, bytes.subarray(0, length));
        await read(file, ['text', 'label']).catch((error: unknown) => {
          assert.ok(error instanceof DataError, String(error));
          assert.deepEqual([error.facts.file, typeof error.facts.line], [file, 'number'], error.message);
        });
      }),
      { numRuns: 500, seed: 6 },
    );
  });
});
