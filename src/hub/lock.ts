/**
 * One process at a time does a thing: a file that only one can create, whose time its holder renews. A lock
 * whose holder has died is taken over: at once where it was a process of this machine, after a while without
 * renewal where it was not. (Python's lock beside it, an flock, cannot be had from Node; so nothing that must
 * not happen relies on locks: see download.ts.)
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { jsonValue } from '../json/syntax.js';
import { removeStaleLock } from '../stale-lock.js';
import { diskError } from './cache-layout.js';
import { pause } from './pause.js';

const RENEWED_EVERY = 5000;
/** Without renewal for so long, as the waiting process's own clock sees it, the holder is dead. */
const STALE_AFTER = 30_000;
const POLLED_EVERY = 100;

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Tells this holding of the lock from any other. */
  readonly token: string;
}

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once where somebody else holds the lock. */
  readonly onWait?: () => void;
  readonly staleAfter?: number;
}

/**
 * Runs `work` while holding the lock.
 *
 * @throws HubError 'disk' if the lock cannot be made, the signal's reason, and what `work` throws
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const release = await acquire(path, options);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function acquire(
  path: string,
  { signal, onWait, staleAfter = STALE_AFTER }: LockOptions,
): Promise<() => Promise<void>> {
  const holder: Holder = { pid: process.pid, host: hostname(), token: randomUUID() };
  const text = JSON.stringify(holder);
  let waiting = false;
  let seen = '';
  let seenSince = 0;
  for (;;) {
    signal?.throwIfAborted();
    if (await create(path, text)) return held(path, text);
    const found = await look(path);
    if (found === undefined) continue;
    if (!waiting) onWait?.();
    waiting = true;
    // Another machine's clock may be wrong, so not the time itself counts but for how long it has stayed the
    // same.
    const state = `${found.text} ${found.renewed}`;
    if (state !== seen) [seen, seenSince] = [state, performance.now()];
    if (isDead(found.text) || performance.now() - seenSince > staleAfter)
      await removeStaleLock(path, found.text).catch((cause: unknown) => {
        throw diskError(path, cause);
      });
    else await pause(POLLED_EVERY, signal);
  }
}

/** Whether a lock file that lies here is held by somebody alive; used where nobody waits for it. */
export async function isHeld(path: string): Promise<boolean> {
  const found = await look(path);
  return found !== undefined && !isDead(found.text) && Date.now() - found.renewed < STALE_AFTER;
}

async function create(path: string, text: string): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(path, 'wx');
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // EPERM: Windows, while another process deletes it. ENOENT: somebody deleted the folder just now.
    if (code === 'EEXIST' || code === 'ENOENT' || (code === 'EPERM' && process.platform === 'win32'))
      return false;
    throw diskError(path, cause);
  }
}

function held(path: string, text: string): () => Promise<void> {
  const renewal = setInterval(() => {
    const now = new Date();
    // Taken away by somebody who held us for dead: nothing relies on it.
    utimes(path, now, now).catch(() => undefined);
  }, RENEWED_EVERY);
  renewal.unref();
  return async () => {
    clearInterval(renewal);
    const found = await look(path).catch(() => undefined);
    if (found?.text === text) await rm(path, { force: true }).catch(() => undefined);
  };
}

async function look(path: string): Promise<{ text: string; renewed: number } | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    return { text, renewed: mtimeMs };
  } catch (error) {
    if (['ENOENT', 'EPERM', 'EBUSY'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/**
 * Only of a process of this machine it can be known. An empty file may be one whose holder is about to write
 * into it.
 */
function isDead(text: string): boolean {
  let holder: Partial<Holder>;
  try {
    holder = jsonValue(text) as Partial<Holder>;
  } catch {
    return false;
  }
  if (holder.host !== hostname() || typeof holder.pid !== 'number') return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
