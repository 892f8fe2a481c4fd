/** The options that a run was given, from its manifest, to run it again elsewhere. */
import { existsSync } from 'node:fs';
import type { HubOptions } from '../hub/settings.js';
import { resolveArguments } from './arguments.js';
import type { TrainingArguments } from './arguments.js';
import type { FineTuneOptions } from './fine-tune.js';
import { convertedCommit, pathFrom, pinned } from './manifest.js';
import type { Manifest } from './manifest.js';
import type { TrainerCallback } from './callbacks.js';

export interface RunAgainOptions {
  /** Where the second run goes. */
  readonly outputDir: string;
  readonly overwriteOutputDir?: boolean;
  readonly resumeFromCheckpoint?: TrainingArguments['resumeFromCheckpoint'] | undefined;
  /** In place of the run's own; its rows stay those of the run. */
  readonly seed?: number | undefined;
  /** In place of the manifest's, where they have moved. */
  readonly model?: string | undefined;
  readonly dataset?: string | undefined;
  readonly evalDataset?: string | undefined;
  readonly callbacks?: readonly TrainerCallback[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How the Hub is used, where model or dataset came from there. */
  readonly hub?: HubOptions | undefined;
}

export function optionsOfRun(
  { cwd, inputs, arguments: given, threads, seed: ownSeed, hub }: Manifest,
  options: RunAgainOptions,
): FineTuneOptions {
  const {
    outputDir,
    overwriteOutputDir = false,
    resumeFromCheckpoint,
    seed = ownSeed,
    callbacks,
    signal,
  } = options;
  // The second run's events go beside its own weights, and it begins at the beginning.
  const rest = Object.fromEntries(
    Object.entries(given).filter(([name]) => name !== 'loggingDir' && name !== 'resumeFromCheckpoint'),
  );
  const found = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : pathFrom(cwd, path, existsSync);
  // What came from the Hub is asked for at the commit it was then.
  const taken = (name: string, type: 'model' | 'dataset'): string => {
    const path = pathFrom(cwd, name, existsSync);
    return path === name ? pinned(name, type, hub) : path;
  };
  return {
    ...inputs,
    splitSeed: seed === ownSeed ? inputs.splitSeed : (inputs.splitSeed ?? ownSeed),
    model: options.model ?? taken(inputs.model, 'model'),
    dataset: options.dataset ?? taken(inputs.dataset, 'dataset'),
    evalDataset: options.evalDataset ?? found(inputs.evalDataset),
    threads: threads ?? undefined,
    // What is compared with the manifest in any case.
    allowChangedData: true,
    args: resolveArguments({
      ...rest,
      seed,
      outputDir,
      overwriteOutputDir,
      resumeFromCheckpoint,
    }),
    hub: {
      ...options.hub,
      convertedCommit: options.dataset === undefined ? convertedCommit(hub) : undefined,
    },
    callbacks,
    signal,
  };
}
