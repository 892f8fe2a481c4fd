/**
 * `attune_model.json`, beside a model that attune trained and in each of its checkpoints: what the model was
 * trained with, as far as whoever uses it later must know. Every later command reads it and takes its values
 * where none is given by hand.
 *
 * A model of an earlier version has no such file: then attune.json and training_args.json of its run say the
 * same.
 */
import { access } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DEFAULT_COLUMNS } from '../data/columns.js';
import type { HeldOut } from '../data/held-out.js';
import type { LoadSplitsOptions } from '../data/splits.js';
import { ModelError } from '../errors/attune-error.js';
import type { Plain } from '../errors/wording.js';
import { readPlainFile } from '../files.js';
import { jsonValue, parseJson } from '../json/syntax.js';
import { isJsonObject } from '../model/config-fields.js';
import { MEMORY_FILE } from '../model/resolve.js';
import { pick } from '../pick.js';
import { checkpointStep } from './best.js';
import { MANIFEST_FILE, readManifest } from './manifest.js';

export { MEMORY_FILE };
const FORMAT = 1;

/** What a model and which rows it was made from, and which of these were held out to evaluate on. */
export interface TrainedOn
  extends
    Pick<LoadSplitsOptions, 'dataset' | 'datasetConfig' | 'split' | 'evalDataset' | 'trainRows' | 'evalRows'>,
    HeldOut {
  /** What the training began with: a folder, or an id of the Hub. */
  readonly model: string;
  /** The folder that relative paths start from. */
  readonly cwd: string;
}

export interface ModelMemory {
  /** Null: nobody knows any more. */
  readonly data: TrainedOn | null;
  readonly textColumn: string;
  readonly labelColumn: string;
  /** It parts the bundled sample, and draws the rows of `testSize`. */
  readonly seed: number;
  /** Tokens a text is cut to. */
  readonly maxLength: number;
  /** Names of the classes by their index. */
  readonly labelNames: readonly string[];
  readonly problemType: 'single_label_classification';
  /** What is done to a text before it becomes tokens. Nothing yet. */
  readonly preprocessing: null;
  /** How a text is put together from several columns. Not yet. */
  readonly template: null;
  /** Probabilities from which on a class is taken. Not yet. */
  readonly thresholds: null;
  /** By which logits are divided. Not yet. */
  readonly temperature: null;
}

export type MemoryOptions = Omit<LoadSplitsOptions, 'labelNames' | 'hub' | 'signal' | 'plannedParts'> & {
  readonly model: string;
  readonly maxLength: number;
  readonly labelNames: readonly string[];
};

/** The seed of a run that names none. */
export const DEFAULT_SEED = 42;

/** What of a run's options says which rows it was trained and tested on, beside the dataset itself. */
export const DATA_INPUTS = [
  'datasetConfig',
  'split',
  'evalSplit',
  'evalDataset',
  'testSize',
  'validationSplit',
  'validationSize',
  'trainRows',
  'evalRows',
] as const satisfies readonly (keyof MemoryOptions)[];

/** What there is to remember of a run. */
export function memoryOf(options: MemoryOptions): ModelMemory {
  const { model, dataset, textColumn, labelColumn, seed, maxLength, labelNames } = options;
  return {
    data: { model, dataset, cwd: process.cwd(), ...pick(options, DATA_INPUTS) },
    textColumn: textColumn ?? DEFAULT_COLUMNS.textColumn,
    labelColumn: labelColumn ?? DEFAULT_COLUMNS.labelColumn,
    seed,
    maxLength,
    labelNames,
    problemType: 'single_label_classification',
    preprocessing: null,
    template: null,
    thresholds: null,
    temperature: null,
  };
}

/** What is given by hand and is not as it was in the training, in words. */
export function changesByHand(
  memory: ModelMemory | undefined,
  given: { readonly [K in 'textColumn' | 'labelColumn' | 'maxLength' | 'seed']?: ModelMemory[K] | undefined },
): string[] {
  if (!memory) return [];
  const words = {
    textColumn: 'text column',
    labelColumn: 'label column',
    maxLength: 'maximum length',
    seed: 'seed',
  } as const;
  return (Object.keys(words) as (keyof typeof words)[]).flatMap((name) => {
    const value = given[name];
    return value === undefined || value === memory[name]
      ? []
      : [
          `the ${words[name]} is ${JSON.stringify(value)}, as given; ` +
            `the model was trained with ${JSON.stringify(memory[name])}`,
        ];
  });
}

export const memoryToJson = (memory: ModelMemory): string =>
  `${JSON.stringify({ format: FORMAT, ...memory }, null, 2)}\n`;

/**
 * What is remembered of the model in a folder; undefined where nothing is, as of a model that others trained.
 *
 * @throws ModelError `model-memory-*` if attune_model.json is there and cannot be used
 */
export async function readMemory(dir: string): Promise<ModelMemory | undefined> {
  const file = join(dir, MEMORY_FILE);
  const text = await readPlainFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw new ModelError('model-memory-unreadable', { file, reason: error.message }, { cause: error });
  });
  return text === undefined ? memoryOfEarlier(dir) : parseMemory(text, file);
}

function parseMemory(text: string, file: string): ModelMemory {
  let value: unknown;
  try {
    value = jsonValue(text);
  } catch {
    throw new ModelError('model-memory-not-json', { file });
  }
  if (!isJsonObject(value)) throw new ModelError('model-memory-foreign', { file });
  if (value['format'] !== FORMAT)
    throw new ModelError('model-memory-format', { file, found: value['format'] as Plain, known: FORMAT });
  const {
    data,
    textColumn,
    labelColumn,
    seed,
    maxLength,
    labelNames,
    problemType,
    preprocessing,
    template,
    thresholds,
    temperature,
  } = value;
  for (const [name, field] of Object.entries({ preprocessing, template, thresholds, temperature })) {
    if (field !== null) throw new ModelError('model-memory-field-unknown', { file, field: name });
  }
  if (problemType !== 'single_label_classification')
    throw new ModelError('model-memory-problem-type', { file, problemType: problemType as Plain });
  const isText = (each: unknown): each is string => typeof each === 'string';
  const sound =
    (data === null || isTrainedOn(data)) &&
    isText(textColumn) &&
    isText(labelColumn) &&
    Number.isSafeInteger(seed) &&
    Number.isSafeInteger(maxLength) &&
    (maxLength as number) > 0 &&
    Array.isArray(labelNames) &&
    labelNames.every(isText);
  if (!sound) throw new ModelError('model-memory-damaged', { file });
  return value as unknown as ModelMemory; // every field was checked above
}

function isTrainedOn(value: unknown): value is TrainedOn {
  if (!isJsonObject(value)) return false;
  const optional = (type: string, ...names: string[]): boolean =>
    names.every((name) => value[name] === undefined || typeof value[name] === type);
  const named = ['model', 'dataset', 'cwd'].every((name) => typeof value[name] === 'string');
  return (
    named &&
    optional('string', 'datasetConfig', 'split', 'evalSplit', 'evalDataset', 'validationSplit') &&
    optional('number', 'testSize', 'validationSize', 'trainRows', 'evalRows')
  );
}

/**
 * From the manifest of the run, in the folder or, of a checkpoint, in the one above it, and from the
 * arguments.
 */
async function memoryOfEarlier(dir: string): Promise<ModelMemory | undefined> {
  const args = await jsonOf(join(dir, 'training_args.json'));
  const config = await jsonOf(join(dir, 'config.json'));
  // The Trainer of transformers writes no such file.
  if (!args || !('max_length' in args) || !isJsonObject(config?.['id2label'])) return undefined;
  const maxLength = args['max_length'] ?? config['n_positions'];
  const labelNames = Object.values(config['id2label']).filter((name) => typeof name === 'string');
  if (!Number.isSafeInteger(maxLength) || !Number.isSafeInteger(args['seed'])) return undefined;
  const known = { maxLength: maxLength as number, seed: args['seed'] as number, labelNames };
  const root = checkpointStep(basename(resolve(dir))) === undefined ? dir : dirname(resolve(dir));
  const manifest = (await has(join(root, MANIFEST_FILE)))
    ? await readManifest(root).catch(() => undefined)
    : undefined;
  if (!manifest) return { ...memoryOf({ ...known, model: '', dataset: '' }), data: null };
  const memory = memoryOf({ ...manifest.inputs, ...known });
  return { ...memory, data: memory.data && { ...memory.data, cwd: manifest.cwd } };
}

const has = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function jsonOf(file: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = await readPlainFile(file).catch(() => undefined);
  const parsed = text === undefined ? undefined : parseJson(text);
  return parsed && 'value' in parsed && isJsonObject(parsed.value) ? parsed.value : undefined;
}
