/** What attune uses of node:fs, over the files in memory. */
import { Buffer } from 'buffer';
import { Readable } from 'stream';
import { disk } from '../memory-files.js';

export const existsSync = (path: string): boolean => disk.find(path) !== undefined;

export function readFileSync(path: string, encoding?: string): Buffer | string {
  const bytes = disk.file(path, 'open').all();
  return encoding === undefined
    ? Buffer.from(bytes.buffer)
    : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

export const readdirSync = (path: string): string[] => disk.list(path);

export function createReadStream(
  path: string,
  { highWaterMark = 65_536 }: { highWaterMark?: number } = {},
): Readable {
  return Readable.from(chunks(path, highWaterMark), { objectMode: false });
}

async function* chunks(path: string, size: number): AsyncGenerator<Buffer> {
  const file = disk.file(path, 'open');
  for (let at = 0; at < file.size; at += size) {
    const chunk = Buffer.alloc(Math.min(size, file.size - at));
    file.read(chunk, at);
    yield chunk;
  }
}
