// The pages of a column chunk (https://parquet.apache.org/docs/file-format/data-pages/), checked and unpacked
// before hyparquet decodes them. hyparquet trusts counts and run lengths: one flipped bit can make it fill
// memory or read beyond a page. All of them are held against the page here.
import { unpackPage } from './codecs.js';
import type { ThriftStruct, ThriftValue } from './thrift.js';
import { readThriftStruct } from './thrift.js';

/** A column chunk of plain values: no lists, no structs. */
export interface ColumnChunk {
  readonly codec: string;
  /** Physical type. */
  readonly type: string;
  /** Bytes of a FIXED_LEN_BYTE_ARRAY. */
  readonly typeLength: number | undefined;
  readonly optional: boolean;
  readonly rows: number;
}

/** How many bytes may be unpacked. @throws Error when they are spent */
export type Allow = (bytes: number) => void;

/** A page cannot be what it claims to be. */
export class PageError extends Error {}

const [DATA_PAGE, DICTIONARY_PAGE, DATA_PAGE_V2] = [0, 2, 3];
const [
  PLAIN,
  PLAIN_DICTIONARY,
  RLE,
  DELTA_BINARY_PACKED,
  DELTA_LENGTH_BYTE_ARRAY,
  RLE_DICTIONARY,
  BYTE_STREAM_SPLIT,
] = [0, 2, 3, 5, 6, 8, 9];
const FIXED_BYTES: Readonly<Partial<Record<string, number>>> = {
  INT32: 4,
  INT64: 8,
  INT96: 12,
  FLOAT: 4,
  DOUBLE: 8,
};

/**
 * Checks and unpacks the pages of a chunk.
 *
 * @returns unpacked bytes by the offset in `chunk` of the packed ones
 * @throws PageError, ThriftError, or whatever a codec throws
 */
export function openPages(
  chunk: Uint8Array,
  column: ColumnChunk,
  allow: Allow,
): ReadonlyMap<number, Uint8Array> {
  const pages = new Map<number, Uint8Array>();
  let rows = 0;
  // hyparquet stops at the last byte, too: nothing but a header that is cut off fits there.
  for (let at = 0; rows < column.rows && at < chunk.length - 1;) {
    const { fields, end: start } = readThriftStruct(chunk, at);
    const packed = count(fields, 3, 'compressed size', chunk.length - start);
    const unpacked = count(fields, 2, 'uncompressed size');
    allow(unpacked);
    at = start + packed;
    const bytes = chunk.subarray(start, at);
    const type = fields.get(1);
    if (type === DICTIONARY_PAGE) {
      const page = unpackPage(column.codec, bytes, unpacked);
      pages.set(start, page);
      checkPlain(page, 0, count(part(fields, 7), 1, 'number of dictionary values', 8 * page.length), column);
    } else if (type === DATA_PAGE) {
      const page = unpackPage(column.codec, bytes, unpacked);
      pages.set(start, page);
      rows += checkDataPage(page, part(fields, 5), column, column.rows - rows);
    } else if (type === DATA_PAGE_V2) {
      const header = part(fields, 8);
      const levels =
        count(header, 5, 'length of the definition levels', packed) +
        count(header, 6, 'length of the repetition levels', packed);
      if (levels > packed || levels > unpacked)
        throw new PageError('the levels of a page are longer than the page');
      const compressed = header.get(7) !== false;
      const page = compressed
        ? unpackPage(column.codec, bytes.subarray(levels), unpacked - levels)
        : bytes.subarray(levels);
      if (compressed) pages.set(start + levels, page);
      rows += checkDataPageV2(bytes, page, header, column, column.rows - rows);
    } else {
      throw new PageError(`a page has the type ${shownValue(type)}`);
    }
  }
  if (rows !== column.rows)
    throw new PageError(`a column has ${rows} values in a row group of ${column.rows} rows`);
  return pages;
}

function checkDataPage(page: Uint8Array, header: ThriftStruct, column: ColumnChunk, most: number): number {
  const values = count(header, 1, 'number of values', most);
  let at = 0;
  let present = values;
  if (column.optional) {
    const view = viewOf(page);
    if (page.length < 4) throw cutShort();
    const length = view.getUint32(0, true);
    if (length > page.length - 4) throw new PageError('the levels of a page are longer than the page');
    present = checkRuns(page.subarray(0, 4 + length), 4, 1, values);
    at = 4 + length;
  }
  checkValues(page, at, header.get(2), present, column);
  return values;
}

function checkDataPageV2(
  packed: Uint8Array,
  page: Uint8Array,
  header: ThriftStruct,
  column: ColumnChunk,
  most: number,
): number {
  const values = count(header, 1, 'number of values', most);
  const nulls = count(header, 2, 'number of nulls', values);
  const repetition = count(header, 6, 'length of the repetition levels');
  if (column.optional) {
    const present = checkRuns(
      packed.subarray(0, repetition + count(header, 5, 'length of the definition levels')),
      repetition,
      1,
      values,
    );
    if (present !== values - nulls)
      throw new PageError(`a page has ${values - present} nulls, but its header says ${nulls}`);
  } else if (nulls > 0) {
    throw new PageError('a page of a column without nulls has nulls');
  }
  checkValues(page, 0, header.get(4), values - nulls, column);
  return values;
}

function checkValues(
  page: Uint8Array,
  at: number,
  encoding: ThriftValue | undefined,
  values: number,
  column: ColumnChunk,
): void {
  switch (typeof encoding === 'number' ? encoding : -1) {
    case PLAIN:
      return checkPlain(page, at, values, column);
    case RLE:
      if (column.type !== 'BOOLEAN') break;
      if (page.length - at < 4) throw cutShort();
      checkRuns(page, at + 4, 1, values);
      return;
    case PLAIN_DICTIONARY:
    case RLE_DICTIONARY:
      if (column.type === 'BOOLEAN') break;
      if (at >= page.length) throw cutShort();
      // hyparquet's reader of wider numbers loses bits; 2^24 different values have not been seen in a
      // dictionary.
      if (page[at] > 24) throw new PageError(`dictionary indices are ${page[at]} bits wide`);
      checkRuns(page, at + 1, page[at], values);
      return;
    case DELTA_BINARY_PACKED:
    case DELTA_LENGTH_BYTE_ARRAY:
      return checkDeltas(page, at, values);
    case BYTE_STREAM_SPLIT: {
      const width = column.type === 'FIXED_LEN_BYTE_ARRAY' ? column.typeLength : FIXED_BYTES[column.type];
      if (width === undefined || width * values > page.length - at) throw cutShort();
      return;
    }
    default:
  }
  throw new PageError(
    `the encoding ${shownValue(encoding)} of ${column.type} values is not one that attune reads`,
  );
}

function checkPlain(
  page: Uint8Array,
  start: number,
  values: number,
  { type, typeLength }: ColumnChunk,
): void {
  if (type === 'BYTE_ARRAY') {
    const view = viewOf(page);
    let at = start;
    for (let i = 0; i < values; i++) {
      if (at + 4 > page.length) throw cutShort();
      at += 4 + view.getUint32(at, true);
    }
    if (at > page.length) throw cutShort();
    return;
  }
  const bits =
    type === 'BOOLEAN'
      ? 1
      : 8 * (type === 'FIXED_LEN_BYTE_ARRAY' ? (typeLength ?? NaN) : (FIXED_BYTES[type] ?? NaN));
  // Not the other way round: NaN must be refused.
  if (!(values * bits <= 8 * (page.length - start))) throw cutShort();
}

/**
 * Run lengths and bit-packed groups (parquet's RLE/bit-packing hybrid) of `values` numbers of `width` bits.
 *
 * @returns how many of them are 1, for a width of 1; 0 otherwise
 */
function checkRuns(page: Uint8Array, start: number, width: number, values: number): number {
  let at = start;
  let seen = 0;
  let ones = 0;
  while (seen < values) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= page.length) throw cutShort();
      if (shift > 28) throw new PageError('a run has no length');
      const byte = page[at++];
      header += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    const packed = header % 2 === 1;
    const run = packed ? 8 * Math.floor(header / 2) : Math.floor(header / 2);
    const bytes = packed ? (run / 8) * width : Math.ceil(width / 8);
    // The last group of bit-packed numbers is filled up to eight.
    if (run === 0 || run > values - seen + (packed ? 7 : 0))
      throw new PageError(`a run has ${run} values where ${values - seen} are left`);
    const used = Math.min(run, values - seen);
    // Some writers leave out the bytes of the filling.
    if (at + (packed ? Math.ceil((used * width) / 8) : bytes) > page.length) throw cutShort();
    if (width === 1) {
      if (packed) for (let i = 0; i < used; i++) ones += (page[at + (i >> 3)] >> (i & 7)) & 1;
      else ones += page[at] === 1 ? used : 0;
    }
    at += bytes;
    seen += run;
  }
  return ones;
}

/** The head of DELTA_BINARY_PACKED numbers: what follows is then read at no more than a byte a miniblock. */
function checkDeltas(page: Uint8Array, start: number, values: number): void {
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      if (at >= page.length) throw cutShort();
      const byte = page[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new PageError('a block of deltas has no size');
  };
  if (values === 0) return;
  const [blockSize, miniblocks] = [varint(), varint()];
  if (
    blockSize === 0 ||
    blockSize > 2 ** 16 ||
    miniblocks === 0 ||
    miniblocks > 512 ||
    (blockSize / miniblocks) % 32 !== 0
  ) {
    throw new PageError(`deltas in blocks of ${blockSize} and ${miniblocks} miniblocks`);
  }
}

function part(fields: ThriftStruct, id: number): ThriftStruct {
  const value = fields.get(id);
  if (!(value instanceof Map)) throw new PageError('the header of a page lacks a part');
  return value as ThriftStruct;
}

function count(fields: ThriftStruct, id: number, what: string, most = Infinity): number {
  const value = fields.get(id);
  if (typeof value !== 'number' || value < 0 || value > most)
    throw new PageError(`a page claims ${shownValue(value)} as its ${what}`);
  return value;
}

function shownValue(value: ThriftValue | undefined): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return value === undefined ? 'nothing' : 'no number';
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const cutShort = (): PageError => new PageError('a page ends before its values do');
