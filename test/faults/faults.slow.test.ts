/**
 * Runs with faults at moments drawn from a seed: killed, interrupted, out of disk space, without permission to
 * write, with the newest checkpoint truncated or a bit of it flipped, with a second run on the same folder. After
 * each fault the same command resumes. It always finds the newest intact checkpoint and reports the damaged ones,
 * and the result is bit for bit that of a run without faults.
 *
 *   ATTUNE_FAULT_RUNS   faults to inject, 200 by default       ATTUNE_FUZZ_SEED   the seed of all that is drawn
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeByteModel } from '../support/byte-model.js';
import { jsonLines, writeData } from '../support/cli.js';
import { casesFrom, seedFrom } from '../support/counts.js';
import { Random } from '../support/random.js';
import { printed } from '../support/refusal.js';
import { leftovers } from '../support/workshop.js';
import { can, Disk, giveToNobody, Run, setWritable, snapshot } from './machine.js';
import type { Ended } from './machine.js';
import { damage, outcome, restart } from './checkpoints.js';
import type { Outcome, Restart } from './checkpoints.js';
import { HINDERS_WRITING, NONE_WHOLE, OUT, assertEnd, drawFault, runWith } from './fault-kinds.js';
import type { FaultKind } from './fault-kinds.js';

const FAULTS = casesFrom('ATTUNE_FAULT_RUNS', 200);
const seed = seedFrom();

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
/** Runs of 18 and 15 steps whose log entries, evaluations and checkpoints partly coincide. */
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
  /** Exit statuses and signals of the runs with a fault. */
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
  // mkdtemp makes folders that only their owner may enter.
  setWritable(root, true);
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

describe('attune train', () => {
  it(
    `resumes after ${FAULTS} random faults to the same result and leaves nothing behind`,
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
          const what = `case ${counts.cases} of seed ${seed}, kept in ${root}:`;
          const message = error instanceof Error ? error.message : String(error);
          throw new Error(`${[what, ...story].join('\n  ')}\n${message}`, { cause: error });
        }
      }
      const { cases, runs, resumed, faults, cut, flipped, named, recoveredFolders, ends, differences } =
        counts;
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
        `checkpoints damaged: ${cut + flipped} (cut ${cut}, bit flipped ${flipped}); ` +
          `named and skipped: ${named}; ` +
          `folders moved back after a kill between two renames: ${recoveredFolders}`,
      );
      t.diagnostic(`runs resumed: ${resumed}`);
      t.diagnostic(`differences found: ${differences}`);
    },
  );
});

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
      story.push(
        `start ${i}: ${start.words.join(' ') || 'from the beginning'}${clean ? ', without a fault' : ''}`,
      );
      const options = { cwd, tmp, asNobody };
      const line = ['train', ...COMMON, ...words, ...start.words];
      const kind = clean ? undefined : drawFault(random, asNobody, disk !== undefined);
      if (kind !== undefined) counts.faults[kind] = (counts.faults[kind] ?? 0) + 1;
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

      if (start.from === 'refused') assertRefused(ended, start, { kind, dir, damaged });
      else assertResumed(ended, start, { dir, damaged });
      finished = ended.code === 0;
      if (clean) assert.ok(finished || start.from === 'refused', ended.stderr);
      if (clean && start.from === 'refused') {
        const again = await Run.start(['train', ...COMMON, ...words], options).wait();
        assert.equal(again.code, 0, again.stderr);
        finished = true;
      }
      if (!finished && random.integer(0, 9) < 4) damage(random, dir, { damaged, story, counts });
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

interface Scene {
  readonly dir: string;
  /** The damaged checkpoints; those that are gone or replaced are removed. */
  readonly damaged: Set<string>;
}

/** Without an intact checkpoint the run must not begin. It is refused, unless its fault came first. */
function assertRefused(
  ended: Ended,
  start: Restart,
  { kind, dir, damaged }: Scene & { readonly kind: FaultKind | undefined },
): void {
  assert.equal(ended.stdout, '', `it began without an intact checkpoint: ${ended.stderr}`);
  assert.notEqual(ended.code, 0, ended.stderr);
  // The lock comes before the checkpoints, so a folder that cannot be written is reported first.
  const cannotWrite =
    kind !== undefined &&
    HINDERS_WRITING.includes(kind) &&
    ended.stderr.includes(printed('output-dir-unwritable', { dir: OUT, reason: '' }));
  if (ended.code !== 1 || cannotWrite) return;
  const [, listed = ''] = ended.stderr.split(NONE_WHOLE);
  for (const name of damaged)
    if (!start.missing.has(name)) assert.ok(listed.includes(`${name}: `), ended.stderr);
  counts.named += damaged.size;
  rmSync(dir, { recursive: true, force: true });
  damaged.clear();
}

/** A run that began resumed from the newest intact checkpoint and reported each damaged one that it skipped. */
function assertResumed(ended: Ended, start: Restart, { dir, damaged }: Scene): void {
  if (ended.stdout === '') return;
  if (start.from !== undefined) {
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
  // A checkpoint that was saved again is intact.
  for (const name of [...damaged])
    if (!existsSync(join(dir, name)) || (start.from !== undefined && savedAgain(ended, name)))
      damaged.delete(name);
}

const savedAgain = ({ stdout }: Ended, name: string): boolean =>
  jsonLines(stdout.slice(0, stdout.lastIndexOf('\n') + 1)).some(
    ({ type, dir }) => type === 'saved' && String(dir).endsWith(name),
  );
