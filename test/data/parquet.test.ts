/** Parquet files: columns, encodings and codecs, what is refused, and the class names in their metadata. */
import assert from 'node:assert/strict';
import { notice } from '#attune/errors/notices.js';
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DataError } from '#attune/errors/attune-error.js';
import type { ErrorCode, FactsOf } from '#attune/errors/catalogue.js';
import { parquetKeyValue, readParquet } from '#attune/data/parquet/reader.js';
import type { DataRecord } from '#attune/data/records.js';
import { readRows } from '#attune/data/rows.js';
import { loadSplits } from '#attune/data/splits.js';
import type { ColumnSource } from 'hyparquet-writer';
import { fixturePath } from '../support/fixtures.js';
import { folder } from '../support/folder.js';
import type { ParquetOptions } from '../support/parquet.js';
import { classLabels, parquetBytes } from '../support/parquet.js';
import { refusal } from '../support/refusal.js';

async function readBytes(
  t: TestContext,
  bytes: Uint8Array,
  required: readonly string[] = [],
  optional: readonly string[] = [],
): Promise<DataRecord[]> {
  const records: DataRecord[] = [];
  for await (const record of readParquet(
    `${folder(t, { 'rows.parquet': bytes })}/rows.parquet`,
    required,
    optional,
  ))
    records.push(record);
  return records;
}
const read = (
  t: TestContext,
  columns: ColumnSource[],
  options: ParquetOptions = {},
  required = columns.map(({ name }) => name),
): Promise<DataRecord[]> => readBytes(t, parquetBytes(columns, options), required);
const values = (records: readonly DataRecord[], column: string): unknown[] =>
  records.map(({ fields }) => fields[column]);

/** A refusal of `rows.parquet` with this code and these facts. */
const refuses = <Code extends ErrorCode>(
  action: Promise<unknown>,
  code: Code,
  facts: Partial<FactsOf<Code>>,
): Promise<void> =>
  assert.rejects(action, (error) => {
    assert.equal(basename((error as DataError).facts.file as string), 'rows.parquet');
    return refusal(DataError, code, facts)(error);
  });

const twoColumns: ColumnSource[] = [
  { name: 'texts', data: ['a', 'b'] },
  { name: 'label', data: Int32Array.of(0, 1) },
];
const threeRows: ColumnSource[] = [
  { name: 'text', data: ['a', 'b', 'c'] },
  { name: 'label', data: [0n, 2n, 0n] },
];

describe('readParquet', () => {
  it('gives the requested columns of all row groups, row by row', async (t) => {
    const texts = ['one', '', 'three é 🙂', 'one', 'five'];
    const columns: ColumnSource[] = [
      { name: 'text', data: texts },
      { name: 'label', data: Int32Array.of(0, 1, 2, 1, 0) },
      { name: 'more', data: texts },
    ];
    for (const rowGroupSize of [1, 2, 5, 100]) {
      const records = await readBytes(
        t,
        parquetBytes(columns, { rowGroupSize }),
        ['text'],
        ['label', 'absent'],
      );
      assert.deepEqual(
        records,
        texts.map((text, i) => ({ line: i + 1, unit: 'row', fields: { text, label: [0, 1, 2, 1, 0][i] } })),
      );
    }
  });

  for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI'] as const) {
    it(`reads ${codec} pages with dictionaries and nulls`, async (t) => {
      const long = Array.from({ length: 3000 }, (_, i) =>
        i % 7 === 3 ? null : `text ${i % 2 === 0 ? i : i % 5} ${'x'.repeat(i % 40)}`,
      );
      const records = await read(
        t,
        [
          { name: 'text', data: long, nullable: true },
          { name: 'n', data: long.map((_, i) => i), type: 'INT32' },
        ],
        { codec, pageSize: 4000, rowGroupSize: 1700 },
      );
      assert.deepEqual(values(records, 'text'), long);
      assert.deepEqual(
        values(records, 'n'),
        long.map((_, i) => i),
      );
    });
  }

  it('reads every type that a label can have, in several encodings', async (t) => {
    const n = 200;
    const numbers = Array.from({ length: n }, (_, i) => (i * i) % 13);
    const columns: ColumnSource[] = [
      { name: 'int64', data: numbers.map(BigInt), type: 'INT64' },
      { name: 'delta', data: Int32Array.from(numbers), encoding: 'DELTA_BINARY_PACKED' },
      { name: 'double', data: Float64Array.from(numbers) },
      { name: 'split', data: Float32Array.from(numbers), encoding: 'BYTE_STREAM_SPLIT' },
      { name: 'bool', data: numbers.map((value) => value % 2 === 1), type: 'BOOLEAN' },
      { name: 'name', data: numbers.map((value) => `class ${value}`), encoding: 'DELTA_LENGTH_BYTE_ARRAY' },
      { name: 'huge', data: numbers.map(() => 2n ** 60n), type: 'INT64' },
    ];
    const records = await read(t, columns);
    for (const name of ['int64', 'delta', 'double', 'split'])
      assert.deepEqual(values(records, name), numbers, name);
    assert.deepEqual(
      values(records, 'bool'),
      numbers.map((value) => value % 2 === 1),
    );
    assert.deepEqual(
      values(records, 'name'),
      numbers.map((value) => `class ${value}`),
    );
    assert.deepEqual(
      values(records, 'huge'),
      numbers.map(() => 2n ** 60n),
    );
  });

  it('reads back any columns that were written', async (t) => {
    const dir = folder(t);
    const rows = fc.array(
      fc.record(
        {
          text: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom('a', 'b')),
          label: fc.option(fc.integer({ min: -4, max: 9 })),
        },
        { noNullPrototype: true },
      ),
      { minLength: 1, maxLength: 60 },
    );
    let n = 0;
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.constantFrom('UNCOMPRESSED' as const, 'SNAPPY' as const, 'GZIP' as const),
        fc.constantFrom(1, 7, 100),
        async (given, codec, rowGroupSize) => {
          const file = `${dir}/${n++}.parquet`;
          const text = given.map((row) => row.text);
          await writeFile(
            file,
            parquetBytes(
              [
                { name: 'text', data: text, type: 'STRING' },
                { name: 'label', data: given.map(({ label }) => label), type: 'INT32', nullable: true },
              ],
              { codec, rowGroupSize },
            ),
          );
          const found: unknown[] = [];
          for await (const { fields } of readParquet(file, ['text', 'label'])) found.push(fields);
          assert.deepEqual(found, given);
        },
      ),
      { numRuns: 100, seed: 8 },
    );
  });

  it('refuses a file without a required column, and lists the columns that it has', async (t) => {
    await refuses(read(t, twoColumns, {}, ['text']), 'column-missing', {
      column: 'text',
      columns: ['texts', 'label'],
      line: undefined,
      row: undefined,
    });
  });

  it('refuses a column of lists', async (t) => {
    const list: ParquetOptions['schema'] = [
      { name: 'root', num_children: 1 },
      { name: 'text', repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
    ];
    await refuses(
      read(t, [{ name: 'text', data: [['a'], ['b', 'c']] }], { schema: list }),
      'parquet-column-nested',
      { column: 'text' },
    );
  });

  it('refuses a file that is too short, of another kind, or without a sound footer', async (t) => {
    await refuses(readBytes(t, Buffer.from('PAR1')), 'parquet-damaged', { reason: 'it is too short' });
    await refuses(readBytes(t, Buffer.from('text,label\na,0\nb,1\n')), 'parquet-damaged', {
      reason: 'it does not end as a parquet file ends (PAR1)',
    });
    const footer = Uint8Array.from(parquetBytes(twoColumns));
    new DataView(footer.buffer).setUint32(footer.length - 8, 2 ** 31, true);
    await refuses(readBytes(t, footer), 'parquet-damaged', {
      reason: `its footer claims 2147483648 bytes, but the file has ${footer.length}`,
    });
  });

  it('refuses a text that is not UTF-8 and reports the row', async (t) => {
    const bad = Buffer.from(
      parquetBytes([{ name: 'text', data: ['plain', 'caf\u00e9'] }], { codec: 'UNCOMPRESSED' }),
    );
    bad[bad.indexOf('caf\u00e9') + 4] = 0xff;
    await refuses(readBytes(t, bad, ['text']), 'parquet-text-not-utf8', { row: 2, column: 'text' });
  });

  it('refuses more rows than the length of the file allows', async (t) => {
    // 2^20 equal rows take a few hundred bytes.
    const many = (rows: number): Uint8Array =>
      parquetBytes([{ name: 'text', data: new Array<string>(rows).fill('') }]);
    assert.ok(many(2 ** 20).length < 5000);
    assert.equal((await readBytes(t, many(2 ** 16), ['text'])).length, 2 ** 16);
    const tooMany = many(2 ** 20 + 1);
    await refuses(readBytes(t, tooMany, ['text']), 'parquet-damaged', {
      reason: `it claims 1048577 rows in ${tooMany.length} bytes`,
    });
  });

  it('refuses pages that would expand to more than 256 times the length of the file', async (t) => {
    const bomb = parquetBytes([{ name: 'text', data: [`${'x'.repeat(4 << 20)}`] }], { codec: 'BROTLI' });
    await refuses(readBytes(t, bomb, ['text']), 'parquet-damaged', {
      reason: 'its pages would be more than 256 times as long as the file when unpacked',
    });
  });
});

describe('parquetKeyValue', () => {
  it('gives the metadata of a key, or undefined', async (t) => {
    const dir = folder(t, {
      'train.parquet': parquetBytes(threeRows, {
        kvMetadata: classLabels('label', ['bad', 'fair', 'good']),
      }),
    });
    assert.match((await parquetKeyValue(`${dir}/train.parquet`, 'huggingface'))!, /ClassLabel/);
    assert.equal(await parquetKeyValue(`${dir}/train.parquet`, 'none'), undefined);
  });
});

describe('loadSplits', () => {
  it('takes the class names from the metadata that datasets writes', async (t) => {
    const dir = folder(t, {
      'train.parquet': parquetBytes(threeRows, {
        kvMetadata: classLabels('label', ['bad', 'fair', 'good']),
      }),
      'test.csv': 'text,label\nd,fair\ne,2\n',
    });
    const { train, test: held, labelNames } = await loadSplits({ dataset: dir, seed: 1 });
    assert.deepEqual(labelNames, ['bad', 'fair', 'good']);
    assert.deepEqual(
      train.rows.map(({ label, labelText }) => [label, labelText]),
      [
        [0, 'bad'],
        [2, 'good'],
        [0, 'bad'],
      ],
    );
    assert.deepEqual(
      held!.rows.map(({ label }) => label),
      [1, 2],
    );
  });

  it('refuses metadata that names two classes alike', async (t) => {
    const twice = folder(t, {
      'train.parquet': parquetBytes(threeRows, {
        kvMetadata: classLabels('label', ['bad', 'bad', 'good']),
      }),
    });
    await assert.rejects(
      loadSplits({ dataset: twice, seed: 1 }),
      refusal(DataError, 'class-names-invalid', {
        file: `${twice}/train.parquet`,
        declaration: 'metadata',
        column: 'label',
        found: ['bad', 'bad', 'good'],
      }),
    );
  });

  it('takes null texts as empty, with a note', async (t) => {
    const file = folder(t, {
      'rows.parquet': parquetBytes([
        { name: 'text', data: ['a', null, 'c', null], type: 'STRING', nullable: true },
        { name: 'label', data: Float64Array.of(0, 1, 1, 0) },
      ]),
    });
    const { train, notes } = await loadSplits({ dataset: `${file}/rows.parquet`, seed: 1 });
    assert.deepEqual(
      train.rows.map(({ text, label }) => [text, label]),
      [
        ['a', 0],
        ['', 1],
        ['c', 1],
        ['', 0],
      ],
    );
    assert.deepEqual(notes, [
      notice('null-texts', { count: 2, first: { file: `${file}/rows.parquet`, row: 2 } }),
    ]);
  });

  it('refuses a label that is a fraction', async (t) => {
    const wrong = folder(t, {
      'rows.parquet': parquetBytes([
        { name: 'text', data: ['a', 'b'] },
        { name: 'label', data: Float64Array.of(0, 0.5) },
      ]),
    });
    const file = `${wrong}/rows.parquet`;
    await assert.rejects(
      loadSplits({ dataset: file, seed: 1 }),
      refusal(DataError, 'label-not-integer', { file, row: 2, column: 'label', label: 0.5 }),
    );
  });
});

describe('readRows', () => {
  for (const name of ['zstd', 'lz4-raw']) {
    it(`reads a Parquet file with pages compressed with ${name}`, async () => {
      const rows = await readRows(fixturePath(`data/${name}.parquet`));
      assert.equal(rows.length, 60);
      assert.deepEqual([rows[5].text, rows[5].label], [`${'x'.repeat(90)} 🙂 rain`, 2]);
    });
  }
});
