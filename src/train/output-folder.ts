/**
 * The folder that attune writes into: one process at a time (run-lock.ts), whole files and folders only, and
 * nothing replaced or removed that attune did not make itself (output-record.ts).
 */
import { randomUUID } from 'node:crypto';
import { access, constants, lstat, mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { AttuneError, UsageError } from '../errors/attune-error.js';
import { syncFolder, writeWhole } from '../files.js';
import { checkpointStep } from './best.js';
import { recordOfEarlier } from './earlier-folders.js';
import { MANIFEST_FILE } from './manifest.js';
import {
  RECORD_FILE,
  encoded,
  filesUnder,
  foreignIn,
  hasUnder,
  moveTo,
  newRecord,
  readRecord,
  recover,
  removeUnnamedRecords,
  workshopName,
  writeRecord,
} from './output-record.js';
import type { OutputRecord, Purpose } from './output-record.js';
import { LOCK_FILE, RunLock } from './run-lock.js';
import { isCheckpoint, topOf } from './run-names.js';

export interface Preparation {
  /**
   * `new` refuses a folder that holds a run; `overwrite` removes that run, and nothing else; `keep` leaves
   * what is there until something of its name is made; `add` puts something beside what is there, whatever
   * that is.
   */
  readonly mode: 'new' | 'overwrite' | 'keep' | 'add';
  /**
   * What will be made, by its path from the folder: where somebody else's stands there, the folder is
   * refused.
   */
  readonly makes: readonly string[];
  /** Absent: no checkpoints will be made. With `keep`: those of later steps than this. */
  readonly checkpointsAfter?: number | undefined;
  /** Default `run`. What is added to a folder leaves its purpose as it is. */
  readonly purpose?: Purpose | undefined;
}

/**
 * What may be in a folder that holds no run: one that ended before its first checkpoint leaves its manifest.
 */
const isOfRun = (file: string): boolean => file !== MANIFEST_FILE;

/** A link that leads nowhere is there. @throws if it cannot be told */
const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );

export class OutputFolder {
  readonly #lock: RunLock;
  #record: OutputRecord | undefined;
  /** Whether the record is on the disk, and with it the name of the workshop. */
  #isWritten = false;
  /** The operation under way; one waits for the other. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(readonly dir: string) {
    this.#lock = new RunLock(dir);
  }

  /**
   * Locks a folder that is there and mends what an interrupted write left in it, before anything in it is
   * read. A folder that is missing is locked when `prepare` makes it.
   *
   * @throws UsageError if another process is writing there, AttuneError if it cannot be written
   */
  static async open(dir: string): Promise<OutputFolder> {
    const folder = new OutputFolder(dir);
    if (!(await stat(dir).catch(() => undefined))?.isDirectory()) return folder;
    await folder.#lock.acquire();
    try {
      await folder.#read();
    } catch (error) {
      await folder.close();
      if (error instanceof AttuneError) throw error;
      const { message: reason } = error as Error;
      throw new AttuneError('output-leftovers-unremovable', { dir, reason }, { cause: error });
    }
    return folder;
  }

  async #read(): Promise<void> {
    await removeUnnamedRecords(this.dir);
    const record = await readRecord(this.dir);
    this.#record = record ? await recover(this.dir, record) : await recordOfEarlier(this.dir);
    this.#isWritten = record !== undefined;
  }

  /**
   * Makes the folder where it is missing, sees that it can be written, and that nothing stands in the way
   * that attune did not make.
   *
   * @throws UsageError if the folder is refused, or another process is writing there; AttuneError if it
   *   cannot be written
   */
  async prepare(preparation: Preparation): Promise<void> {
    const { mode, purpose = 'run' } = preparation;
    await this.#make();
    await this.#requireFree(preparation);
    if (mode === 'add') return;
    const record = this.#record ?? newRecord(purpose);
    this.#record = { ...record, purpose };
    this.#isWritten = false;
    if (mode === 'overwrite') await this.#removeAll();
  }

  /** Whether `prepare` would refuse what is there by now; makes nothing. @throws as `prepare` */
  async check(preparation: Preparation): Promise<void> {
    const dir = resolve(this.dir);
    let place = dir;
    try {
      while (!(await isThere(place))) place = dirname(place);
      if (!(await stat(place)).isDirectory()) throw this.#isFile();
      await access(place, constants.W_OK | constants.X_OK);
    } catch (cause) {
      throw this.#unwritable(cause);
    }
    if (place === dir) await this.#requireFree(preparation);
  }

  #isFile(): AttuneError {
    return new AttuneError('output-dir-is-file', { dir: this.dir });
  }

  #unwritable(cause: unknown): AttuneError {
    if (cause instanceof AttuneError) return cause;
    const { message: reason } = cause as Error;
    return new AttuneError('output-dir-unwritable', { dir: this.dir, reason }, { cause });
  }

  async #requireFree({ mode, makes, checkpointsAfter, purpose = 'run' }: Preparation): Promise<void> {
    const { dir } = this;
    const record = this.#record ?? newRecord(purpose);
    const present = [...record.files].filter(isOfRun);
    if (present.length > 0) {
      if (mode === 'new') {
        const made = [...new Set(present.map(topOf))].sort();
        throw new UsageError('output-dir-holds-run', { dir, made, resumable: true });
      }
      if (mode !== 'add' && record.purpose !== purpose && (purpose !== 'run' || record.purpose === 'page')) {
        throw new UsageError('output-dir-purpose', { dir, found: record.purpose, wanted: purpose });
      }
    }
    const inTheWay = await this.#foreign(
      purpose === 'page' ? await this.#everything() : makes,
      checkpointsAfter,
      mode,
      record,
    );
    if (inTheWay.length > 0) {
      const resuming = mode === 'keep' && checkpointsAfter !== undefined;
      const foreign = [...new Set(inTheWay)];
      throw new UsageError('output-dir-holds-foreign', { dir, foreign, resuming });
    }
  }

  async #make(): Promise<void> {
    const { dir } = this;
    let created: string | undefined;
    try {
      if ((await stat(dir).catch(() => undefined))?.isFile()) throw this.#isFile();
      created = await mkdir(dir, { recursive: true });
      await access(dir, constants.W_OK | constants.X_OK);
    } catch (cause) {
      if (created) await rmdir(dir).catch(() => undefined);
      throw this.#unwritable(cause);
    }
    // A read-only mount or a full quota shows only in the attempt.
    await this.#lock.acquire();
  }

  /** Of a page's folder a static host serves all. */
  async #everything(): Promise<string[]> {
    return (await readdir(this.dir)).filter((name) => !name.startsWith(LOCK_FILE) && name !== RECORD_FILE);
  }

  async #foreign(
    makes: readonly string[],
    after: number | undefined,
    mode: Preparation['mode'],
    { files }: OutputRecord,
  ): Promise<string[]> {
    const names = [...makes];
    if (after !== undefined) {
      for (const name of await readdir(this.dir)) {
        const step = checkpointStep(name);
        // A run that is resumed reads older checkpoints, whoever made them, and leaves them.
        if (mode === 'keep' ? step !== undefined && step > after : isCheckpoint(name)) names.push(name);
      }
    }
    const foreign: string[] = [];
    for (const name of names) foreign.push(...(await foreignIn(this.dir, name, files)));
    return foreign;
  }

  /** Names in the folder itself of what attune made there. */
  get made(): readonly string[] {
    return [...new Set([...this.#recorded().files].map(topOf))].sort();
  }

  /** Whether attune made the file, or something in the folder, of that name. */
  owns(name: string): boolean {
    const { files } = this.#recorded();
    return files.has(name) || hasUnder(files, name);
  }

  /**
   * Makes files and folders, each whole or not at all; those of the same names that attune made before are
   * replaced.
   *
   * @param fill writes them into the folder that it is given, under the paths they will have
   * @param names their paths; absent: whatever stands in that folder
   * @throws AttuneError if they cannot be written, if something of somebody else's stands there or
   *   if the lock is lost; what `fill` throws. Then nothing has changed
   */
  async place(fill: (staged: string) => Promise<void>, names?: readonly string[]): Promise<void> {
    await this.#inTurn(() => this.#place(fill, names));
  }

  /** Makes one file. @throws as `place` */
  async write(name: string, contents: string | Uint8Array | Iterable<Uint8Array>): Promise<void> {
    await this.place((staged) => writeWhole(join(staged, name), contents), [name]);
  }

  async #place(fill: (staged: string) => Promise<void>, given: readonly string[] | undefined): Promise<void> {
    await this.#lock.assertHeld();
    await this.#announce();
    const operation = randomUUID();
    const bench = join(this.#workshop(), operation);
    const staged = join(bench, 'new');
    let place = this.dir;
    try {
      await mkdir(staged, { recursive: true });
      await fill(staged);
      const names = given ?? (await readdir(staged));
      const files = await filesUnder(staged);
      const record = this.#recorded();
      for (const name of names) {
        const [foreign] = await foreignIn(this.dir, name, record.files);
        if (foreign !== undefined)
          throw new AttuneError('output-file-foreign', { path: join(this.dir, foreign) });
      }
      await this.#lock.assertHeld();
      await this.#write({
        ...record,
        files: new Set([...record.files, ...files]),
        adding: { operation, files: files.filter((file) => !record.files.has(file)) },
      });
      for (const name of names) {
        place = join(this.dir, name);
        await this.#lock.assertHeld();
        await this.#moveIn(bench, name);
      }
      for (const folder of new Set(names.map((name) => dirname(join(this.dir, name)))))
        await syncFolder(folder);
      // What a folder that was replaced held, and the new one does not.
      const isGone = (file: string): boolean =>
        names.some((name) => file.startsWith(`${name}/`)) && !files.includes(file);
      this.#record = {
        ...this.#recorded(),
        files: new Set([...this.#recorded().files].filter((file) => !isGone(file))),
        adding: undefined,
      };
    } catch (cause) {
      // Whoever has the lock by now has cleared this away.
      await this.#lock.assertHeld();
      await this.#takeBack(staged);
      if (cause instanceof AttuneError) throw cause;
      const { message: reason } = cause as Error;
      throw new AttuneError('file-unwritable', { path: place, reason }, { cause });
    } finally {
      await this.#clear(bench);
    }
  }

  /**
   * Removes what is left of an operation, and the workshop where that was all. Another's stays: the lock may
   * be lost.
   */
  async #clear(bench: string): Promise<void> {
    await rm(bench, { recursive: true, force: true }).catch(() => undefined);
    await rmdir(dirname(bench)).catch(() => undefined);
  }

  /** After a failure: what is still in the workshop has not been made. */
  async #takeBack(staged: string): Promise<void> {
    const record = this.#recorded();
    if (!record.adding) return;
    const unmade = new Set(await filesUnder(staged));
    const { adding } = record;
    const files = [...record.files].filter((file) => !(unmade.has(file) && adding.files.includes(file)));
    await this.#write({ purpose: record.purpose, id: record.id, files: new Set(files) }).catch(
      () => undefined,
    );
  }

  /** A file is replaced in one rename; a folder in two, between which `recover` brings the old one back. */
  async #moveIn(bench: string, name: string): Promise<void> {
    const [from, target] = [join(bench, 'new', name), join(this.dir, name)];
    const found = await stat(target).catch(() => undefined);
    if (!found?.isDirectory()) return moveTo(from, target);
    const replaced = join(bench, 'replaced', encoded(name));
    await moveTo(target, replaced);
    try {
      await moveTo(from, target);
    } catch (error) {
      await rename(replaced, target).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Removes a file or folder that attune made, so that no half of it is ever seen under its name.
   *
   * @returns what it holds that attune did not make, by its path; then it stays
   * @throws AttuneError if it cannot be removed or the lock is lost
   */
  async remove(name: string): Promise<readonly string[]> {
    return this.#inTurn(async () => {
      const foreign = await foreignIn(this.dir, name, this.#recorded().files);
      if (foreign.length > 0 || !this.owns(name)) return foreign;
      await this.#lock.assertHeld();
      await this.#discard([name]);
      return [];
    });
  }

  /** Removes whatever attune made. A folder that holds something else as well stays, with that. */
  async #removeAll(): Promise<void> {
    const { files } = this.#recorded();
    const whole: string[] = [];
    const folders = new Set<string>();
    for (const top of new Set([...files].map(topOf))) {
      if ((await foreignIn(this.dir, top, files)).length === 0) whole.push(top);
      else {
        const within = [...files].filter((file) => topOf(file) === top);
        for (const file of within) {
          if ((await foreignIn(this.dir, file, files)).length > 0) continue;
          whole.push(file);
          for (let above = dirname(file); above !== '.'; above = dirname(above)) folders.add(above);
        }
      }
    }
    if (whole.length > 0) await this.#discard(whole);
    for (const each of [...folders].sort((a, b) => b.length - a.length))
      await rmdir(join(this.dir, each)).catch(() => undefined);
  }

  async #discard(names: readonly string[]): Promise<void> {
    await this.#announce();
    const bench = join(this.#workshop(), randomUUID());
    try {
      for (const name of names) await moveTo(join(this.dir, name), join(bench, 'removed', encoded(name)));
      await rm(bench, { recursive: true, force: true });
    } catch (cause) {
      const { message: reason } = cause as Error;
      throw new AttuneError('output-unremovable', { dir: this.dir, reason }, { cause });
    } finally {
      await this.#clear(bench);
    }
    const record = this.#recorded();
    const isGone = (file: string): boolean =>
      names.some((name) => file === name || file.startsWith(`${name}/`));
    await this.#write({
      ...record,
      files: new Set([...record.files].filter((file) => !isGone(file))),
      adding: undefined,
    });
  }

  /**
   * Gives a folder that attune made another name; one of that name that it made before is removed.
   *
   * @throws AttuneError if either holds something that attune did not make, or it cannot be done
   */
  async rename(from: string, to: string): Promise<void> {
    const inTheWay = await this.remove(to);
    await this.#inTurn(async () => {
      const record = this.#recorded();
      const [foreign] = [...inTheWay, ...(await foreignIn(this.dir, from, record.files))];
      if (foreign !== undefined)
        throw new AttuneError('output-rename-foreign', {
          path: join(this.dir, from),
          foreign: join(this.dir, foreign),
        });
      await this.#lock.assertHeld();
      const moved = [...record.files].map((file) =>
        file.startsWith(`${from}/`) ? to + file.slice(from.length) : file,
      );
      // Both names for a moment, so that a process may end in between: what is not there is not kept.
      await this.#write({ ...record, files: new Set([...record.files, ...moved]) });
      await rename(join(this.dir, from), join(this.dir, to)).catch((cause: Error) => {
        const path = join(this.dir, from);
        throw new AttuneError('output-rename-failed', { path, reason: cause.message }, { cause });
      });
      await this.#write({ ...record, files: new Set(moved) });
    });
  }

  /** Gives the lock back. */
  async close(): Promise<void> {
    await this.#turn.catch(() => undefined);
    await this.#lock.release();
  }

  async #write(record: OutputRecord): Promise<void> {
    await writeRecord(this.dir, record);
    this.#record = record;
    this.#isWritten = true;
  }

  /** The workshop is named on the disk before it is made. */
  async #announce(): Promise<void> {
    if (!this.#isWritten) await this.#write(this.#recorded());
  }

  #recorded(): OutputRecord {
    return this.#record ?? newRecord('run');
  }

  #workshop(): string {
    return join(this.dir, workshopName(this.#recorded().id));
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }
}
