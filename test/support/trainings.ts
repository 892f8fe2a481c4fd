/** Ways to train a model, and what evaluating it afterwards must give. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attune, jsonLines, ROWS, toJsonl } from './cli.js';

export interface Training {
  readonly name: string;
  /** Options of `attune train`, but those of the model and the output. */
  readonly words: readonly string[];
  /** What the user would call the data that it was evaluated on. */
  readonly evaluated: string;
}

/** Rows of which the training and the test ones differ, 40 and 20. */
const MANY = Array.from({ length: 60 }, (_, i) => {
  const row = ROWS[(i * 5) % ROWS.length];
  return { text: `${i} ${row.text} ${'and so on '.repeat(i % 4)}`, label: row.label, name: row.label_text };
});

const COLUMNS = [
  ['text', 'label'],
  ['review', 'verdict'],
  ['a text', 'étiquette'],
] as const;

const fileOf = (columns: number): string => ['plain.jsonl', 'own.jsonl', 'strange.jsonl'][columns];

/**
 * Files and folders of the same rows under other columns, with classes by name, by number in either order.
 */
export function writeTrainingData(dir: string): void {
  for (const [c, [text, label]] of COLUMNS.entries()) {
    const rows = MANY.map((row) => ({ [text]: row.text, [label]: row.name }));
    writeFileSync(join(dir, fileOf(c)), toJsonl(rows));
    writeFileSync(join(dir, `test-${fileOf(c)}`), toJsonl(rows.slice(40)));
    const folder = join(dir, `folder-${c}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'train.jsonl'), toJsonl(rows.slice(0, 40)));
    writeFileSync(join(folder, 'test.jsonl'), toJsonl(rows.slice(40)));
  }
  for (const [name, index] of [
    ['numbered', (label: number) => label],
    ['turned', (label: number) => 1 - label],
  ] as const) {
    mkdirSync(join(dir, name));
    const rows = MANY.map((row) => ({ text: row.text, label: index(row.label), label_text: row.name }));
    writeFileSync(join(dir, name, 'train.jsonl'), toJsonl(rows.slice(0, 40)));
    writeFileSync(join(dir, name, 'test.jsonl'), toJsonl(rows.slice(40)));
  }
}

/**
 * Three columns' names, two lengths, two seeds: a test size, an evaluation dataset, a folder's test split;
 * both orders of the classes; the sample.
 */
export const TRAININGS: readonly Training[] = [
  ...COLUMNS.flatMap(([text, label], c) => {
    // Those of the second are guessed.
    const columns = c < 2 ? [] : ['--text-column', text, '--label-column', label];
    return [
      ['12', '7'],
      ['20', '42'],
    ].flatMap(([length, seed]): Training[] => {
      const rest = [...columns, '--max-length', length, '--seed', seed];
      const what = `columns ${text} and ${label}, length ${length}, seed ${seed}`;
      return [
        {
          name: `a test size, ${what}`,
          words: ['--dataset', fileOf(c), '--test-size', '0.25', ...rest],
          evaluated: fileOf(c),
        },
        {
          name: `an evaluation dataset, ${what}`,
          words: ['--dataset', fileOf(c), '--eval-dataset', `test-${fileOf(c)}`, '--eval-rows', '9', ...rest],
          evaluated: `test-${fileOf(c)}`,
        },
        {
          name: `a folder, ${what}`,
          words: ['--dataset', `folder-${c}`, '--train-rows', '30', ...rest],
          evaluated: `folder-${c}`,
        },
      ];
    });
  }),
  ...['numbered', 'turned'].map((folder): Training => ({
    name: `classes by number, ${folder}`,
    words: ['--dataset', folder],
    evaluated: folder,
  })),
  ...['7', '42'].map((seed): Training => ({
    name: `the sample, seed ${seed}`,
    words: ['--dataset', 'sample', '--train-rows', '30', '--eval-rows', '40', '--seed', seed],
    evaluated: 'sample',
  })),
].sort(
  (a, b) =>
    Number(b.name.includes('review') && b.name.includes('test size')) -
    Number(a.name.includes('review') && a.name.includes('test size')),
);

const FIGURES = ['loss', 'accuracy', 'f1', 'auc'] as const;
type Figures = Record<(typeof FIGURES)[number], unknown>;
const figuresOf = (record: Record<string, unknown>): Figures =>
  Object.fromEntries(FIGURES.map((name) => [name, record[name]])) as Figures;

/** Trains into `output`, from `model` by default. Gives the figures of its last evaluation. */
export async function trained(
  cwd: string,
  { words }: Pick<Training, 'words'>,
  output: string,
  model = 'model',
): Promise<{ readonly metrics: Figures; readonly steps: number }> {
  const line = [
    'train',
    '--model',
    model,
    ...words,
    '--output-dir',
    output,
    '--max-steps',
    '2',
    '--learning-rate',
    '0.05',
    '--save-steps',
    '1',
    '--threads',
    '1',
    '--json',
  ];
  const { code, stdout, stderr } = await attune(line, { cwd });
  assert.equal(code, 0, stderr);
  return { metrics: figuresOf(jsonLines(stdout).find(({ type }) => type === 'result')!), steps: 2 };
}

/** What `attune evaluate` gives of a model, and of a dataset where one is named. */
export async function evaluated(cwd: string, model: string, dataset?: string): Promise<Figures> {
  const { code, stdout, stderr } = await attune(
    ['evaluate', '--model', model, ...(dataset === undefined ? [] : ['--dataset', dataset]), '--json'],
    { cwd },
  );
  assert.equal(code, 0, stderr);
  return figuresOf(jsonLines(stdout).find(({ type }) => type === 'result')!);
}

export async function predicted(
  cwd: string,
  model: string,
  words: readonly string[],
): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await attune(['predict', '--model', model, ...words], { cwd });
  assert.equal(code, 0, stderr);
  return jsonLines(stdout);
}
