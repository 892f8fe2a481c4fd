import { basename } from 'node:path';
import { DataError } from '../errors.js';
import { readCsv } from './csv.js';
import { readJsonl } from './jsonl.js';
import type { RecordReader } from './records.js';

/** A kind of data file. To read another kind, add it here: nothing else knows which kinds there are. */
export interface FileKind {
  readonly name: string;
  /** Endings of file names, in lower case, with the dot. */
  readonly extensions: readonly string[];
  readonly read: RecordReader;
}

export const FILE_KINDS: readonly FileKind[] = [
  { name: 'JSON lines', extensions: ['.jsonl', '.json'], read: readJsonl },
  { name: 'CSV', extensions: ['.csv'], read: readCsv },
];

/** Every ending that can be read, for messages. */
export const READABLE = FILE_KINDS.flatMap(({ extensions }) => extensions).join(', ');

/** Splits a file name into its stem and its kind: `train.jsonl` is `train` and JSON lines. Undefined where no kind has the ending. */
export function fileKind(file: string): { readonly stem: string; readonly kind: FileKind } | undefined {
  const name = basename(file);
  for (const kind of FILE_KINDS) {
    const extension = kind.extensions.find((ending) => name.toLowerCase().endsWith(ending));
    if (extension !== undefined) return { stem: name.slice(0, -extension.length), kind };
  }
  return undefined;
}

/** The reader for a file, by the ending of its name. @throws DataError where no kind has it */
export function readerFor(file: string): RecordReader {
  const found = fileKind(file);
  if (!found) throw new DataError(`${file}: attune does not read this kind of file`, { hint: `It reads files that end in ${READABLE}.` });
  return found.kind.read;
}
