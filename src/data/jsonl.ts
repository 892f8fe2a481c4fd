import { DataError } from '../errors/attune-error.js';
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
      if (text.trim() !== '') yield { line, fields: parseLine(text, `${source}:${line}`, line === 1) };
      line++;
    }
  }
}

function parseLine(text: string, place: string, first: boolean): Readonly<Record<string, unknown>> {
  const parsed = parseJson(text);
  const array = text.trimStart().startsWith('[');
  if ('error' in parsed) {
    if (first && array) throw wholeArray(place);
    throw new DataError(`${place}: broken JSON at column ${parsed.error.column}: ${parsed.error.message}`, {
      hint: 'JSON lines hold one object a line, such as {"text": "…", "label": 0}.',
    });
  }
  const { value } = parsed;
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  if (first && array) throw wholeArray(place);
  throw new DataError(`${place}: holds ${kindOf(value)}, not an object`);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return value === null ? 'null' : `a ${typeof value}`;
}

function wholeArray(place: string): DataError {
  return new DataError(`${place}: is a JSON array, not JSON lines`, {
    hint: 'Write one object a line; `jq -c ".[]" FILE` does it.',
  });
}
