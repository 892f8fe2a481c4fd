/** A file that the user names for results. */
import { createWriteStream } from 'node:fs';
import { copyFile, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AttuneError, UsageError } from './errors.js';
import { partialPath, syncFolder } from './files.js';
import { realPath } from './overlap.js';

/** Links in a row, as many as Linux follows. */
const MOST_LINKS = 40;

/**
 * Writes a text, piece by piece. A file appears under its name when all is written, or not at all: behind a link it is the file that the link leads to which
 * is replaced, and the link stays. A pipe or a device is written into as the pieces come.
 *
 * @throws AttuneError where it cannot be written, and what `pieces` throws; then a file that was there stays as it was
 */
export async function writeOutput(path: string, pieces: AsyncIterable<string>): Promise<void> {
  try {
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) throw new AttuneError(`cannot write ${path}: it is a folder`);
    if (found && (!found.isFile() || isDescriptor(path))) await pipeline(pieces, createWriteStream(path));
    else await replace(await target(path), pieces, found);
  } catch (cause) {
    if (cause instanceof AttuneError || !(cause instanceof Error) || !('syscall' in cause)) throw cause;
    throw new AttuneError(`cannot write ${path}: ${cause.message}`, { cause });
  }
}

/** `/dev/stdout` and its like name what is open already, at the place where it stands. */
const isDescriptor = (path: string): boolean => /^\/(dev|proc)\//.test(resolve(path));

/** The file that a path leads to, also where there is none yet. */
async function target(path: string): Promise<string> {
  let at = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    const found = await realpath(at).catch(() => undefined);
    if (found !== undefined) return found;
    const next = await readlink(at).catch(() => undefined);
    if (next === undefined) return join(await realPath(dirname(resolve(at))), basename(at));
    at = resolve(await realPath(dirname(resolve(at))), next);
  }
  throw new AttuneError(`cannot write ${path}: it is a link that leads in circles`);
}

async function replace(file: string, pieces: AsyncIterable<string>, there: { readonly mode: number; readonly nlink: number } | undefined): Promise<void> {
  // The superuser may write into a file that says it must not be written; that is not what its owner meant.
  if (there && (there.mode & 0o222) === 0) throw new AttuneError(`cannot write ${file}: it is read-only`);
  if (there) await (await open(file, 'r+')).close();
  const partial = partialPath(file);
  try {
    await pipeline(pieces, createWriteStream(partial, { flags: 'wx', flush: true, ...(there && { mode: there.mode & 0o777 }) }));
    // Renamed over one of its names, the others would keep what was there.
    if (there && there.nlink > 1) await copyFile(partial, file);
    else await rename(partial, file);
    await syncFolder(dirname(file));
  } finally {
    await rm(partial, { force: true });
  }
}

/**
 * Refuses a file for results that is one of the inputs, links followed.
 *
 * @throws UsageError naming both
 */
export async function refuseSameFile(output: string, inputs: readonly string[]): Promise<void> {
  const found = await stat(output, { bigint: true }).catch(() => undefined);
  if (!found || !(found.isFile() || found.isFIFO())) return;
  for (const input of inputs) {
    const other = await stat(input, { bigint: true }).catch(() => undefined);
    const same = other && other.ino !== 0n ? other.ino === found.ino && other.dev === found.dev : (await realPath(input)) === (await realPath(output));
    if (same) throw new UsageError(`${output} is read by this command, so it is not written`, { hint: 'Choose another file for the results.' });
  }
}
