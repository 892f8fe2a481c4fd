/**
 * A file system in memory, which takes the disk's place in the browser: a model's files are put into it, a
 * run writes its output folder there, and the results are taken out. Paths are absolute or start from `/`. It
 * lives as long as the page or worker that loaded this module.
 */
import { join, resolve } from './node/path.js';

/** A file's bytes in the pieces they came in, so that a large file is never copied to grow. */
export class MemoryFile {
  readonly kind = 'file';
  readonly pieces: { readonly start: number; readonly bytes: Uint8Array }[] = [];
  size = 0;
  modified = Date.now();

  append(bytes: Uint8Array): void {
    if (bytes.length > 0) this.pieces.push({ start: this.size, bytes });
    this.size += bytes.length;
    this.modified = Date.now();
  }

  clear(): void {
    this.pieces.length = 0;
    this.size = 0;
  }

  /** Copies what lies from `position` on into `target`. Returns how many bytes there were. */
  read(target: Uint8Array, position: number): number {
    let low = 0;
    let high = this.pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { start, bytes } = this.pieces[middle];
      if (start + bytes.length <= position) low = middle + 1;
      else high = middle;
    }
    let done = 0;
    for (; low < this.pieces.length && done < target.length; low++) {
      const { start, bytes } = this.pieces[low];
      const part = bytes.subarray(position + done - start).subarray(0, target.length - done);
      target.set(part, done);
      done += part.length;
    }
    return done;
  }

  all(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.size);
    this.read(bytes, 0);
    return bytes;
  }
}

export class MemoryFolder {
  readonly kind = 'folder';
  readonly modified = Date.now();
}

export type Entry = MemoryFile | MemoryFolder;

/** An error as the operating system would give it. */
export class FileError extends Error {
  constructor(
    readonly code: 'ENOENT' | 'EEXIST' | 'EISDIR' | 'ENOTDIR' | 'ENOTEMPTY',
    readonly syscall: string,
    readonly path: string,
  ) {
    super(`${code}: ${WORDS[code]}, ${syscall} '${path}'`);
  }
}

const WORDS = {
  ENOENT: 'no such file or directory',
  EEXIST: 'file already exists',
  EISDIR: 'illegal operation on a directory',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
} as const;

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
const ROOT = new MemoryFolder();

/** Files and folders by their absolute path. The calls are those of the operating system, with its errors. */
export class MemoryDisk {
  readonly #entries = new Map<string, Entry>();

  find(path: string): Entry | undefined {
    const at = resolve(path);
    return at === '/' ? ROOT : this.#entries.get(at);
  }

  get(path: string, call: string): Entry {
    const found = this.find(path);
    if (!found) throw new FileError('ENOENT', call, path);
    return found;
  }

  file(path: string, call: string): MemoryFile {
    const found = this.get(path, call);
    if (found.kind === 'folder') throw new FileError('EISDIR', call, path);
    return found;
  }

  /** Names in a folder, sorted. */
  list(path: string): string[] {
    if (this.get(path, 'scandir').kind === 'file') throw new FileError('ENOTDIR', 'scandir', path);
    const prefix = resolve(path) === '/' ? '/' : `${resolve(path)}/`;
    return [...this.#entries.keys()]
      .filter((key) => key.startsWith(prefix) && !key.includes('/', prefix.length))
      .map((key) => key.slice(prefix.length))
      .sort();
  }

  create(path: string, call: string): MemoryFile {
    const at = resolve(path);
    this.#requireParent(at, path, call);
    if (this.find(at)?.kind === 'folder') throw new FileError('EISDIR', call, path);
    const file = new MemoryFile();
    this.#entries.set(at, file);
    return file;
  }

  /** Returns the first folder that was made. */
  makeFolder(path: string, recursive: boolean): string | undefined {
    const at = resolve(path);
    const found = this.find(at);
    if (found) {
      if (recursive && found.kind === 'folder') return undefined;
      throw new FileError('EEXIST', 'mkdir', path);
    }
    const above = recursive ? this.makeFolder(parentOf(at), true) : this.#requireParent(at, path, 'mkdir');
    this.#entries.set(at, new MemoryFolder());
    return above ?? at;
  }

  rename(from: string, to: string): void {
    const [source, target] = [resolve(from), resolve(to)];
    const moved = this.get(source, 'rename');
    this.#requireParent(target, to, 'rename');
    if (source === target) return;
    const there = this.find(target);
    if (there?.kind === 'folder') {
      if (moved.kind === 'file') throw new FileError('EISDIR', 'rename', to);
      if (this.list(target).length > 0) throw new FileError('ENOTEMPTY', 'rename', to);
    } else if (there && moved.kind === 'folder') throw new FileError('ENOTDIR', 'rename', to);
    for (const [path, entry] of [...this.#entries]) {
      if (path !== source && !path.startsWith(`${source}/`)) continue;
      this.#entries.delete(path);
      this.#entries.set(target + path.slice(source.length), entry);
    }
  }

  remove(
    path: string,
    { recursive = false, force = false }: { readonly recursive?: boolean; readonly force?: boolean } = {},
  ): void {
    const at = resolve(path);
    const found = this.find(at);
    if (!found && force) return;
    if (this.get(path, 'rm').kind === 'folder' && !recursive) throw new FileError('EISDIR', 'rm', path);
    for (const key of [...this.#entries.keys()])
      if (key === at || key.startsWith(at === '/' ? '/' : `${at}/`)) this.#entries.delete(key);
  }

  #requireParent(at: string, path: string, call: string): undefined {
    const parent = this.find(parentOf(at));
    if (!parent) throw new FileError('ENOENT', call, path);
    if (parent.kind === 'file') throw new FileError('ENOTDIR', call, path);
  }
}

/** The disk that all of attune reads and writes here. */
export const disk = new MemoryDisk();

/** Files in memory, by path: what goes into a run and what comes out of it. */
export const files = {
  /**
   * Puts a file there, with the folders above it; one of the same name is replaced. Bytes are kept, not
   * copied.
   */
  async write(
    path: string,
    contents: string | Uint8Array | ArrayBuffer | { arrayBuffer(): Promise<ArrayBuffer> },
  ): Promise<void> {
    let bytes: Uint8Array;
    if (typeof contents === 'string') bytes = new TextEncoder().encode(contents);
    else if (contents instanceof Uint8Array) bytes = contents;
    else if (contents instanceof ArrayBuffer) bytes = new Uint8Array(contents);
    else bytes = new Uint8Array(await contents.arrayBuffer());
    disk.makeFolder(parentOf(resolve(path)), true);
    disk.create(path, 'open').append(bytes);
  },

  /** A copy of a file's bytes. @throws Error if there is none */
  read(path: string): Uint8Array<ArrayBuffer> {
    return disk.file(path, 'open').all();
  },

  readText(path: string): string {
    return new TextDecoder().decode(files.read(path));
  },

  exists: (path: string): boolean => disk.find(path) !== undefined,

  /** Names in a folder, sorted. @throws Error if there is none */
  list: (folder: string): string[] => disk.list(folder),

  /** The files of a folder, not those of folders in it: name -> bytes, copied. */
  folder(folder: string): Map<string, Uint8Array<ArrayBuffer>> {
    return new Map(
      disk
        .list(folder)
        .filter((name) => disk.find(join(folder, name))?.kind === 'file')
        .map((name) => [name, files.read(join(folder, name))]),
    );
  },

  /** Removes a file, or a folder with all in it; nothing happens where there is none. */
  remove: (path: string): void => disk.remove(path, { recursive: true, force: true }),
} as const;
