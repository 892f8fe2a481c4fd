/** Writing so that a file or folder appears whole or not at all: beside its place, then renamed. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AttuneError } from './errors.js';

/** Marks what is being written; anything with this in its name may be deleted when no run is writing. */
export const PARTIAL = '.partial';

function partialPath(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}${PARTIAL}`);
}

/** @param contents in one piece or several @throws AttuneError where the file cannot be written */
export async function writeWhole(path: string, contents: string | Uint8Array | Iterable<Uint8Array>): Promise<void> {
  const partial = partialPath(path);
  try {
    const handle = await open(partial, 'w');
    try {
      // Each call goes on where the last one ended.
      for (const piece of typeof contents === 'string' || contents instanceof Uint8Array ? [contents] : contents) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, path);
  } catch (cause) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw new AttuneError(`cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Makes folder `path` with what `fill` puts into it. A folder that is already there is replaced in one rename after the new one is whole.
 *
 * @throws AttuneError where it cannot be written, and what `fill` throws; then nothing of it remains, and a folder that was there stays as it was
 */
export async function writeFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const partial = partialPath(path);
  const replaced = `${partial}.old`;
  try {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    await fill(partial);
    await rm(replaced, { recursive: true, force: true });
    await rename(path, replaced).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(partial, path).catch(async (error: unknown) => {
      await rename(replaced, path).catch(() => undefined);
      throw error;
    });
    await rm(replaced, { recursive: true, force: true });
  } catch (cause) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    if (cause instanceof AttuneError) throw cause;
    throw new AttuneError(`cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Removes a folder or file so that no half of it is ever seen under its name: renamed first, then deleted. */
export async function removeWhole(path: string): Promise<void> {
  const partial = partialPath(path);
  await rename(path, partial);
  await rm(partial, { recursive: true, force: true });
}
