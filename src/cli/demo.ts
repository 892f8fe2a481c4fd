import type { Command } from 'commander';
import { comparedSplits } from '../compare/compare.js';
import { COMPARISON_MAKES } from '../compare/compare-models.js';
import { measured } from '../compare/measure.js';
import { labelledRows } from '../data/held-out.js';
import { argmax, softmax } from '../metrics/probabilities.js';
import { EMBEDDED_MODEL, embeddedModelFolder } from '../model/embedded.js';
import { withDefaults } from '../train/argument-table.js';
import type { FineTuneRun } from '../train/fine-tune.js';
import { DEFAULT_SEED } from '../train/model-memory.js';
import { PREDICTION_BATCH, predictLogits } from '../train/prediction.js';
import { DEMO_OPTIONS } from './command-options.js';
import { commandLine, givenOptions } from './command-arguments.js';
import type { CliContext } from './context.js';
import { runComparison, showUse } from './run-comparison.js';
import { runTraining } from './run-training.js';

/** Sentences of our own, of the kind a user might have. */
const TEXTS = [
  'Delivery was quick and the coffee tastes wonderful.',
  'It stopped working after two days and nobody answers my mails.',
  'The room was fine, but I would not pay that much again.',
  'Not bad at all!',
];

/** `attune demo`, which `npm start` runs: the whole job on the bundled model and data, offline. */
export async function demo(command: Command, context: CliContext): Promise<void> {
  const { terminal } = context;
  const { outputDir } = withDefaults(DEMO_OPTIONS, givenOptions(command, DEMO_OPTIONS));
  const training = { outputDir, overwriteOutputDir: true, seed: DEFAULT_SEED };
  terminal.print('attune: fine-tune GPT-2 to tell good reviews from bad ones', 'bold');
  terminal.paragraph(
    `The bundled ${EMBEDDED_MODEL} learns from labelled sentences, by a plan that is derived from them, ` +
      'and is compared with simpler models on other sentences. Nothing is downloaded.',
  );
  const options = { model: embeddedModelFolder(), dataset: 'sample', ...training };
  const { peakMemoryBytes } = await measured(() =>
    runTraining(
      {
        ...options,
        demo: true,
        alsoMakes: COMPARISON_MAKES,
        json: false,
        resultLines: false,
        examples: 2,
        afterTraining: (run) => showPredictions(run, context),
      },
      context,
    ),
  );
  const splits = await comparedSplits(options);
  const chosen = await runComparison(
    {
      finetuned: outputDir,
      base: options.model,
      train: labelledRows(splits),
      validationRows: splits.validation?.length ?? 0,
      test: splits.test,
      datasetName: 'sample',
      inputs: { ...options, ...splits.heldOut },
      outputDir,
      seed: training.seed,
      trainPeakMemoryBytes: peakMemoryBytes,
      json: false,
      goOn: commandLine(['compare'], { finetuned: outputDir }),
    },
    context,
  );
  terminal.heading('On your own data');
  for (const [what, line] of [
    [
      'look at your own data, a file with the columns text and label',
      commandLine(['inspect'], { dataset: 'my.csv' }),
    ],
    [
      'compare on it: is fine-tuning worth it?',
      commandLine(['compare'], { dataset: 'my.csv', outputDir: 'my-comparison' }),
    ],
    ['train on it', commandLine(['train'], { dataset: 'my.csv', outputDir: 'my-model' })],
  ]) {
    terminal.print(`  # ${what}`, 'dim');
    terminal.print(`  ${line}`);
  }
  showUse(terminal, chosen);
}

async function showPredictions(
  { session, model, maxLength }: FineTuneRun,
  { terminal }: CliContext,
): Promise<void> {
  const { labelNames } = model.config;
  const logits = await predictLogits(
    session,
    TEXTS.map((text) => model.tokenizer.encode(text, { maxLength })),
    labelNames.length,
    PREDICTION_BATCH,
  );
  const probabilities = softmax(logits, labelNames.length);
  const predicted = argmax(probabilities, labelNames.length);
  terminal.heading('Predictions');
  terminal.table(
    [{ title: 'text', shrink: true }, { title: 'class' }, { title: 'probability', align: 'right' }],
    TEXTS.map((text, i) => [
      text,
      labelNames[predicted[i]],
      probabilities[i * labelNames.length + predicted[i]].toFixed(3),
    ]),
    2,
  );
  terminal.paragraph(
    'A small model that has seen a thousand sentences misreads some, negations above all.',
    2,
  );
}
