import { basename } from 'node:path';
import { DataError } from '../errors/attune-error.js';
import type { RecordReader } from './records.js';

/** A kind of data file. To read another kind, add it here: nothing else knows which kinds there are. */
export interface FileKind {
  readonly name: string;
  /** Endings of file names, in lower case, with the dot. */
  readonly extensions: readonly string[];
  /** Loads the reader, and with it the libraries that it alone needs. */
  readonly reader: () => Promise<RecordReader>;
}

export const FILE_KINDS: readonly FileKind[] = [
  {
    name: 'JSON lines',
    extensions: ['.jsonl', '.jsonl.gz', '.ndjson', '.ndjson.gz'],
    reader: async () => (await import('./jsonl.js')).readJsonl,
  },
  {
    name: 'JSON',
    extensions: ['.json', '.json.gz'],
    reader: async () => (await import('./json.js')).readJson,
  },
  { name: 'CSV', extensions: ['.csv', '.csv.gz'], reader: async () => (await import('./csv.js')).readCsv },
  { name: 'TSV', extensions: ['.tsv', '.tsv.gz'], reader: async () => (await import('./csv.js')).readTsv },
  {
    name: 'parquet',
    extensions: ['.parquet'],
    reader: async () => (await import('./parquet/reader.js')).readParquet,
  },
];

/** Every ending that can be read, for messages. */
export const EXTENSIONS: readonly string[] = FILE_KINDS.flatMap(({ extensions }) => extensions);

/**
 * Splits a file name into its stem and its kind: `train.jsonl` is `train` and JSON lines. Undefined where no
 * kind has the ending.
 */
export function fileKind(file: string): { readonly stem: string; readonly kind: FileKind } | undefined {
  const name = basename(file);
  for (const kind of FILE_KINDS) {
    const extension = kind.extensions.find((ending) => name.toLowerCase().endsWith(ending));
    if (extension !== undefined) return { stem: name.slice(0, -extension.length), kind };
  }
  return undefined;
}

/**
 * The reader for a file, by the ending of its name.
 *
 * @throws DataError `data-file-kind`, `data-file-packed`
 */
export async function readerFor(file: string): Promise<RecordReader> {
  const found = fileKind(file);
  if (!found && /\.(zip|bz2|xz|zst|7z|tar|tgz)$/i.test(file))
    throw new DataError('data-file-packed', { file, readable: EXTENSIONS });
  if (!found) throw new DataError('data-file-kind', { file, readable: EXTENSIONS });
  return found.kind.reader();
}
