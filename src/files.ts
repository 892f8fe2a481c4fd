/** Writing so that a file or folder appears whole or not at all: beside its place, then renamed. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AttuneError } from './errors/attune-error.js';

/** Ends the name of what is being written. */
export const PARTIAL = '.partial';

/** Of a name that may be as long as the file system allows, so much is kept for whoever finds the file. */
const KEPT_OF_NAME = 32;

/** Where something is written before it gets its name: beside it, under a name that is nobody else's. */
export function partialPath(path: string): string {
  return join(dirname(path), `.attune-${randomUUID()}.${basename(path).slice(0, KEPT_OF_NAME)}${PARTIAL}`);
}

export interface WriteOptions {
  /** Where the file is written before it gets its name; a name that is nobody else's by default. */
  readonly partial?: string;
}

/** In one piece or several. */
export type Contents = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<string>;

/**
 * Makes a new file and sees its contents onto the disk. It is open before the first piece is asked for, so
 * that whoever removes what is left of a failure finds it.
 *
 * @throws what the file system says, and what comes of the contents; a file in part is left
 */
export async function writeNew(path: string, contents: Contents): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    // Each call goes on where the last one ended.
    for await (const piece of typeof contents === 'string' || contents instanceof Uint8Array
      ? [contents]
      : contents)
      await handle.writeFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** @throws AttuneError if the file cannot be written */
export async function writeWhole(
  path: string,
  contents: Contents,
  { partial = partialPath(path) }: WriteOptions = {},
): Promise<void> {
  try {
    await writeNew(partial, contents);
    await rename(partial, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw new AttuneError('file-unwritable', { path, reason: (cause as Error).message }, { cause });
  }
}

/**
 * Makes folder `path` with what `fill` puts into it. A folder that is already there is replaced in one rename
 * after the new one is whole.
 *
 * @throws AttuneError if it cannot be written, and what `fill` throws; then nothing of it remains, and a
 *   folder that was there stays as it was
 */
export async function writeFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const partial = partialPath(path);
  const replaced = `${partial}.old`;
  try {
    await mkdir(partial, { recursive: true });
    await fill(partial);
    await rename(path, replaced).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(partial, path).catch(async (error: unknown) => {
      await rename(replaced, path).catch(() => undefined);
      throw error;
    });
    await syncFolder(dirname(path));
    await rm(replaced, { recursive: true, force: true });
  } catch (cause) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    if (cause instanceof AttuneError) throw cause;
    throw new AttuneError('file-unwritable', { path, reason: (cause as Error).message }, { cause });
  }
}

/**
 * The text of a file of a folder that attune or others made. A pipe or a device in its place is refused:
 * nobody may ever write into it.
 *
 * @throws what the file system says, as of `readFile`
 */
export async function readPlainFile(path: string): Promise<string> {
  await requirePlainFile(path);
  return readFile(path, 'utf8');
}

/**
 * @throws what the file system says if nothing is there, and an error of its kind if that is neither a
 * file nor a link to one
 */
export async function requirePlainFile(path: string): Promise<void> {
  const found = await stat(path);
  if (found.isFile() || found.isDirectory()) return; // whoever reads a folder is told so by the system
  throw Object.assign(new Error(`EINVAL: not a file, open '${path}'`), {
    code: 'EINVAL',
    syscall: 'open',
    path,
  });
}

/**
 * Makes a new name in a folder last through a power cut. Windows cannot open folders and needs no such thing.
 */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  if (!handle) return;
  await handle.sync().catch(() => undefined);
  await handle.close();
}
