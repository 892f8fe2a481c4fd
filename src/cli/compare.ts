import { basename } from 'node:path';
import type { Command } from 'commander';
import { comparedSplits } from '../compare/compare.js';
import { COMPARISON_MAKES, requireComparisonFolder } from '../compare/compare-models.js';
import { measured } from '../compare/measure.js';
import { labelledRows } from '../data/held-out.js';
import { UsageError } from '../errors/attune-error.js';
import { resolveModel } from '../model/resolve.js';
import { rememberedBase, rememberedSplits } from '../train/evaluation-rows.js';
import { changesByHand, readMemory } from '../train/model-memory.js';
import { asBegun } from '../train/resumed-run.js';
import { partsOfComparison } from '../train/plan.js';
import { planSeeds } from '../train/seeds.js';
import { commandLine } from './command-arguments.js';
import type { CliContext } from './context.js';
import { withDownloads } from './downloads.js';
import { modelFolder, required } from './given.js';
import { givenCompareOptions, trainOptionsOf } from './options.js';
import { runComparison, showUse } from './run-comparison.js';
import { runSeeds } from './run-seeds.js';
import { runTraining } from './run-training.js';
import { showDataset } from './show.js';

/** `attune compare` */
export async function compare(command: Command, context: CliContext): Promise<void> {
  const { args: asked, training: chosen, data: given, explicit, warnings } = trainOptionsOf(command);
  const byWord = givenCompareOptions(command);
  const { finetuned, margin, seeds: wanted } = byWord;
  const seeds = wanted ?? 1;
  const memory =
    finetuned === undefined
      ? undefined
      : await withDownloads(context.terminal, context.signal, async (hub) =>
          readMemory(await resolveModel(finetuned, hub)),
        );
  const data = memory ? { ...given, ...(await rememberedSplits(given, memory)) } : given;
  const args = memory && !explicit.has('seed') ? { ...asked, seed: memory.seed } : asked;
  // A finished model is measured as it is: nothing is planned of it, and no rows are held out that it has
  // learned from.
  const training = memory ? { args } : await asBegun(chosen);
  const dataset = required(data.dataset, 'dataset');
  const model = modelFolder(data.model ?? (memory && (await rememberedBase(memory))));
  const options = { ...data, model, dataset, ...training, finetuned };
  if (finetuned !== undefined && args.resumeFromCheckpoint !== undefined)
    throw new UsageError('finetuned-excludes-resuming', {});
  const outputDir = finetuned !== undefined && !explicit.has('outputDir') ? finetuned : args.outputDir;
  const splits = await comparedSplits({ ...options, signal: context.signal });
  const { test, validation, notes, columns, heldOut } = splits;
  const inputs = { model, dataset, evalDataset: data.evalDataset };
  const otherSeeds = await planSeeds(seeds, {
    training: finetuned === undefined ? training : { args: { ...args, outputDir } },
    inputs,
    splits,
    finetuned,
    signal: context.signal,
  });
  if (finetuned !== undefined) await requireComparisonFolder({ base: model, finetuned, outputDir });
  let trainPeakMemoryBytes: number | null = null;
  if (finetuned === undefined) {
    for (const warning of warnings) context.terminal.warning(warning);
    trainPeakMemoryBytes = (
      await measured(() =>
        runTraining(
          {
            ...options,
            plannedParts: partsOfComparison(training),
            alsoMakes: COMPARISON_MAKES,
            resultLines: false,
            examples: 0,
          },
          context,
        ),
      )
    ).peakMemoryBytes;
  } else {
    context.terminal.heading('Data');
    for (const split of [labelledRows(splits), test]) showDataset(context.terminal, split);
    const byHand = {
      textColumn: given.textColumn,
      labelColumn: given.labelColumn,
      maxLength: args.maxLength,
      seed: explicit.has('seed') ? args.seed : undefined,
    };
    for (const note of [...notes, ...changesByHand(memory, byHand)]) context.terminal.warning(note);
  }
  const tuned = finetuned ?? outputDir;
  // What has begun is not replaced again. Of the data, the folder of a model that was trained here knows.
  const again =
    finetuned === undefined
      ? {
          model: data.model,
          device: explicit.has('device') ? data.device : undefined,
          json: data.json || undefined,
          margin,
          seeds: wanted,
        }
      : {
          ...byWord,
          overwriteOutputDir: args.overwriteOutputDir && data.config !== undefined ? false : undefined,
        };
  const goOn = commandLine(['compare'], { finetuned: tuned, ...again });
  await runSeeds(tuned, otherSeeds, { overwriteOutputDir: args.overwriteOutputDir, model, goOn }, context);
  const deployed = await runComparison(
    {
      finetuned: tuned,
      base: model,
      train: labelledRows(splits),
      validationRows: validation?.length ?? 0,
      test,
      datasetName: basename(dataset),
      inputs: { ...options, ...heldOut, ...columns },
      outputDir,
      seed: args.seed,
      margin,
      device: data.device,
      trainPeakMemoryBytes,
      json: data.json,
      maxLength: args.maxLength ?? memory?.maxLength,
      otherSeeds,
      goOn,
    },
    context,
  );
  showUse(context.terminal, deployed);
}
