import { DataError } from '../errors/attune-error.js';
import { nearest } from '../nearest.js';

/** One record of a data file, before anything is known about its columns. */
export interface DataRecord {
  /** The line on which it begins, from 1; the number of its row where `unit` says so. */
  readonly line: number;
  /** Absent: lines. Parquet files and JSON arrays have rows. */
  readonly unit?: 'row';
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Where a record is, for messages: `rows.csv:7` or `rows.parquet: row 7`. */
export function placeOf(
  file: string,
  { line, unit }: { readonly line: number; readonly unit?: 'row' | undefined },
): string {
  return unit === 'row' ? `${file}: row ${line}` : `${file}:${line}`;
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

export const NAME_THE_COLUMNS =
  'Name the columns with --text-column and --label-column (textColumn and labelColumn).';

/** A record or a file lacks a column: to whoever reads the message, a DataError like any other. */
export class MissingColumnError extends DataError {
  /**
   * @param place file and line
   * @param columns those that are there
   */
  constructor(
    place: string,
    column: string,
    readonly columns: readonly string[],
  ) {
    const near = nearest(column, columns);
    const suggestion = near === undefined ? '' : `did you mean ${JSON.stringify(near)}? `;
    const present = columns.map((name) => JSON.stringify(name)).join(', ') || 'none';
    super(`${place}: has no column ${JSON.stringify(column)}; ${suggestion}its columns are ${present}`, {
      hint: NAME_THE_COLUMNS,
    });
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

/** A value as a message shows it, cut short. */
export function shown(value: unknown): string {
  const text =
    typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))
      ? String(value)
      : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
