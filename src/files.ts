/** Writing so that a file or folder appears whole or not at all: beside its place, then renamed. */
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AttuneError } from './errors.js';

/** Marks what is being written; anything with this in its name may be deleted when no run is writing. */
export const PARTIAL = '.partial';

/** What stood in the place of a folder that was being replaced. */
const OLD = '.old';

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
    await syncFolder(dirname(path));
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
  const replaced = `${partial}${OLD}`;
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
    await syncFolder(dirname(path));
    await rm(replaced, { recursive: true, force: true });
  } catch (cause) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    if (cause instanceof AttuneError) throw cause;
    throw new AttuneError(`cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Removes a folder or file so that no half of it is ever seen under its name: renamed first, then deleted.
 *
 * @throws AttuneError where it cannot be removed
 */
export async function removeWhole(path: string): Promise<void> {
  const partial = partialPath(path);
  try {
    await rename(path, partial);
    await rm(partial, { recursive: true, force: true });
  } catch (cause) {
    throw new AttuneError(`cannot remove ${path}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Clears what interrupted writes left in `dir`, when no run is writing there. A process that dies between the two renames of `writeFolder` leaves the
 * folder it was replacing under another name only: it is moved back.
 *
 * @throws AttuneError where something cannot be removed
 */
export async function recoverPartials(dir: string): Promise<void> {
  const left = (await readdir(dir)).filter((name) => name.startsWith('.') && name.includes(PARTIAL));
  try {
    for (const name of left) {
      const replaced = /^\.(.+)\.\d+\.partial\.old$/.exec(name)?.[1];
      if (replaced !== undefined && !(await lstat(join(dir, replaced)).catch(() => undefined))) await rename(join(dir, name), join(dir, replaced));
      else await rm(join(dir, name), { recursive: true, force: true });
    }
  } catch (cause) {
    throw new AttuneError(`what an interrupted write left in ${dir} cannot be removed: ${(cause as Error).message}`, { cause });
  }
}

/** Makes a new name in a folder last through a power cut. Windows cannot open folders and needs no such thing. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  if (!handle) return;
  await handle.sync().catch(() => undefined);
  await handle.close();
}
