/**
 * Fine-tunes again as a run was fine-tuned, under other seeds: how much of what came out is the luck of the new head, the row order and the dropout masks. Each of
 * these runs has an ordinary folder of its own beside that of the first.
 */
import { access } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ModelError, UsageError } from '../errors.js';
import type { HubOptions } from '../hub/settings.js';
import { readConfig } from '../model/config.js';
import { fromPretrained } from '../model/pretrained.js';
import { refuseOverlap } from '../overlap.js';
import { MOST_SEEDS, resolveArguments } from './arguments.js';
import type { TrainingArguments } from './arguments.js';
import { inputsOf, isOutside, prepareFineTune } from './fine-tune.js';
import { argumentsOf, changesSince, hashOfWeights, readManifest } from './manifest.js';
import type { Manifest, RunInputs } from './manifest.js';
import { OutputFolder } from './output-folder.js';
import { optionsOfRun } from './run-again.js';
import { isOfRun, RUN_FILES } from './run-names.js';
import type { TrainerCallback } from './trainer.js';
import { newestWholeCheckpoint } from './whole-checkpoint.js';

/** A run under a seed, and where it goes. */
export interface SeedRun {
  readonly seed: number;
  readonly folder: string;
}

export interface SeedsOptions {
  /** Remove what the folders hold of other runs. */
  readonly overwriteOutputDir?: boolean;
  /** Told of each run that is trained. */
  readonly callbacks?: ((run: SeedRun, checkpoint: string | undefined) => readonly TrainerCallback[]) | undefined;
  /** A run that is finished is taken as it is. */
  readonly onFound?: ((run: SeedRun) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly hub?: HubOptions | undefined;
}

export interface FirstRun {
  readonly args: TrainingArguments;
  /** What it is trained from. */
  readonly inputs: Pick<RunInputs, 'model' | 'dataset' | 'evalDataset'>;
  /** Its folder where it is finished; absent: it is still to be trained. */
  readonly finetuned?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly hub?: HubOptions | undefined;
}

/**
 * The runs beside the first, under its seed + 1, + 2, … up to `seeds` runs in all; seen before anything begins that they can be made.
 *
 * @throws UsageError where there are no such seeds, where the first cannot be repeated from the beginning, or where a folder holds another run, an input or something that
 * attune did not make; ModelError where the first does not tell how it was trained; AttuneError where a folder cannot be written
 */
export async function planSeeds(seeds: number, first: FirstRun): Promise<SeedRun[]> {
  if (!Number.isSafeInteger(seeds) || seeds < 1 || seeds > MOST_SEEDS) throw new UsageError(`a model cannot be trained under ${seeds} seeds: expected a whole number from 1 to ${MOST_SEEDS}`);
  if (seeds === 1) return [];
  const { args, inputs, finetuned, signal, hub } = first;
  const { outputDir, resumeFromCheckpoint: from, overwriteOutputDir } = args;
  const manifest = finetuned === undefined ? await requireBeginning(args) : await repeatable(finetuned, { signal, hub });
  const { seed } = manifest ?? args;
  resolveArguments({ outputDir, seed: seed + seeds - 1 });
  const name = basename(resolve(outputDir));
  const others = Array.from({ length: seeds - 1 }, (_, i) => ({ seed: seed + 1 + i, folder: join(outputDir, '..', `${name}-seed-${seed + 1 + i}`) }));
  const read = [...inputsOf(inputs), ...(manifest ? inputsOf(optionsOfRun(manifest, { outputDir })) : []), { what: 'the model', path: finetuned }];
  const goesOn = manifest !== undefined || from !== undefined;
  for (const other of others) {
    await refuseOverlap(other.folder, read, (made) => isOfRun(made));
    const output = await OutputFolder.open(other.folder);
    try {
      await output.check({ mode: overwriteOutputDir ? 'overwrite' : goesOn ? 'keep' : 'new', makes: RUN_FILES, checkpointsAfter: 0 });
    } finally {
      await output.close();
    }
    if (manifest && finetuned !== undefined && !overwriteOutputDir) await standingOf(manifest, finetuned, other, { signal, hub });
  }
  return others;
}

/** A run that is still to be trained, or to be gone on with, as it began. @throws UsageError */
async function requireBeginning(args: TrainingArguments): Promise<undefined> {
  const { outputDir, resumeFromCheckpoint: from } = args;
  if (from === undefined) return;
  if (typeof from === 'string' && from !== 'last' && (await isOutside(from, outputDir))) refuseRepetition(`a run that goes on from ${from}`);
  const begun = await readManifest(outputDir).catch(() => undefined);
  if (!begun) return;
  requireOneStart(outputDir, begun);
  const [change] = changesSince(begun, { ...begun, arguments: argumentsOf(args) });
  if (change !== undefined) refuseRepetition(outputDir, `it is to be changed as it goes on (${change})`);
}

function refuseRepetition(what: string, why?: string): never {
  throw new UsageError(`${what} cannot be repeated under other seeds${why === undefined ? '' : `: ${why}`}`, { hint: 'Train it from the beginning, or compare it without --seeds.' });
}

/** @throws UsageError where a run did not go from its beginning to its end as its manifest has it */
function requireOneStart(run: string, { startedFrom, changedOnResume: [change] = [] }: Manifest): void {
  if (startedFrom) refuseRepetition(run, 'it went on from a checkpoint of another run');
  if (change !== undefined) refuseRepetition(run, `it was changed when it was resumed (${change})`);
}

/**
 * Trains what is missing: a run that is finished is taken as it is, an interrupted one goes on from its last checkpoint.
 *
 * @param run folder of the first run, finished
 * @throws as `planSeeds`; UsageError where the rows or the model are no longer those of the run; what training throws
 */
export async function trainOtherSeeds(run: string, others: readonly SeedRun[], options: SeedsOptions): Promise<void> {
  if (others.length === 0) return;
  const manifest = await repeatable(run, options);
  // All of them first, so that what an interruption leaves is of this run.
  if (options.overwriteOutputDir) for (const { folder } of others) await empty(folder);
  for (const other of others) await trainSeed(manifest, run, other, options);
}

async function empty(folder: string): Promise<void> {
  if (await access(folder).then(() => false, () => true)) return;
  const output = await OutputFolder.open(folder);
  try {
    await output.prepare({ mode: 'overwrite', makes: RUN_FILES, checkpointsAfter: 0 });
  } finally {
    await output.close();
  }
}

type Reading = Pick<SeedsOptions, 'signal' | 'hub'>;

/** What a run was made from, seen to be there still. @throws as `planSeeds`, and UsageError where the model is another by now */
async function repeatable(run: string, reading: Reading): Promise<Manifest> {
  const manifest = await readManifest(run).catch((cause: unknown) => {
    throw new ModelError(`${run} does not tell how it was trained: ${(cause as Error).message}`, {
      hint: 'Only a run in the folder that attune trained into can be repeated under other seeds.',
      cause,
    });
  });
  requireOneStart(run, manifest);
  if ((await startOf(manifest, run, manifest.seed, reading)) !== manifest.hashes.weights) refuseRepetition(run, `${manifest.inputs.model} is another model by now`);
  return manifest;
}

/** Hash of the weights that a run begins with under a seed. */
async function startOf(manifest: Manifest, run: string, seed: number, { signal, hub }: Reading): Promise<string> {
  const options = optionsOfRun(manifest, { outputDir: run, signal, hub });
  const { labelNames } = await readConfig(run);
  return hashOfWeights(await fromPretrained(options.model, { ...options.hub, signal, labelNames, seed }));
}

interface Standing {
  readonly isFinished: boolean;
  /** The one to go on from. */
  readonly checkpoint: string | undefined;
}

/** How far the run under another seed is. @throws UsageError where its folder holds another run */
async function standingOf(first: Manifest, run: string, { seed, folder }: SeedRun, reading: Reading): Promise<Standing> {
  const isFinished = await access(join(folder, 'trainer_state.json')).then(() => true, () => false);
  const checkpoint = isFinished ? undefined : (await newestWholeCheckpoint(folder, first.arguments['loadBestModelAtEnd'] === true, reading.signal)).dir;
  if (!isFinished && checkpoint === undefined) return { isFinished, checkpoint };
  const there = await readManifest(folder);
  const changes = [...changesSince(there, { ...first, arguments: { ...first.arguments, seed } }), ...(there.changedOnResume ?? [])];
  if (there.startedFrom) changes.push('it went on from a checkpoint of another run');
  if (changes.length === 0 && (await startOf(first, run, seed, reading)) !== there.hashes.weights) changes.push('it began as another model');
  if (changes.length > 0) throw new UsageError(`${folder} holds another run than ${run} under seed ${seed}: ${changes[0]}`, { hint: 'Replace it by --overwrite-output-dir, or move it away.' });
  return { isFinished, checkpoint };
}

async function trainSeed(first: Manifest, run: string, other: SeedRun, { callbacks, onFound, signal, hub }: SeedsOptions): Promise<void> {
  const { seed, folder } = other;
  const { isFinished, checkpoint } = await standingOf(first, run, other, { signal, hub });
  if (isFinished) return onFound?.(other);
  const repeated = await prepareFineTune({
    ...optionsOfRun(first, { seed, outputDir: folder, resumeFromCheckpoint: checkpoint && true, hub, signal, callbacks: callbacks?.(other, checkpoint) }),
    onStart: (begun) => {
      const [change] = changesSince({ ...first, arguments: { ...first.arguments, seed } }, begun);
      if (change !== undefined) refuseRepetition(run, change);
    },
  });
  try {
    await repeated.train();
  } finally {
    await repeated.close();
  }
}
