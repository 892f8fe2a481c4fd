/**
 * One run at a time in an output folder: `.attune.lock` names the process that writes there. A lock whose process is gone is taken over.
 *
 * Whether it is gone is asked of the operating system where the lock was made on this machine since it booted, in this PID namespace; a process that
 * got the same number later differs by its start time. Elsewhere (a network folder, a container) the lock's heartbeat tells: its file is written again every
 * few seconds, so one that has not been written for two minutes is nobody's.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { link, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { jsonValue } from '../json/syntax.js';
import { AttuneError, UsageError } from '../errors.js';
import { PARTIAL } from '../files.js';
import { removeStaleLock } from '../stale-lock.js';

export const LOCK_FILE = '.attune.lock';

/** Who holds a lock. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Boot and PID namespace: within both, `pid` means one process at a time. Null where the system does not tell. */
  readonly scope: string | null;
  /** Ticks since boot at which the process started; null where the system does not tell. */
  readonly started: string | null;
  /** ISO 8601. */
  readonly since: string;
  /** Tells two locks of one process apart. */
  readonly nonce: string;
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

const thisScope = (): string | null => attempt(() => `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`);

export class RunLock {
  private readonly path: string;
  private held: { readonly text: string; readonly beat: NodeJS.Timeout } | undefined;

  constructor(private readonly dir: string) {
    this.path = join(dir, LOCK_FILE);
  }

  /**
   * Takes the lock; nothing happens where it is held by this object already.
   *
   * @throws UsageError where another run holds it, AttuneError where the folder cannot be written
   */
  async acquire(): Promise<void> {
    if (this.held) return;
    const holder: Holder = { pid: process.pid, host: hostname(), scope: thisScope(), started: startTime(process.pid), since: new Date().toISOString(), nonce: randomUUID() };
    const text = `${JSON.stringify(holder)}\n`;
    while (!(await this.place(text))) {
      const found = await readFile(this.path, 'utf8').catch(() => undefined);
      if (found === undefined) continue; // released since
      if (!(await this.isStale(found))) throw this.refusal(found);
      await removeStaleLock(this.path, found).catch((cause: Error) => {
        throw new AttuneError(`the lock that a run which is gone left in ${this.dir} cannot be removed: ${cause.message}`, { hint: `Delete ${this.path}, or choose another --output-dir.`, cause });
      });
    }
    const beat = setInterval(() => void this.beat(text), BEAT_MS);
    beat.unref();
    this.held = { text, beat };
  }

  /** Gives the lock back; nothing happens where it is not held. */
  async release(): Promise<void> {
    const held = this.held;
    if (!held) return;
    this.held = undefined;
    clearInterval(held.beat);
    if ((await readFile(this.path, 'utf8').catch(() => undefined)) === held.text) await rm(this.path, { force: true }).catch(() => undefined);
  }

  /** Makes the lock file with its contents in one step; false where there is one already. */
  private async place(text: string): Promise<boolean> {
    const temporary = join(this.dir, `${LOCK_FILE}.${randomUUID()}${PARTIAL}`);
    try {
      await writeFile(temporary, text);
      await link(temporary, this.path);
      return true;
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === 'EEXIST') return false;
      // A file system without hard links: for a moment the lock is empty, which counts as held.
      if (code === 'EPERM' || code === 'ENOTSUP' || code === 'EOPNOTSUPP' || code === 'ENOSYS') return await this.placeWithoutLinks(text);
      throw new AttuneError(`the output folder ${this.dir} cannot be written: ${message}`, { hint: 'Choose another --output-dir, or give yourself the right to write there.', cause });
    } finally {
      await rm(temporary, { force: true }).catch(() => undefined);
    }
  }

  private async placeWithoutLinks(text: string): Promise<boolean> {
    try {
      await writeFile(this.path, text, { flag: 'wx' });
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw new AttuneError(`the output folder ${this.dir} cannot be written: ${(cause as Error).message}`, { cause });
    }
  }

  /** Whether the process that wrote the lock is gone. */
  private async isStale(text: string): Promise<boolean> {
    const holder = parseHolder(text);
    if (holder && holder.scope !== null && holder.scope === thisScope()) {
      return !isAlive(holder.pid) || (holder.started !== null && startTime(holder.pid) !== holder.started);
    }
    if (holder && holder.scope === null && holder.host === hostname() && !isAlive(holder.pid)) return true;
    return (await this.silence()) > STALE_MS;
  }

  /** Milliseconds since the lock was last written, by the file system's own clock. */
  private async silence(): Promise<number> {
    const probe = join(this.dir, `${LOCK_FILE}.${randomUUID()}${PARTIAL}`);
    try {
      await writeFile(probe, '');
      return (await stat(probe)).mtimeMs - (await stat(this.path)).mtimeMs;
    } catch {
      return 0;
    } finally {
      await rm(probe, { force: true }).catch(() => undefined);
    }
  }

  private async beat(text: string): Promise<void> {
    try {
      const handle = await open(this.path, 'r+');
      try {
        // Written, not touched: the file system's clock sets the time.
        await handle.write(text, 0);
      } finally {
        await handle.close();
      }
    } catch {
      // A folder that cannot be written any more ends the run at its next checkpoint, which says why.
    }
  }

  private refusal(text: string): UsageError {
    const holder = parseHolder(text);
    const who = holder ? `process ${holder.pid} on ${holder.host}, since ${holder.since}` : 'its lock does not say which';
    const here = holder?.host === hostname();
    return new UsageError(`another run is writing into ${this.dir}: ${who}`, {
      hint: `Wait for it, stop it, or choose another --output-dir.${here ? '' : ` If that run is certainly gone, try again in two minutes or delete ${this.path}.`}`,
    });
  }
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
    const value = jsonValue(text) as Partial<Holder> | null;
    const textOrNull = (field: unknown): boolean => field === null || typeof field === 'string';
    const sound = Number.isSafeInteger(value?.pid) && value!.pid! > 0 && typeof value?.host === 'string' && textOrNull(value.scope) && textOrNull(value.started) && typeof value.since === 'string';
    return sound ? (value as Holder) : undefined;
  } catch {
    return undefined;
  }
}
