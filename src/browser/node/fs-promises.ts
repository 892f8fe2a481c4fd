/** What attune uses of node:fs/promises, over the files in memory. */
import { Buffer } from 'buffer';
import { disk, FileError } from '../memory-files.js';
import type { Entry, MemoryFile } from '../memory-files.js';
import { resolve } from './path.js';

type Data = string | Uint8Array;
const bytesOf = (data: Data): Uint8Array =>
  typeof data === 'string' ? new TextEncoder().encode(data) : data.slice();

export const constants = { F_OK: 0, X_OK: 1, W_OK: 2, R_OK: 4 } as const;

class Stats {
  readonly size: number;
  readonly mtimeMs: number;

  readonly #entry: Entry;

  constructor(entry: Entry) {
    this.#entry = entry;

    this.size = entry.kind === 'file' ? entry.size : 0;
    this.mtimeMs = entry.modified;
  }

  isFile = (): boolean => this.#entry.kind === 'file';
  isDirectory = (): boolean => this.#entry.kind === 'folder';
  isSymbolicLink = (): boolean => false;
}

/** As Node's functions do, these fail by rejecting, never by throwing. */
export const stat = async (path: string): Promise<Stats> => new Stats(disk.get(path, 'stat'));
export const lstat = stat;

export async function access(path: string): Promise<void> {
  await stat(path);
}

/** With an encoding a text, else bytes. */
export async function readFile(path: string, encoding?: string): Promise<Buffer | string> {
  const bytes = disk.file(path, 'open').all();
  return encoding === undefined
    ? Buffer.from(bytes.buffer)
    : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

export async function writeFile(
  path: string,
  data: Data,
  { flag = 'w' }: { flag?: string } = {},
): Promise<void> {
  if (flag === 'wx' && disk.find(path)) throw new FileError('EEXIST', 'open', path);
  disk.create(path, 'open').append(bytesOf(data));
}

export async function readdir(
  path: string,
  options?: { readonly withFileTypes?: boolean; readonly encoding?: 'buffer' },
): Promise<unknown[]> {
  const names = disk.list(path);
  if (options?.encoding === 'buffer') return names.map((name) => Buffer.from(name));
  return options?.withFileTypes === true
    ? names.map((name) => Object.assign(new Stats(disk.get(`${path}/${name}`, 'stat')), { name }))
    : names;
}

export const mkdir = async (
  path: string,
  { recursive = false }: { recursive?: boolean } = {},
): Promise<string | undefined> => disk.makeFolder(path, recursive);
export const rename = async (from: string, to: string): Promise<void> => disk.rename(from, to);
export const rm = async (path: string, options?: { recursive?: boolean; force?: boolean }): Promise<void> =>
  disk.remove(path, options);

/** Fails, as the system does, where the folder is not empty. */
export async function rmdir(path: string): Promise<void> {
  if ((await readdir(path)).length > 0) throw new FileError('ENOTEMPTY', 'rmdir', path);
  disk.remove(path, { recursive: true });
}

/** There are no links. */
export async function realpath(path: string): Promise<string> {
  disk.get(path, 'realpath');
  return resolve(path);
}

class FileHandle {
  readonly #entry: Entry;
  readonly #path: string;

  constructor(entry: Entry, path: string) {
    this.#entry = entry;
    this.#path = path;
  }

  get #file(): MemoryFile {
    if (this.#entry.kind === 'folder') throw new FileError('EISDIR', 'read', this.#path);
    return this.#entry;
  }

  stat = (): Promise<Stats> => Promise.resolve(new Stats(this.#entry));

  async read(
    buffer: Uint8Array,
    offset = 0,
    length = buffer.length - offset,
    position = 0,
  ): Promise<{ bytesRead: number; buffer: Uint8Array }> {
    return { bytesRead: this.#file.read(buffer.subarray(offset, offset + length), position), buffer };
  }

  /** Each call goes on where the last one ended. */
  async write(bytes: Uint8Array, offset = 0): Promise<{ bytesWritten: number }> {
    this.#file.append(bytes.slice(offset));
    return { bytesWritten: bytes.length - offset };
  }

  async writeFile(data: Data): Promise<void> {
    this.#file.append(bytesOf(data));
  }

  sync = (): Promise<void> => Promise.resolve();
  close = (): Promise<void> => Promise.resolve();
}

/** Flags `r`, `w` and `wx`. */
export async function open(path: string, flags = 'r'): Promise<FileHandle> {
  if (flags === 'wx' && disk.find(path)) throw new FileError('EEXIST', 'open', path);
  return new FileHandle(flags.startsWith('w') ? disk.create(path, 'open') : disk.get(path, 'open'), path);
}
