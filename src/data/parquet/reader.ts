// Parquet files (https://parquet.apache.org/docs/file-format/): decoded by hyparquet, one row group at a
// time, the needed columns alone. Whatever the file claims is checked first, because a damaged one must not
// cost more memory than a sound one of its size could.
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import type { AsyncBuffer, Compressors, FileMetaData, RowGroup, SchemaTree } from 'hyparquet';
import { parquetMetadata, parquetScan, parquetSchema } from 'hyparquet';
import { AttuneError, DataError } from '../../errors/attune-error.js';
import { Pace } from '../../pace.js';
import { fileFault } from '../text-blocks.js';
import type { DataRecord } from '../records.js';
import { MissingColumnError } from '../records.js';
import { CODEC_NAMES } from './codecs.js';
import type { Allow, ColumnChunk } from './pages.js';
import { openPages } from './pages.js';
import { readThriftStruct } from './thrift.js';

/**
 * The pages of a file may be this many times as long as the file when they are unpacked; snappy and zstd give
 * text of any kind less than 100.
 */
export const MOST_EXPANSION = 256;
/** A file may have this many rows for each of its bytes. */
const MOST_ROWS_A_BYTE = 64;
/** Small files may go beyond both, to this many bytes and rows. */
const ALWAYS_ALLOWED = 1 << 20;

/**
 * Reads the columns named; the others are not even read from the disk. Records are numbered by row.
 *
 * @param optional columns that are read where the file has them
 */
export async function* readParquet(
  file: string,
  required: readonly string[],
  optional: readonly string[] = [],
): AsyncGenerator<DataRecord> {
  const handle = await openFile(file);
  try {
    const reader = await guarded(file, () => ParquetFile.open(handle, file));
    const { columns } = reader;
    for (const name of required)
      if (!columns.includes(name)) throw new MissingColumnError({ file }, name, columns);
    const wanted = [
      ...required,
      ...optional.filter((name) => columns.includes(name) && !required.includes(name)),
    ];
    let row = 0;
    for (let group = 0; group < reader.groups; group++) {
      const { values, rows } = await guarded(file, () => reader.readGroup(group, wanted));
      for (let i = 0; i < rows; i++) {
        row++;
        yield {
          line: row,
          unit: 'row',
          fields: Object.fromEntries(
            wanted.map((name, c) => [name, plainValue(values[c][i], name, file, row)]),
          ),
        };
      }
    }
  } finally {
    await handle.close();
  }
}

/**
 * The value of a key in the file's own metadata, such as `huggingface`; undefined where it has none. @throws
 * DataError
 */
export async function parquetKeyValue(file: string, key: string): Promise<string | undefined> {
  const handle = await openFile(file);
  try {
    const reader = await guarded(file, () => ParquetFile.open(handle, file));
    return reader.metadata.key_value_metadata?.find((entry) => entry.key === key)?.value;
  } finally {
    await handle.close();
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (cause) {
    throw fileFault(file, cause);
  }
}

/**
 * Whatever goes wrong inside the decoder is the file's fault: its libraries throw TypeErrors and RangeErrors
 * at damaged bytes.
 */
async function guarded<T>(file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof AttuneError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError('parquet-damaged', { file, reason }, { cause });
  }
}

const NOT_UTF8 = Symbol('bytes that are not UTF-8');
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A text that is not UTF-8 is found here and told of where its row is known. */
function stringFromBytes(bytes: Uint8Array | undefined): unknown {
  if (!bytes) return undefined;
  try {
    return utf8.decode(bytes);
  } catch {
    return NOT_UTF8;
  }
}

function plainValue(value: unknown, column: string, file: string, row: number): unknown {
  if (value === NOT_UTF8) throw new DataError('parquet-text-not-utf8', { file, row, column });
  if (value === undefined) throw new DataError('parquet-value-missing', { file, row, column });
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  return value;
}

class ParquetFile {
  readonly columns: readonly string[];
  readonly #schema: SchemaTree;
  /** Unpacked pages of a chunk, by the buffer that hyparquet got for it. */
  readonly #pages = new WeakMap<ArrayBufferLike, ReadonlyMap<number, Uint8Array>>();
  readonly #allow: Allow;

  private constructor(
    readonly handle: FileHandle,
    readonly file: string,
    readonly size: number,
    readonly metadata: FileMetaData,
  ) {
    this.#schema = parquetSchema(metadata);
    this.columns = this.#schema.children.map(({ element }) => {
      if (typeof (element.name as unknown) !== 'string') throw new Error('a column has no name');
      return element.name;
    });
    let left = Math.max(MOST_EXPANSION * size, ALWAYS_ALLOWED);
    this.#allow = (bytes) => {
      left -= bytes;
      if (left < 0)
        throw new Error(
          `its pages would be more than ${MOST_EXPANSION} times as long as the file when unpacked`,
        );
    };
    const rows = metadata.row_groups.reduce((sum, group) => sum + rowsOf(group.num_rows), 0);
    if (rows > Math.max(MOST_ROWS_A_BYTE * size, ALWAYS_ALLOWED))
      throw new Error(`it claims ${rows} rows in ${size} bytes`);
    if (BigInt(rows) !== BigInt(metadata.num_rows))
      throw new Error(`it claims ${metadata.num_rows} rows, but its row groups have ${rows}`);
  }

  static async open(handle: FileHandle, file: string): Promise<ParquetFile> {
    const { size } = await handle.stat();
    if (size < 12) throw new Error('it is too short');
    const tail = await readExactly(handle, size - 8, 8);
    if (tail.toString('latin1', 4) !== 'PAR1')
      throw new Error('it does not end as a parquet file ends (PAR1)');
    const length = tail.readUInt32LE(0);
    if (length > size - 12) throw new Error(`its footer claims ${length} bytes, but the file has ${size}`);
    const footer = await readExactly(handle, size - 8 - length, length + 8);
    readThriftStruct(footer.subarray(0, length), 0, false);
    return new ParquetFile(handle, file, size, parquetMetadata(footer, { geoparquet: false }));
  }

  get groups(): number {
    return this.metadata.row_groups.length;
  }

  /** Values of each of the columns named, [column][row], and the number of rows. */
  async readGroup(
    index: number,
    names: readonly string[],
  ): Promise<{ readonly values: readonly ArrayLike<unknown>[]; readonly rows: number }> {
    const group = this.metadata.row_groups[index];
    const rows = rowsOf(group.num_rows);
    const values: ArrayLike<unknown>[] = [];
    for (const name of names) {
      if (rows === 0) {
        values.push([]);
        continue;
      }
      // hyparquet sees the one chunk alone, and its bytes are read and checked before it starts: it leaves
      // promises behind when it fails.
      const { chunk, column: description } = this.#columnChunk(name, index, rows);
      const start = Number(chunk.meta_data!.dictionary_page_offset || chunk.meta_data!.data_page_offset);
      const end = start + Number(chunk.meta_data!.total_compressed_size);
      const bytes = await this.#checkedChunk(description, start, end);
      const file: AsyncBuffer = {
        byteLength: this.size,
        slice: (from, to) => {
          if (from !== start || to !== end)
            throw new Error(`a column is looked for at bytes ${from} to ${to}`);
          return bytes;
        },
      };
      // A row group may have a million rows: between its checking and its decoding, signals are heard.
      await new Pace().rest();
      const metadata = { ...this.metadata, row_groups: [{ ...group, columns: [chunk] }] };
      const scan = await parquetScan({
        file,
        metadata,
        columns: [name],
        useOffsetIndex: false,
        compressors: this.#compressors,
        parsers: { stringFromBytes },
      });
      const column = await scan.readColumn({ column: name, rowStart: 0, rowEnd: rows });
      if (column.length !== rows)
        throw new Error(
          `column ${JSON.stringify(name)} has ${column.length} values in a row group of ${rows} rows`,
        );
      values.push(column);
    }
    return { values, rows };
  }

  #columnChunk(
    name: string,
    group: number,
    rows: number,
  ): { readonly chunk: RowGroup['columns'][number]; readonly column: ColumnChunk } {
    const child = this.#schema.children.find(({ element }) => element.name === name);
    const chunks = this.metadata.row_groups[group].columns.filter(
      ({ meta_data }) => meta_data?.path_in_schema[0] === name,
    );
    const chunk = chunks[0]?.meta_data;
    if (!child || !chunk) throw new Error(`row group ${group} lacks column ${JSON.stringify(name)}`);
    const { element } = child;
    if (
      child.children.length > 0 ||
      chunks.length > 1 ||
      chunk.path_in_schema.length !== 1 ||
      element.repetition_type === 'REPEATED'
    ) {
      throw new DataError('parquet-column-nested', { file: this.file, column: name });
    }
    if (element.type === undefined || chunk.type !== element.type)
      throw new Error(`column ${JSON.stringify(name)} has no type, or two`);
    return {
      chunk: chunks[0],
      column: {
        codec: chunk.codec,
        type: element.type,
        typeLength: element.type_length,
        optional: element.repetition_type !== 'REQUIRED',
        rows,
      },
    };
  }

  async #checkedChunk(column: ColumnChunk, start: number, end: number): Promise<ArrayBuffer> {
    if (!(start >= 4 && start < end && end <= this.size))
      throw new Error(`a column lies at bytes ${start} to ${end} of a file of ${this.size}`);
    const bytes = await readExactly(this.handle, start, end - start);
    this.#pages.set(bytes.buffer, openPages(bytes, column, this.#allow));
    return bytes.buffer;
  }

  /**
   * For hyparquet, which asks for each page where it begins: the one that was unpacked when it was checked.
   */
  readonly #compressors: Compressors = Object.fromEntries(
    CODEC_NAMES.filter((name) => name !== 'UNCOMPRESSED').map((name) => [
      name,
      (input: Uint8Array) => {
        const page = this.#pages.get(input.buffer)?.get(input.byteOffset);
        if (!page) throw new Error('a page was not checked');
        return page;
      },
    ]),
  );
}

/** A buffer of its own, so that its offsets are those within the bytes read. */
async function readExactly(
  handle: FileHandle,
  position: number,
  length: number,
): Promise<Buffer<ArrayBuffer>> {
  const buffer = Buffer.from(new ArrayBuffer(length));
  for (let at = 0; at < length;) {
    const { bytesRead } = await handle.read(buffer, at, length - at, position + at);
    if (bytesRead === 0) throw new Error('it became shorter while it was read');
    at += bytesRead;
  }
  return buffer;
}

function rowsOf(count: bigint | number): number {
  const rows = Number(count);
  if (!(rows >= 0)) throw new Error(`a row group claims ${count} rows`);
  return rows;
}
