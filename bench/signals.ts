/**
 * How soon a signal is answered: `tsx bench/signals.ts [MODEL_DIR DATASET] [--times 3] [--train-rows 2000]
 * [--eval-rows 500] [--only REGEX]`.
 *
 * SIGINT, SIGTERM and SIGHUP at random moments of each phase of `train` and `compare`; the time until the
 * command says on stderr that it stops, and until it ends. By default the bundled model and 30,000 rows of
 * made-up words; MODEL_DIR is a model to start from. Reading, tokenizing and loading take all rows, a
 * comparison the first of them. Where a phase begins is seen from within (the files that are opened) or on
 * stderr (the lines that are printed), in a run that is left alone and again in each that is not. Says
 * which phases took longer than two seconds to answer. It is no test: nothing fails.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { usableCores } from '#attune/engine/cores.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { median } from './median.js';
import { generator } from './synthetic.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: 'string', default: '3' },
    'train-rows': { type: 'string', default: '2000' },
    'eval-rows': { type: 'string', default: '500' },
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const TIMES = Number(options.times);
/** Phases that are measured. */
const WANTED = new RegExp(options.only);
const ROWS = 30_000;
/** A command that has not ended so long after its signal is killed. */
const PATIENCE_MS = 120_000;
const SLOW_MS = 2000;
const cli = join(import.meta.dirname, '..', 'bin', 'attune.js');
const draw = generator(Number(options.seed));
const folder = mkdtempSync(join(tmpdir(), 'attune-signals-'));

/** The beginning of a phase; the end of one is the beginning of the next. */
interface Mark {
  readonly name: string;
  readonly at: number;
}

/**
 * Runs in the command's own thread: writes a letter to a pipe of the bench's as a file is opened. What lies
 * between reading the rows and loading the weights is tokenizing. ES modules see what is put into `fs`
 * before they are loaded.
 */
const WATCH = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';
if (isMainThread) {
  const seen = new Set();
  const say = (path, letter) => { if (!seen.has(letter)) { seen.add(letter); fs.writeSync(3, letter); } };
  const look = (path) => {
    if (/train\\.jsonl$/.test(path)) say(path, 'r');
    if (/vocab\\.json$|tokenizer\\.json$/.test(path)) say(path, 't');
  };
  const { createReadStream } = fs;
  fs.createReadStream = (path, ...rest) => { look(String(path)); return createReadStream(path, ...rest); };
  const { open, readFile } = fs.promises;
  fs.promises.readFile = (path, ...rest) => { look(String(path)); return readFile(path, ...rest); };
  fs.promises.open = async (path, ...rest) => {
    const handle = await open(path, ...rest);
    if (!/\\.safetensors$/.test(String(path))) return handle;
    // The first read is of the header, before the rows are tokenized; the weights are read after.
    const read = handle.read;
    let reads = 0;
    handle.read = function (...wanted) { if (++reads > HEADER_READS) say(path, 'l'); return read.apply(this, wanted); };
    return handle;
  };
  syncBuiltinESMExports();
}`;
/** Its length, then itself. */
const HEADER_READS = 2;
const LETTERS: Readonly<Record<string, string>> = { r: 'reading', t: 'tokenizing', l: 'loading' };

interface Job {
  readonly words: readonly string[];
  /** What on stderr begins a phase, in order. */
  readonly lines: readonly (readonly [pattern: RegExp, name: string])[];
  /** Phases that signals are sent in; absent: every one. */
  readonly phases?: readonly string[];
  /** The last phase is as long as this, and the run is ended then. */
  readonly lastMs?: number;
}

interface Watched {
  readonly marks: readonly Mark[];
  readonly acknowledgedMs: number | undefined;
  readonly endedMs: number;
  readonly end: string;
}

/**
 * Runs a job; `moment`: a signal so many milliseconds after a phase began. Times are of the run, or of the
 * signal.
 */
async function watch(
  job: Job,
  moment?: { readonly phase: string; readonly ms: number; readonly signal: NodeJS.Signals },
): Promise<Watched | undefined> {
  rmSync(join(folder, 'out'), { recursive: true, force: true });
  const code = WATCH.replace('HEADER_READS', String(HEADER_READS));
  const env = {
    ...process.env,
    HF_HUB_OFFLINE: '1',
    NO_COLOR: '1',
    ATTUNE_CACHE: join(folder, `cache-${draw(2 ** 30)}`),
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}`,
  };
  const child = spawn(process.execPath, [cli, ...job.words], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  const started = performance.now();
  const marks: Mark[] = [];
  let sentAt: number | undefined;
  let sentIn: string | undefined;
  let acknowledgedAt: number | undefined;
  const send = (): void => {
    if (moment === undefined || child.exitCode !== null) return;
    sentIn = marks.at(-1)?.name;
    sentAt = performance.now();
    child.kill(moment.signal);
    setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS).unref();
  };
  const mark = (name: string): void => {
    marks.push({ name, at: performance.now() - started });
    if (moment?.phase === name) setTimeout(send, moment.ms);
    const isLast = job.lines.at(-1)?.[1] === name;
    if (moment === undefined && isLast && job.lastMs !== undefined)
      setTimeout(() => child.kill('SIGKILL'), job.lastMs);
  };
  let text = '';
  let next = 0;
  child.stderr!.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    if (text.includes('Stopping')) acknowledgedAt ??= performance.now();
    while (next < job.lines.length && job.lines[next][0].test(text)) mark(job.lines[next++][1]);
  });
  (child.stdio[3] as Readable).on('data', (letters: Buffer) => {
    for (const letter of letters.toString()) mark(LETTERS[letter]);
  });
  const end = await ended(child);
  const now = performance.now();
  if (moment === undefined)
    return {
      marks: [...marks, { name: 'end', at: now - started }],
      acknowledgedMs: undefined,
      endedMs: now - started,
      end,
    };
  // The phase was over before its moment came: this run was faster than the first.
  if (sentAt === undefined || sentIn !== moment.phase) return undefined;
  return {
    marks,
    acknowledgedMs: acknowledgedAt === undefined ? undefined : acknowledgedAt - sentAt,
    endedMs: now - sentAt,
    end,
  };
}

const ended = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(String(code ?? signal)));
  });

interface Phase {
  readonly name: string;
  readonly job: Job;
  readonly ms: number;
}

/** Runs a job undisturbed, and tells how long its phases are. */
async function phasesOf(job: Job): Promise<Phase[]> {
  const { marks } = (await watch(job))!;
  const lengths = marks.slice(0, -1).map(({ name, at }, i) => ({ name, job, ms: marks[i + 1].at - at }));
  return lengths.filter(({ name }) => (job.phases?.includes(name) ?? true) && WANTED.test(name));
}

async function measure({ name, job, ms }: Phase): Promise<void> {
  const times = { acknowledged: [] as number[], ended: [] as number[] };
  for (const signal of SIGNALS) {
    const found: Watched[] = [];
    for (let attempt = 0; found.length < TIMES && attempt < 3 * TIMES; attempt++) {
      const watched = await watch(job, { phase: name, ms: Math.floor((ms * draw(1000)) / 1000), signal });
      if (watched) found.push(watched);
    }
    const acknowledged = found.flatMap(({ acknowledgedMs }) =>
      acknowledgedMs === undefined ? [] : [acknowledgedMs],
    );
    const endedMs = found.map((watched) => watched.endedMs);
    const ends = [...new Set(found.map(({ end }) => end))].sort().join(', ');
    const silent = found.length - acknowledged.length;
    times.acknowledged.push(...acknowledged);
    times.ended.push(...endedMs);
    const unheard = silent > 0 ? `  (${silent} of ${found.length} said nothing)` : '';
    console.log(
      `  ${name.padEnd(38)}${signal.padEnd(9)}${shown(acknowledged)}${shown(endedMs)}  ${ends}${unheard}`,
    );
  }
  if (Math.max(...times.acknowledged, 0) > SLOW_MS)
    slow.push(`${name}: acknowledged after ${(Math.max(...times.acknowledged) / 1e3).toFixed(1)} s`);
  if (Math.max(...times.ended, 0) > SLOW_MS)
    slow.push(`${name}: ended after ${(Math.max(...times.ended) / 1e3).toFixed(1)} s`);
}

/** Median and maximum. */
const shown = (ms: readonly number[]): string =>
  ms.length === 0
    ? '–'.padStart(20)
    : `${median(ms).toFixed(0)} / ${Math.max(...ms).toFixed(0)} ms`.padStart(20);

/** Rows of made-up words, of which some go with a class. */
function writeRows(dir: string): void {
  const syllables = ['ba', 'do', 'ki', 'lu', 'me', 'no', 'pa', 'ri', 'su', 'te', 'vo', 'za'];
  const word = (): string =>
    Array.from({ length: 1 + draw(3) }, () => syllables[draw(syllables.length)]).join('');
  const words = Array.from({ length: 4000 }, word);
  const row = (): string => {
    const label = draw(2);
    const text = Array.from(
      { length: 6 + draw(24) },
      () => words[draw(4) === 0 ? 2 * draw(100) + label : draw(words.length)],
    ).join(' ');
    return `${JSON.stringify({ text, label, label_text: ['bad', 'good'][label] })}\n`;
  };
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'train.jsonl'), Array.from({ length: ROWS }, row).join(''));
  writeFileSync(join(dir, 'test.jsonl'), Array.from({ length: 2000 }, row).join(''));
}

const slow: string[] = [];
const model = positionals[0] ?? embeddedModelFolder();
const dataset = positionals[1] ?? join(folder, 'data');
const places = ['--model', model, '--dataset', dataset, '--output-dir', 'out'];
const learn = [...places, '--overwrite-output-dir', '--device', 'cpu', '--max-length', '64'];
const begin: Job = {
  words: ['train', ...learn, '--save-strategy', 'no'],
  lines: [[/^Training$/m, 'training']],
  lastMs: 3000,
};
const evaluating: Job = {
  words: [
    'train',
    ...learn,
    '--train-rows',
    '64',
    '--save-strategy',
    'no',
    '--logging-steps',
    '1',
    '--eval-strategy',
    'steps',
    '--eval-steps',
    '1',
  ],
  lines: [[/step +1\//, 'evaluating']],
  phases: ['evaluating'],
  lastMs: 3000,
};

/** Each model is trained and measured until its line comes; the next one has begun by then. */
function comparing(names: readonly string[]): Job {
  const afterEach = names.map(
    (name, i) =>
      [
        new RegExp(`^  ${name.replace(/[+()]/g, '\\$&')}  AUC`, 'm'),
        names[i + 1] ?? 'worst errors and words',
      ] as const,
  );
  return {
    words: [
      'compare',
      '--finetuned',
      'tuned',
      ...places,
      '--train-rows',
      options['train-rows'],
      '--eval-rows',
      options['eval-rows'],
      '--max-length',
      '64',
      '--device',
      'cpu',
    ],
    lines: [[/^Comparison$/m, names[0]], ...afterEach, [/^Verdict$/m, 'writing the report']],
    phases: [...names, 'worst errors and words', 'writing the report'],
  };
}

/** What a comparison's models are called, in its order. */
async function modelNames(): Promise<string[]> {
  const job = comparing([]);
  const child = spawn(process.execPath, [cli, ...job.words, '--json'], {
    cwd: folder,
    env: { ...process.env, HF_HUB_OFFLINE: '1' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  await ended(child);
  const records = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { readonly type: string; readonly name?: string });
  return records.flatMap(({ type, name }) => (type === 'model' && name !== undefined ? [name] : []));
}

const processor = cpus()[0]?.model.trim() ?? 'unknown processor';
const machine = `${processor}, ${usableCores()} cores, Node ${process.versions.node}`;
console.log(`${machine}; seed ${options.seed}, ${TIMES} of each signal in each phase; median / maximum`);
const [acknowledgedTitle, endedTitle] = ['acknowledged', 'ended'].map((title) => title.padStart(20));
console.log(`  ${'phase'.padEnd(38)}${'signal'.padEnd(9)}${acknowledgedTitle}${endedTitle}  exit status`);
try {
  writeRows(join(folder, 'data'));
  for (const job of [begin, evaluating]) for (const phase of await phasesOf(job)) await measure(phase);
  const tuning = spawn(
    process.execPath,
    [
      cli,
      'train',
      ...learn.map((word) => (word === 'out' ? 'tuned' : word)),
      '--train-rows',
      '64',
      '--max-steps',
      '2',
      '--save-strategy',
      'no',
    ],
    { cwd: folder, stdio: 'ignore' },
  );
  if ((await ended(tuning)) !== '0') throw new Error('the model to compare was not trained');
  for (const phase of await phasesOf(comparing(await modelNames()))) await measure(phase);
  console.log(
    slow.length === 0
      ? 'Every phase answered within 2 s.'
      : `Longer than 2 s:\n${slow.map((line) => `  ${line}`).join('\n')}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
