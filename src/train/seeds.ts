/**
 * Fine-tunes again as a run was fine-tuned, under other seeds: how much of what came out is the luck of the new head, the row order and the dropout masks. Each of
 * these runs has an ordinary folder of its own beside that of the first.
 */
import { access } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ModelError, UsageError } from '../errors.js';
import type { HubOptions } from '../hub/settings.js';
import { resolveArguments } from './arguments.js';
import type { TrainingArguments } from './arguments.js';
import { isOutside, prepareFineTune } from './fine-tune.js';
import { changesSince, readManifest } from './manifest.js';
import type { Manifest } from './manifest.js';
import { OutputFolder } from './output-folder.js';
import { optionsOfRun } from './run-again.js';
import { RUN_FILES } from './run-names.js';
import type { TrainerCallback } from './trainer.js';
import { newestWholeCheckpoint } from './whole-checkpoint.js';

/** A run under a seed, and where it goes. */
export interface SeedRun {
  readonly seed: number;
  readonly folder: string;
}

export interface SeedsOptions {
  readonly overwriteOutputDir?: boolean;
  /** Told of each run that is trained. */
  readonly callbacks?: ((run: SeedRun) => readonly TrainerCallback[]) | undefined;
  /** A run that is finished is taken as it is. */
  readonly onFound?: ((run: SeedRun) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly hub?: HubOptions | undefined;
}

/**
 * The runs beside the first, under its seed + 1, + 2, … up to `seeds` runs in all; seen before anything begins that they can be made.
 *
 * @param finetuned folder of the first where it is finished; absent: it is still to be trained, by `args`
 * @throws UsageError where there are no such seeds, where the first goes on from a checkpoint of another run, or where a folder holds another run or something that attune did
 * not make; ModelError where the first does not tell how it was trained
 */
export async function planSeeds(seeds: number, args: TrainingArguments, finetuned?: string): Promise<SeedRun[]> {
  if (!Number.isSafeInteger(seeds) || seeds < 1) throw new UsageError(`a model cannot be trained under ${seeds} seeds: expected a whole number from 1`);
  if (seeds === 1) return [];
  const { outputDir, resumeFromCheckpoint: from, overwriteOutputDir } = args;
  if (finetuned === undefined && typeof from === 'string' && from !== 'last' && (await isOutside(from, outputDir))) refuseRepetition(`a run that goes on from ${from}`);
  const { seed } = finetuned === undefined ? args : await repeatable(finetuned);
  resolveArguments({ outputDir, seed: seed + seeds - 1 });
  const name = basename(resolve(outputDir));
  const others = Array.from({ length: seeds - 1 }, (_, i) => ({ seed: seed + 1 + i, folder: join(outputDir, '..', `${name}-seed-${seed + 1 + i}`) }));
  const goesOn = finetuned !== undefined || from !== undefined;
  for (const { folder } of others) {
    const output = await OutputFolder.open(folder);
    try {
      await output.check({ mode: overwriteOutputDir ? 'overwrite' : goesOn ? 'keep' : 'new', makes: RUN_FILES, checkpointsAfter: 0 });
    } finally {
      await output.close();
    }
  }
  return others;
}

function refuseRepetition(what: string, why?: string): never {
  throw new UsageError(`${what} cannot be repeated under other seeds${why === undefined ? '' : `: ${why}`}`, { hint: 'Train it from the beginning, or compare it without --seeds.' });
}

/**
 * Trains what is missing: a run that is finished is taken as it is, an interrupted one goes on from its last checkpoint.
 *
 * @param run folder of the first run, finished
 * @throws as `planSeeds`; UsageError where a folder holds a run with other arguments or rows, or the rows are no longer those of the run; what training throws
 */
export async function trainOtherSeeds(run: string, others: readonly SeedRun[], options: SeedsOptions): Promise<void> {
  if (others.length === 0) return;
  const manifest = await repeatable(run);
  for (const other of others) await trainSeed(manifest, run, other, options);
}

/** @throws as `planSeeds` */
async function repeatable(run: string): Promise<Manifest> {
  const manifest = await readManifest(run).catch((cause: unknown) => {
    throw new ModelError(`${run} does not tell how it was trained: ${(cause as Error).message}`, {
      hint: 'Only a run in the folder that attune trained into can be repeated under other seeds.',
      cause,
    });
  });
  const { startedFrom, changedOnResume: [change] = [] } = manifest;
  if (startedFrom) refuseRepetition(run, 'it went on from a checkpoint of another run');
  if (change !== undefined) refuseRepetition(run, `it was changed when it was resumed (${change})`);
  return manifest;
}

async function trainSeed(first: Manifest, run: string, other: SeedRun, { overwriteOutputDir = false, callbacks, onFound, signal, hub }: SeedsOptions): Promise<void> {
  const { seed, folder } = other;
  const wanted = { ...first, arguments: { ...first.arguments, seed } };
  const isThere = !overwriteOutputDir && (await access(join(folder, 'trainer_state.json')).then(() => true, () => false));
  const checkpoint = isThere || overwriteOutputDir ? undefined : (await newestWholeCheckpoint(folder, first.arguments['loadBestModelAtEnd'] === true, signal)).dir;
  if (isThere || checkpoint !== undefined) {
    const [change] = changesSince(await readManifest(folder), wanted);
    if (change !== undefined) throw new UsageError(`${folder} holds another run than ${run} under seed ${seed}: ${change}`, { hint: 'Replace it by --overwrite-output-dir, or move it away.' });
  }
  if (isThere) return onFound?.(other);
  const resumeFromCheckpoint = checkpoint === undefined ? undefined : true;
  const repeated = await prepareFineTune({
    ...optionsOfRun(first, { seed, outputDir: folder, overwriteOutputDir, resumeFromCheckpoint, hub, signal, callbacks: callbacks?.(other) }),
    onStart: (begun) => {
      const [change] = changesSince(wanted, begun);
      if (change !== undefined) throw new UsageError(`${run} cannot be repeated: ${change}`, { hint: 'Put its data back as it was, or compare it without --seeds.' });
    },
  });
  try {
    await repeated.train();
  } finally {
    await repeated.close();
  }
}
