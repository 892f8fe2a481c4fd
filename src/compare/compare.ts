/**
 * The comparison: which of these models should be deployed? Loads the rows, fine-tunes unless that was done before, and
 * has all models measured (compare-models.ts).
 */
import { basename } from 'node:path';
import type { Dataset } from '../data/dataset.js';
import { labelledRows } from '../data/held-out.js';
import { alignSplits, loadSplits, loadUnaligned } from '../data/splits.js';
import type { Splits } from '../data/splits.js';
import { UsageError } from '../errors/attune-error.js';
import type { NoticeFacts } from '../errors/notices.js';
import { readConfig } from '../model/config.js';
import { fromPretrained } from '../model/pretrained.js';
import { resolveModel } from '../model/resolve.js';
import { rememberedSplits } from '../train/evaluation-rows.js';
import { prepareFineTune } from '../train/fine-tune.js';
import { asBegun } from '../train/resumed-run.js';
import type { FineTuneOptions } from '../train/fine-tune.js';
import { readMemory } from '../train/model-memory.js';
import { begunWith, givenArguments, partsOfComparison } from '../train/plan.js';
import { planSeeds, trainOtherSeeds } from '../train/seeds.js';
import { hashTexts, leakNotes, readTrainedTexts } from '../train/trained-rows.js';
import type { Comparison } from './comparison.js';
import { COMPARISON_MAKES, compareModels, requireComparisonFolder } from './compare-models.js';
import type { CompareCallbacks } from './compare-models.js';
import { MARGIN } from './margin.js';
import { measured } from './measure.js';
import { requireMargin } from './verdict.js';

export interface CompareOptions extends FineTuneOptions {
  /** A model that was fine-tuned before, on the same training rows: nothing is trained but the baselines. */
  readonly finetuned?: string | undefined;
  /** The loss of weighted F1 that is accepted for a simpler model; absent: 0.02. */
  readonly margin?: number | undefined;
  /**
   * Under how many seeds the model is fine-tuned, its own included; absent: 1. The others go into folders
   * beside the output folder, `DIR-seed-43` and so on.
   */
  readonly seeds?: number | undefined;
  readonly compareCallbacks?: CompareCallbacks | undefined;
}

/**
 * Fine-tunes (unless `finetuned` names a finished run), trains the baselines, measures all, and writes
 * comparison.json and `baselines/` into the output folder.
 *
 * @throws UsageError `comparison-without-test-rows`, `margin-out-of-range`, `seeds-*`; as `fineTune` and
 *   `compareModels`; the signal's reason if it is aborted, after which `finetuned` resumes from the
 *   fine-tuned model
 */
export async function compare(given: CompareOptions): Promise<Comparison> {
  requireMargin(given.margin ?? MARGIN);
  const memory =
    given.finetuned === undefined
      ? undefined
      : await readMemory(await resolveModel(given.finetuned, given.hub));
  const remembered = memory && {
    ...(await rememberedSplits(given, memory)),
    splitSeed: given.splitSeed ?? memory.seed,
  };
  const options = await asBegun({ ...given, ...remembered });
  const { compareCallbacks, hub, signal } = options;
  const begun = begunWith(options);
  const splits = await comparedSplits(options);
  const { test, columns, heldOut } = splits;
  const finetuned = options.finetuned === undefined ? undefined : await resolveModel(options.finetuned, hub);
  const otherSeeds = await planSeeds(options.seeds ?? 1, {
    training: options,
    inputs: options,
    splits,
    finetuned,
    signal,
    hub,
  });
  if (finetuned !== undefined)
    await requireComparisonFolder({ base: options.model, finetuned, outputDir: begun.outputDir });
  const trained =
    options.finetuned === undefined
      ? await measured(() =>
          trainOnly({ ...options, plannedParts: partsOfComparison(options), alsoMakes: COMPARISON_MAKES }),
        )
      : undefined;
  await trainOtherSeeds(finetuned ?? begun.outputDir, otherSeeds, {
    overwriteOutputDir: begun.overwriteOutputDir,
    model: options.model,
    callbacks: compareCallbacks?.ofSeed?.bind(compareCallbacks),
    hub,
    signal,
  });
  return compareModels({
    finetuned: options.finetuned ?? begun.outputDir,
    base: options.model,
    train: labelledRows(splits),
    test,
    datasetName: basename(options.dataset),
    inputs: { ...options, ...heldOut, ...columns },
    outputDir: begun.outputDir,
    maxLength: (options.args ?? givenArguments(options)).maxLength ?? memory?.maxLength,
    seed: begun.seed,
    margin: options.margin,
    device: options.device,
    hub: options.hub,
    otherSeeds,
    trainPeakMemoryBytes: trained?.peakMemoryBytes ?? null,
    callbacks: compareCallbacks,
    signal,
  });
}

async function trainOnly(options: FineTuneOptions): Promise<void> {
  const run = await prepareFineTune(options);
  try {
    await run.train();
  } finally {
    await run.close();
  }
}

/**
 * The rows of a comparison, under the classes of a finished model where one is given.
 *
 * @throws UsageError `comparison-without-test-rows`
 */
export async function comparedSplits(
  options: Omit<CompareOptions, 'compareCallbacks'>,
): Promise<Splits & { readonly test: Dataset }> {
  const { finetuned } = options;
  const { test, ...splits } =
    finetuned === undefined ? await trainedSplits(options) : await measuredSplits(options, finetuned);
  if (!test) {
    const why = splits.notes.find(({ code }) => code === 'no-test-rows');
    throw new UsageError('comparison-without-test-rows', {
      finetuned: finetuned !== undefined,
      obstacle: why && (why.facts as NoticeFacts<'no-test-rows'>).obstacle,
    });
  }
  return { ...splits, test };
}

/** As the training will have them. */
async function trainedSplits(options: Omit<CompareOptions, 'compareCallbacks'>): Promise<Splits> {
  const { model, hub, signal } = options;
  const loaded = await loadUnaligned({
    ...options,
    plannedParts: partsOfComparison(options),
    seed: options.splitSeed ?? begunWith(options).seed,
  });
  let { splits } = loaded;
  const labelNames = (ofHead: readonly string[] | undefined): readonly string[] => {
    if (ofHead) splits = alignSplits(loaded, ofHead, 'train');
    return splits.labelNames;
  };
  await (await fromPretrained(model, { ...hub, signal: hub?.signal ?? signal, labelNames })).close();
  return splits;
}

async function measuredSplits(
  options: Omit<CompareOptions, 'compareCallbacks'>,
  finetuned: string,
): Promise<Splits> {
  const { signal } = options;
  const folder = await resolveModel(finetuned, options.hub);
  const { labelNames: names } = await readConfig(folder);
  const splits = await loadSplits({
    ...options,
    seed: options.splitSeed ?? begunWith(options).seed,
    alignTo: { names, use: 'measure' },
  });
  // The model has learnt from rows of its own, which may be others.
  const ofModel = await leakNotes(splits.test, await readTrainedTexts(folder), 'model', signal);
  const ofBaselines = await leakNotes(
    splits.test,
    await hashTexts(splits.train, signal),
    'baselines',
    signal,
  );
  return { ...splits, notes: [...splits.notes, ...ofModel, ...ofBaselines] };
}
