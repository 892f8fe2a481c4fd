/** Removing the lock file of a holder that is dead, where others find it dead at the same time. */
import { randomUUID } from 'node:crypto';
import { link, lstat, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { PARTIAL, readPlainFile } from './files.js';

/**
 * Milliseconds, by the looks taken, after which whoever was removing the lock is taken to have died over it;
 * it is a matter of a few.
 */
const REMOVING_LASTS = 5000;
const LOOKED_EVERY = 10;
/** Milliseconds by the clock after which nobody is at it any more. */
const ABANDONED_AFTER = 60_000;
/** What the file beside the lock holds: one that holds anything else is not attune's. */
const REMOVING = 'attune is removing a lock whose holder is gone\n';

/**
 * Removes the lock at `path` as long as it holds `text`; where it holds anything else, by then, nothing
 * happens. Only who has made a file beside it may remove it, after another look: removed on what was read
 * before, it would be the lock of the one that was faster.
 *
 * @throws what the file system says if files cannot be made or removed beside the lock
 */
export async function removeStaleLock(path: string, text: string): Promise<void> {
  const right = rightName(path);
  const holds = async (file: string): Promise<boolean> =>
    (await readFile(file, 'utf8').catch(() => undefined)) === text;
  let waited = 0;
  for (let refused; (refused = await refusal(right)); waited += LOOKED_EVERY) {
    if (!(await holds(path))) return;
    if (waited >= REMOVING_LASTS) {
      // Windows says the same of a file that is just being deleted and of a folder that nobody may write to:
      // the latter stays so.
      if (refused.code === 'EPERM' || !(await isOurs(right))) throw refused;
      await rm(right, { force: true });
      waited = 0;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOKED_EVERY));
  }
  try {
    if (!(await holds(path))) return;
    const moved = `${path}.${randomUUID()}${PARTIAL}`;
    await rename(path, moved);
    // A holder that was only slow may have given it back just now, and another taken it.
    if (!(await holds(moved))) await link(moved, path).catch(() => undefined);
    await rm(moved, { force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    await rm(right, { force: true });
  }
}

const rightName = (path: string): string => `${path}.stale${PARTIAL}`;

/** Removes what somebody left who died over removing a lock long ago. */
export async function removeAbandoned(path: string): Promise<void> {
  const right = rightName(path);
  const found = await lstat(right).catch(() => undefined);
  if (found && Date.now() - found.mtimeMs > ABANDONED_AFTER && (await isOurs(right)))
    await rm(right, { force: true }).catch(() => undefined);
}

/**
 * Whether a file is what attune makes there, or the beginning of it: who made it may have died before he had
 * written it. One that is gone is nobody's.
 */
const isOurs = (path: string): Promise<boolean> =>
  readPlainFile(path).then(
    (text) => REMOVING.startsWith(text),
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );

/** Makes the file. Gives what says that there is one, or undefined where it was made. */
async function refusal(path: string): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await writeFile(path, REMOVING, { flag: 'wx' });
    return undefined;
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    // EPERM: Windows, while another process deletes it. ENOENT: the folder is gone, and the lock with it.
    if (
      cause.code === 'EEXIST' ||
      cause.code === 'ENOENT' ||
      (cause.code === 'EPERM' && process.platform === 'win32')
    )
      return cause;
    throw error;
  }
}
