import { basename } from 'node:path';
import type { Command } from 'commander';
import { COMPARISON_MAKES, comparedSplits, trainedMaxLength } from '../compare/compare.js';
import { measured } from '../compare/measure.js';
import { UsageError } from '../errors.js';
import type { CliContext } from './context.js';
import { modelFolder, required } from './given.js';
import { trainOptionsOf } from './options.js';
import { runComparison } from './run-comparison.js';
import { runTraining } from './run-training.js';
import { showDataset } from './show.js';

/** `attune compare` */
export async function compare(command: Command, context: CliContext): Promise<void> {
  const { args, data, explicit, warnings } = trainOptionsOf(command);
  const { finetuned } = command.opts<{ finetuned?: string }>();
  const dataset = required(data.dataset, 'dataset', 'Give a file of labelled texts with --eval-dataset, a folder with train.* and test.*, or `sample` for the bundled sentences.');
  const model = modelFolder(data.model);
  const options = { ...data, model, dataset, args, finetuned };
  if (finetuned !== undefined && args.resumeFromCheckpoint !== undefined) {
    throw new UsageError('--finetuned and --resume-from-checkpoint exclude each other', { hint: 'A finished model is compared as it is; without --finetuned the run goes on.' });
  }
  const outputDir = finetuned !== undefined && !explicit.has('outputDir') ? finetuned : args.outputDir;
  const { train, test, notes } = await comparedSplits({ ...options, signal: context.signal });
  let trainPeakMemoryBytes: number | null = null;
  if (finetuned === undefined) {
    for (const warning of warnings) context.terminal.warning(warning);
    trainPeakMemoryBytes = (await measured(() => runTraining({ ...options, alsoMakes: COMPARISON_MAKES, resultLines: false, examples: 0 }, context))).peakMemoryBytes;
  } else {
    context.terminal.heading('Data');
    for (const split of [train, test]) showDataset(context.terminal, split);
    for (const note of notes) context.terminal.warning(note);
  }
  const tuned = finetuned ?? outputDir;
  await runComparison(
    {
      finetuned: tuned, base: model, train, test, datasetName: basename(dataset), outputDir, seed: args.seed, device: data.device, trainPeakMemoryBytes, json: data.json,
      maxLength: args.maxLength ?? (finetuned === undefined ? undefined : await trainedMaxLength(finetuned)),
      goOn: goOnCommand(tuned, dataset, data),
    },
    context,
  );
}

/** The same comparison of the model that is now finished. */
function goOnCommand(finetuned: string, dataset: string, data: ReturnType<typeof trainOptionsOf>['data']): string {
  const given = [
    ['--finetuned', finetuned], ['--dataset', dataset], ['--model', data.model], ['--eval-dataset', data.evalDataset], ['--train-rows', data.trainRows], ['--eval-rows', data.evalRows],
    ['--text-column', data.textColumn === 'text' ? undefined : data.textColumn], ['--label-column', data.labelColumn === 'label' ? undefined : data.labelColumn],
  ] as const;
  return `attune compare ${given.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`])).join(' ')}`;
}
