/** Places in files, as facts and in sentences. */

/** A record's place: its line, or its row if the file has no lines; neither: the file as a whole. Both from 1. */
export type RecordPlace = { file: string; line?: number | undefined; row?: number | undefined };

/** `rows.csv:7`, `rows.parquet: row 7` or `rows.csv`. */
export function recordPlace({ file, line, row }: RecordPlace): string {
  if (row !== undefined) return `${file}: row ${row}`;
  return line === undefined ? file : `${file}:${line}`;
}

/** A place in a file: a line, from 1, or a field of JSON such as `model.merges[3]`; neither: the file as a whole. */
export type FieldPlace = { file: string; line?: number | undefined; field?: string | undefined };

/** `merges.txt:7`, `tokenizer.json model.merges[3]` or `tokenizer.json`. */
export function fieldPlace({ file, line, field }: FieldPlace): string {
  if (line !== undefined) return `${file}:${line}`;
  return field === undefined ? file : `${file} ${field}`;
}
