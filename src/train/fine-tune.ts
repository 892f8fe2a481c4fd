/** From names of a model and a dataset to a run that is ready to train: everything is read and checked, nothing is computed yet. */
import { dirname, join } from 'node:path';
import { alignSplits, loadUnaligned, ownSplits } from '../data/splits.js';
import type { Splits } from '../data/splits.js';
import type { Dataset } from '../data/dataset.js';
import { engineFor } from '../engine/device.js';
import { warmUp } from '../engine/engine.js';
import type { EngineSession, WarmEngine, Workload } from '../engine/engine.js';
import { engineVersion } from '../engine/version.js';
import { ModelError, UsageError } from '../errors.js';
import { writeWhole } from '../files.js';
import type { HubCommit, HubOptions } from '../hub/settings.js';
import type { Gpt2Config } from '../model/config.js';
import { readConfig } from '../model/config.js';
import { fromPretrained } from '../model/pretrained.js';
import type { PretrainedModel } from '../model/pretrained.js';
import { realPath, refuseOverlap } from '../overlap.js';
import type { Input } from '../overlap.js';
import { largestPrediction } from './prediction.js';
import { largestTrainingBatch } from './schedule.js';
import { encodeTexts } from '../text/encode-texts.js';
import { encodeCached } from '../text/token-cache.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { packageVersion } from '../version.js';
import { argumentsToJson, requireEvaluation, requireMetric } from './arguments.js';
import type { TrainingArguments } from './arguments.js';
import { listCheckpoints, readCheckpoint, saveModel, verifyCheckpoint } from './checkpoint.js';
import { hashOfCheckpoint } from './checksums.js';
import { argumentsOf, changesSince, hashingSession, hashOfData, hashOfTokens, MANIFEST_FILE, manifestToJson, readManifest } from './manifest.js';
import type { Manifest, RunInputs } from './manifest.js';
import { memoryOf } from './model-memory.js';
import { OutputFolder } from './output-folder.js';
import { brokenName, isOfRun, RUN_FILES } from './run-names.js';
import { stateToJson } from './state.js';
import { hashesToJson, hashTexts, leakNotes, readTrainedTexts } from './trained-rows.js';
import { Trainer } from './trainer.js';
import type { LabelledRows, TrainOutput, TrainerCallback } from './trainer.js';
import type { Verification } from './verify.js';
import { newestWholeCheckpoint } from './whole-checkpoint.js';
import type { NewestCheckpoint } from './whole-checkpoint.js';

export interface FineTuneOptions extends RunInputs {
  /** Threads of the engine; absent: as many as this process may use. */
  readonly threads?: number | undefined;
  readonly args: TrainingArguments;
  readonly callbacks?: readonly TrainerCallback[];
  readonly signal?: AbortSignal | undefined;
  /** How the Hub is used, where the model is not here. */
  readonly hub?: HubOptions | undefined;
  /** What will be put into the output folder after the training, by its path there: where somebody else's stands in its place, the run is refused. */
  readonly alsoMakes?: readonly string[] | undefined;
  /** Go on from a checkpoint although training or evaluation rows are not those of its run. */
  readonly allowChangedData?: boolean | undefined;
  /** Looks at what the run begins with before anything is written; what it throws refuses the run. */
  readonly onStart?: ((manifest: Omit<Manifest, 'format'>) => void) | undefined;
  /** The run is the demonstration's, which replaces an earlier one and nothing else. */
  readonly demo?: boolean | undefined;
}

/** The metrics that every evaluation reports. */
export const METRICS = ['loss', 'accuracy', 'f1', 'auc'] as const;

export interface FineTuneRun {
  readonly splits: Splits;
  readonly model: PretrainedModel;
  readonly session: EngineSession;
  readonly trainer: Trainer;
  readonly maxLength: number;
  /** The checkpoint that the run goes on from. */
  readonly resumedFrom: string | undefined;
  /** Newer checkpoints that were passed over because they are damaged, with the reason. */
  readonly brokenCheckpoints: NewestCheckpoint['broken'];
  /** What attune.json says of this run. */
  readonly manifest: Omit<Manifest, 'format'>;
  /** Trains to the end and saves the model, its records and arguments at the root of the output folder. */
  train(): Promise<TrainOutput>;
  /** Repeats the first steps by the definition and tells the largest differences (verify.ts); changes nothing. Before training: from the weights it starts from. */
  verify(steps: number): Promise<Verification>;
  close(): Promise<void>;
}

/**
 * Reads and checks data, model and output folder, and opens the engine.
 *
 * @throws UsageError, DataError or ModelError: whatever can be refused is refused here, before any training
 */
export async function prepareFineTune(options: FineTuneOptions): Promise<FineTuneRun> {
  const { outputDir, resumeFromCheckpoint } = options.args;
  await refuseOverlap(outputDir, inputsOf(options), (name) => isOfRun(name, options.alsoMakes));
  // One in the output folder is the run's own.
  const checkpoint = resumeFromCheckpoint === true || resumeFromCheckpoint === 'last' ? undefined : resumeFromCheckpoint;
  if (checkpoint !== undefined) await refuseRunFolder(checkpoint);
  await refuseOverlap(outputDir, [{ what: 'the checkpoint', path: checkpoint }], () => false);
  const output = await OutputFolder.open(outputDir);
  const engine = warmUp(engineFor(options.device ?? 'auto'));
  try {
    return await prepareLocked(options, output, engine);
  } catch (error) {
    await output.close();
    throw error;
  } finally {
    await engine.close();
  }
}

/** Of a run's own folder the model could be taken, but not the moments of the optimizer. @throws UsageError */
async function refuseRunFolder(dir: string): Promise<void> {
  const manifest = await readManifest(dir).catch(() => undefined);
  if (!manifest) return;
  const [newest] = (await listCheckpoints(dir)).slice(-1);
  throw new UsageError(`${dir} is the folder of a run, not one of its checkpoints`, { hint: newest === undefined ? 'It holds no checkpoint to go on from.' : `Give ${join(dir, newest)}.` });
}

export const inputsOf = ({ model, dataset, evalDataset }: Pick<RunInputs, 'model' | 'dataset' | 'evalDataset'>): readonly Input[] => [
  { what: 'the model', path: model },
  { what: 'the dataset', path: dataset },
  { what: 'the evaluation dataset', path: evalDataset },
];

async function prepareLocked(options: FineTuneOptions, output: OutputFolder, engine: WarmEngine): Promise<FineTuneRun> {
  const { args, signal, alsoMakes = [], demo = false } = options;
  const commits: HubCommit[] = [];
  const hub: HubOptions = {
    ...options.hub,
    signal: options.hub?.signal ?? signal,
    onCommit: (used) => {
      if (!commits.some((other) => other.type === used.type && other.id === used.id && other.revision === used.revision)) commits.push(used);
      options.hub?.onCommit?.(used);
    },
  };
  requireMetric(args, METRICS);
  const { dir: resumeDir, broken } = await checkpointToResume(args, signal);
  const checkpoint = resumeDir === undefined ? undefined : await readConfig(resumeDir);
  const splitSeed = options.splitSeed ?? args.seed;
  const loaded = await loadUnaligned({ ...options, hub, seed: splitSeed });
  requireEvaluation(args, loaded.test !== undefined);
  let splits = ownSplits(loaded);
  const model = await fromPretrained(options.model, {
    ...hub,
    labelNames: (ofHead) => {
      if (checkpoint) splits = alignSplits(loaded, checkpoint.labelNames, 'measure');
      else if (ofHead) splits = alignSplits(loaded, ofHead, 'train');
      return splits.labelNames;
    },
    seed: args.seed,
    ...(args.dropout !== undefined && { dropout: args.dropout }),
  });
  const { maxLength, train, evaluation, session } = await openSession(engine, model, splits, options, resumeDir);
  try {
    const weights = hashingSession(session);
    await model.writeTo(weights.session);
    // A checkpoint knows what its model had seen before, too; what lies in the model's folder by now is of no account to it.
    const texts = new Set([...(await hashTexts(splits.train, signal)), ...((await readTrainedTexts(resumeDir ?? model.folder)) ?? [])]);
    splits = { ...splits, notes: [...splits.notes, ...(await leakNotes(splits.test, texts, 'model', signal))] };
    const memory = memoryOf({ ...pickInputs(options), ...splits.columns, seed: splitSeed, maxLength, labelNames: splits.labelNames });
    const source = { session, parameters: model.graphs.parameters, config: model.config, tokenizer: model.tokenizer, maxLength, memory, trainedTexts: hashesToJson(texts) };
    const trainer = new Trainer({
      ...source,
      args,
      train,
      ...(evaluation && { evaluation }),
      ...(options.callbacks && { callbacks: options.callbacks }),
      output,
      signal,
    });
    const hashes = {
      weights: weights.digest(),
      trainData: await hashOfData(splits.train, signal),
      trainTokens: await hashOfTokens(train, signal),
      evalData: splits.test ? await hashOfData(splits.test, signal) : null,
    };
    const begun = { ...manifestOf({ ...options, ...splits.columns }, session, hashes), ...(commits.length > 0 && { hub: commits }) };
    if (resumeDir !== undefined) {
      const { otherRows, changes } = await changesOnResume(resumeDir, begun, options);
      await trainer.resumeFrom(resumeDir, { otherRows });
      for (const change of changes) options.callbacks?.forEach((callback) => callback.onWarning?.(`not as it was when ${resumeDir} was saved: ${change}`));
    }
    signal?.throwIfAborted();
    options.onStart?.(begun);
    const outside = resumeDir !== undefined && (await isOutside(resumeDir, args.outputDir));
    const manifest = await withHistory(begun, args, resumeDir, outside, signal);
    // Last, so that a run that is refused for anything else leaves no trace.
    await output.prepare({
      mode: resumeDir !== undefined && !(outside && args.overwriteOutputDir) ? 'keep' : args.overwriteOutputDir ? 'overwrite' : 'new',
      makes: [...RUN_FILES, ...alsoMakes],
      checkpointsAfter: trainer.lastFinishedStep,
      purpose: demo ? 'demo' : 'run',
    });
    for (const { name, reason } of broken) {
      await output.rename(name, brokenName(name));
      options.callbacks?.forEach((callback) => callback.onWarning?.(`${name} is skipped and set aside as ${brokenName(name)}: ${reason}`));
    }
    await output.write(MANIFEST_FILE, manifestToJson(manifest));
    return {
      splits,
      model,
      session,
      trainer,
      maxLength,
      resumedFrom: resumeDir,
      brokenCheckpoints: broken,
      manifest,
      train: async () => {
        const trained = await trainer.train();
        await output.place(async (staged) => {
          await saveModel(staged, source);
          await writeWhole(join(staged, 'training_args.json'), `${argumentsToJson(args)}\n`);
          await writeWhole(join(staged, 'trainer_state.json'), stateToJson(trained.state));
        });
        return trained;
      },
      // Loaded when it is asked for: it brings the reference engine.
      verify: async (steps) => (await import('./verify.js')).verifyExact({ ...source, signal, engine: engineFor(options.device ?? 'auto'), train, args, steps }),
      close: async () => {
        await session.close();
        await output.close();
      },
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

function manifestOf(options: FineTuneOptions, session: EngineSession, hashes: Manifest['hashes']): Omit<Manifest, 'format'> {
  return {
    versions: { attune: packageVersion(), node: process.versions.node, engine: engineVersion() },
    platform: `${process.platform} ${process.arch}`,
    device: session.description,
    threads: options.threads ?? null,
    seed: options.args.seed,
    cwd: process.cwd(),
    inputs: pickInputs(options),
    arguments: argumentsOf(options.args),
    hashes,
  };
}

/** Whether a checkpoint is of a run in another folder. */
export const isOutside = async (checkpoint: string, outputDir: string): Promise<boolean> => dirname(await realPath(checkpoint)) !== (await realPath(outputDir));

interface ChangesOnResume {
  /** Whether the evaluation rows are others. */
  readonly otherRows: boolean;
  /** What else, and rows, in words. */
  readonly changes: readonly string[];
}

/**
 * What is not as it was in the run that a checkpoint is of, where its manifest is beside the checkpoint.
 *
 * @throws UsageError where rows are others and that is not allowed
 */
async function changesOnResume(resumeDir: string, now: Omit<Manifest, 'format'>, { allowChangedData = false }: FineTuneOptions): Promise<ChangesOnResume> {
  const earlier = await readManifest(dirname(await realPath(resumeDir))).catch(() => undefined);
  if (!earlier) return { otherRows: false, changes: [] };
  const isOther = (name: 'trainData' | 'evalData'): boolean => earlier.hashes[name] !== null && now.hashes[name] !== null && earlier.hashes[name] !== now.hashes[name];
  const [other] = [isOther('trainData') ? 'training' : undefined, isOther('evalData') ? 'evaluation' : undefined].filter((each) => each !== undefined);
  if (other !== undefined && !allowChangedData) {
    throw new UsageError(`the ${other} rows are not those of the run that ${resumeDir} is of (texts, labels, classes or their order)`, {
      hint: 'Resume with the data of that run, begin a new run, or say --allow-changed-data.',
    });
  }
  return { otherRows: isOther('evalData'), changes: changesSince(earlier, now) };
}

/** A manifest with what a run that went on must say of how it began. */
async function withHistory(
  manifest: Omit<Manifest, 'format'>,
  { outputDir }: TrainingArguments,
  resumeDir: string | undefined,
  outside: boolean,
  signal: AbortSignal | undefined,
): Promise<Omit<Manifest, 'format'>> {
  if (resumeDir === undefined) return manifest;
  if (outside) {
    return { ...manifest, startedFrom: { path: resumeDir, sha256: await hashOfCheckpoint(resumeDir, signal) } };
  }
  const earlier = await readManifest(outputDir).catch(() => undefined);
  if (!earlier) return manifest;
  const { startedFrom } = earlier;
  const changes = [...(earlier.changedOnResume ?? []), ...changesSince(earlier, manifest)];
  return { ...manifest, ...(startedFrom && { startedFrom }), ...(changes.length > 0 && { changedOnResume: changes }) };
}

function pickInputs({ model, dataset, datasetConfig, split, evalSplit, evalDataset, testSize, trainRows, evalRows, textColumn, labelColumn, device, splitSeed }: FineTuneOptions): RunInputs {
  return { model, dataset, datasetConfig, split, evalSplit, evalDataset, testSize, trainRows, evalRows, textColumn, labelColumn, device, splitSeed };
}

interface Opened {
  readonly maxLength: number;
  readonly train: LabelledRows;
  readonly evaluation: LabelledRows | undefined;
  readonly session: EngineSession;
}

/** The rows as token ids, and the engine, which is told of the largest batches that come of them. */
async function openSession(
  engine: WarmEngine,
  model: PretrainedModel,
  splits: Splits,
  { args, threads, signal }: FineTuneOptions,
  resumeDir: string | undefined,
): Promise<Opened> {
  try {
    const maxLength = lengthLimit(args.maxLength, model.config);
    const workload = async (): Promise<Workload> => {
      const { train, evaluation } = await encoding;
      const startStep = resumeDir === undefined ? 0 : (await readCheckpoint(resumeDir)).state.global_step;
      return { training: largestTrainingBatch(train.rows, args, startStep), ...(evaluation && { prediction: largestPrediction(evaluation.rows) }) };
    };
    // The engine first, whose thread gets ready while texts become token ids.
    const opening = Promise.resolve().then(() => engine.open(model.graphs, { seed: args.seed, workload, first: 'training', ...(threads !== undefined && { threads }) }));
    const encoding = Promise.resolve().then(() => encodeSplits(splits, model.tokenizer, maxLength, signal));
    // Both to the end, because what was opened must be closed.
    const [encoded, opened] = await Promise.allSettled([encoding, opening]);
    if (encoded.status === 'rejected') {
      if (opened.status === 'fulfilled') await opened.value.close();
      throw encoded.reason;
    }
    if (opened.status === 'rejected') throw opened.reason;
    return { maxLength, ...encoded.value, session: opened.value };
  } catch (error) {
    await model.close();
    throw error;
  }
}

async function encodeSplits(
  { train, test }: Splits,
  tokenizer: Tokenizer,
  maxLength: number,
  signal: AbortSignal | undefined,
): Promise<Pick<Opened, 'train' | 'evaluation'>> {
  return {
    train: await encodeDatasetCached(train, tokenizer, maxLength, signal),
    evaluation: test && (await encodeDatasetCached(test, tokenizer, maxLength, signal)),
  };
}

export interface FineTuneResult extends TrainOutput {
  /** The folder with the trained model: what TextClassifier.fromPretrained takes. */
  readonly outputDir: string;
}

/** The whole job in one call: prepares, trains, saves, closes the engine. */
export async function fineTune(options: FineTuneOptions): Promise<FineTuneResult> {
  const run = await prepareFineTune(options);
  try {
    return { ...(await run.train()), outputDir: options.args.outputDir };
  } finally {
    await run.close();
  }
}

/**
 * Token ids and class indices of a dataset's rows.
 *
 * @throws the signal's reason if it is aborted
 */
export async function encodeDataset(
  dataset: Dataset,
  tokenizer: Tokenizer,
  maxLength: number,
  signal?: AbortSignal,
): Promise<LabelledRows> {
  return { rows: await encodeTexts(textsOf(dataset), tokenizer, maxLength, signal), labels: labelsOf(dataset) };
}

/** The same, from the cache of tokenised texts where they are in it (`encodeCached`). */
export async function encodeDatasetCached(
  dataset: Dataset,
  tokenizer: Tokenizer,
  maxLength: number,
  signal?: AbortSignal,
): Promise<LabelledRows> {
  return { rows: await encodeCached(textsOf(dataset), tokenizer, maxLength, { signal }), labels: labelsOf(dataset) };
}

const textsOf = ({ rows }: Dataset): string[] => rows.map(({ text }) => text);
const labelsOf = ({ rows }: Dataset): Int32Array => Int32Array.from(rows, ({ label }) => label);

/** @throws UsageError where more tokens are asked for than the model has positions */
export function lengthLimit(maxLength: number | undefined, config: Gpt2Config): number {
  if (maxLength !== undefined && maxLength > config.nPositions) {
    throw new UsageError(`maxLength is ${maxLength}, but the model has only ${config.nPositions} positions`, { hint: `Use --max-length ${config.nPositions} or less.` });
  }
  return maxLength ?? config.nPositions;
}

/**
 * The checkpoint that the arguments name.
 *
 * @throws ModelError where there is none that is whole, or the one that is named is not
 */
async function checkpointToResume(
  { resumeFromCheckpoint, outputDir, loadBestModelAtEnd }: TrainingArguments,
  signal: AbortSignal | undefined,
): Promise<NewestCheckpoint> {
  if (resumeFromCheckpoint === undefined) return { dir: undefined, broken: [] };
  if (resumeFromCheckpoint !== true && resumeFromCheckpoint !== 'last') {
    await verifyCheckpoint(resumeFromCheckpoint, signal);
    return { dir: resumeFromCheckpoint, broken: [] };
  }
  const found = await newestWholeCheckpoint(outputDir, loadBestModelAtEnd, signal);
  if (found.dir === undefined) {
    const reasons = found.broken.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
    throw new ModelError(`there is no ${reasons ? 'whole ' : ''}checkpoint in ${outputDir} to resume from${reasons && ` (${reasons})`}`, {
      hint: `Start the run without --resume-from-checkpoint${reasons && ' and with --overwrite-output-dir'}, or give the folder of a checkpoint.`,
    });
  }
  return found;
}
