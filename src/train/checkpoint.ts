/**
 * Checkpoints. A folder `checkpoint-{step}` is a model in Hugging Face's layout, as transformers loads it,
 * and beside it
 *
 *   attune_rows.json        which texts it was trained on, as hashes (trained-rows.ts)
 *   attune_model.json       what whoever uses the model later must know of its training (model-memory.ts)
 *   trainer_state.json      as the Trainer writes it
 *   optimizer.safetensors   AdamW's moments: exp_avg.{parameter}, exp_avg_sq.{parameter}; `param_groups` in
 *   its metadata has the order of the parameters
 *                           in the Trainer's optimizer
 *   training_args.json      the arguments
 *   attune_state.json       what else an exact resumption needs
 *   checksums.json          size and SHA-256 of all these
 *
 * A checkpoint of transformers' Trainer, which lacks the last three and has an optimizer.pt, can be read,
 * too.
 */
import { access, mkdir, readdir } from 'node:fs/promises';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { jsonValue } from '../json/syntax.js';
import type { EngineSession } from '../engine/engine.js';
import { ModelError, TrainingError } from '../errors/attune-error.js';
import { readPlainFile, writeWhole } from '../files.js';
import { toJson } from '../model/config.js';
import type { Gpt2Config } from '../model/config.js';
import { elementCount } from '../model/parameters.js';
import type { ParameterSpec } from '../model/parameters.js';
import { SafetensorsFile } from '../model/safetensors.js';
import { writeSafetensors } from '../model/safetensors-writer.js';
import { firstNotFinite, openWeights, writeParameter } from '../model/weights.js';
import type { Tokenizer } from '../text/tokenizer.js';
import { argumentsToJson } from './arguments.js';
import type { TrainingArguments } from './arguments.js';
import { checkpointName, sortCheckpoints } from './best.js';
import { CHECKSUMS_FILE, verifyChecksums, writeChecksums } from './checksums.js';
import type { LossLogState } from './loss-log.js';
import { MEMORY_FILE, memoryToJson } from './model-memory.js';
import type { ModelMemory } from './model-memory.js';
import type { OutputFolder } from './output-folder.js';
import { parseTrainerState, stateToJson } from './state.js';
import type { TrainerState } from './state.js';
import { parameterGroups } from './parameter-groups.js';
import { ROWS_FILE } from './trained-rows.js';

/** What a model folder is written from. */
export interface ModelSource {
  readonly session: EngineSession;
  readonly parameters: readonly ParameterSpec[];
  readonly config: Gpt2Config;
  readonly tokenizer: Tokenizer;
  /** Tokens that texts were cut to. */
  readonly maxLength?: number | undefined;
  /** What to write beside it of how it was trained. */
  readonly memory?: ModelMemory | undefined;
  /** The contents of attune_rows.json. */
  readonly trainedTexts?: string | undefined;
}

/** Where tensors are read from: an engine, or a copy of what it held. */
export type TensorSource = Pick<EngineSession, 'readTensor'>;
type Saved = Omit<ModelSource, 'session'> & { readonly session: TensorSource };

/**
 * What an exact resumption needs beside the Trainer's own state. The dropout masks follow from seed and
 * passes, the row order from seed and epoch.
 */
export interface ResumeState {
  readonly seed: number;
  /** Training rows of the run. */
  readonly rows: number;
  /** Batches a step: what the count of steps means. */
  readonly accumulation: number;
  /** Forward passes of training so far. */
  readonly passes: number;
  readonly lossLog: LossLogState;
  /**
   * Steps before AdamW began to count its updates, where it began later than the run: a Trainer's checkpoint
   * without its optimizer.
   */
  readonly updatesBefore?: number | undefined;
  /** The best value of the metric for the best model, where a later checkpoint took its place. */
  readonly bestPeak?: number | undefined;
  /**
   * Present if the evaluation that falls on this step was interrupted: it is to be done, with all that
   * follows it, before the next step.
   */
  readonly unfinished?: UnfinishedStep | undefined;
}

export interface UnfinishedStep {
  /** Of the step, before clipping: a log entry may still be to be made of it. */
  readonly gradNorm: number;
}

export interface Checkpoint {
  readonly dir: string;
  readonly state: TrainerState;
  /** Undefined for a checkpoint of transformers' Trainer. */
  readonly resume: ResumeState | undefined;
}

const MOMENTS = { moment1: 'exp_avg', moment2: 'exp_avg_sq' } as const;

/**
 * Writes config.json, model.safetensors, the tokenizer's files, attune_model.json and attune_rows.json into
 * an existing folder, each whole. Returns the SHA-256 of model.safetensors.
 */
export async function saveModel(
  dir: string,
  { session, parameters, config, tokenizer, maxLength, memory, trainedTexts }: Saved,
): Promise<string> {
  const sha256 = await writeSafetensors(join(dir, 'model.safetensors'), parameters, async (name) => {
    const values = await session.readTensor('parameter', name);
    const place = firstNotFinite(values);
    if (place >= 0)
      throw new TrainingError('parameter-not-finite', { parameter: name, value: String(values[place]) });
    return values;
  });
  await writeWhole(join(dir, 'config.json'), toJson(config));
  await tokenizer.save(dir, maxLength);
  if (memory) await writeWhole(join(dir, MEMORY_FILE), memoryToJson(memory));
  if (trainedTexts !== undefined) await writeWhole(join(dir, ROWS_FILE), trainedTexts);
  return sha256;
}

/**
 * A copy of all that a checkpoint holds of an engine, so that training can go on while it is written; each
 * tensor is given out once and then let go. Undefined where there is not room for it beside everything else.
 */
export async function copyTensors({
  session,
  parameters,
}: Pick<ModelSource, 'session' | 'parameters'>): Promise<TensorSource | undefined> {
  const kinds = ['parameter', ...(Object.keys(MOMENTS) as (keyof typeof MOMENTS)[])] as const;
  const bytes = parameters.reduce((sum, { shape }) => sum + elementCount(shape) * 4 * kinds.length, 0);
  if (bytes > availableMemory() / 2) return undefined;
  const copies = new Map<string, Float32Array>();
  for (const kind of kinds)
    for (const { name } of parameters) copies.set(`${kind} ${name}`, await session.readTensor(kind, name));
  return {
    readTensor: (kind, name) => {
      const key = `${kind} ${name}`;
      const copy = copies.get(key);
      copies.delete(key);
      return copy
        ? Promise.resolve(copy)
        : Promise.reject(new Error(`${key} was not copied, or is read twice`));
    },
  };
}

/** Bytes that this process could still take, its control group's limit included where Node can tell. */
function availableMemory(): number {
  const { availableMemory: available } = process as { availableMemory?: () => number };
  return available ? available.call(process) : freemem();
}

/**
 * Saves `checkpoint-{step}` in the output folder, whole or not at all, and returns its path. What it is given
 * of the run is written as it is at the call.
 */
export async function saveCheckpoint(
  output: OutputFolder,
  source: Saved,
  args: TrainingArguments,
  state: TrainerState,
  resume: ResumeState,
): Promise<string> {
  const name = checkpointName(state.global_step);
  const stateText = stateToJson(state);
  const { session, parameters } = source;
  await output.place(async (staged) => {
    const folder = join(staged, name);
    await mkdir(folder);
    const model = await saveModel(folder, source);
    const moments = Object.entries(MOMENTS).flatMap(([kind, prefix]) =>
      parameters.map(({ name, shape }) => ({
        name: `${prefix}.${name}`,
        shape,
        kind: kind as keyof typeof MOMENTS,
        parameter: name,
      })),
    );
    const byName = new Map(moments.map((moment) => [moment.name, moment]));
    const readMoment = (name: string): Promise<Float32Array> =>
      session.readTensor(byName.get(name)!.kind, byName.get(name)!.parameter);
    const optimizer = await writeSafetensors(join(folder, 'optimizer.safetensors'), moments, readMoment, {
      format: 'pt',
      param_groups: JSON.stringify(parameterGroups(parameters)),
    });
    await writeWhole(join(folder, 'training_args.json'), `${argumentsToJson(args)}\n`);
    await writeWhole(join(folder, 'attune_state.json'), `${JSON.stringify(resume, null, 2)}\n`);
    await writeWhole(join(folder, 'trainer_state.json'), stateText);
    await writeChecksums(folder, { 'model.safetensors': model, 'optimizer.safetensors': optimizer });
  });
  return join(output.dir, name);
}

/** Names of the checkpoints in a folder, oldest first; none where the folder is missing. */
export async function listCheckpoints(outputDir: string): Promise<string[]> {
  return sortCheckpoints(await readdir(outputDir).catch(() => []));
}

/**
 * Reads what a checkpoint says of its run; the tensors are read by `restore`.
 *
 * @throws ModelError if it is none, or damaged
 */
export async function readCheckpoint(dir: string): Promise<Checkpoint> {
  const stateFile = join(dir, 'trainer_state.json');
  const state = parseTrainerState(await readText(stateFile), stateFile);
  const resumeFile = join(dir, RESUME_FILE);
  return {
    dir,
    state,
    resume: (await isOurs(dir)) ? parseResumeState(await readText(resumeFile), resumeFile) : undefined,
  };
}

const RESUME_FILE = 'attune_state.json';
const has = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Whether attune wrote a checkpoint; else transformers' Trainer did. */
async function isOurs(dir: string): Promise<boolean> {
  for (const name of [RESUME_FILE, CHECKSUMS_FILE, 'optimizer.safetensors'])
    if (await has(join(dir, name))) return true;
  return false;
}

/**
 * Sees that a checkpoint is as it was written. One of transformers' Trainer has no checksums; what can be
 * seen of its damage shows when it is read.
 *
 * @throws ModelError naming the damaged file; AttuneError if the checkpoint cannot be read; the signal's
 *   reason if it is aborted
 */
export async function verifyCheckpoint(dir: string, signal?: AbortSignal): Promise<void> {
  if (await isOurs(dir))
    await verifyChecksums(
      dir,
      ['config.json', 'model.safetensors', 'optimizer.safetensors', RESUME_FILE, 'trainer_state.json'],
      signal,
    );
  else await readCheckpoint(dir);
}

/**
 * Writes a checkpoint's parameters and moments into a session.
 *
 * @returns AdamW's own count of updates, where the checkpoint is the Trainer's; 0 where it holds no optimizer
 * @throws the signal's reason if it is aborted
 */
export async function restore(
  dir: string,
  { session, parameters, config }: Omit<ModelSource, 'tokenizer'>,
  signal?: AbortSignal,
): Promise<number | undefined> {
  await restoreParameters(dir, { session, parameters, config }, signal);
  if (!(await isOurs(dir))) {
    const { restoreTorchOptimizer } = await import('./torch-optimizer.js');
    return restoreTorchOptimizer(dir, session, parameters, signal);
  }
  const optimizer = await SafetensorsFile.open(join(dir, 'optimizer.safetensors'));
  try {
    for (const { name, shape } of parameters) {
      for (const [kind, prefix] of Object.entries(MOMENTS)) {
        signal?.throwIfAborted();
        const values = await optimizer.read(`${prefix}.${name}`);
        if (values.length !== shape.reduce((product, n) => product * n, 1)) {
          throw new ModelError('checkpoint-tensor-size', {
            file: optimizer.path,
            tensor: `${prefix}.${name}`,
            numbers: values.length,
            shape,
          });
        }
        await session.writeTensor(kind as keyof typeof MOMENTS, name, values);
      }
    }
  } finally {
    await optimizer.close();
  }
  return undefined;
}

/** Writes a checkpoint's parameters alone into a session: to end with the best model. */
export async function restoreParameters(
  dir: string,
  { session, parameters, config }: Omit<ModelSource, 'tokenizer'>,
  signal?: AbortSignal,
): Promise<void> {
  const weights = await openWeights(dir, config);
  try {
    for (const { name } of parameters) await writeParameter(session, weights, name, signal);
  } finally {
    await weights.close();
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readPlainFile(file);
  } catch (cause) {
    throw new ModelError('checkpoint-unreadable', { file }, { cause });
  }
}

function parseResumeState(text: string, file: string): ResumeState {
  const refuse = (): never => {
    throw new ModelError('resume-state-damaged', { file });
  };
  let value: unknown;
  try {
    value = jsonValue(text);
  } catch {
    return refuse();
  }
  const numbers = (object: unknown, keys: readonly string[]): object is Record<string, number> =>
    typeof object === 'object' &&
    object !== null &&
    keys.every((key) => Number.isFinite((object as Record<string, unknown>)[key]));
  if (!numbers(value, ['seed', 'rows', 'accumulation', 'passes'])) return refuse();
  const { lossLog, updatesBefore, bestPeak, unfinished } = value as {
    lossLog?: unknown;
    updatesBefore?: unknown;
    bestPeak?: unknown;
    unfinished?: unknown;
  };
  if (bestPeak !== undefined && !Number.isFinite(bestPeak)) return refuse();
  if (updatesBefore !== undefined && !Number.isSafeInteger(updatesBefore)) return refuse();
  if (!numbers(lossLog, ['pending', 'recorded', 'lastStep'])) return refuse();
  if (unfinished !== undefined && !numbers(unfinished, ['gradNorm'])) return refuse();
  return value as unknown as ResumeState; // every field was checked above
}
