import type { Command } from 'commander';
import { COMPARISON_MAKES, comparedSplits } from '../compare/compare.js';
import { measured } from '../compare/measure.js';
import { argmax, softmax } from '../metrics/probabilities.js';
import { EMBEDDED_MODEL, embeddedModelFolder } from '../model/embedded.js';
import { withDefaults } from '../train/argument-table.js';
import { resolveArguments } from '../train/arguments.js';
import type { FineTuneRun } from '../train/fine-tune.js';
import { PREDICTION_BATCH, predictLogits } from '../train/prediction.js';
import { PRESETS } from '../train/presets.js';
import { DEMO_OPTIONS } from './command-options.js';
import { commandLine, givenOptions } from './command-arguments.js';
import type { CliContext } from './context.js';
import { groupDigits } from './layout.js';
import { runComparison } from './run-comparison.js';
import { runTraining } from './run-training.js';

/** Sentences of our own, of the kind a user might have. */
const TEXTS = [
  'Delivery was quick and the coffee tastes wonderful.',
  'It stopped working after two days and nobody answers my mails.',
  'The room was fine, but I would not pay that much again.',
  'Not bad at all!',
];

/** `attune demo`, which `npm start` runs: the notebook's whole job on the bundled model and data, offline. */
export async function demo(command: Command, context: CliContext): Promise<void> {
  const { terminal } = context;
  const { outputDir } = withDefaults(DEMO_OPTIONS, givenOptions(command, DEMO_OPTIONS));
  const { arguments: preset, data } = PRESETS.notebook;
  const args = resolveArguments({ ...preset, outputDir, overwriteOutputDir: true });
  terminal.print('attune: fine-tune GPT-2 to tell good reviews from bad ones', 'bold');
  terminal.paragraph(
    `The bundled ${EMBEDDED_MODEL} learns from ${groupDigits(data.trainRows)} labelled sentences in ${args.numTrainEpochs} epochs with the notebook's arguments, and is tested on ${data.evalRows} others. Nothing is downloaded.`,
  );
  const options = { model: embeddedModelFolder(), dataset: 'sample', ...data, args };
  const { peakMemoryBytes } = await measured(() => runTraining({ ...options, demo: true, alsoMakes: COMPARISON_MAKES, json: false, resultLines: false, examples: 2, afterTraining: (run) => showPredictions(run, context) }, context));
  const { train, test } = await comparedSplits(options);
  await runComparison(
    {
      finetuned: outputDir, base: options.model, train, test, datasetName: 'sample', inputs: options, outputDir, seed: args.seed, maxLength: args.maxLength, trainPeakMemoryBytes: peakMemoryBytes, json: false,
      goOn: commandLine(['compare'], { finetuned: outputDir, dataset: 'sample', preset: 'notebook' }),
    },
    context,
  );
  terminal.heading('What to run next');
  for (const [what, line] of [
    ['look at your own data, a file with the columns text and label', commandLine(['inspect'], { dataset: 'my.csv' })],
    ['compare on it: is fine-tuning worth it?', commandLine(['compare'], { dataset: 'my.csv', evalDataset: 'my-test.csv', preset: 'notebook', outputDir: 'my-model' })],
    ['train on it', commandLine(['train'], { dataset: 'my.csv', evalDataset: 'my-test.csv', preset: 'notebook', outputDir: 'my-model' })],
  ]) {
    terminal.print(`  # ${what}`, 'dim');
    terminal.print(`  ${line}`);
  }
}

async function showPredictions({ session, model, maxLength }: FineTuneRun, { terminal }: CliContext): Promise<void> {
  const { labelNames } = model.config;
  const logits = await predictLogits(session, TEXTS.map((text) => model.tokenizer.encode(text, { maxLength })), labelNames.length, PREDICTION_BATCH);
  const probabilities = softmax(logits, labelNames.length);
  const predicted = argmax(probabilities, labelNames.length);
  terminal.heading('Predictions');
  terminal.table(
    [{ title: 'text', shrink: true }, { title: 'class' }, { title: 'probability', align: 'right' }],
    TEXTS.map((text, i) => [text, labelNames[predicted[i]], probabilities[i * labelNames.length + predicted[i]].toFixed(3)]),
    2,
  );
  terminal.paragraph('A small model that has seen a thousand sentences misreads some, negations above all.', 2);
}
