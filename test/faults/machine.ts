/**
 * The real command line as a child process that things are done to, and what this machine allows to be done.
 */
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

/** What runs as nobody's: the rights of root cannot be taken away. */
const NOBODY = 65534;
/** A child that takes longer hangs. */
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
  /** Where temporary files would go. */
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
    // Each wrapper replaces itself by what it wraps, so that a signal to the child reaches attune.
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

  /**
   * Stopped in the middle of whatever it does, so that it can be looked at. False where it was over before.
   */
  async stop(): Promise<boolean> {
    return !this.#over && (await stopped(this.child));
  }

  /** Until so many lines are on stdout, or the run is over. */
  async lines(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#over || this.#stdout.split('\n').length > count) resolve();
      };
      this.#watchers.push(look);
      look();
    });
  }

  /** So many milliseconds, or until the run is over. */
  async milliseconds(ms: number): Promise<void> {
    await Promise.race([sleep(ms), this.#ended]);
  }
}

/**
 * Stops a process (SIGSTOP) and waits until every one of its threads stands still, which a signal alone does
 * not. False where the process is gone.
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

/** The letters by which Linux tells what each thread of a process does: T stopped, Z gone. */
function threadStates(pid: number): string[] {
  const folder = `/proc/${pid}/task`;
  try {
    // After the name, which may hold anything.
    return readdirSync(folder).map(
      (thread) => /\) (\w) [^)]*$/.exec(readFileSync(`${folder}/${thread}/stat`, 'latin1'))?.[1] ?? '?',
    );
  } catch (error) {
    // A thread that ended since it was listed: the others are asked again.
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

/** A small disk of its own, whose size can be changed. */
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

  /** Leaves room for about so many bytes more. */
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
 * Takes the right to write from a folder and all below it, or gives it back; what is gone by then, because a
 * run is under way, is passed over.
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

/** Every file below a folder with its bytes' hash. */
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
