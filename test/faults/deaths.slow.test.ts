/**
 * The engine's thread dies at moments drawn from a seed, in each way a thread can die, in every command
 * that computes. The command reports the death and exits with 1, or it had all it needed and exits with 0 and its
 * whole output. It never hangs, never exits with 0 and partial output, and the next command finds the folder in
 * order. V8 may abort the process when a thread runs out of memory; no other death may end it by a signal.
 *
 *   ATTUNE_DEATHS   deaths to inject, 100 by default       ATTUNE_FUZZ_SEED   the seed of all that is drawn
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeByteModel } from '../support/byte-model.js';
import { errorLines, inLanes, runChild, shown, timeless } from '../support/child.js';
import type { ChildEnd } from '../support/child.js';
import { ROWS, toJsonl, writeData } from '../support/cli.js';
import { casesFrom, seedFrom } from '../support/counts.js';
import { DEATH_REPORTS, deadlyEnvironment, THREAD_DEATHS } from '../support/engine-death.js';
import type { DeathMoment, ThreadDeath } from '../support/engine-death.js';
import { Random } from '../support/random.js';
import { leftovers } from '../support/workshop.js';

const DEATHS = casesFrom('ATTUNE_DEATHS', 100);
const seed = seedFrom();
/** Milliseconds after a thread's start, or after it is ready in an endless run. */
const LATEST = 2000;
/** The weights are written in some twenty requests, each with its answer; the work begins after them. */
const ANSWERS = 60;
const EVALUATED = 8000;
const PREDICTED = 30_000;
/** Two commands at a time, so that deaths also occur on a busy machine. */
const LANES = 2;

const LEARN = [
  '--model',
  '../model',
  '--dataset',
  '../data',
  '--output-dir',
  'run',
  '--threads',
  '1',
  '--per-device-train-batch-size',
  '4',
];
const SAVING = [
  '--logging-steps',
  '5',
  '--save-strategy',
  'steps',
  '--save-steps',
  '2',
  '--save-total-limit',
  '2',
  '--json',
];
const SHORT = [...LEARN, '--max-steps', '40', '--eval-strategy', 'steps', '--eval-steps', '10', ...SAVING];

interface Scenario {
  readonly words: readonly string[];
  readonly input?: string;
  /** Only the death of its thread ends it. */
  readonly endless?: boolean;
  /** `run` holds a finished run before it starts. */
  readonly finetuned?: boolean;
}

const TEXTS = toJsonl(
  Array.from({ length: PREDICTED }, (_, i) => ({ text: `${ROWS[i % ROWS.length].text} ${i}` })),
);

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'endless train': { words: ['train', ...LEARN, '--max-steps', '1000000', ...SAVING], endless: true },
  train: { words: ['train', ...SHORT] },
  'predict a file': { words: ['predict', '--model', '../tuned', '--input', '../texts.jsonl'] },
  'predict stdin': { words: ['predict', '--model', '../tuned', '--input', '-'], input: TEXTS },
  evaluate: { words: ['evaluate', '--model', '../tuned', '--dataset', '../many', '--json'] },
  compare: { words: ['compare', ...LEARN, '--max-steps', '20', '--logging-steps', '5', '--json'] },
  'compare --finetuned': {
    words: [
      'compare',
      '--finetuned',
      'run',
      '--model',
      '../model',
      '--dataset',
      '../data',
      '--threads',
      '1',
      '--json',
    ],
    finetuned: true,
  },
};

interface Case {
  readonly number: number;
  readonly name: string;
  readonly death: ThreadDeath;
  readonly moment: DeathMoment;
}

/** Every death in every scenario in turn, each round in a new order. */
function drawCases(random: Random): Case[] {
  const deaths = Object.keys(THREAD_DEATHS) as ThreadDeath[];
  const pairs: { readonly name: string; readonly death: ThreadDeath }[] = [];
  while (pairs.length < DEATHS) {
    const names = shuffled(Object.keys(SCENARIOS), random);
    // Each round shifts the deaths by one, so that a few rounds cover all pairs.
    for (let round = 0; round < deaths.length; round++) {
      pairs.push(...names.map((name, i) => ({ name, death: deaths[(i + round) % deaths.length] })));
    }
  }
  return pairs
    .slice(0, DEATHS)
    .map((pair, number) => ({ ...pair, number, moment: drawMoment(pair.name, random) }));
}

/**
 * Soon after the start, while a thread is made ready; with an answer on its way, which may arrive after the
 * death; or at any time of the work, as long as it took in `before`.
 */
function drawMoment(name: string, random: Random): DeathMoment {
  const moments: readonly DeathMoment[] = [
    { messages: 0, ms: Math.round(LATEST ** (random.integer(0, 1000) / 1000)) },
    { messages: random.integer(1, ANSWERS), ms: 0 },
    { messages: 1, ms: random.integer(1, Math.ceil(durations[name] ?? LATEST)) },
  ];
  return moments[random.integer(0, moments.length - 1)];
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  const drawn = values.map((value) => ({ value, at: random.integer(0, 1_000_000) }));
  return drawn.sort((a, b) => a.at - b.at).map(({ value }) => value);
}

let root = '';
const expected: Record<string, string> = {};
/** Milliseconds of a whole run of each scenario. */
const durations: Record<string, number> = {};
before(async () => {
  root = mkdtempSync(join(tmpdir(), 'attune-deaths-'));
  await writeByteModel(join(root, 'model'));
  writeData(join(root, 'data'));
  mkdirSync(join(root, 'many'));
  writeFileSync(
    join(root, 'many', 'test.jsonl'),
    toJsonl(Array.from({ length: EVALUATED }, (_, i) => ROWS[i % ROWS.length])),
  );
  writeFileSync(join(root, 'texts.jsonl'), TEXTS);
  const trained = await run('whole', ['train', ...SHORT]);
  assert.equal(trained.code, 0, shown(trained));
  cpSync(join(root, 'whole', 'run'), join(root, 'tuned'), { recursive: true });
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    if (scenario.endless) continue;
    const started = performance.now();
    const whole = await runScenario(`whole-${name}`, scenario);
    durations[name] = performance.now() - started;
    assert.equal(whole.code, 0, shown(whole));
    expected[name] = outputOf(scenario, whole);
  }
});
after(() => {
  if (process.exitCode === undefined || process.exitCode === 0)
    rmSync(root, { recursive: true, force: true });
});

function run(
  folder: string,
  words: readonly string[],
  { input }: { readonly input?: string } = {},
  env: Readonly<Record<string, string>> = {},
): Promise<ChildEnd> {
  const cwd = join(root, folder);
  mkdirSync(cwd, { recursive: true });
  return runChild(words, { cwd, input, env: { ATTUNE_CACHE: join(root, 'cache'), ...env } });
}

function runScenario(
  folder: string,
  scenario: Scenario,
  env: Readonly<Record<string, string>> = {},
): Promise<ChildEnd> {
  if (scenario.finetuned) cpSync(join(root, 'tuned'), join(root, folder, 'run'), { recursive: true });
  return run(folder, scenario.words, scenario, env);
}

/** Only predictions have an order: a checkpoint is written and reported while the next steps run. */
function outputOf({ input, words }: Scenario, { stdout }: ChildEnd): string {
  if (input !== undefined || words[0] === 'predict') return stdout;
  return timeless(stdout).split('\n').sort().join('\n');
}

const counts = {
  reported: 0,
  whole: 0,
  aborted: 0,
  resumed: 0,
  restarted: 0,
  kinds: {} as Record<string, number>,
};

describe('attune', () => {
  it(
    `reports the death of the engine's thread or writes its whole output (${DEATHS} deaths)`,
    { timeout: 3 * 3_600_000 },
    async (t) => {
      t.diagnostic(`seed ${seed} (ATTUNE_FUZZ_SEED)`);
      const failures: string[] = [];
      await inLanes(LANES, drawCases(new Random(seed)), async (drawn) => {
        try {
          await oneDeath(drawn);
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error);
          const moment = `${drawn.moment.ms} ms after ${drawn.moment.messages} messages`;
          failures.push(`case ${drawn.number}: "${drawn.name}" ${drawn.death} ${moment}: ${reason}`);
        }
      });
      const { reported, whole, aborted, resumed, restarted, kinds } = counts;
      t.diagnostic(
        `deaths injected: ${DEATHS} (${Object.entries(kinds)
          .sort()
          .map(([kind, n]) => `${kind} ${n}`)
          .join(', ')})`,
      );
      t.diagnostic(
        `ends: reported with status 1 ${reported}, finished before with the whole output ${whole}, ` +
          `native aborts ${aborted}; failures ${failures.length}`,
      );
      t.diagnostic(`the next command on the folder: resumed ${resumed}, restarted ${restarted}`);
      assert.equal(failures.length, 0, `of seed ${seed}, kept in ${root}:\n${failures.join('\n')}`);
    },
  );
});

async function oneDeath({ number, name, death, moment }: Case): Promise<void> {
  const scenario = SCENARIOS[name];
  const folder = `case-${number}`;
  counts.kinds[`${name}: ${death}`] = (counts.kinds[`${name}: ${death}`] ?? 0) + 1;
  const end = await runScenario(folder, scenario, deadlyEnvironment(death, moment));
  assert.ok(!end.hung, shown(end));
  assert.doesNotMatch(end.stderr, /defect of attune|[Uu]nhandled|MaxListenersExceeded/, shown(end));
  const aborted = end.signal === 'SIGABRT' || end.code === 134;
  if (aborted) {
    counts.aborted++;
    assert.equal(death, 'runs out of memory', shown(end));
  } else {
    assertReportedOrWhole(name, scenario, DEATH_REPORTS[death], end);
    assert.deepEqual(leftovers(join(root, folder)), [], 'a lock or a partial file is left');
  }
  await nextCommand(folder, name, scenario);
  rmSync(join(root, folder), { recursive: true, force: true });
}

function assertReportedOrWhole(name: string, scenario: Scenario, report: string, end: ChildEnd): void {
  if (end.code === 0) {
    assert.ok(!scenario.endless, `status 0 in the middle of training: ${shown(end)}`);
    assert.ok(
      outputOf(scenario, end) === expected[name],
      `status 0 with ${end.stdout.length} characters that are not the whole output: ${shown(end)}`,
    );
    counts.whole++;
    return;
  }
  assert.deepEqual([end.code, end.signal], [1, null], shown(end));
  const errors = errorLines(end.stderr);
  assert.equal(errors.length, 1, shown(end));
  assert.ok(errors[0].includes(report), shown(end));
  counts.reported++;
}

/** The same command without a death; a run with a checkpoint is resumed. */
async function nextCommand(folder: string, name: string, scenario: Scenario): Promise<void> {
  const checkpoints = entries(folder).map((entry) => Number(/^checkpoint-(\d+)$/.exec(entry)?.[1] ?? 0));
  const last = Math.max(0, ...checkpoints);
  const resumes = scenario.words[0] === 'train' && last > 0;
  const words = resumes ? [...scenario.words, '--resume-from-checkpoint'] : [...scenario.words];
  if (resumes) counts.resumed++;
  else counts.restarted++;
  if (scenario.endless) words.splice(words.indexOf('1000000'), 1, String(last + 5));
  if (!resumes && words.includes('--output-dir')) words.push('--overwrite-output-dir');
  const end = await run(folder, words, scenario);
  assert.equal(end.code, 0, `the next command ${shown(end)}`);
  assert.deepEqual(leftovers(join(root, folder)), [], 'the next command left a lock or a partial file');
  if (!resumes && !scenario.endless)
    assert.ok(
      outputOf(scenario, end) === expected[name],
      `the next command has another output: ${shown(end)}`,
    );
}

const entries = (folder: string): string[] =>
  existsSync(join(root, folder, 'run')) ? readdirSync(join(root, folder, 'run')) : [];
