import { Readable, pipeline } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { DataError } from '../errors/attune-error.js';
import type { DataRecord } from './records.js';
import { MissingColumnError } from './records.js';
import type { TextBlock } from './text-blocks.js';
import { LINE_FEED, fileChunks, textBlocks } from './text-blocks.js';

/** The separator of a CSV-like file, and how forgiving its quotes are. */
interface Dialect {
  readonly delimiter: ',' | '\t';
  /**
   * A quote in the middle of a field is a character like any other: tab-separated texts are seldom quoted.
   */
  readonly relaxQuotes: boolean;
}

const CSV: Dialect = { delimiter: ',', relaxQuotes: false };
const TSV: Dialect = { delimiter: '\t', relaxQuotes: true };

/**
 * Reads tab-separated values, otherwise as CSV: a field that begins with a double quote ends with one; within
 * other fields quotes are text.
 */
export function readTsv(
  file: string,
  required: readonly string[] = [],
  optional: readonly string[] = [],
): AsyncGenerator<DataRecord> {
  return readSeparated(file, required, optional, TSV);
}

/**
 * Reads CSV (RFC 4180): commas, a header row, fields in double quotes that may hold line breaks and doubled
 * quotes. Blank lines, LF and CRLF, and a byte order mark are tolerated. Every field is a string; spaces
 * around a column's name are dropped.
 */
export function readCsv(
  file: string,
  required: readonly string[] = [],
  optional: readonly string[] = [],
): AsyncGenerator<DataRecord> {
  return readSeparated(file, required, optional, CSV);
}

async function* readSeparated(
  file: string,
  required: readonly string[],
  optional: readonly string[],
  { delimiter, relaxQuotes }: Dialect,
): AsyncGenerator<DataRecord> {
  const lines = new LineStarts();
  const lineOf = new WeakMap<readonly string[], number>();
  const parser = parse({
    delimiter,
    relax_quotes: relaxQuotes,
    relax_column_count: true,
    skip_empty_lines: true,
    record_delimiter: ['\r\n', '\n'],
    // Called as each record is parsed, so that after a fault it is known which record it fell into.
    on_record: (record, info) => {
      lineOf.set(record, lines.take(info.bytes));
      return record;
    },
  });
  // The parser ends with the error of what it is fed, so the callback has nothing left to do.
  pipeline(Readable.from(lines.watch(textBlocks(fileChunks(file), file))), parser, () => undefined);

  let header: string[] | undefined;
  try {
    for await (const entry of parser) {
      const record = entry as readonly string[]; // the parser's stream has no element type
      const line = lineOf.get(record)!;
      // A line of white space is one field, which no record with a text and a label is.
      if (record.length === 1 && record[0].trim() === '') continue;
      if (!header) {
        header = checkHeader(record, { required, optional }, { file, line }, delimiter);
        continue;
      }
      if (record.length !== header.length) {
        throw new DataError('csv-row-width', {
          file,
          line,
          found: record.length,
          expected: header.length,
          delimiter,
        });
      }
      const columns = header;
      yield { line, fields: Object.fromEntries(record.map((value, i) => [columns[i], value])) };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const facts = { file, line: lines.next(), delimiter };
    const fault = QUOTE_FAULTS[error.code];
    if (fault !== undefined) throw new DataError(fault, facts, { cause: error });
    throw new DataError('csv-broken', { ...facts, reason: error.message }, { cause: error });
  }
}

const QUOTE_FAULTS: Readonly<
  Partial<Record<string, 'csv-quote-unclosed' | 'csv-quote-closed-early' | 'csv-quote-misplaced'>>
> = {
  CSV_QUOTE_NOT_CLOSED: 'csv-quote-unclosed',
  CSV_INVALID_CLOSING_QUOTE: 'csv-quote-closed-early',
  INVALID_OPENING_QUOTE: 'csv-quote-misplaced',
};

interface Wanted {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

function checkHeader(
  record: readonly string[],
  { required, optional }: Wanted,
  place: { readonly file: string; readonly line: number },
  delimiter: Dialect['delimiter'],
): string[] {
  const header = record.map((name) => name.trim());
  for (const [i, name] of header.entries()) {
    if (header.indexOf(name) !== i) throw new DataError('csv-column-twice', { ...place, column: name });
  }
  const wanted = [...required, ...optional];
  const isOther = header.length === 1 && wanted.length > 0 && !wanted.includes(header[0]);
  const other = isOther
    ? [';', '\t', '|', ','].find((separator) => separator !== delimiter && header[0].includes(separator))
    : undefined;
  if (other !== undefined)
    throw new DataError('csv-separator', { ...place, found: other, expected: delimiter });
  const missing = required.find((column) => !header.includes(column));
  if (missing !== undefined) throw new MissingColumnError(place, missing, header);
  return header;
}

/**
 * Which line a record begins on. The parser counts bytes exactly but lines only roughly (a CRLF inside quotes
 * counts twice), so the lines are found here, in the bytes on their way to it.
 */
class LineStarts {
  /** Byte offset and number of each line that is not blank and not yet passed. */
  #starts: { readonly offset: number; readonly line: number }[] = [];
  #passed = 0;
  #offset = 0;
  /** Where the next record begins, or blank lines before it. */
  #taken = 0;

  async *watch(blocks: AsyncIterable<TextBlock>): AsyncGenerator<Buffer> {
    for await (const { bytes, line: firstLine } of blocks) {
      let line = firstLine;
      for (let start = 0; start < bytes.length; line++) {
        const at = bytes.indexOf(LINE_FEED, start);
        const end = at === -1 ? bytes.length : at + 1;
        const blank = end === start + 1 && at !== -1;
        const blankCrLf = end === start + 2 && at !== -1 && bytes[start] === 0x0d;
        if (!blank && !blankCrLf) this.#starts.push({ offset: this.#offset + start, line });
        start = end;
      }
      this.#offset += bytes.length;
      yield bytes;
    }
  }

  /** The line of the record that ends before byte `end`; the next one begins there or after. */
  take(end: number): number {
    const line = this.next();
    this.#taken = end;
    return line;
  }

  /** The line on which the record not yet taken begins. */
  next(): number {
    while (this.#passed < this.#starts.length && this.#starts[this.#passed].offset < this.#taken)
      this.#passed++;
    if (this.#passed > 10_000) {
      this.#starts = this.#starts.slice(this.#passed);
      this.#passed = 0;
    }
    return this.#starts.at(this.#passed)?.line ?? 1;
  }
}
