// Text files are read as blocks of whole lines, so that a file larger than memory streams and yet every
// message can name a line.
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AttuneError, DataError } from '../errors/attune-error.js';

/** Whole lines of a text file, checked to be UTF-8, without the byte order mark. */
export interface TextBlock {
  readonly bytes: Buffer;
  /** Number of the block's first line, from 1. */
  readonly line: number;
}

/**
 * A gzip file may be this many times as long when unpacked: text of any kind becomes 3 to 30 times as long, a
 * bomb 1,000 times.
 */
const MOST_EXPANSION = 256;
/** Small files may become this long in any case. */
const ALWAYS_ALLOWED = 1 << 20;

/**
 * The bytes of a stream that may never end, such as a terminal's.
 *
 * @throws the signal's reason if it is aborted, also while no bytes come
 */
export async function* streamChunks(stream: Readable, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = (): void => void stream.destroy();
  signal?.throwIfAborted();
  signal?.addEventListener('abort', stop);
  try {
    for await (const chunk of stream) {
      signal?.throwIfAborted();
      yield chunk as Uint8Array;
    }
    signal?.throwIfAborted();
  } catch (cause) {
    // A stream that is destroyed complains that it was closed too early.
    signal?.throwIfAborted();
    throw cause;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** The bytes of a file, unpacked where its name ends in .gz. @throws DataError if it cannot be read */
export async function* fileChunks(file: string): AsyncGenerator<Uint8Array> {
  const stream = createReadStream(file, { highWaterMark: 1 << 20 });
  try {
    if (/\.gz$/i.test(file)) yield* gunzipped(stream, file);
    else for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (cause) {
    throw fileFault(file, cause);
  } finally {
    stream.destroy();
  }
}

async function* gunzipped(stream: NodeJS.ReadableStream, file: string): AsyncGenerator<Uint8Array> {
  const most = Math.max(MOST_EXPANSION * (await stat(file)).size, ALWAYS_ALLOWED);
  const gunzip = createGunzip({ chunkSize: 1 << 18 });
  // pipe() does not pass on errors.
  stream.on('error', (error: Error) => gunzip.destroy(error));
  let length = 0;
  try {
    for await (const chunk of stream.pipe(gunzip)) {
      length += (chunk as Buffer).length;
      if (length > most) throw new DataError('gzip-expansion', { file, limit: MOST_EXPANSION });
      yield chunk as Uint8Array;
    }
  } catch (cause) {
    const code = codeOf(cause);
    if (!code?.startsWith('Z_')) throw cause;
    if (code === 'Z_BUF_ERROR') throw new DataError('gzip-cut-short', { file }, { cause });
    throw new DataError('gzip-damaged', { file, reason: (cause as Error).message }, { cause });
  } finally {
    gunzip.destroy();
  }
}

const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;

const FAULTS: Readonly<
  Partial<Record<string, 'data-file-missing' | 'data-file-is-folder' | 'data-file-forbidden'>>
> = {
  ENOENT: 'data-file-missing',
  EISDIR: 'data-file-is-folder',
  EACCES: 'data-file-forbidden',
};

/** What the operating system says of a file, for people; anything else as it is. */
export function fileFault(file: string, cause: unknown): unknown {
  const code = codeOf(cause);
  if (code === undefined || cause instanceof AttuneError) return cause;
  const fault = FAULTS[code];
  return fault === undefined
    ? new DataError('data-file-unreadable', { file, reason: code }, { cause })
    : new DataError(fault, { file }, { cause });
}

/**
 * Cuts a stream of bytes at line feeds.
 *
 * @param source names the bytes in messages
 * @throws DataError with the line that is not UTF-8
 */
export async function* textBlocks(
  chunks: AsyncIterable<Uint8Array>,
  source: string,
): AsyncGenerator<TextBlock> {
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
  const utf16 =
    firstLine === 1 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff));
  return new DataError('data-file-not-utf8', { file: source, line, utf16 });
}
