/** A file that the user names for results. */
import { createWriteStream } from 'node:fs';
import { chmod, copyFile, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AttuneError, UsageError } from './errors/attune-error.js';
import { partialPath, syncFolder, writeNew } from './files.js';
import { realPath } from './overlap.js';

/** Links in a row, as many as Linux follows. */
const MOST_LINKS = 40;

/** A place for results. */
export type Output =
  /** Open already, under this number: `/dev/stdout`, and what a shell opened for it. */
  | { readonly descriptor: number }
  /** A pipe or a device. */
  | { readonly stream: string }
  /** A file, or where one will be; `there` where it is. */
  | { readonly file: string; readonly there: { readonly mode: number; readonly nlink: number } | undefined };

const DESCRIPTORS = [/^\/dev\/(stdin|stdout|stderr)$/, /^\/(?:dev|proc\/self)\/fd\/(\d+)$/];
const STANDARD: readonly (string | undefined)[] = ['stdin', 'stdout', 'stderr'];

/**
 * What a path leads to, links followed one by one.
 *
 * @throws UsageError for a name that can only be a folder's; AttuneError if nothing can be written there
 */
export async function findOutput(path: string): Promise<Output> {
  if (/[\\/]$/.test(path)) throw new UsageError('output-file-name-of-folder', { path });
  let at = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    const named = DESCRIPTORS.map((pattern) => pattern.exec(at)?.[1]).find((each) => each !== undefined);
    if (named !== undefined)
      return { descriptor: STANDARD.includes(named) ? STANDARD.indexOf(named) : Number(named) };
    const next = await readlink(at).catch(() => undefined);
    if (next === undefined) return place(at, path);
    // Not joined: a folder on the way may be a link, behind which ".." is another folder.
    at = isAbsolute(next) ? next : `${dirname(at)}/${next}`;
  }
  throw new AttuneError('output-file-link-circular', { path });
}

async function place(at: string, path: string): Promise<Output> {
  const there = await stat(at).catch(() => undefined);
  if (there?.isDirectory()) throw new AttuneError('output-file-is-folder', { path });
  if (there && !there.isFile()) return { stream: at };
  // The superuser may write into a file that says it must not be written; that is not what its owner meant.
  if (there && (there.mode & 0o222) === 0) throw new AttuneError('output-file-read-only', { path });
  const folder = await realpath(dirname(at)).catch((cause: Error) => {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
      throw new AttuneError('output-file-without-folder', { path, folder: dirname(at) }, { cause });
    throw new AttuneError('file-unwritable', { path, reason: cause.message }, { cause });
  });
  return { file: join(folder, basename(at)), there };
}

/**
 * Writes a text, piece by piece. A file appears under its name when all is written, or not at all: behind a
 * link it is the file that the link leads to which is replaced, and the link stays. A pipe or a device is
 * written into as the pieces come.
 *
 * @throws AttuneError if it cannot be written, and what `pieces` throws; then a file that was there stays
 *   as it was
 */
export async function writeOutput(path: string, pieces: AsyncIterable<string>): Promise<void> {
  const output = await findOutput(path);
  try {
    if ('descriptor' in output)
      await pipeline(pieces, createWriteStream(path, { fd: output.descriptor, autoClose: false }));
    else if ('stream' in output) await pipeline(pieces, createWriteStream(output.stream));
    else await replace(output.file, pieces, output.there);
  } catch (cause) {
    if (cause instanceof AttuneError || !(cause instanceof Error) || !('syscall' in cause)) throw cause;
    throw new AttuneError('file-unwritable', { path, reason: cause.message }, { cause });
  }
}

async function replace(
  file: string,
  pieces: AsyncIterable<string>,
  there: { readonly mode: number; readonly nlink: number } | undefined,
): Promise<void> {
  if (there) await (await open(file, 'r+')).close();
  const partial = partialPath(file);
  try {
    // Not by a stream: one that opens its file itself may do so after the failure, and after the removal.
    await writeNew(partial, pieces);
    if (there) await chmod(partial, there.mode & 0o777);
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
 * @throws UsageError naming it, and what `findOutput` throws
 */
export async function refuseSameFile(output: string, inputs: readonly string[]): Promise<void> {
  await findOutput(output);
  const found = await stat(output, { bigint: true }).catch(() => undefined);
  if (!found || !(found.isFile() || found.isFIFO())) return;
  for (const input of inputs) {
    const other = await stat(input, { bigint: true }).catch(() => undefined);
    const same =
      other && other.ino !== 0n
        ? other.ino === found.ino && other.dev === found.dev
        : (await realPath(input)) === (await realPath(output));
    if (same) throw new UsageError('output-file-is-input', { path: output });
  }
}
