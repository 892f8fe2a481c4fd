/**
 * Fine-tunes again as a run was fine-tuned, under other seeds: how much of what came out is the luck of the
 * new head, the row order and the dropout masks. Each of these runs has an ordinary folder of its own beside
 * that of the first.
 */
import { access } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Splits } from '../data/splits.js';
import { AttuneError, ModelError, UsageError } from '../errors/attune-error.js';
import { described } from '../errors/wording.js';
import { factNumber } from '../errors/phrases/values.js';
import type { HubOptions } from '../hub/settings.js';
import { readConfig } from '../model/config.js';
import { fromPretrained } from '../model/pretrained.js';
import { resolveModel } from '../model/resolve.js';
import { refuseOverlap } from '../overlap.js';
import { argumentsOf, MOST_SEEDS, resolveArguments } from './arguments.js';
import { hashesOfHeldOut, inputsOf, prepareFineTune } from './fine-tune.js';
import { isOutside } from './resumed-run.js';
import { changesSince, hashOfData, hashOfWeights, readManifest } from './manifest.js';
import type { Manifest, RunInputs } from './manifest.js';
import { OutputFolder } from './output-folder.js';
import { begunWith, planOfRun } from './plan.js';
import type { TrainingChoice } from './plan.js';
import { optionsOfRun } from './run-again.js';
import { isOfRun, RUN_FILES } from './run-names.js';
import type { TrainerCallback } from './callbacks.js';
import { newestWholeCheckpoint } from './whole-checkpoint.js';

const OF_RUN = { makes: RUN_FILES, checkpointsAfter: 0 } as const;

/** A run under a seed, and where it goes. */
export interface SeedRun {
  readonly seed: number;
  readonly folder: string;
}

interface Reading {
  /** Where the model is that the first run began as, should it have moved. */
  readonly model?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly hub?: HubOptions | undefined;
}

export interface SeedsOptions extends Reading {
  /** Remove what the folders hold of other runs. */
  readonly overwriteOutputDir?: boolean;
  /** Told of each run that is trained. */
  readonly callbacks?:
    ((run: SeedRun, checkpoint: string | undefined) => readonly TrainerCallback[]) | undefined;
  /** A run that is finished is taken as it is. */
  readonly onFound?: ((run: SeedRun) => void) | undefined;
}

export interface FirstRun extends Omit<Reading, 'model'> {
  readonly training: TrainingChoice;
  /** What it is trained from. */
  readonly inputs: Pick<RunInputs, 'model' | 'dataset' | 'evalDataset'>;
  /** What these are read as. */
  readonly splits: Splits;
  /** Its folder where it is finished; absent: it is still to be trained. */
  readonly finetuned?: string | undefined;
}

/**
 * The runs beside the first, under its seed + 1, + 2, … up to `seeds` runs in all; seen before anything
 * begins that they can be made.
 *
 * @throws UsageError `seeds-*`, `seed-folder-taken`, `output-overlaps-input`, `output-dir-holds-*`;
 *   ModelError `run-origin-unknown`; AttuneError `output-dir-unwritable`
 */
export async function planSeeds(seeds: number, first: FirstRun): Promise<SeedRun[]> {
  if (!Number.isSafeInteger(seeds) || seeds < 1 || seeds > MOST_SEEDS)
    throw new UsageError('seeds-out-of-range', { given: factNumber(seeds), limit: MOST_SEEDS });
  if (seeds === 1) return [];
  const { training, inputs, splits, finetuned } = first;
  const args = begunWith(training);
  const { outputDir, overwriteOutputDir } = args;
  const begun =
    finetuned === undefined
      ? await requireBeginning(first)
      : await repeatable(finetuned, splits.labelNames, { ...first, model: inputs.model });
  const { seed } = begun?.manifest ?? args;
  resolveArguments({ outputDir, seed: seed + seeds - 1 });
  const name = basename(resolve(outputDir));
  const others = Array.from({ length: seeds - 1 }, (_, i) => ({
    seed: seed + 1 + i,
    folder: join(outputDir, '..', `${name}-seed-${seed + 1 + i}`),
  }));
  const read = [
    ...inputsOf(inputs),
    ...(begun ? inputsOf(optionsOfRun(begun.manifest, { outputDir })) : []),
    { what: 'the model', path: finetuned },
  ];
  const unlessReplaced = begun ? 'keep' : 'new';
  const mode = overwriteOutputDir ? 'overwrite' : unlessReplaced;
  for (const other of others) {
    await refuseOverlap(other.folder, read, (made) => isOfRun(made));
    const output = await OutputFolder.open(other.folder);
    try {
      await output.check({ ...OF_RUN, mode });
      if (begun && !overwriteOutputDir && (await standingOf(begun, other, first)) === NOT_BEGUN)
        await output.check({ ...OF_RUN, mode: 'new' });
    } finally {
      await output.close();
    }
  }
  return others;
}

/** A run from its beginning, which can be begun again. */
interface Begun {
  /** Its folder. */
  readonly run: string;
  readonly manifest: Manifest;
  /** What it began as. */
  readonly model: string;
  readonly labelNames: readonly string[];
}

/**
 * The run that is to be gone on with; undefined where a new one begins. @throws UsageError if it will not
 * be what it began as
 */
async function requireBeginning({
  training,
  inputs,
  splits,
  signal,
  hub,
}: FirstRun): Promise<Begun | undefined> {
  const { outputDir: run, resumeFromCheckpoint: from, seed } = begunWith(training);
  if (from === undefined) return undefined;
  if (typeof from === 'string' && from !== 'last' && (await isOutside(from, run)))
    throw new UsageError('seeds-from-checkpoint', { checkpoint: from });
  const manifest = await readManifest(run).catch(() => undefined);
  if (!manifest) return undefined;
  requireOneStart(run, manifest);
  const begun = { run, manifest, model: inputs.model, labelNames: splits.labelNames };
  const hashes = {
    ...manifest.hashes,
    weights: await startOf(begun, seed, { signal, hub }),
    trainData: await hashOfData(splits.train, signal),
    ...(await hashesOfHeldOut(splits, signal)),
  };
  const config = await readConfig(
    await resolveModel(inputs.model, { ...hub, signal: hub?.signal ?? signal }),
  );
  const { args } = planOfRun(training, splits, config);
  const [change] = changesSince(manifest, { ...manifest, arguments: argumentsOf(args), hashes });
  if (change !== undefined) throw new UsageError('seeds-after-change', { run, change, when: 'now' });
  return begun;
}

/** @throws UsageError `seeds-of-another-start`, `seeds-after-change` */
function requireOneStart(run: string, { startedFrom, changedOnResume: [change] = [] }: Manifest): void {
  if (startedFrom) throw new UsageError('seeds-of-another-start', { run });
  if (change !== undefined) throw new UsageError('seeds-after-change', { run, change, when: 'earlier' });
}

/**
 * Trains what is missing: a run that is finished is taken as it is, an interrupted one goes on from its last
 * checkpoint.
 *
 * @param run folder of the first run, finished
 * @throws as `planSeeds`; UsageError if the rows or the model are no longer those of the run; what
 *   training throws
 */
export async function trainOtherSeeds(
  run: string,
  others: readonly SeedRun[],
  options: SeedsOptions,
): Promise<void> {
  if (others.length === 0) return;
  const begun = await repeatable(run, (await readConfig(run)).labelNames, options);
  // All of them first, so that what an interruption leaves is of this run.
  if (options.overwriteOutputDir) for (const { folder } of others) await empty(folder);
  for (const other of others) await trainSeed(begun, other, options);
}

async function empty(folder: string): Promise<void> {
  if (
    await access(folder).then(
      () => false,
      () => true,
    )
  )
    return;
  const output = await OutputFolder.open(folder);
  try {
    await output.prepare({ ...OF_RUN, mode: 'overwrite' });
  } finally {
    await output.close();
  }
}

/**
 * What a run was made from, seen to be there still. @throws as `planSeeds`, and UsageError if the model is
 * another by now
 */
async function repeatable(run: string, labelNames: readonly string[], reading: Reading): Promise<Begun> {
  const manifest = await readManifest(run).catch((cause: unknown) => {
    if (!(cause instanceof AttuneError)) throw cause;
    throw new ModelError('run-origin-unknown', { run, error: described(cause) }, { cause });
  });
  requireOneStart(run, manifest);
  const own = optionsOfRun(manifest, { outputDir: run }).model;
  let missing: Error | undefined;
  for (const model of new Set([own, reading.model ?? own])) {
    const begun = { run, manifest, model, labelNames };
    const start = await startOf(begun, manifest.seed, reading).catch((error: Error) => {
      reading.signal?.throwIfAborted();
      missing ??= error;
    });
    if (start === manifest.hashes.weights) return begun;
  }
  if (missing !== undefined) throw missing;
  throw new UsageError('seeds-of-another-model', { run, model: own });
}

/** Hash of the weights that a run begins with under a seed. */
async function startOf(
  { model, labelNames }: Begun,
  seed: number,
  { signal, hub }: Reading,
): Promise<string> {
  return hashOfWeights(await fromPretrained(model, { ...hub, signal, labelNames, seed }));
}

/**
 * What a run's manifest is under another seed. @param weights hash of those it begins with then, for a new
 * head is another
 */
function underSeed({ manifest }: Begun, seed: number, weights: string): Manifest {
  return {
    ...manifest,
    seed,
    arguments: { ...manifest.arguments, seed },
    hashes: { ...manifest.hashes, weights },
  };
}

interface Standing {
  readonly isFinished: boolean;
  /** The one to go on from. */
  readonly checkpoint: string | undefined;
}

const NOT_BEGUN: Standing = { isFinished: false, checkpoint: undefined };

/** How far the run under another seed is. @throws UsageError if its folder holds another run */
async function standingOf(begun: Begun, { seed, folder }: SeedRun, reading: Reading): Promise<Standing> {
  const needsBest = begun.manifest.arguments['loadBestModelAtEnd'] === true;
  const isFinished = await access(join(folder, 'trainer_state.json')).then(
    () => true,
    () => false,
  );
  const checkpoint = isFinished
    ? undefined
    : (await newestWholeCheckpoint(folder, needsBest, reading.signal)).dir;
  if (!isFinished && checkpoint === undefined) return NOT_BEGUN;
  const there = await readManifest(folder);
  const [change] = [
    ...changesSince(there, underSeed(begun, seed, await startOf(begun, seed, reading))),
    ...(there.changedOnResume ?? []),
  ];
  if (change !== undefined || there.startedFrom)
    throw new UsageError('seed-folder-taken', { folder, run: begun.run, seed, change });
  return { isFinished, checkpoint };
}

async function trainSeed(
  begun: Begun,
  other: SeedRun,
  { callbacks, onFound, signal, hub }: SeedsOptions,
): Promise<void> {
  const { run, manifest, model } = begun;
  const { seed, folder } = other;
  const { isFinished, checkpoint } = await standingOf(begun, other, { signal, hub });
  if (isFinished) return onFound?.(other);
  const repeated = await prepareFineTune({
    ...optionsOfRun(manifest, {
      seed,
      model,
      outputDir: folder,
      resumeFromCheckpoint: checkpoint && true,
      hub,
      signal,
      callbacks: callbacks?.(other, checkpoint),
    }),
    onStart: (started) => {
      // The model was seen to be the same before.
      const [change] = changesSince(underSeed(begun, seed, started.hashes.weights), started);
      if (change !== undefined) throw new UsageError('seeds-after-change', { run, change, when: 'since' });
    },
  });
  try {
    await repeated.train();
  } finally {
    await repeated.close();
  }
}
