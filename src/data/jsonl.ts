import { DataError } from '../errors/attune-error.js';
import { plain } from '../errors/phrases/values.js';
import { parseJson } from '../json/syntax.js';
import type { DataRecord } from './records.js';
import { fileChunks, textBlocks } from './text-blocks.js';

/** Reads JSON lines: one object a line. Blank lines, CRLF and a byte order mark are tolerated. */
export function readJsonl(file: string): AsyncGenerator<DataRecord> {
  return parseJsonl(fileChunks(file), file);
}

/** The same from any stream of bytes; `source` names it in messages. */
export async function* parseJsonl(
  chunks: AsyncIterable<Uint8Array>,
  source: string,
): AsyncGenerator<DataRecord> {
  for await (const block of textBlocks(chunks, source)) {
    let line = block.line;
    for (const text of block.bytes.toString('utf8').split('\n')) {
      // The block's last line feed leaves an empty piece, which is blank like any other.
      if (text.trim() !== '') yield { line, fields: parseLine(text, source, line) };
      line++;
    }
  }
}

function parseLine(text: string, file: string, line: number): Readonly<Record<string, unknown>> {
  if (line === 1 && text.trimStart().startsWith('[')) throw new DataError('jsonl-array', { file, line });
  const parsed = parseJson(text);
  if ('error' in parsed) {
    const { column, message: reason } = parsed.error;
    throw new DataError('jsonl-broken', { file, line, column, reason });
  }
  const { value } = parsed;
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw new DataError('record-not-object', { file, line, found: plain(value) });
}
