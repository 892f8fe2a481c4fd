/** The real command line as a child process with faults, and which faults this machine can inject. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bin } from '../support/cli.js';

/** The user `nobody`, because root may always write. */
const NOBODY = 65534;
/** A child that takes longer counts as hung. */
const HANGS_MS = 180_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** It was still alive after three minutes. */
  readonly hung: boolean;
}

export interface StartOptions {
  readonly cwd: string;
  readonly asNobody?: boolean;
  /** RLIMIT_FSIZE: no file may grow beyond so many bytes. */
  readonly fileLimit?: number | undefined;
  /** The folder for temporary files. */
  readonly tmp: string;
}

export class Run {
  #stdout = '';
  #stderr = '';
  readonly #ended: Promise<Ended>;
  #over = false;
  #watchers: (() => void)[] = [];

  private constructor(readonly child: ChildProcess) {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      for (const watcher of this.#watchers) watcher();
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, HANGS_MS);
    this.#ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        this.#over = true;
        for (const watcher of this.#watchers) watcher();
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr, hung });
      });
    });
  }

  static start(words: readonly string[], { cwd, asNobody = false, fileLimit, tmp }: StartOptions): Run {
    // Each wrapper replaces itself by its command, so that a signal to the child reaches attune.
    const line = [
      ...(asNobody ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : []),
      ...(fileLimit === undefined ? [] : ['prlimit', `--fsize=${fileLimit}`]),
      process.execPath,
      bin,
      ...words,
    ];
    return new Run(
      spawn(line[0], line.slice(1), {
        cwd,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NO_COLOR: '1', TMPDIR: tmp },
      }),
    );
  }

  wait(): Promise<Ended> {
    return this.#ended;
  }

  get isOver(): boolean {
    return this.#over;
  }

  signal(name: NodeJS.Signals): void {
    if (!this.#over) this.child.kill(name);
  }

  /** Stops the process in the middle of its work. @returns false if it had already ended */
  async stop(): Promise<boolean> {
    return !this.#over && (await stopped(this.child));
  }

  /** Waits for this many lines on stdout, or the end of the run. */
  async lines(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#over || this.#stdout.split('\n').length > count) resolve();
      };
      this.#watchers.push(look);
      look();
    });
  }

  /** Waits for this many milliseconds, or the end of the run. */
  async milliseconds(ms: number): Promise<void> {
    await Promise.race([sleep(ms), this.#ended]);
  }
}

/**
 * Stops a process (SIGSTOP) and waits until all of its threads stand still; the signal itself does not wait.
 *
 * @returns false if the process is gone
 */
export async function stopped(child: ChildProcess): Promise<boolean> {
  if (!child.kill('SIGSTOP')) return false;
  for (;;) {
    const states = threadStates(child.pid!);
    if (states.length === 0 || states.includes('Z')) return false;
    if (states.every((state) => state === 'T')) return true;
    await sleep(1);
  }
}

/** The state letters that Linux gives the threads of a process: T stopped, Z gone. */
function threadStates(pid: number): string[] {
  const folder = `/proc/${pid}/task`;
  try {
    // The letter follows the name in parentheses, which may contain anything.
    return readdirSync(folder).map(
      (thread) => /\) (\w) [^)]*$/.exec(readFileSync(`${folder}/${thread}/stat`, 'latin1'))?.[1] ?? '?',
    );
  } catch (error) {
    // A thread ended after it was listed: the caller asks again.
    return existsSync(folder) && (error as NodeJS.ErrnoException).code !== undefined ? ['?'] : [];
  }
}

const succeeds = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

export const can = {
  limitFiles: succeeds('prlimit', '--fsize=1000000', 'true'),
  beNobody:
    process.getuid?.() === 0 &&
    succeeds(
      'setpriv',
      `--reuid=${NOBODY}`,
      `--regid=${NOBODY}`,
      '--clear-groups',
      process.execPath,
      bin,
      '--version',
    ),
  mount: ((): boolean => {
    if (process.getuid?.() !== 0) return false;
    const place = mkdtempSync(join(tmpdir(), 'attune-mount-'));
    const mounted =
      succeeds('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place) && succeeds('umount', place);
    rmSync(place, { recursive: true, force: true });
    return mounted;
  })(),
};

/** A small disk whose size can be changed. */
export class Disk {
  private constructor(readonly path: string) {}

  static mount(path: string, owner: number | undefined): Disk {
    mkdirSync(path, { recursive: true });
    if (
      !succeeds(
        'mount',
        '-t',
        'tmpfs',
        '-o',
        `size=64m,mode=0777${owner === undefined ? '' : `,uid=${owner}`}`,
        'tmpfs',
        path,
      )
    )
      throw new Error(`cannot mount on ${path}`);
    return new Disk(path);
  }

  /** Leaves room for about this many more bytes. */
  shrink(room: number): void {
    const used = Number(
      spawnSync('df', ['--output=used', '-B1', this.path], { encoding: 'utf8' }).stdout.split('\n')[1],
    );
    succeeds('mount', '-o', `remount,size=${Math.ceil((used + room) / 4096) * 4096}`, this.path);
  }

  grow(): void {
    succeeds('mount', '-o', 'remount,size=64m', this.path);
  }

  unmount(): void {
    if (!succeeds('umount', this.path)) succeeds('umount', '-l', this.path);
  }
}

export function giveToNobody(path: string): void {
  lchownSync(path, NOBODY, NOBODY);
}

/**
 * Takes write permission from a folder and everything in it, or gives it back. Files that a running command has
 * removed meanwhile are ignored.
 */
export function setWritable(path: string, writable: boolean): void {
  try {
    const isFolder = statSync(path).isDirectory();
    if (isFolder) for (const name of readdirSync(path)) setWritable(join(path, name), writable);
    const executable = isFolder ? 0o111 : 0;
    chmodSync(path, (writable ? 0o644 : 0o444) | executable);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Every path in a folder, with the hash of each file. */
export function snapshot(dir: string): Readonly<Record<string, string>> {
  const paths = readdirSync(dir, { recursive: true, withFileTypes: true }).map((entry) => ({
    path: join(entry.parentPath, entry.name),
    isFile: entry.isFile(),
  }));
  return Object.fromEntries(
    paths.map(({ path, isFile }) => [
      relative(dir, path),
      isFile ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'folder',
    ]),
  );
}
