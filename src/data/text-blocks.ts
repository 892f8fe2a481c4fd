// Text files are read as blocks of whole lines, so that a file larger than memory streams and yet every message can name a line.
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { DataError } from '../errors.js';

/** Whole lines of a text file, checked to be UTF-8, without the byte order mark. */
export interface TextBlock {
  readonly bytes: Buffer;
  /** Number of the block's first line, from 1. */
  readonly line: number;
}

/** The bytes of a file. @throws DataError where it cannot be read */
export async function* fileChunks(file: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) yield chunk as Uint8Array;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (typeof code !== 'string') throw cause;
    const why = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a folder, not a file' : code === 'EACCES' ? 'may not be read' : code;
    throw new DataError(`${file}: ${why}`, { cause });
  }
}

/**
 * Cuts a stream of bytes at line feeds.
 *
 * @param source names the bytes in messages
 * @throws DataError with the line that is not UTF-8
 */
export async function* textBlocks(chunks: AsyncIterable<Uint8Array>, source: string): AsyncGenerator<TextBlock> {
  let line = 1;
  let pending: Uint8Array[] = [];
  let first = true;

  const block = (bytes: Buffer): TextBlock => {
    const hasMark = first && bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    first = false;
    if (!isUtf8(bytes)) throw notUtf8(bytes, line, source);
    const made = { bytes: hasMark ? bytes.subarray(3) : bytes, line };
    line += countLineFeeds(bytes);
    return made;
  };

  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) {
      yield block(Buffer.concat([...pending, bytes.subarray(0, end)]));
      pending = [];
    }
    if (end < bytes.length) pending.push(bytes.subarray(end));
  }
  if (pending.length > 0) yield block(Buffer.concat(pending));
}

export const LINE_FEED = 0x0a;

function countLineFeeds(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}

function notUtf8(bytes: Buffer, firstLine: number, source: string): DataError {
  let line = firstLine;
  for (let start = 0; start < bytes.length; line++) {
    const at = bytes.indexOf(LINE_FEED, start);
    const end = at === -1 ? bytes.length : at + 1;
    if (!isUtf8(bytes.subarray(start, end))) break;
    start = end;
  }
  const utf16 = firstLine === 1 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff));
  return new DataError(`${source}:${line}: is not UTF-8 text`, {
    hint: utf16 ? 'The file is UTF-16; save it as UTF-8.' : 'Save the file as UTF-8 (it may be in Latin-1 or Windows-1252, or compressed).',
  });
}
