/**
 * From names of a model and a dataset to a run that is ready to train: everything is read and checked,
 * nothing is computed yet.
 */
import { join } from 'node:path';
import { alignSplits, loadUnaligned } from '../data/splits.js';
import type { PlannedParts } from '../data/held-out.js';
import type { Splits } from '../data/splits.js';
import { engineFor } from '../engine/device.js';
import { warmUp } from '../engine/engine.js';
import type { EngineSession, WarmEngine, Workload } from '../engine/engine.js';
import { engineVersion } from '../engine/version.js';
import { writeWhole } from '../files.js';
import type { HubCommit, HubOptions } from '../hub/settings.js';
import { readConfig } from '../model/config.js';
import { fromPretrained } from '../model/pretrained.js';
import type { PretrainedModel } from '../model/pretrained.js';
import { refuseOverlap } from '../overlap.js';
import type { Input } from '../overlap.js';
import { pick } from '../pick.js';
import { largestPrediction } from './prediction.js';
import { largestTrainingBatch, planOf, warmupStepsOf } from './schedule.js';
import { packageVersion } from '../version.js';
import { argumentsOf, argumentsToJson, requireEvaluation, requireMetric } from './arguments.js';
import type { TrainingArguments } from './arguments.js';
import { endsWithBest } from './best.js';
import { encodeSplits, lengthLimit } from './encode-splits.js';
import type { Encoded } from './encode-splits.js';
import {
  asBegun,
  changesOnResume,
  checkpointToResume,
  isOutside,
  refuseRunFolder,
  withHistory,
} from './resumed-run.js';
import { readCheckpoint, saveModel } from './checkpoint.js';
import { hashingSession, hashOfData, hashOfTokens, MANIFEST_FILE, manifestToJson } from './manifest.js';
import type { Manifest, ManifestHashes, RunInputs } from './manifest.js';
import { DATA_INPUTS, memoryOf } from './model-memory.js';
import { OutputFolder } from './output-folder.js';
import { argumentsByHand, begunWith, isPlanned, lengthOf, partsOfTraining, planOfRun } from './plan.js';
import type { BegunArguments, Plan, PlanLine, TrainingChoice } from './plan.js';
import { brokenName, isOfRun, RUN_FILES } from './run-names.js';
import { stateToJson } from './state.js';
import { hashesToJson, hashTexts, leakNotes, readTrainedTexts } from './trained-rows.js';
import { Trainer } from './trainer.js';
import type { TrainOutput, TrainerCallback } from './callbacks.js';
import type { Evaluation } from './evaluate.js';
import type { Verification } from './verify.js';
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
  readonly callbacks?: readonly TrainerCallback[] | undefined;
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

const RUN_INPUTS = [
  'model',
  'dataset',
  ...DATA_INPUTS,
  'textColumn',
  'labelColumn',
  'device',
  'splitSeed',
] as const satisfies readonly (keyof RunInputs)[];

/** The metrics that every evaluation reports. */
const METRICS = ['loss', 'accuracy', 'f1', 'auc'] as const;

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
  /**
   * Trains to the end and saves the model, its records and arguments at the root of the output folder.
   *
   * @throws as `Trainer.train`; AttuneError `file-unwritable`
   */
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
 * @throws UsageError `argument-*`, `output-dir-holds-run`, `run-folder-locked`; DataError as `loadDataset`;
 *   ModelError as `fromPretrained`, and `checkpoint-not-found`; HubError; TrainingError
 *   `checkpoint-of-other-run`, `gpu-memory-exhausted`. Whatever can be refused is refused here, before any
 *   training
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
    dropout: asked.dropout,
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
    const inputs = { ...pick(options, RUN_INPUTS), ...splits.heldOut, ...splits.columns };
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
      evaluation,
      callbacks: options.callbacks,
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
      hub: commits.length > 0 ? commits : undefined,
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
    const keeps = resumeDir !== undefined && !(outside && args.overwriteOutputDir);
    const replaces = args.overwriteOutputDir ? 'overwrite' : 'new';
    await output.prepare({
      mode: keeps ? 'keep' : replaces,
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
  const warning =
    `the warm-up of ${warmup} steps is not over when the run ends, after ${totalSteps}: ` +
    `the learning rate never reaches ${args.learningRate}`;
  callbacks?.forEach((callback) => callback.onWarning?.(warning));
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
        prediction: evaluation && largestPrediction(evaluation.rows),
      };
    };
    // The engine first, whose thread gets ready while texts become token ids.
    const opening = Promise.resolve().then(() =>
      engine.open(model.graphs, {
        seed,
        workload,
        first: 'training',
        threads,
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

export interface FineTuneResult extends TrainOutput, MeasuredRun {
  /** The folder with the trained model: what TextClassifier.fromPretrained takes. */
  readonly outputDir: string;
  /** What was planned, line by line. */
  readonly plan: readonly PlanLine[];
}

/**
 * The whole job in one call: plans, trains, saves, measures on the test rows, closes the engine.
 *
 * @throws as `prepareFineTune`, `Trainer.train` and `Trainer.evaluate`: UsageError `argument-*`,
 *   `output-dir-holds-run`; DataError and HubError as `loadDataset`; ModelError as `fromPretrained`;
 *   TrainingError `training-diverged`; InterruptedError `run-interrupted`
 */
export async function fineTune(options: FineTuneOptions): Promise<FineTuneResult> {
  const run = await prepareFineTune(options);
  try {
    const trained = await run.train();
    return { ...trained, ...(await run.measure(trained)), outputDir: run.args.outputDir, plan: run.plan };
  } finally {
    await run.close();
  }
}
