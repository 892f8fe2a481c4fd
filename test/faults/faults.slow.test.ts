/**
 * Runs to which everything happens: killed, interrupted, out of disk, without the right to write, their
 * newest checkpoint cut or with a bit flipped, a second run on the same folder, at moments drawn from a seed;
 * and after each, the same command goes on. Whatever happened, the newest whole checkpoint is found, what is
 * broken is named, and the end is bit for bit that of a run to which nothing happened.
 *
 *   ATTUNE_FAULT_RUNS   faults to inject, 200 by default       ATTUNE_FUZZ_SEED   the seed of all that is
 *   drawn
 */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { writeByteModel } from '../support/byte-model.js';
import { jsonLines, readJson, writeData } from '../support/cli.js';
import { casesFrom, seedFrom } from '../support/counts.js';
import { Random } from '../support/random.js';
import { beingReplaced, leftovers } from '../support/workshop.js';
import { can, Disk, giveToNobody, Run, setWritable, snapshot } from './machine.js';
import type { Ended } from './machine.js';

const FAULTS = casesFrom('ATTUNE_FAULT_RUNS', 200);
const seed = seedFrom();
const OUT = join('disk', 'run');

const COMMON = [
  '--model',
  '../model',
  '--dataset',
  '../data',
  '--output-dir',
  OUT,
  '--learning-rate',
  '0.02',
  '--warmup-steps',
  '3',
  '--threads',
  '1',
  '--json',
];
/** Runs of 18 and 15 steps whose records, evaluations and checkpoints fall together and apart. */
const VARIANTS: readonly {
  readonly words: readonly string[];
  readonly best: boolean;
  readonly lines: number;
}[] = [
  {
    words: [
      ...[
        '--per-device-train-batch-size',
        '2',
        '--gradient-accumulation-steps',
        '2',
        '--num-train-epochs',
        '6',
        '--logging-steps',
        '5',
        '--eval-strategy',
        'steps',
        '--eval-steps',
        '2',
      ],
      ...[
        '--save-strategy',
        'steps',
        '--save-steps',
        '2',
        '--load-best-model-at-end',
        '--early-stopping-patience',
        '30',
        '--metric-for-best-model',
        'accuracy',
        '--save-total-limit',
        '3',
      ],
    ],
    best: true,
    lines: 24,
  },
  {
    words: [
      '--per-device-train-batch-size',
      '5',
      '--num-train-epochs',
      '5',
      '--logging-steps',
      '2',
      '--logging-first-step',
      '--eval-strategy',
      'epoch',
      '--save-strategy',
      'steps',
      '--save-steps',
      '1',
    ],
    best: false,
    lines: 28,
  },
];

type FaultKind =
  | 'kill'
  | 'interrupt'
  | 'terminate'
  | 'interrupt twice'
  | 'terminate twice'
  | 'file limit'
  | 'full disk'
  | 'no right to write'
  | 'second run';

interface Counts {
  cases: number;
  runs: number;
  resumed: number;
  differences: number;
  faults: Partial<Record<FaultKind, number>>;
  cut: number;
  flipped: number;
  named: number;
  recoveredFolders: number;
  /** What faulted runs ended with. */
  ends: Record<string, number>;
}
const counts: Counts = {
  cases: 0,
  runs: 0,
  resumed: 0,
  differences: 0,
  faults: {},
  cut: 0,
  flipped: 0,
  named: 0,
  recoveredFolders: 0,
  ends: {},
};

let root = '';
let expected: readonly Outcome[] = [];
before(async () => {
  root = mkdtempSync(join(tmpdir(), 'attune-faults-'));
  spawnReadable(root);
  await writeByteModel(join(root, 'model'));
  writeData(join(root, 'data'));
  expected = await Promise.all(
    VARIANTS.map(async ({ words }, i) => {
      const cwd = join(root, `whole-${i}`);
      mkdirSync(join(cwd, 'disk'), { recursive: true });
      const { code, stderr } = await Run.start(['train', ...COMMON, ...words], { cwd, tmp: cwd }).wait();
      assert.equal(code, 0, stderr);
      return outcome(join(cwd, OUT));
    }),
  );
});
after(() => {
  if (process.exitCode === undefined || process.exitCode === 0)
    rmSync(root, { recursive: true, force: true });
});

/** mkdtemp makes folders that only their owner may enter. */
function spawnReadable(dir: string): void {
  setWritable(dir, true);
}

interface Outcome {
  readonly history: readonly object[];
  readonly best: readonly unknown[];
  readonly files: Readonly<Record<string, string>>;
}

/** All that two runs must agree in: records without times, the best, weights, moments, counters. */
function outcome(dir: string): Outcome {
  const state = readJson(join(dir, 'trainer_state.json'));
  const last = checkpointsOf(dir)[0];
  const files: Record<string, string> = {
    'model.safetensors': readFileSync(join(dir, 'model.safetensors'), 'base64'),
  };
  for (const name of ['model.safetensors', 'optimizer.safetensors', 'attune_state.json'])
    files[`${last}/${name}`] = readFileSync(join(dir, last, name), 'base64');
  const history = (state['log_history'] as Record<string, unknown>[]).map((record) =>
    Object.fromEntries(Object.entries(record).filter(([key]) => !/runtime|per_second/.test(key))),
  );
  return {
    history,
    best: [state['best_metric'], state['best_global_step'], state['stateful_callbacks']],
    files,
  };
}

/** Names of checkpoints, newest first. */
function checkpointsOf(dir: string): string[] {
  const step = (name: string): number => Number(name.slice('checkpoint-'.length));
  return (existsSync(dir) ? readdirSync(dir) : [])
    .filter((name) => /^checkpoint-\d+$/.test(name))
    .sort((a, b) => step(b) - step(a));
}

test(
  `${FAULTS} faults at random moments: nothing is lost, nothing is left, the end is the same`,
  { timeout: 3 * 3_600_000 },
  async (t) => {
    t.diagnostic(
      `seed ${seed} (ATTUNE_FUZZ_SEED); ${Object.entries(can)
        .map(([what, able]) => `${what}: ${able}`)
        .join(', ')}`,
    );
    const random = new Random(seed);
    const injected = (): number => Object.values(counts.faults).reduce((sum, n) => sum + n, 0);
    while (injected() < FAULTS) {
      counts.cases++;
      const story: string[] = [];
      try {
        await oneCase(counts.cases, new Random(random.integer(0, 2 ** 31 - 1)), story);
      } catch (error) {
        counts.differences++;
        throw new Error(
          `case ${counts.cases} of seed ${seed}, kept in ${root}:\n  ${story.join('\n  ')}\n${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        );
      }
    }
    const { cases, runs, resumed, faults, cut, flipped, named, recoveredFolders, ends, differences } = counts;
    t.diagnostic(`cases run: ${cases} (${runs} runs of the command line)`);
    t.diagnostic(
      `faults injected: ${injected()} (${Object.entries(faults)
        .map(([kind, n]) => `${kind} ${n}`)
        .join(', ')})`,
    );
    t.diagnostic(
      `faulted runs ended: ${Object.entries(ends)
        .map(([how, n]) => `${how} ${n}`)
        .join(', ')}`,
    );
    t.diagnostic(
      `checkpoints damaged: ${cut + flipped} (cut ${cut}, bit flipped ${flipped}); named and skipped: ${named}; folders moved back after a kill between two renames: ${recoveredFolders}`,
    );
    t.diagnostic(`runs resumed: ${resumed}`);
    t.diagnostic(`differences found: ${differences}`);
  },
);

async function oneCase(number: number, random: Random, story: string[]): Promise<void> {
  const variant = random.integer(0, VARIANTS.length - 1);
  const { words, best, lines } = VARIANTS[variant];
  const cwd = join(root, `case-${number}`);
  const [dir, tmp] = [join(cwd, OUT), join(root, 'tmp')];
  mkdirSync(join(cwd, 'disk'), { recursive: true });
  mkdirSync(tmp, { recursive: true });
  setWritable(tmp, true);
  const asNobody = can.beNobody && random.integer(0, 2) === 0;
  const disk = can.mount ? Disk.mount(join(cwd, 'disk'), asNobody ? 65534 : undefined) : undefined;
  if (asNobody) for (const path of [join(cwd, 'disk'), tmp]) giveToNobody(path);
  const around = { ...snapshot(join(root, 'model')), ...snapshot(join(root, 'data')) };
  try {
    let finished = false;
    const damaged = new Set<string>();
    const faults = random.integer(2, 6);
    for (let i = 0; i <= faults && !finished; i++) {
      const clean = i === faults;
      const start = restart(dir, damaged, best);
      story.push(`start ${i}: ${start.words.join(' ') || 'anew'}${clean ? ', nothing happens' : ''}`);
      const options = { cwd, tmp, asNobody };
      const line = ['train', ...COMMON, ...words, ...start.words];
      const kind = clean ? undefined : drawFault(random, asNobody, disk !== undefined);
      const ended = await runWith(kind, random, { line, options, dir, lines, disk, story });
      counts.runs++;
      story.push(
        `  ended ${ended.code ?? ended.signal}: ${ended.stderr
          .split('\n')
          .filter((text) => /error:|warning: check|going on|interrupted/.test(text))
          .join(' | ')}`,
      );
      assert.ok(!ended.hung, 'it hung');
      assert.doesNotMatch(
        ended.stderr,
        /defect of attune|[Uu]nhandled|terminate called|free\(\)|Segmentation/,
        ended.stderr,
      );
      assertEnd(kind, ended);
      if (kind !== undefined)
        counts.ends[String(ended.code ?? ended.signal)] =
          (counts.ends[String(ended.code ?? ended.signal)] ?? 0) + 1;

      // It went on from what it should have, and named what it passed over.
      const began = ended.stdout !== '';
      if (start.from === 'refused') {
        // Where nothing can be written, that is said first: the lock comes before the checkpoints.
        const cannotWrite =
          kind !== undefined &&
          HINDERS_WRITING.includes(kind) &&
          /error: the output folder disk.run cannot be written/.test(ended.stderr);
        if (ended.code === 1 && !began && !cannotWrite) {
          for (const name of damaged)
            if (!start.missing.has(name))
              assert.match(ended.stderr, new RegExp(`no whole checkpoint[^]*${name}`));
          counts.named += damaged.size;
          rmSync(dir, { recursive: true, force: true });
          damaged.clear();
        }
      } else if (start.from !== undefined && began) {
        assert.match(ended.stderr, new RegExp(`going on from disk.run.${start.from}\\s`), ended.stderr);
        counts.resumed++;
        for (const name of start.skipped) {
          if (damaged.has(name))
            assert.match(
              ended.stderr,
              new RegExp(`warning: ${name} is skipped and set aside as broken-${name}: .* is damaged: `),
              ended.stderr,
            );
          counts.named++;
          damaged.delete(name);
        }
        if (start.recovered) counts.recoveredFolders++;
      }
      // What it saved again is whole.
      if (began)
        for (const name of [...damaged])
          if (!existsSync(join(dir, name)) || (start.from !== undefined && savedAgain(ended, name)))
            damaged.delete(name);
      finished = ended.code === 0;
      if (clean) assert.ok(finished || start.from === 'refused', ended.stderr);
      if (clean && start.from === 'refused') {
        const again = await Run.start(['train', ...COMMON, ...words], options).wait();
        assert.equal(again.code, 0, again.stderr);
        finished = true;
      }
      if (!finished && random.integer(0, 9) < 4) damage(random, dir, damaged, story);
    }
    assert.ok(finished);
    assert.deepEqual(leftovers(dir), []);
    assert.deepEqual(readdirSync(tmp), [], 'temporary files elsewhere');
    assert.deepEqual(
      { ...snapshot(join(root, 'model')), ...snapshot(join(root, 'data')) },
      around,
      'model or data changed',
    );
    assert.deepEqual(readdirSync(cwd), ['disk']);
    assert.deepEqual(readdirSync(join(cwd, 'disk')), ['run']);
    const actual = outcome(dir);
    assert.deepEqual(actual.history, expected[variant].history);
    assert.deepEqual(actual.best, expected[variant].best);
    for (const [name, contents] of Object.entries(expected[variant].files))
      assert.ok(actual.files[name] === contents, `${name} is not that of the whole run`);
    disk?.unmount();
    rmSync(cwd, { recursive: true, force: true });
  } catch (error) {
    if (disk) cpSync(join(cwd, 'disk'), join(cwd, 'kept'), { recursive: true });
    disk?.unmount();
    throw error;
  }
}

const savedAgain = ({ stdout }: Ended, name: string): boolean =>
  jsonLines(stdout.slice(0, stdout.lastIndexOf('\n') + 1)).some(
    ({ type, dir }) => type === 'saved' && String(dir).endsWith(name),
  );

interface Restart {
  readonly words: readonly string[];
  /** The checkpoint it must go on from; 'refused': there is none that is whole; undefined: it begins anew. */
  readonly from: string | undefined;
  readonly skipped: readonly string[];
  readonly missing: ReadonlySet<string>;
  readonly recovered: boolean;
}

/** How a user goes on, and what must come of it, worked out from what was done to the folder. */
function restart(dir: string, damaged: ReadonlySet<string>, needsBest: boolean): Restart {
  // A checkpoint under the name it has while it is replaced comes back.
  const moved = beingReplaced(dir).filter(
    (name) => /^checkpoint-\d+$/.test(name) && !existsSync(join(dir, name)),
  );
  const step = (name: string): number => Number(name.slice('checkpoint-'.length));
  const names = [...new Set([...checkpointsOf(dir), ...moved])].sort((a, b) => step(b) - step(a));
  if (names.length === 0)
    return {
      words: existsSync(join(dir, 'model.safetensors')) ? ['--overwrite-output-dir'] : [],
      from: undefined,
      skipped: [],
      missing: new Set(),
      recovered: false,
    };
  const skipped: string[] = [];
  for (const name of names) {
    const stateFile = join(dir, name, 'trainer_state.json');
    const bestStep =
      damaged.has(name) || !needsBest || !existsSync(stateFile)
        ? null
        : readJson(stateFile)['best_global_step'];
    const bestName = `checkpoint-${String(bestStep)}`;
    if (!damaged.has(name) && !(bestStep !== null && damaged.has(bestName) && names.includes(bestName))) {
      return {
        words: ['--resume-from-checkpoint', ...(names.length % 2 === 0 ? ['last'] : [])],
        from: name,
        skipped,
        missing: new Set(),
        recovered: moved.length > 0,
      };
    }
    skipped.push(name);
  }
  return {
    words: ['--resume-from-checkpoint'],
    from: 'refused',
    skipped,
    missing: new Set([...damaged].filter((name) => !names.includes(name))),
    recovered: false,
  };
}

function drawFault(random: Random, asNobody: boolean, hasDisk: boolean): FaultKind {
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
  /** Lines that the whole run writes to stdout, about. */
  readonly lines: number;
  readonly disk: Disk | undefined;
  readonly story: string[];
}

async function runWith(
  kind: FaultKind | undefined,
  random: Random,
  { line, options, dir, lines, disk, story }: Scene,
): Promise<Ended> {
  const fileLimit = kind === 'file limit' ? Math.floor(10 ** (random.integer(100, 460) / 100)) : undefined;
  const run = Run.start(line, { ...options, ...(fileLimit !== undefined && { fileLimit }) });
  if (kind === undefined) return run.wait();
  counts.faults[kind] = (counts.faults[kind] ?? 0) + 1;
  // Most faults fall into training; some into the start.
  const early = random.integer(0, 7) === 0;
  const line1 = early ? 0 : random.integer(1, lines);
  const ms = early ? random.integer(0, 1500) : random.integer(0, 12);
  story.push(
    `  ${kind} after ${line1} lines and ${ms} ms${fileLimit === undefined ? '' : `, files of ${fileLimit} bytes at most`}`,
  );
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
      // Stopped, so that it is still there when the second has started. A lock that is there already may be a
      // dead run's.
      const lock = join(dir, '.attune.lock');
      const locked = (await run.stop()) && existsSync(lock) && readJson(lock)['pid'] === run.child.pid;
      const second = locked ? await Run.start(line, options).wait() : undefined;
      if (second) {
        assert.equal(second.code, 2, `the second run was not refused: ${second.stderr}`);
        assert.match(second.stderr, /error: another run is writing into disk.run: process \d+ on/);
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

const HINDERS_WRITING: readonly FaultKind[] = ['file limit', 'full disk', 'no right to write'];

/** What each fault may end a run with. A run that was faster than its fault has ended well. */
function assertEnd(kind: FaultKind | undefined, { code, signal, stderr }: Ended): void {
  if (code === 0) return;
  const end = code ?? signal;
  const allowed: Readonly<Record<FaultKind, readonly (number | string | null)[]>> = {
    kill: ['SIGKILL'],
    // Before attune listens, a signal ends it as it ends any program.
    interrupt: [130, 'SIGINT'],
    terminate: [130, 'SIGTERM'],
    'interrupt twice': [130, 'SIGINT'],
    'terminate twice': [130, 'SIGINT', 'SIGTERM'],
    'file limit': [1],
    'full disk': [1],
    'no right to write': [1],
    'second run': ['SIGKILL'],
  };
  // A start from nothing but broken checkpoints is refused before anything can happen to it.
  if (code === 1 && /no whole checkpoint/.test(stderr)) return;
  assert.ok(kind === undefined || allowed[kind].includes(end), `${kind} ended with ${end}: ${stderr}`);
  if (code === 1) assert.match(stderr, /^error: /m);
}

/** Cuts a file of the newest checkpoint, or flips a bit in it; now and then of the two newest. */
function damage(random: Random, dir: string, damaged: Set<string>, story: string[]): void {
  for (const name of checkpointsOf(dir)
    .filter((checkpoint) => !damaged.has(checkpoint))
    .slice(0, random.integer(0, 4) === 0 ? 2 : 1)) {
    const files = readdirSync(join(dir, name));
    const file = join(dir, name, files[random.integer(0, files.length - 1)]);
    const bytes = readFileSync(file);
    const at = random.integer(0, bytes.length - 1);
    const cut = random.integer(0, 1) === 0;
    // Checksums may be spelt in another way and still say the same.
    if (file.endsWith('checksums.json') && at > bytes.length - 3) continue;
    if (cut) writeFileSync(file, bytes.subarray(0, at));
    else {
      const before = bytes.toString('latin1');
      bytes[at] ^= 1 << random.integer(0, 7);
      if (file.endsWith('checksums.json') && sameJson(before, bytes.toString('latin1'))) continue;
      writeFileSync(file, bytes);
    }
    counts[cut ? 'cut' : 'flipped']++;
    damaged.add(name);
    story.push(
      `  ${cut ? 'cut' : 'flipped a bit of'} ${name}/${file.slice(join(dir, name).length + 1)} at ${at}`,
    );
  }
}

function sameJson(a: string, b: string): boolean {
  try {
    return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b));
  } catch {
    return false;
  }
}
