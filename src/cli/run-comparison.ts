/**
 * A comparison on the terminal: the notebook's line for each model as it is measured, the tables, the
 * verdict, the page. Shared by `compare` and `demo`.
 */
import { join } from 'node:path';
import { compareModels } from '../compare/compare-models.js';
import type { CompareModelsOptions } from '../compare/compare-models.js';
import { FINE_TUNED } from '../compare/comparison.js';
import type { Comparison, Estimate, ModelResult } from '../compare/comparison.js';
import { FIGURES } from '../compare/figures.js';
import { signed } from '../compare/wording.js';
import { SIMPLEST_FIRST } from '../compare/baselines.js';
import { InterruptedError } from '../errors/attune-error.js';
import { errorSentence } from '../errors/shell.js';
import { writeReport } from '../report/page.js';
import { baselineFolder } from '../train/run-names.js';
import { commandLine } from './command-arguments.js';
import type { CliContext } from './context.js';
import { withDownloads } from './downloads.js';
import { formatBytes, formatDuration } from './format.js';
import { Progress } from './progress.js';
import type { TaskProgress } from './progress.js';
import { COMMAND_LINE } from './shell.js';
import type { Terminal } from './terminal.js';

export interface RunComparisonOptions extends Omit<CompareModelsOptions, 'callbacks' | 'signal' | 'hub'> {
  /** Of the training rows, those that the fine-tuned model was only evaluated on as it learned. */
  readonly validationRows: number;
  /** Records to stdout. */
  readonly json: boolean;
  /** The command that goes on from the fine-tuned model, should this be interrupted. */
  readonly goOn: string;
}

/** The model that a comparison comes to. */
export interface ChosenModel {
  readonly name: string;
  readonly folder: string;
  /** Else it is the one that is measured highest. */
  readonly isRecommended: boolean;
}

/** @throws what comparing throws; InterruptedError `comparison-interrupted` with what to run next */
export async function runComparison(
  options: RunComparisonOptions,
  { terminal, results, signal }: CliContext,
): Promise<ChosenModel> {
  const json = options.json ? results : undefined;
  const progress = new Progress(terminal);
  let line: TaskProgress | undefined;
  let done = 0;
  const begin = (label: string): void => {
    line?.stop();
    line = progress.task(label, SIMPLEST_FIRST.length + (options.otherSeeds?.length ?? 0) + 2);
    line.update(done++);
  };
  terminal.heading('Comparison');
  const { train, validationRows, test } = options;
  const chosen =
    validationRows === 0 ? '' : ` (${validationRows} of them the fine-tuned model was only evaluated on)`;
  terminal.print(
    `  trained on the same ${train.length} rows${chosen}, tested on the same ${test.length}`,
    'dim',
  );
  try {
    const comparison = await withDownloads(terminal, signal, (hub) =>
      compareModels({
        ...options,
        hub,
        signal,
        callbacks: {
          onModelBegin: ({ name }) => begin(name),
          onModel: (result) => {
            terminal.print(`  ${notebookLine(result)}`);
            json?.record('model', modelRecord(result));
          },
          onSeed: (result) => {
            terminal.print(
              `  Fine-tuned under seed ${result.seed}  AUC: ${number(result.auc)}  F1: ${number(result.f1)}`,
            );
            json?.record('seed', result);
          },
          onSkip: ({ name }, _, error) =>
            terminal.warning(`${name} is left out: ${errorSentence(error, COMMAND_LINE)}`),
          onStage: begin,
        },
      }),
    );
    progress.stop();
    showComparison(terminal, comparison);
    const page = await writeReport(options.outputDir, comparison);
    const folders = Object.fromEntries(
      comparison.models.map(({ id }) => [
        id,
        id === FINE_TUNED ? options.finetuned : join(options.outputDir, baselineFolder(id)),
      ]),
    );
    json?.record('comparison', {
      dataset: comparison.dataset.name,
      ...comparison.verdict,
      models: comparison.models.map(({ id, againstBest }) => ({ id, againstBest, folder: folders[id] })),
      report: page,
    });
    terminal.heading('Report');
    terminal.print(`  ${page}`);
    terminal.print(
      '  one file to open in a browser: curves, errors, words and their vectors; nothing is loaded from elsewhere',
      'dim',
    );
    const { recommended, best } = comparison.verdict;
    const chosen = recommended ?? best;
    return {
      name: comparison.models.find(({ id }) => id === chosen)!.name,
      folder: folders[chosen],
      isRecommended: recommended !== null,
    };
  } catch (error) {
    if (error instanceof InterruptedError)
      throw new InterruptedError('comparison-interrupted', { command: options.goOn }, { cause: error });
    throw error;
  } finally {
    progress.stop();
  }
}

/** The commands that use the model. */
export function showUse(terminal: Terminal, { name, folder, isRecommended }: ChosenModel): void {
  terminal.heading('Use it');
  terminal.print(
    `  # the model that is ${isRecommended ? 'recommended' : 'measured highest'}: ${name}; --input FILE for many texts`,
    'dim',
  );
  terminal.print(`  ${commandLine(['predict'], { model: folder, text: 'I love it' })}`);
  terminal.print(`  ${commandLine(['evaluate'], { model: folder })}`);
}

const number = (value: number | null, digits = 4): string =>
  value === null ? 'undefined' : value.toFixed(digits);

/** As the notebook prints it: "Word2Vec + Logistic Regression  AUC: 0.6599  F1: 0.4896". */
export function notebookLine({ name, auc, f1 }: Pick<ModelResult, 'name' | 'auc' | 'f1'>): string {
  return `${name}  AUC: ${number(auc.value)}  F1: ${number(f1.value)}`;
}

function modelRecord({
  id,
  name,
  accuracy,
  f1,
  auc,
  cost,
  calibration,
  confusion,
  classes,
}: Omit<ModelResult, 'againstBest'>): object {
  return {
    id,
    name,
    accuracy,
    f1,
    auc,
    ece: calibration.ece,
    cost,
    confusion,
    classes: classes.map(({ label, precision, recall, f1: ofClass, support, auc: area }) => ({
      label,
      precision,
      recall,
      f1: ofClass,
      support,
      auc: area,
    })),
  };
}

export function showComparison(terminal: Terminal, comparison: Comparison): void {
  const { models, verdict } = comparison;
  const between = ({ value, low, high }: Estimate): string =>
    value === null
      ? 'undefined'
      : `${number(value, 3)}${low === null || high === null ? '' : ` (${number(low, 3)}-${number(high, 3)})`}`;
  const right = (title: string): { title: string; align: 'right' } => ({ title, align: 'right' });
  const against = (test: ModelResult['againstBest']): string =>
    test === null ? '' : `${signed(test.low)} to ${signed(test.high)}`;
  terminal.heading(`Quality on ${comparison.dataset.testRows} test rows, with 95 % intervals`);
  terminal.table(
    [
      { title: 'model', shrink: true },
      right('F1'),
      right('AUC'),
      right('accuracy'),
      right('ECE'),
      right('F1 against best'),
    ],
    models.map(({ name, f1, auc, accuracy, calibration, againstBest }) => [
      name,
      between(f1),
      number(auc.value, 3),
      number(accuracy.value, 3),
      number(calibration.ece, 3),
      against(againstBest),
    ]),
    2,
  );
  terminal.heading('Cost');
  terminal.table(
    [
      { title: 'model', shrink: true },
      right('training'),
      right('one text'),
      right('rows/s'),
      right('size'),
      { title: 'can one see why?', shrink: true },
    ],
    models.map(({ name, cost, interpretability }) => [
      name,
      seconds(cost.trainSeconds),
      seconds(cost.latencyMs / 1000),
      cost.rowsPerSecond.toFixed(0),
      formatBytes(cost.bytesOnDisk),
      `${interpretability.level}: ${interpretability.why}`,
    ]),
    2,
  );
  terminal.print();
  terminal.keyValue(
    [FIGURES.f1, FIGURES.auc, FIGURES.ece, FIGURES.interval, FIGURES.againstBest, FIGURES.cost].map(
      ({ name, meaning }) => [name, meaning] as const,
    ),
    2,
  );
  terminal.heading('Verdict');
  for (const sentence of verdict.sentences) terminal.paragraph(sentence, 2);
}

function seconds(value: number): string {
  if (value >= 60) return formatDuration(value);
  if (value >= 1) return `${value.toFixed(1)} s`;
  const ms = 1000 * value;
  return ms < 0.1 ? '<0.1 ms' : `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}
