/** The faults that are injected into a run, and how the run may end then. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { readJson } from '../support/cli.js';
import { printed } from '../support/refusal.js';
import type { Random } from '../support/random.js';
import { can, Run, setWritable } from './machine.js';
import type { Disk, Ended } from './machine.js';

/** The output folder of every run, from its working directory. */
export const OUT = join('disk', 'run');

export type FaultKind =
  | 'kill'
  | 'interrupt'
  | 'terminate'
  | 'interrupt twice'
  | 'terminate twice'
  | 'file limit'
  | 'full disk'
  | 'no right to write'
  | 'second run';

export function drawFault(random: Random, asNobody: boolean, hasDisk: boolean): FaultKind {
  const kinds: FaultKind[] = [
    'kill',
    'kill',
    'kill',
    'interrupt',
    'terminate',
    'interrupt twice',
    'terminate twice',
    'second run',
  ];
  if (can.limitFiles) kinds.push('file limit');
  if (hasDisk) kinds.push('full disk');
  if (asNobody) kinds.push('no right to write', 'no right to write');
  return kinds[random.integer(0, kinds.length - 1)];
}

interface Scene {
  readonly line: readonly string[];
  readonly options: { readonly cwd: string; readonly tmp: string; readonly asNobody: boolean };
  readonly dir: string;
  /** About how many lines the whole run writes to stdout. */
  readonly lines: number;
  readonly disk: Disk | undefined;
  readonly story: string[];
}

export async function runWith(
  kind: FaultKind | undefined,
  random: Random,
  { line, options, dir, lines, disk, story }: Scene,
): Promise<Ended> {
  const fileLimit = kind === 'file limit' ? Math.floor(10 ** (random.integer(100, 460) / 100)) : undefined;
  const run = Run.start(line, { ...options, fileLimit });
  if (kind === undefined) return run.wait();
  // Most faults occur during training, some during the start.
  const early = random.integer(0, 7) === 0;
  const line1 = early ? 0 : random.integer(1, lines);
  const ms = early ? random.integer(0, 1500) : random.integer(0, 12);
  const limit = fileLimit === undefined ? '' : `, files of ${fileLimit} bytes at most`;
  story.push(`  ${kind} after ${line1} lines and ${ms} ms${limit}`);
  await run.lines(line1);
  await run.milliseconds(ms);
  switch (kind) {
    case 'kill':
      run.signal('SIGKILL');
      break;
    case 'interrupt':
    case 'terminate':
      run.signal(kind === 'interrupt' ? 'SIGINT' : 'SIGTERM');
      break;
    case 'interrupt twice':
    case 'terminate twice': {
      const name = kind === 'interrupt twice' ? 'SIGINT' : 'SIGTERM';
      run.signal(name);
      await run.milliseconds(random.integer(0, 15));
      run.signal(name);
      break;
    }
    case 'full disk': {
      disk!.shrink(random.integer(0, 60_000));
      const ended = await run.wait();
      disk!.grow();
      return ended;
    }
    case 'no right to write': {
      if (existsSync(dir)) setWritable(dir, false);
      const ended = await run.wait();
      if (existsSync(dir)) setWritable(dir, true);
      return ended;
    }
    case 'second run': {
      // Stopped, so that it still runs when the second has started. A lock that exists already may be that of a
      // dead run.
      const lock = join(dir, '.attune.lock');
      const locked = (await run.stop()) && existsSync(lock) && readJson(lock)['pid'] === run.child.pid;
      const second = locked ? await Run.start(line, options).wait() : undefined;
      if (second) {
        assert.equal(second.code, 2, `the second run was not refused: ${second.stderr}`);
        const holder = { pid: run.child.pid!, host: hostname(), since: String(readJson(lock)['since']) };
        const refused = printed('run-folder-locked', { dir: OUT, holder });
        assert.ok(second.stderr.includes(`error: ${refused}\n`), second.stderr);
        assert.equal(second.stdout, '');
      }
      run.signal('SIGCONT');
      if (random.integer(0, 1) === 0) run.signal('SIGKILL');
      break;
    }
    case 'file limit':
      break;
  }
  return run.wait();
}

export const HINDERS_WRITING: readonly FaultKind[] = ['file limit', 'full disk', 'no right to write'];

/** How a run begins to list its checkpoints if all of them are damaged. */
export const NONE_WHOLE = printed('checkpoints-all-damaged', { dir: OUT, damaged: [] }).slice(0, -1);

/** The run ended in a way that its fault allows. A run that was faster than its fault ended with 0. */
export function assertEnd(kind: FaultKind | undefined, { code, signal, stderr }: Ended): void {
  if (code === 0) return;
  const end = code ?? signal;
  const allowed: Readonly<Record<FaultKind, readonly (number | string | null)[]>> = {
    kill: ['SIGKILL'],
    // Before attune handles signals, a signal ends it like any program.
    interrupt: [130, 'SIGINT'],
    terminate: [130, 'SIGTERM'],
    'interrupt twice': [130, 'SIGINT'],
    'terminate twice': [130, 'SIGINT', 'SIGTERM'],
    'file limit': [1],
    'full disk': [1],
    'no right to write': [1],
    'second run': ['SIGKILL'],
  };
  // A run with only damaged checkpoints is refused before its fault occurs.
  if (code === 1 && stderr.includes(NONE_WHOLE)) return;
  assert.ok(kind === undefined || allowed[kind].includes(end), `${kind} ended with ${end}: ${stderr}`);
  if (code === 1) assert.match(stderr, /^error: /m);
}
