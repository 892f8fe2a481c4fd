/**
 * The real command line with its outputs led to places of their own: a file, a device, a pipe that nobody
 * reads. A command that is still alive after some minutes hangs: it is killed, and `hung` says so.
 */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { bin, NO_HUB } from './cli.js';

/** No command of the tests takes a tenth of this, on a busy machine either. */
const HANGS_MS = 300_000;

/** Where an output goes. A file or device is appended to. */
export type Sink = 'collected' | 'closed at once' | 'closed after a line' | { readonly path: string };

export interface ChildOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What is on stdin; absent: nothing. */
  readonly input?: string | undefined;
  readonly stdout?: Sink | undefined;
  readonly stderr?: Sink | undefined;
  /** Sent when what was collected of an output matches, once. */
  readonly signal?:
    { readonly when: RegExp; readonly on: 'stdout' | 'stderr'; readonly name: NodeJS.Signals } | undefined;
}

export interface ChildEnd {
  /** Exit status; null if a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What was collected: nothing if the output went elsewhere. */
  readonly stdout: string;
  readonly stderr: string;
  readonly hung: boolean;
}

export async function runChild(words: readonly string[], options: ChildOptions): Promise<ChildEnd> {
  const { cwd, env = {}, input, stdout = 'collected', stderr = 'collected', signal } = options;
  const opened: number[] = [];
  const place = (sink: Sink): number | 'pipe' => {
    if (sink === 'collected' || sink === 'closed after a line') return 'pipe';
    const descriptor = sink === 'closed at once' ? pipeWithoutReader() : openSync(sink.path, 'a');
    opened.push(descriptor);
    return descriptor;
  };
  const stdio: (number | 'pipe' | 'ignore')[] = [
    input === undefined ? 'ignore' : 'pipe',
    place(stdout),
    place(stderr),
  ];
  const child = spawn(process.execPath, [bin, ...words], {
    cwd,
    stdio,
    env: { ...process.env, ...NO_HUB, NO_COLOR: '1', ...env },
  });
  for (const descriptor of opened) closeSync(descriptor);
  const texts = { stdout: '', stderr: '' };
  let sent = false;
  const collect = (name: 'stdout' | 'stderr', stream: Readable | null, sink: Sink): void => {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
      if (sink === 'closed after a line' && texts[name].includes('\n')) stream.destroy();
      if (sent || signal?.on !== name || !signal.when.test(texts[name])) return;
      sent = true;
      child.kill(signal.name);
    });
  };
  collect('stdout', child.stdout, stdout);
  collect('stderr', child.stderr, stderr);
  // A command that refuses its arguments ends before it reads.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  return { ...(await endOf(child)), ...texts };
}

function endOf(child: ChildProcess): Promise<Pick<ChildEnd, 'code' | 'signal' | 'hung'>> {
  return new Promise((resolve, reject) => {
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, HANGS_MS);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, hung });
    });
  });
}

let pipes = 0;

/** The writing end of a pipe whose reader has gone before anything is written. */
function pipeWithoutReader(): number {
  const path = join(tmpdir(), `attune-pipe-${process.pid}-${pipes++}`);
  if (spawnSync('mkfifo', [path]).status !== 0) throw new Error(`mkfifo ${path} failed`);
  try {
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY);
    closeSync(reader);
    return writer;
  } finally {
    rmSync(path);
  }
}

/**
 * Does work on each item in turn, `lanes` at a time; the first failure ends it when what is under way is
 * done.
 */
export async function inLanes<T>(
  lanes: number,
  items: readonly T[],
  work: (item: T, lane: number) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const failures: unknown[] = [];
  const run = async (lane: number): Promise<void> => {
    while (queue.length > 0 && failures.length === 0)
      await work(queue.shift()!, lane).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
  if (failures.length > 0) throw failures[0];
}

/** The sentences and choices of a verdict speak of measured times. */
const VARYING = /^(?:path|cost|sentences|choices)$/i;
const MEASURED = /runtime|per_second|seconds|latency|rowsPerSecond|memory|lastUsed|url|bytesOnDisk/i;

/** Records of `--json`, or any other lines, without what differs from run to run. */
export function timeless(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => (line.startsWith('{') ? withoutTimes(line) : line.replace(/\d+(?=\/$)/, '#')));
  return lines.join('\n');
}

function withoutTimes(line: string): string {
  try {
    return JSON.stringify(JSON.parse(line), (key, value: unknown) =>
      VARYING.test(key) || MEASURED.test(key) ? undefined : value,
    );
  } catch {
    // A record that was cut is compared as it is.
    return line;
  }
}

export const errorLines = (stderr: string): string[] =>
  stderr.split('\n').filter((line) => line.startsWith('error:'));

/** An end for tests' messages. */
export const shown = ({ code, signal, hung, stderr }: ChildEnd): string =>
  `${hung ? 'hung' : `ended with ${code ?? signal}`}: ${stderr.slice(-1500)}`;
