// Datasets on this machine: a folder, or files that a pattern names.
import { readdir, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { DataError } from '../errors/attune-error.js';
import type { DataRepository } from './repository.js';

/** Beyond this many files, the folder is not a dataset but somebody's home. */
const MOST_FILES = 100_000;
const DEEPEST = 10;

/**
 * The files of a folder. Hidden folders and node_modules are passed over; links to files are files, links to
 * folders are not followed.
 */
export class LocalFolder implements DataRepository {
  readonly local = true;
  #files: Promise<readonly string[]> | undefined;

  constructor(readonly name: string) {}

  list(): Promise<readonly string[]> {
    this.#files ??= listFiles(this.name);
    return this.#files;
  }

  fetch(path: string): Promise<string> {
    return Promise.resolve(join(this.name, path));
  }
}

async function listFiles(root: string): Promise<readonly string[]> {
  const files: string[] = [];
  const walk = async (folder: string, depth: number): Promise<void> => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < DEEPEST && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
          await walk(path, depth + 1);
      } else if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(join(root, path))))) {
        if (files.push(path) > MOST_FILES)
          throw new DataError('dataset-folder-too-large', { folder: root, limit: MOST_FILES });
      }
    }
  };
  try {
    await walk('', 0);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const reason = (cause as Error).message;
    throw new DataError('dataset-folder-unreadable', { folder: root, reason }, { cause });
  }
  return files.sort();
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/** Whether `path` looks like a pattern: `*`, `?`, `[…]` or `{…}`, and no file of that very name is there. */
export async function isPattern(path: string): Promise<boolean> {
  const { default: picomatch } = await import('picomatch');
  return (
    picomatch.scan(path).isGlob &&
    !(await stat(path).then(
      () => true,
      () => false,
    ))
  );
}

/**
 * The files that a pattern names, in order of their names.
 *
 * @throws DataError `file-pattern-without-folder`, `file-pattern-unmatched`
 */
export async function matchingFiles(pattern: string): Promise<readonly string[]> {
  const { default: picomatch } = await import('picomatch');
  const posix = sep === '\\' ? pattern.replaceAll('\\', '/') : pattern;
  const { base, glob } = picomatch.scan(posix);
  const folder = base === '' ? '.' : base;
  if (
    !(await stat(folder).then(
      (found) => found.isDirectory(),
      () => false,
    ))
  )
    throw new DataError('file-pattern-without-folder', { pattern, folder });
  const matches = picomatch(glob);
  const found = (await new LocalFolder(folder).list())
    .filter((file) => matches(file))
    .map((file) => (base === '' ? file : join(base, file)));
  if (found.length === 0) throw new DataError('file-pattern-unmatched', { pattern, folder: resolve(folder) });
  return found;
}
