/**
 * Is the plan better than transformers' defaults? `tsx bench/plan.ts --tweets DIR [--half confirm] [--seeds
 * 3] [--only NAME] [--record FILE]`.
 *
 * Of each dataset (plan-datasets.ts) gpt2-mini learns twice under each seed from the same labelled rows: with
 * the defaults of TrainingArguments, from all of them, and by the plan, which holds some out. Both are tested
 * on the same other rows. The difference of weighted F1, as a mean over the seeds, has a 95 % interval by
 * paired bootstrap over the test rows and the seeds together. The time of the plan includes its checkpoints,
 * of which the defaults' run writes none. `--record` keeps each run, and a second call goes on from it. DIR
 * is a folder with train.jsonl and test.jsonl of the tweets (text, label).
 */
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { classScores, confusionMatrix, weightedF1 } from '#attune/metrics/confusion.js';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { MT19937 } from '#attune/random/mt19937.js';
import { resolveArguments } from '#attune/train/arguments.js';
import { fineTune } from '#attune/train/fine-tune.js';
import type { BenchDataset } from './plan-datasets.js';
import { DATASETS } from './plan-datasets.js';
import { median } from './median.js';

const { values: options } = parseArgs({
  options: {
    tweets: { type: 'string' },
    half: { type: 'string', default: 'confirm' },
    seeds: { type: 'string', default: '3' },
    only: { type: 'string' },
    record: { type: 'string' },
  },
});
const tweets = options.tweets ?? process.env['ATTUNE_DATA'];
if (tweets === undefined) throw new Error('--tweets DIR: a folder with train.jsonl and test.jsonl');

type Arm = 'defaults' | 'plan';

interface Run {
  readonly dataset: string;
  readonly arm: Arm;
  readonly seed: number;
  readonly classes: number;
  /** [rows] classes of the test rows, true and predicted. */
  readonly labels: readonly number[];
  readonly predicted: readonly number[];
  readonly seconds: number;
}

const toLines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

async function train(data: BenchDataset, arm: Arm, seed: number): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'attune-plan-'));
  try {
    const { train: rows, test } = await data.load(tweets!);
    const [dataset, evalDataset] = [join(folder, 'train.jsonl'), join(folder, 'test.jsonl')];
    writeFileSync(dataset, toLines(rows));
    writeFileSync(evalDataset, toLines(test));
    const outputDir = join(folder, 'out');
    const given = { model: embeddedModelFolder(), dataset, evalDataset, device: 'cpu' as const };
    const started = performance.now();
    const result = await fineTune(
      arm === 'plan'
        ? { ...given, seed, outputDir }
        : { ...given, args: resolveArguments({ seed, outputDir, saveStrategy: 'no' }) },
    );
    const seconds = (performance.now() - started) / 1000;
    const { perClass, predicted } = result.test!.metrics;
    const names = perClass.map(({ label }) => label);
    return {
      dataset: data.name,
      arm,
      seed,
      classes: names.length,
      labels: test.map(({ label }) => names.indexOf(label)),
      predicted: [...predicted],
      seconds,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const f1Of = ({ labels, predicted, classes }: Run, rows: readonly number[] = [...labels.keys()]): number =>
  weightedF1(
    classScores(
      confusionMatrix(
        rows.map((row) => labels[row]),
        rows.map((row) => predicted[row]),
        classes,
      ),
    ),
  );

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const RESAMPLES = 2000;

/**
 * Bounds of the middle 95 % of the difference of the mean F1 of runs, over resampled rows and seeds. @param
 * runs of both arms, by seed
 */
function interval(
  runs: readonly (readonly [defaults: Run, plan: Run])[],
): readonly [low: number, high: number] {
  const generator = new MT19937(1);
  const below = (count: number): number => Math.floor((generator.nextUint32() / 2 ** 32) * count);
  const rows = runs[0][0].labels.length;
  const differences = Array.from({ length: RESAMPLES }, () => {
    const drawn = Array.from({ length: rows }, () => below(rows));
    return mean(
      runs
        .map(() => runs[below(runs.length)])
        .map(([defaults, plan]) => f1Of(plan, drawn) - f1Of(defaults, drawn)),
    );
  }).sort((a, b) => a - b);
  return [differences[Math.floor(0.025 * RESAMPLES)], differences[Math.ceil(0.975 * RESAMPLES) - 1]];
}

const record = options.record;
const known: Run[] =
  record !== undefined && existsSync(record)
    ? readFileSync(record, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Run)
    : [];

async function runOf(dataset: BenchDataset, arm: Arm, seed: number): Promise<Run> {
  const found = known.find((run) => run.dataset === dataset.name && run.arm === arm && run.seed === seed);
  if (found) return found;
  const made = await train(dataset, arm, seed);
  if (record !== undefined) appendFileSync(record, `${JSON.stringify(made)}\n`);
  return made;
}

const seeds = Array.from({ length: Number(options.seeds) }, (_, i) => 42 + i);
const chosen = DATASETS.filter(
  ({ name, half }) => half === options.half && (options.only === undefined || name.includes(options.only)),
);
console.log(
  `Processor: ${cpus()[0]?.model}; weighted F1 of gpt2-mini on other rows, mean of ${seeds.length} seeds\n`,
);
console.log(
  '| dataset, labelled rows | defaults | plan | plan - defaults | 95 % interval | seconds, defaults and plan |',
);
console.log('|---|---|---|---|---|---|');
const gains: number[] = [];
for (const dataset of chosen) {
  const runs: (readonly [Run, Run])[] = [];
  for (const seed of seeds)
    runs.push([await runOf(dataset, 'defaults', seed), await runOf(dataset, 'plan', seed)]);
  const [defaults, plan] = [0, 1].map((arm) => mean(runs.map((pair) => f1Of(pair[arm]))));
  const [low, high] = interval(runs);
  const times = [0, 1].map((arm) => median(runs.map((pair) => pair[arm].seconds)).toFixed(0));
  gains.push(plan - defaults);
  const cells = [
    dataset.name,
    ...[defaults, plan, plan - defaults].map((value) => value.toFixed(3)),
    `${low.toFixed(3)} to ${high.toFixed(3)}`,
    times.join(' and '),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
console.log(
  `\nThe plan gains ${median(gains).toFixed(3)} in the median of ${gains.length} datasets; ` +
    `the least is ${Math.min(...gains).toFixed(3)}.`,
);
