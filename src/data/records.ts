import { DataError } from '../errors/attune-error.js';
import type { RecordPlace } from '../errors/phrases/places.js';

/** One record of a data file, before anything is known about its columns. */
export interface DataRecord {
  /** The line on which it begins, from 1; the number of its row where `unit` says so. */
  readonly line: number;
  /** Absent: lines. Parquet files and JSON arrays have rows. */
  readonly unit?: 'row';
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Where a record is, as facts of an error. */
export function recordFacts(
  file: string,
  { line, unit }: { readonly line: number; readonly unit?: 'row' | undefined },
): RecordPlace {
  return unit === 'row' ? { file, row: line } : { file, line };
}

/**
 * Reads a data file record by record.
 *
 * @param required columns the caller cannot do without; a reader that knows its columns beforehand refuses a
 *   file that lacks one
 * @param optional further columns the caller would look at; a reader may leave out all others
 * @throws DataError naming file and line
 */
export type RecordReader = (
  file: string,
  required: readonly string[],
  optional?: readonly string[],
) => AsyncIterable<DataRecord>;

/** A record or a file lacks a column: to whoever reads the message, a DataError like any other. */
export class MissingColumnError extends DataError {
  /** @param columns those that are there */
  constructor(
    place: RecordPlace,
    column: string,
    readonly columns: readonly string[],
  ) {
    super('column-missing', { ...place, column, columns });
    this.name = 'DataError';
  }
}

/**
 * The value of a field; undefined where the record lacks it (an inherited name such as `constructor` is
 * lacking).
 */
export function fieldOf(record: DataRecord, column: string): unknown {
  return Object.hasOwn(record.fields, column) ? record.fields[column] : undefined;
}
