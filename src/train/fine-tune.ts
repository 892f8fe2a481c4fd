/**
 * From names of a model and a dataset to a run that is ready to train: everything is read and checked,
 * nothing is computed yet.
 */
import { dirname, join } from 'node:path';
import { alignSplits, loadUnaligned } from '../data/splits.js';
import type { PlannedParts } from '../data/held-out.js';
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
import { largestTrainingBatch, planOf, warmupStepsOf } from './schedule.js';
import { encodeTexts } from '../text/encode-texts.js';
import { encodeCached } from '../text/token-cache.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { packageVersion } from '../version.js';
import { argumentsOf, argumentsToJson, requireEvaluation, requireMetric } from './arguments.js';
import type { TrainingArguments } from './arguments.js';
import { endsWithBest } from './best.js';
import { listCheckpoints, readCheckpoint, saveModel, verifyCheckpoint } from './checkpoint.js';
import { hashOfCheckpoint } from './checksums.js';
import {
  changesSince,
  hashingSession,
  hashOfData,
  hashOfTokens,
  MANIFEST_FILE,
  manifestToJson,
  readManifest,
} from './manifest.js';
import type { Manifest, ManifestHashes, RunInputs } from './manifest.js';
import { memoryOf } from './model-memory.js';
import { OutputFolder } from './output-folder.js';
import {
  argumentsByHand,
  begunWith,
  isPlanned,
  lengthOf,
  partsOfTraining,
  planOfRun,
  withoutArguments,
} from './plan.js';
import type { BegunArguments, Plan, PlanLine, TrainingChoice } from './plan.js';
import { brokenName, isOfRun, RUN_FILES } from './run-names.js';
import { stateToJson } from './state.js';
import { hashesToJson, hashTexts, leakNotes, readTrainedTexts } from './trained-rows.js';
import { Trainer } from './trainer.js';
import type { Evaluation, LabelledRows, TrainOutput, TrainerCallback } from './trainer.js';
import type { Verification } from './verify.js';
import { newestWholeCheckpoint } from './whole-checkpoint.js';
import type { NewestCheckpoint } from './whole-checkpoint.js';

/**
 * What to train on, and arguments of training beside it (`numTrainEpochs`, `seed`, `outputDir`, …), of which
 * those that are not given are planned (train/plan.ts); or `args`, which are all of them.
 */
export interface FineTuneOptions extends RunInputs, TrainingChoice {
  /** Threads of the engine; absent: as many as this process may use. */
  readonly threads?: number | undefined;
  /** Parts to hold out where the data has none; absent: those of the plan, where one is made. */
  readonly plannedParts?: PlannedParts | undefined;
  readonly callbacks?: readonly TrainerCallback[];
  readonly signal?: AbortSignal | undefined;
  /** How the Hub is used, where the model is not here. */
  readonly hub?: HubOptions | undefined;
  /**
   * What will be put into the output folder after the training, by its path there: where somebody else's
   * stands in its place, the run is refused.
   */
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

/** A trained model on the rows that it did not learn from. */
export interface MeasuredRun {
  /** On those that its epoch was chosen by, where there are any: they flatter it. */
  readonly validation: Evaluation | undefined;
  readonly test: Evaluation | undefined;
}

export interface FineTuneRun {
  readonly splits: Splits;
  readonly args: TrainingArguments;
  /**
   * What of the arguments, and of the parts of the data, was planned; nothing where the arguments were given
   * by hand.
   */
  readonly plan: readonly PlanLine[];
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
  /** Measures the model that `train` saved. @param trained what it returned @throws as `Trainer.evaluate` */
  measure(trained: TrainOutput): Promise<MeasuredRun>;
  /**
   * Repeats the first steps by the definition and tells the largest differences (verify.ts); changes nothing.
   * Before training: from the weights it starts from.
   */
  verify(steps: number): Promise<Verification>;
  close(): Promise<void>;
}

/**
 * Reads and checks data, model and output folder, and opens the engine.
 *
 * @throws UsageError, DataError or ModelError: whatever can be refused is refused here, before any training
 */
export async function prepareFineTune(given: FineTuneOptions): Promise<FineTuneRun> {
  const options = await asBegun(given);
  const begun = begunWith(options);
  const { outputDir, resumeFromCheckpoint } = begun;
  await refuseOverlap(outputDir, inputsOf(options), (name) => isOfRun(name, options.alsoMakes));
  // One in the output folder is the run's own.
  const checkpoint =
    resumeFromCheckpoint === true || resumeFromCheckpoint === 'last' ? undefined : resumeFromCheckpoint;
  if (checkpoint !== undefined) await refuseRunFolder(checkpoint);
  await refuseOverlap(outputDir, [{ what: 'the checkpoint', path: checkpoint }], () => false);
  const output = await OutputFolder.open(outputDir);
  const engine = warmUp(engineFor(options.device ?? 'auto'));
  try {
    return await prepareLocked(options, begun, output, engine);
  } catch (error) {
    await output.close();
    throw error;
  } finally {
    await engine.close();
  }
}

/**
 * Of a run that goes on nothing is planned unless it was when it began: one of an earlier version, or of
 * transformers' Trainer, was not.
 */
export async function asBegun<T extends TrainingChoice>(options: T): Promise<T> {
  const { resumeFromCheckpoint: from, outputDir } = begunWith(options);
  if (from === undefined || !isPlanned(options)) return options;
  const run = from === true || from === 'last' ? outputDir : dirname(await realPath(from));
  const manifest = await readManifest(run).catch(() => undefined);
  return manifest?.isPlanned === true
    ? options
    : { ...withoutArguments(options), args: argumentsByHand(options) };
}

/**
 * Of a run's own folder the model could be taken, but not the moments of the optimizer. @throws UsageError
 */
async function refuseRunFolder(dir: string): Promise<void> {
  const manifest = await readManifest(dir).catch(() => undefined);
  if (!manifest) return;
  const [newest] = (await listCheckpoints(dir)).slice(-1);
  throw new UsageError(`${dir} is the folder of a run, not one of its checkpoints`, {
    hint: newest === undefined ? 'It holds no checkpoint to go on from.' : `Give ${join(dir, newest)}.`,
  });
}

export const inputsOf = ({
  model,
  dataset,
  evalDataset,
}: Pick<RunInputs, 'model' | 'dataset' | 'evalDataset'>): readonly Input[] => [
  { what: 'the model', path: model },
  { what: 'the dataset', path: dataset },
  { what: 'the evaluation dataset', path: evalDataset },
];

async function prepareLocked(
  options: FineTuneOptions,
  asked: BegunArguments,
  output: OutputFolder,
  engine: WarmEngine,
): Promise<FineTuneRun> {
  const { signal, alsoMakes = [], demo = false } = options;
  const commits: HubCommit[] = [];
  const hub: HubOptions = {
    ...options.hub,
    signal: options.hub?.signal ?? signal,
    onCommit: (used) => {
      if (
        !commits.some(
          (other) => other.type === used.type && other.id === used.id && other.revision === used.revision,
        )
      )
        commits.push(used);
      options.hub?.onCommit?.(used);
    },
  };
  requireMetric(asked, METRICS);
  const { dir: resumeDir, broken } = await checkpointToResume(asked, signal);
  const checkpoint = resumeDir === undefined ? undefined : await readConfig(resumeDir);
  const splitSeed = options.splitSeed ?? asked.seed;
  const loaded = await loadUnaligned({
    ...options,
    plannedParts: options.plannedParts ?? partsOfTraining(options),
    hub,
    seed: splitSeed,
  });
  let { splits } = loaded;
  if (!isPlanned(options))
    requireEvaluation(argumentsByHand(options), (splits.validation ?? splits.test) !== undefined);
  const model = await fromPretrained(options.model, {
    ...hub,
    labelNames: (ofHead) => {
      if (checkpoint) splits = alignSplits(loaded, checkpoint.labelNames, 'measure');
      else if (ofHead) splits = alignSplits(loaded, ofHead, 'train');
      return splits.labelNames;
    },
    seed: asked.seed,
    ...(asked.dropout !== undefined && { dropout: asked.dropout }),
  });
  const { maxLength, plan, train, evaluation, test, session } = await openSession(
    engine,
    model,
    splits,
    options,
    resumeDir,
  );
  const { args } = plan;
  try {
    const weights = hashingSession(session);
    await model.writeTo(weights.session);
    // A checkpoint knows what its model had seen before, too; what lies in the model's folder by now is of no
    // account to it.
    const texts = new Set([
      ...(await hashTexts(splits.train, signal)),
      ...((await readTrainedTexts(resumeDir ?? model.folder)) ?? []),
    ]);
    splits = {
      ...splits,
      notes: [
        ...splits.notes,
        ...(await leakNotes(splits.test ?? splits.validation, texts, 'model', signal)),
      ],
    };
    const inputs = { ...pickInputs(options), ...splits.heldOut, ...splits.columns };
    const memory = memoryOf({ ...inputs, seed: splitSeed, maxLength, labelNames: splits.labelNames });
    const source = {
      session,
      parameters: model.graphs.parameters,
      config: model.config,
      tokenizer: model.tokenizer,
      maxLength,
      memory,
      trainedTexts: hashesToJson(texts),
    };
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
      ...(await hashesOfHeldOut(splits, signal)),
    };
    const begun = {
      ...manifestOf(inputs, args, options, session, hashes),
      ...(commits.length > 0 && { hub: commits }),
    };
    if (resumeDir !== undefined) {
      const { otherRows, changes } = await changesOnResume(resumeDir, begun, options);
      await trainer.resumeFrom(resumeDir, { otherRows });
      for (const change of changes)
        options.callbacks?.forEach((callback) =>
          callback.onWarning?.(`not as it was when ${resumeDir} was saved: ${change}`),
        );
    }
    signal?.throwIfAborted();
    warnOfWarmUp(args, train.rows.length, options.callbacks);
    options.onStart?.(begun);
    const outside = resumeDir !== undefined && (await isOutside(resumeDir, args.outputDir));
    const manifest = await withHistory(begun, args, resumeDir, outside, signal);
    // Last, so that a run that is refused for anything else leaves no trace.
    await output.prepare({
      mode:
        resumeDir !== undefined && !(outside && args.overwriteOutputDir)
          ? 'keep'
          : args.overwriteOutputDir
            ? 'overwrite'
            : 'new',
      makes: [...RUN_FILES, ...alsoMakes],
      checkpointsAfter: trainer.lastFinishedStep,
      purpose: demo ? 'demo' : 'run',
    });
    for (const { name, reason } of broken) {
      await output.rename(name, brokenName(name));
      options.callbacks?.forEach((callback) =>
        callback.onWarning?.(`${name} is skipped and set aside as ${brokenName(name)}: ${reason}`),
      );
    }
    await output.write(MANIFEST_FILE, manifestToJson(manifest));
    return {
      splits,
      args,
      plan: plan.lines,
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
      measure: async (trained) => {
        // The last evaluation is not of the best checkpoint.
        const last = endsWithBest(args, trained.state) ? undefined : trained.evaluation;
        const evaluated = evaluation && (last ?? (await trainer.evaluate()));
        return splits.validation
          ? { validation: evaluated, test: test && (await trainer.measure(test)) }
          : { validation: undefined, test: evaluated };
      },
      // Loaded when it is asked for: it brings the reference engine.
      verify: async (steps) =>
        (await import('./verify.js')).verifyExact({
          ...source,
          signal,
          engine: engineFor(options.device ?? 'auto'),
          train,
          args,
          steps,
        }),
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

/** For the manifest. Test rows have a hash of their own where the run is evaluated on others. */
export async function hashesOfHeldOut(
  { validation, test }: Splits,
  signal: AbortSignal | undefined,
): Promise<Pick<ManifestHashes, 'evalData' | 'testData'>> {
  const evaluation = validation ?? test;
  const evalData = evaluation ? await hashOfData(evaluation, signal) : null;
  return validation && test ? { evalData, testData: await hashOfData(test, signal) } : { evalData };
}

/** A run that ends in its warm-up has never had the learning rate that was asked for. */
function warnOfWarmUp(args: TrainingArguments, rows: number, callbacks: FineTuneOptions['callbacks']): void {
  const { totalSteps } = planOf(args, rows);
  const warmup = warmupStepsOf(args, totalSteps);
  if (args.lrSchedulerType === 'constant' || warmup < totalSteps) return;
  callbacks?.forEach((callback) =>
    callback.onWarning?.(
      `the warm-up of ${warmup} steps is not over when the run ends, after ${totalSteps}: the learning rate never reaches ${args.learningRate}`,
    ),
  );
}

function manifestOf(
  inputs: RunInputs,
  args: TrainingArguments,
  options: FineTuneOptions,
  session: EngineSession,
  hashes: Manifest['hashes'],
): Omit<Manifest, 'format'> {
  return {
    versions: { attune: packageVersion(), node: process.versions.node, engine: engineVersion() },
    platform: `${process.platform} ${process.arch}`,
    device: session.description,
    threads: options.threads ?? null,
    seed: args.seed,
    cwd: process.cwd(),
    inputs,
    isPlanned: isPlanned(options),
    arguments: argumentsOf(args),
    hashes,
  };
}

/** Whether a checkpoint is of a run in another folder. */
export const isOutside = async (checkpoint: string, outputDir: string): Promise<boolean> =>
  dirname(await realPath(checkpoint)) !== (await realPath(outputDir));

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
async function changesOnResume(
  resumeDir: string,
  now: Omit<Manifest, 'format'>,
  { allowChangedData = false }: FineTuneOptions,
): Promise<ChangesOnResume> {
  const earlier = await readManifest(dirname(await realPath(resumeDir))).catch(() => undefined);
  if (!earlier) return { otherRows: false, changes: [] };
  const isOther = (name: 'trainData' | 'evalData' | 'testData'): boolean => {
    const [then, is] = [earlier.hashes[name] ?? null, now.hashes[name] ?? null];
    return then !== null && is !== null && then !== is;
  };
  const [other] = [
    isOther('trainData') ? 'training' : undefined,
    isOther('evalData') ? 'evaluation' : undefined,
    isOther('testData') ? 'test' : undefined,
  ].filter((each) => each !== undefined);
  if (other !== undefined && !allowChangedData) {
    throw new UsageError(
      `the ${other} rows are not those of the run that ${resumeDir} is of (texts, labels, classes or their order)`,
      {
        hint: 'Resume with the data of that run, begin a new run, or say --allow-changed-data.',
      },
    );
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
    return {
      ...manifest,
      startedFrom: { path: resumeDir, sha256: await hashOfCheckpoint(resumeDir, signal) },
    };
  }
  const earlier = await readManifest(outputDir).catch(() => undefined);
  if (!earlier) return manifest;
  const { startedFrom } = earlier;
  const changes = [...(earlier.changedOnResume ?? []), ...changesSince(earlier, manifest)];
  return {
    ...manifest,
    ...(startedFrom && { startedFrom }),
    ...(changes.length > 0 && { changedOnResume: changes }),
  };
}

function pickInputs({
  model,
  dataset,
  datasetConfig,
  split,
  evalSplit,
  evalDataset,
  testSize,
  validationSplit,
  validationSize,
  trainRows,
  evalRows,
  textColumn,
  labelColumn,
  device,
  splitSeed,
}: FineTuneOptions): RunInputs {
  return {
    model,
    dataset,
    datasetConfig,
    split,
    evalSplit,
    evalDataset,
    testSize,
    validationSplit,
    validationSize,
    trainRows,
    evalRows,
    textColumn,
    labelColumn,
    device,
    splitSeed,
  };
}

interface Encoded {
  readonly train: LabelledRows;
  /**
   * What the run is evaluated on as it learns: an epoch is not chosen by the test rows where there are
   * others.
   */
  readonly evaluation: LabelledRows | undefined;
  readonly test: LabelledRows | undefined;
}

interface Opened extends Encoded {
  readonly maxLength: number;
  readonly plan: Plan;
  readonly session: EngineSession;
}

/**
 * The rows as token ids, what is planned on them, and the engine, which is told of the largest batches that
 * come of both.
 */
async function openSession(
  engine: WarmEngine,
  model: PretrainedModel,
  splits: Splits,
  options: FineTuneOptions,
  resumeDir: string | undefined,
): Promise<Opened> {
  const { threads, signal } = options;
  try {
    const { seed } = begunWith(options);
    const maxLength = lengthLimit(lengthOf(options, model.config.nPositions), model.config);
    const workload = async (): Promise<Workload> => {
      const {
        train,
        evaluation,
        plan: { args },
      } = await encoding;
      const startStep = resumeDir === undefined ? 0 : (await readCheckpoint(resumeDir)).state.global_step;
      return {
        training: largestTrainingBatch(train.rows, args, startStep),
        ...(evaluation && { prediction: largestPrediction(evaluation.rows) }),
      };
    };
    // The engine first, whose thread gets ready while texts become token ids.
    const opening = Promise.resolve().then(() =>
      engine.open(model.graphs, {
        seed,
        workload,
        first: 'training',
        ...(threads !== undefined && { threads }),
      }),
    );
    const encoding = Promise.resolve().then(async () => {
      const encoded = await encodeSplits(splits, model.tokenizer, maxLength, signal);
      const fullRows = encoded.train.rows.filter(({ ids }) => ids.length === maxLength).length;
      return { ...encoded, plan: planOfRun(options, splits, model.config, fullRows) };
    });
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
  { train, validation, test }: Splits,
  tokenizer: Tokenizer,
  maxLength: number,
  signal: AbortSignal | undefined,
): Promise<Encoded> {
  const encode = async (rows: Dataset | undefined): Promise<LabelledRows | undefined> =>
    rows && encodeDatasetCached(rows, tokenizer, maxLength, signal);
  const [trained, tested] = [
    await encodeDatasetCached(train, tokenizer, maxLength, signal),
    await encode(test),
  ];
  return { train: trained, evaluation: validation ? await encode(validation) : tested, test: tested };
}

export interface FineTuneResult extends TrainOutput, MeasuredRun {
  /** The folder with the trained model: what TextClassifier.fromPretrained takes. */
  readonly outputDir: string;
  /** What was planned, line by line. */
  readonly plan: readonly PlanLine[];
}

/** The whole job in one call: plans, trains, saves, measures on the test rows, closes the engine. */
export async function fineTune(options: FineTuneOptions): Promise<FineTuneResult> {
  const run = await prepareFineTune(options);
  try {
    const trained = await run.train();
    return { ...trained, ...(await run.measure(trained)), outputDir: run.args.outputDir, plan: run.plan };
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
  return {
    rows: await encodeTexts(textsOf(dataset), tokenizer, maxLength, signal),
    labels: labelsOf(dataset),
  };
}

/** The same, from the cache of tokenised texts where they are in it (`encodeCached`). */
export async function encodeDatasetCached(
  dataset: Dataset,
  tokenizer: Tokenizer,
  maxLength: number,
  signal?: AbortSignal,
): Promise<LabelledRows> {
  return {
    rows: await encodeCached(textsOf(dataset), tokenizer, maxLength, { signal }),
    labels: labelsOf(dataset),
  };
}

const textsOf = ({ rows }: Dataset): string[] => rows.map(({ text }) => text);
const labelsOf = ({ rows }: Dataset): Int32Array => Int32Array.from(rows, ({ label }) => label);

/** @throws UsageError where more tokens are asked for than the model has positions */
export function lengthLimit(maxLength: number | undefined, config: Gpt2Config): number {
  if (maxLength !== undefined && maxLength > config.nPositions) {
    throw new UsageError(`maxLength is ${maxLength}, but the model has only ${config.nPositions} positions`, {
      hint: `Use --max-length ${config.nPositions} or less.`,
    });
  }
  return maxLength ?? config.nPositions;
}

/**
 * The checkpoint that the arguments name.
 *
 * @throws ModelError where there is none that is whole, or the one that is named is not
 */
async function checkpointToResume(
  { resumeFromCheckpoint, outputDir, loadBestModelAtEnd }: BegunArguments,
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
    throw new ModelError(
      `there is no ${reasons ? 'whole ' : ''}checkpoint in ${outputDir} to resume from${reasons && ` (${reasons})`}`,
      {
        hint: `Start the run without --resume-from-checkpoint${reasons && ' and with --overwrite-output-dir'}, or give the folder of a checkpoint.`,
      },
    );
  }
  return found;
}
