import { DataError } from '../errors.js';
import { nearest } from '../nearest.js';

/** One record of a data file, before anything is known about its columns. */
export interface DataRecord {
  /** The line on which it begins, from 1. */
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Reads a data file record by record.
 *
 * @param required columns the caller cannot do without; a reader that knows its columns beforehand refuses a file that lacks one
 * @throws DataError naming file and line
 */
export type RecordReader = (file: string, required: readonly string[]) => AsyncIterable<DataRecord>;

/** Refuses a record or a file that lacks `column`. `place` is file and line. */
export function missingColumn(place: string, column: string, present: readonly string[]): DataError {
  const near = nearest(column, present);
  const suggestion = near === undefined ? '' : `did you mean ${JSON.stringify(near)}? `;
  return new DataError(`${place}: has no column ${JSON.stringify(column)}; ${suggestion}its columns are ${present.map((name) => JSON.stringify(name)).join(', ') || 'none'}`, {
    hint: 'Name the columns with --text-column and --label-column (textColumn and labelColumn).',
  });
}

/** The value of a field; undefined where the record lacks it (an inherited name such as `constructor` is lacking). */
export function fieldOf(record: DataRecord, column: string): unknown {
  return Object.hasOwn(record.fields, column) ? record.fields[column] : undefined;
}

/** A value as a message shows it, cut short. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
