import { DataError } from '../errors/attune-error.js';
import { parseJson } from '../json/syntax.js';
import { parseJsonl } from './jsonl.js';
import type { DataRecord } from './records.js';
import { plain } from '../errors/phrases/values.js';
import { fileChunks } from './text-blocks.js';

/** A whole array has to be in memory at once. */
const LONGEST_ARRAY = 256 * 2 ** 20;

/**
 * Reads a .json file: an array of objects, as pandas and browsers write one, or JSON lines. An array is read
 * as a whole and its records are numbered by row; JSON lines stream.
 */
export async function* readJson(file: string): AsyncGenerator<DataRecord> {
  const chunks = fileChunks(file);
  const head: Uint8Array[] = [];
  let array = false;
  for (;;) {
    const next = await chunks.next();
    if (next.done === true) break;
    const { value } = next;
    head.push(value);
    const first = /[^\ufeff \t\r\n]/.exec(Buffer.from(value).toString('utf8'))?.[0];
    if (first === undefined) continue;
    array = first === '[';
    break;
  }
  const all = chain(head, chunks);
  if (array) yield* arrayRecords(await wholeText(all, file), file);
  else yield* parseJsonl(all, file);
}

async function* chain(
  head: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* head;
  yield* rest;
}

async function wholeText(chunks: AsyncIterable<Uint8Array>, file: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > LONGEST_ARRAY) throw new DataError('json-array-too-long', { file, limit: LONGEST_ARRAY });
    parts.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch (cause) {
    throw new DataError('data-file-not-utf8', { file }, { cause });
  }
}

function* arrayRecords(text: string, file: string): Generator<DataRecord> {
  const parsed = parseJson(text);
  if ('error' in parsed) {
    const { line, column, message: reason } = parsed.error;
    throw new DataError('json-broken', { file, line, column, reason });
  }
  for (const [i, value] of (parsed.value as unknown[]).entries()) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new DataError('record-not-object', { file, row: i + 1, found: plain(value) });
    yield { line: i + 1, unit: 'row', fields: value as Readonly<Record<string, unknown>> };
  }
}
