// From records of any file kind to rows with a text and a label. What the labels mean is left to labels.ts,
// which sees all of them.
import { DataError, UsageError } from '../errors/attune-error.js';
import type { RecordPlace } from '../errors/phrases/places.js';
import { factNumber, plain } from '../errors/phrases/values.js';
import { Pace } from '../pace.js';
import type { Columns } from './columns.js';
import { readerFor } from './readers.js';
import type { DataRecord } from './records.js';
import { fieldOf, MissingColumnError, recordFacts } from './records.js';

export interface ColumnOptions {
  /** Absent: the usual one, else `text`, else one that is called or looks like it. */
  readonly textColumn?: string | undefined;
  /**
   * Absent: the usual one, else `label`, likewise. The names of integer labels are looked for in the column
   * of this name with `_text` after it.
   */
  readonly labelColumn?: string | undefined;
  /** What the columns are called where the data has such, as those that a model was trained with. */
  readonly usualColumns?: Columns | undefined;
}

export interface ReadOptions extends ColumnOptions {
  /** Aborting it ends the reading with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A row as the file has it. */
export interface RawRow {
  /** Line of the file, from 1, or row where `unit` says so. */
  readonly line: number;
  readonly unit?: 'row' | undefined;
  /** The file, where a split has several. */
  readonly file?: string | undefined;
  readonly text: string;
  /** An integer is a class index; a string names a class. */
  readonly label: number | string;
  /** How the file spells a label that is an integer, where that is not as integers are spelt: 01, +1. */
  readonly spelling?: string | undefined;
  readonly labelText?: string | undefined;
  readonly id?: string | undefined;
  /** The file has a null in place of the text, which is empty here. */
  readonly nullText?: true | undefined;
}

/** An object under construction: what a row does not have is to be absent, not undefined. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Where a row came from, as facts; `file` if the row itself does not say. */
export const rowPlace = (row: Pick<RawRow, 'file' | 'line' | 'unit'>, file: string): RecordPlace =>
  recordFacts(row.file ?? file, row);

/**
 * Reads a whole file.
 *
 * @throws DataError naming file, line and column: `text-not-string`, `label-missing`, `label-not-integer`,
 *   `data-file-empty`, `csv-*`, `jsonl-*`, `parquet-*` and others; UsageError `columns-identical`; the
 *   signal's reason if it is aborted
 */
export async function readRows(file: string, options: ReadOptions = {}): Promise<RawRow[]> {
  const { textColumn = 'text', labelColumn = 'label', signal } = options;
  if (textColumn === labelColumn) throw new UsageError('columns-identical', { column: textColumn });
  signal?.throwIfAborted();
  const rows: RawRow[] = [];
  const pace = new Pace(signal);
  for await (const record of (await readerFor(file))(
    file,
    [textColumn, labelColumn],
    [`${labelColumn}_text`, 'id'],
  )) {
    if (pace.due) await pace.rest();
    const place = recordFacts(file, record);
    const labelText = textOrAbsent(record, `${labelColumn}_text`, place);
    const id = fieldOf(record, 'id');
    // Datasets that were once CSV have nulls where a text was empty; pandas and the Hub's converters write
    // them.
    const nullText = fieldOf(record, textColumn) === null;
    const row: Writable<RawRow> = {
      line: record.line,
      text: nullText ? '' : requiredText(record, textColumn, file),
      ...labelOf(record, labelColumn, place),
    };
    if (record.unit !== undefined) row.unit = record.unit;
    if (labelText !== undefined) row.labelText = labelText;
    if (typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint') row.id = String(id);
    if (nullText) row.nullText = true;
    rows.push(row);
  }
  if (rows.length === 0) throw new DataError('data-file-empty', { file });
  return rows;
}

/** The text of a record. An empty text is one; a missing or null one is refused. */
export function requiredText(record: DataRecord, column: string, source: string): string {
  const place = recordFacts(source, record);
  const value = fieldOf(record, column);
  if (typeof value === 'string') return value;
  if (value === undefined) throw new MissingColumnError(place, column, Object.keys(record.fields));
  throw new DataError('text-not-string', { ...place, column, found: plain(value) });
}

function textOrAbsent(record: DataRecord, column: string, place: RecordPlace): string | undefined {
  const value = fieldOf(record, column);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string')
    throw new DataError('class-name-not-string', { ...place, column, found: plain(value) });
  return value.trim() === '' ? undefined : value.trim();
}

const INTEGER = /^[+-]?\d+$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function labelOf(record: DataRecord, column: string, place: RecordPlace): Pick<RawRow, 'label' | 'spelling'> {
  const label = parseLabel(record, column, place);
  const written = fieldOf(record, column);
  return typeof label === 'number' && typeof written === 'string' && written.trim() !== String(label)
    ? { label, spelling: written.trim() }
    : { label };
}

/**
 * A label is an integer from 0 up, as a number or spelt out, a boolean (false is 0), or the name of a class.
 * Spaces around it do not count.
 */
function parseLabel(record: DataRecord, column: string, place: RecordPlace): number | string {
  const value = fieldOf(record, column);
  if (value === undefined) throw new MissingColumnError(place, column, Object.keys(record.fields));
  const facts = { ...place, column };
  if (value === null) throw new DataError('label-missing', { ...facts, label: value });
  if (typeof value === 'number') return classIndex(value, { ...facts, label: factNumber(value) });
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') throw new DataError('label-too-large', { ...facts, label: String(value) });
  if (typeof value !== 'string') throw new DataError('label-type', { ...facts, label: plain(value) });
  const label = value.trim();
  if (label === '') throw new DataError('label-missing', { ...facts, label: value });
  if (INTEGER.test(label)) return classIndex(Number(label), { ...facts, label: value });
  if (NUMBER.test(label)) throw new DataError('label-not-integer', { ...facts, label: value });
  return label;
}

/** @param facts for the error, with the label as it is written */
function classIndex(
  value: number,
  facts: RecordPlace & { readonly column: string; readonly label: string | number },
): number {
  if (!Number.isInteger(value)) throw new DataError('label-not-integer', facts);
  if (value < 0) throw new DataError('label-negative', facts);
  if (!Number.isSafeInteger(value))
    throw new DataError('label-too-large', { ...facts, label: String(facts.label) });
  return value === 0 ? 0 : value; // "-0"
}
