/**
 * One run at a time in an output folder: `.attune.lock` names the process that writes there. A lock whose
 * process is gone is taken over.
 *
 * Whether it is gone is asked of the operating system where the lock was made on this machine since it
 * booted, in this PID namespace; a process that got the same number later differs by its start time.
 * Elsewhere (a network folder, a container) the lock's heartbeat tells: its file is written again every few
 * seconds, so one that has not been written for two minutes is nobody's.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { link, lstat, open, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { jsonValue } from '../json/syntax.js';
import { isJsonObject } from '../model/config-fields.js';
import { AttuneError, UsageError } from '../errors/attune-error.js';
import { PARTIAL } from '../files.js';
import { pick } from '../pick.js';
import { removeAbandoned, removeStaleLock } from '../stale-lock.js';

export const LOCK_FILE = '.attune.lock';

/** Who holds a lock. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /**
   * Boot and PID namespace: within both, `pid` means one process at a time. Null where the system does not
   * tell.
   */
  readonly scope: string | null;
  /** Ticks since boot at which the process started; null where the system does not tell. */
  readonly started: string | null;
  /** ISO 8601. */
  readonly since: string;
  /** Tells two locks of one process apart. */
  readonly nonce: string;
}

interface Held {
  readonly text: string;
  /** Of the very file that was made: should another process take the lock over, its file is another one. */
  readonly file: FileHandle;
  readonly beat: NodeJS.Timeout;
}

const BEAT_MS = 10_000;
const STALE_MS = 120_000;

const attempt = (read: () => string): string | null => {
  try {
    return read();
  } catch {
    return null;
  }
};

/** Field 22 of /proc/PID/stat; the second field, a name in parentheses, may hold anything. */
const startTime = (pid: number): string | null =>
  attempt(() => {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  });

const thisScope = (): string | null =>
  attempt(
    () =>
      `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`,
  );

export class RunLock {
  readonly #path: string;
  #held: Held | undefined;

  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;

    this.#path = join(dir, LOCK_FILE);
  }

  /**
   * Takes the lock; nothing happens where it is held by this object already.
   *
   * @throws UsageError if another run holds it or a file of its name is no lock, AttuneError if the
   *   folder cannot be written
   */
  async acquire(): Promise<void> {
    if (this.#held) return;
    const holder: Holder = {
      pid: process.pid,
      host: hostname(),
      scope: thisScope(),
      started: startTime(process.pid),
      since: new Date().toISOString(),
      nonce: randomUUID(),
    };
    const text = `${JSON.stringify(holder)}\n`;
    while (!(await this.#place(text, holder.nonce))) {
      const there = await lstat(this.#path).catch(() => undefined);
      if (there && !there.isFile()) throw this.#unknown();
      const found = await readFile(this.#path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === 'ENOENT') return undefined; // released since
        throw this.#unknown(cause);
      });
      if (found === undefined) continue;
      const by = parseHolder(found);
      if (!by) throw this.#unknown();
      if (!(await this.#isStale(by, text))) throw this.#refusal(by);
      await removeStaleLock(this.#path, found).catch((cause: Error) => {
        const facts = { dir: this.#dir, lock: this.#path, reason: cause.message };
        throw new AttuneError('run-lock-unremovable', facts, { cause });
      });
    }
    const file = await open(this.#path, 'r+').catch((cause: unknown) => {
      throw this.#lost(cause);
    });
    const beat = setInterval(() => void this.#beat(file, text), BEAT_MS);
    beat.unref();
    this.#held = { text, file, beat };
    await this.#clearAttempts();
  }

  /**
   * Sees that the lock is still this object's: a process that was stopped for minutes may have been taken for
   * dead.
   *
   * @throws AttuneError if it is not
   */
  async assertHeld(): Promise<void> {
    if (!this.#held) throw new Error(`the lock of ${this.#dir} is not held`);
    const found = await readFile(this.#path, 'utf8').catch(() => undefined);
    if (found !== this.#held.text) throw this.#lost(found === undefined ? undefined : parseHolder(found));
  }

  /**
   * Written, not touched: the file system's clock sets the time. A lock that says anything else by now is
   * left. A folder that cannot be written any more ends the run at its next checkpoint, which says why.
   */
  async #beat(file: FileHandle, text: string): Promise<void> {
    if ((await readFile(this.#path, 'utf8').catch(() => undefined)) === text)
      await file.write(text, 0).catch(() => undefined);
  }

  /** Gives the lock back; nothing happens where it is not held. */
  async release(): Promise<void> {
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    clearInterval(held.beat);
    await held.file.close().catch(() => undefined);
    if ((await readFile(this.#path, 'utf8').catch(() => undefined)) === held.text)
      await rm(this.#path, { force: true }).catch(() => undefined);
  }

  /** Makes the lock file with its contents in one step; false where there is one already. */
  async #place(text: string, nonce: string): Promise<boolean> {
    const temporary = join(this.#dir, attemptName(nonce));
    try {
      await writeFile(temporary, text);
      await link(temporary, this.#path);
      return true;
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      // Gone: it looked like one that a dead process had left. Tried again.
      if (code === 'EEXIST' || (code === 'ENOENT' && (await isFolder(this.#dir)))) return false;
      // A file system without hard links: for a moment the lock is empty, which counts as held.
      if (code === 'EPERM' || code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'ENOSYS')
        return await this.#placeWithoutLinks(text);
      throw this.#unwritable(cause as Error);
    } finally {
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }

  async #placeWithoutLinks(text: string): Promise<boolean> {
    try {
      await writeFile(this.#path, text, { flag: 'wx' });
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw this.#unwritable(cause as Error);
    }
  }

  #unwritable(cause: Error): AttuneError {
    return new AttuneError('output-dir-unwritable', { dir: this.#dir, reason: cause.message }, { cause });
  }

  /** Whether the process that wrote the lock is gone. */
  async #isStale(holder: Holder, own: string): Promise<boolean> {
    return isGone(holder) ?? (await this.#silence(own)) > STALE_MS;
  }

  /** Milliseconds since the lock was last written, by the file system's own clock. */
  async #silence(own: string): Promise<number> {
    const probe = join(this.#dir, attemptName(parseHolder(own)!.nonce));
    try {
      await writeFile(probe, own);
      return (await stat(probe)).mtimeMs - (await stat(this.#path)).mtimeMs;
    } catch {
      return 0;
    } finally {
      await rm(probe, { force: true }).catch(() => undefined);
    }
  }

  /**
   * Removes what processes that are gone left of their attempts to take the lock, or to remove another's:
   * files that bear a UUID and name a holder, or nothing yet.
   */
  async #clearAttempts(): Promise<void> {
    await removeAbandoned(this.#path);
    for (const name of await readdir(this.#dir).catch(() => [])) {
      const path = join(this.#dir, name);
      if (!ATTEMPT.test(name) || !(await isFile(path))) continue;
      const text = await readFile(path, 'utf8').catch(() => undefined);
      const holder = parseHolder(text ?? '');
      if (text === '' || (holder && isGone(holder) === true))
        await rm(path, { force: true }).catch(() => undefined);
    }
  }

  #refusal(holder: Holder): UsageError {
    return new UsageError('run-folder-locked', {
      dir: this.#dir,
      holder: factsOf(holder),
      lock: holder.host === hostname() ? undefined : this.#path,
    });
  }

  /**
   * A file system without hard links leaves an empty one for a moment, and for good where the process ends in
   * it.
   */
  #unknown(cause?: Error): UsageError {
    const place = { dir: this.#dir, lock: this.#path };
    return cause
      ? new UsageError('run-lock-unreadable', { ...place, reason: cause.message }, { cause })
      : new UsageError('run-lock-foreign', place);
  }

  #lost(by: unknown): AttuneError {
    const takenBy = isHolder(by) ? factsOf(by) : undefined;
    return new AttuneError('run-lock-lost', { dir: this.#dir, takenBy }, { cause: by });
  }
}

const ATTEMPT = /^\.attune\.lock\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.partial$/;
const attemptName = (nonce: string): string => `${LOCK_FILE}.${nonce}${PARTIAL}`;
const factsOf = (holder: Holder): Pick<Holder, 'pid' | 'host' | 'since'> =>
  pick(holder, ['pid', 'host', 'since']);
const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/** Whether a file is a lock whose process is gone. */
export async function isLeftLock(path: string): Promise<boolean> {
  if (!(await isFile(path))) return false;
  const holder = parseHolder(await readFile(path, 'utf8').catch(() => ''));
  return holder !== undefined && isGone(holder) === true;
}

const isFile = (path: string): Promise<boolean> =>
  lstat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/** Whether the process is gone; undefined where this one cannot tell. */
function isGone({ pid, host, scope, started }: Holder): boolean | undefined {
  if (scope !== null && scope === thisScope())
    return !isAlive(pid) || (started !== null && startTime(pid) !== started);
  return scope === null && host === hostname() && !isAlive(pid) ? true : undefined;
}

/** A signal of number 0 is not sent; asking is all it does. EPERM: it lives, and is another user's. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value = jsonValue(text);
    return isHolder(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isHolder(value: unknown): value is Holder {
  if (!isJsonObject(value)) return false;
  const { pid, host, scope, started, since, nonce } = value;
  const textOrNull = (field: unknown): boolean => field === null || typeof field === 'string';
  return (
    Number.isSafeInteger(pid) &&
    (pid as number) > 0 &&
    [host, since, nonce].every((field) => typeof field === 'string') &&
    [scope, started].every(textOrNull)
  );
}
