/**
 * The options of `attune train`: what to train on, from a table of the same kind as the training arguments,
 * and how all sources are joined.
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { LEAST_MARGIN, MARGIN } from '../compare/margin.js';
import { DEVICES } from '../engine/device-names.js';
import { UsageError } from '../errors/attune-error.js';
import type { Notice } from '../errors/notices.js';
import { parseJson } from '../json/syntax.js';
import type { ArgumentTable, Given, Resolved } from '../train/argument-table.js';
import { checkGiven, withDefaults } from '../train/argument-table.js';
import type { TrainingArguments } from '../train/arguments.js';
import {
  argumentWarnings,
  filledArguments,
  MOST_SEEDS,
  resolveArguments,
  TRAINING_ARGUMENTS,
} from '../train/arguments.js';
import type { TrainingChoice } from '../train/plan.js';
import { begunWith, isPlanned } from '../train/plan.js';
import { PRESET_NAMES, PRESETS } from '../train/presets.js';
import { COMMAND_GROUP, createCommand, normalizeArguments } from './command.js';
import { addOptions, givenOptions } from './command-arguments.js';

const DATA = 'Model and data';

export const DATA_OPTIONS = {
  model: {
    kind: 'string',
    placeholder: 'DIR|ID',
    default: undefined,
    group: DATA,
    description:
      'model to start from: a folder, or an id of the Hub such as gpt2, with @revision where wanted ' +
      '(default: the gpt2-mini that comes with attune)',
  },
  dataset: {
    kind: 'string',
    placeholder: 'NAME',
    default: undefined,
    group: DATA,
    description:
      'a file (jsonl, json, csv, tsv, parquet), a quoted pattern of files, a folder of train.* and test.*, ' +
      'owner/name[@revision] on the Hugging Face Hub, or sample, the bundled sentences',
  },
  datasetConfig: {
    kind: 'string',
    placeholder: 'NAME',
    default: undefined,
    group: DATA,
    description: 'configuration of a dataset that has several',
  },
  split: {
    kind: 'string',
    placeholder: 'NAME',
    default: undefined,
    group: DATA,
    description: 'split to train on (default: train)',
  },
  evalSplit: {
    kind: 'string',
    placeholder: 'NAME',
    default: undefined,
    group: DATA,
    description: 'split to evaluate on (default: test, where there is one)',
  },
  evalDataset: {
    kind: 'string',
    placeholder: 'FILE',
    default: undefined,
    group: DATA,
    description: "evaluation rows (default: the dataset's test split)",
  },
  testSize: {
    kind: 'number',
    above: 0,
    default: undefined,
    group: DATA,
    description: 'evaluate on this share, or number, of the training rows, the classes in proportion',
  },
  validationSize: {
    kind: 'number',
    above: 0,
    default: undefined,
    group: DATA,
    description:
      'choose the epoch by this share, or number, of the training rows, the classes in proportion ' +
      '(default: see the plan)',
  },
  trainRows: {
    kind: 'integer',
    min: 1,
    default: undefined,
    group: DATA,
    description: 'take the first N training rows (default: all)',
  },
  evalRows: {
    kind: 'integer',
    min: 1,
    default: undefined,
    group: DATA,
    description: 'take the first N evaluation rows (default: all)',
  },
  textColumn: {
    kind: 'string',
    placeholder: 'NAME',
    default: undefined,
    group: DATA,
    description: 'column of the text (default: text, else the one that is named or looks like it)',
  },
  labelColumn: {
    kind: 'string',
    placeholder: 'NAME',
    default: undefined,
    group: DATA,
    description: 'column of the label (default: label, likewise)',
  },
  device: {
    kind: 'enum',
    choices: DEVICES,
    default: 'auto',
    group: COMMAND_GROUP,
    description:
      'what computes; auto takes the GPU where there is a real one; ' +
      "webgpu-matrix-units multiplies on the GPU's matrix units (tensor cores), " +
      'as a rule in float16 with sums in float32: losses then differ from the reference ' +
      'by a ten-thousandth or so, and more as steps add up; attune doctor says whether the GPU has any',
  },
  threads: {
    kind: 'integer',
    min: 1,
    max: 1024,
    default: undefined,
    group: COMMAND_GROUP,
    description: 'threads that compute (default: as many as may be used)',
  },
  preset: {
    kind: 'enum',
    choices: PRESET_NAMES,
    default: undefined,
    group: COMMAND_GROUP,
    description: 'a set of arguments to start from, in place of those that follow from the data',
  },
  config: {
    kind: 'string',
    placeholder: 'FILE',
    default: undefined,
    group: COMMAND_GROUP,
    description: 'JSON file of any of these; the command line wins over it, and it over the preset',
  },
  allowChangedData: {
    kind: 'boolean',
    default: false,
    group: DATA,
    description:
      'resume although the training or evaluation rows are not those of the run that the checkpoint is of',
  },
  verifyExact: {
    kind: 'boolean',
    default: false,
    group: COMMAND_GROUP,
    description:
      'before training, take its first two steps on the float64 reference engine as well, rows padded, ' +
      'and print the largest differences; takes minutes',
  },
  json: {
    kind: 'boolean',
    default: false,
    group: COMMAND_GROUP,
    description: 'write records to stdout, one JSON object a line',
  },
} as const satisfies ArgumentTable;

export type DataOptions = Resolved<typeof DATA_OPTIONS>;

const ALL_OPTIONS = { ...DATA_OPTIONS, ...TRAINING_ARGUMENTS } as const satisfies ArgumentTable;
type AllGiven = Given<typeof ALL_OPTIONS>;

export interface TrainOptions {
  /**
   * What training is given: all arguments where a preset or one of them says that nothing is planned, else
   * those that the user gave.
   */
  readonly training: TrainingChoice;
  /** The same with TrainingArguments' defaults, of which some are planned later. */
  readonly args: TrainingArguments;
  readonly data: DataOptions;
  /** Names given on the command line or in the config file. */
  readonly explicit: ReadonlySet<string>;
  /** What the user should be told before the run. */
  readonly warnings: readonly Notice[];
}

/** Gives a command (of `createCommand`) all options of `attune train`. */
export function addTrainOptions(command: Command): Command {
  return addOptions(command, ALL_OPTIONS);
}

/** What `attune compare` takes beside the options of `attune train`. */
export const COMPARE_OPTIONS = {
  finetuned: {
    kind: 'string',
    placeholder: 'DIR',
    default: undefined,
    group: DATA,
    description: 'a model that was fine-tuned before: only the baselines are trained',
  },
  margin: {
    kind: 'number',
    min: LEAST_MARGIN,
    below: 1,
    default: MARGIN,
    group: COMMAND_GROUP,
    description:
      'weighted F1 that may be lost for a simpler model; the simplest that is shown to lose no more is recommended',
  },
  seeds: {
    kind: 'integer',
    min: 1,
    max: MOST_SEEDS,
    default: 1,
    group: COMMAND_GROUP,
    description:
      'fine-tune under this many seeds, from --seed up, each further one in a folder of its own (DIR-seed-43), ' +
      'and show how much its F1 varies; --overwrite-output-dir replaces these as well',
  },
} as const satisfies ArgumentTable;

/** What the user gave of them on the command line. */
export const givenCompareOptions = (command: Command): Given<typeof COMPARE_OPTIONS> & AllGiven =>
  givenOptions(command, { ...ALL_OPTIONS, ...COMPARE_OPTIONS });

export function addCompareOptions(command: Command): Command {
  return addOptions(addTrainOptions(command), COMPARE_OPTIONS);
}

/**
 * The options of a parsed command: the command line wins over the config file, that over the preset, that
 * over the defaults.
 *
 * @throws UsageError as `resolveArguments` does, and for a config file that cannot be read or is wrong,
 *   naming file and key or line
 */
export function trainOptionsOf(command: Command): TrainOptions {
  const line = givenOptions(command, ALL_OPTIONS);
  const config = line.config === undefined ? {} : readConfigFile(line.config);
  const name = line.preset ?? config.preset;
  const preset: AllGiven = name === undefined ? {} : { ...PRESETS[name].arguments, ...PRESETS[name].data };
  const joined = { ...preset, ...config, ...line };
  const explicit = new Set([...Object.keys(config), ...Object.keys(line)]);
  const given = pick(joined, TRAINING_ARGUMENTS);
  const planned = name === undefined && isPlanned(given);
  const args = planned ? filledArguments(given) : resolveArguments(given);
  const begun = planned ? { ...args, loadBestModelAtEnd: begunWith(given).loadBestModelAtEnd } : args;
  return {
    training: planned ? given : { args },
    args,
    data: withDefaults(DATA_OPTIONS, pick(joined, DATA_OPTIONS)),
    explicit,
    warnings: argumentWarnings(begun, explicit),
  };
}

/** The options that the words after `attune train` stand for. */
export function parseTrainOptions(argv: readonly string[]): TrainOptions {
  const command = addTrainOptions(createCommand('train'));
  command.parse(normalizeArguments(argv, command.options), { from: 'user' });
  return trainOptionsOf(command);
}

function pick<T extends ArgumentTable>(values: AllGiven, table: T): Given<T> {
  // What is in the table was checked against it
  return Object.fromEntries(Object.entries(values).filter(([name]) => name in table)) as Given<T>;
}

/**
 * Reads a JSON file of options, under any spelling of their names. A null stands for an option that is not
 * set; paths are meant from the current folder, as on the command line.
 */
export function readConfigFile(file: string): AllGiven {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError('config-file-unreadable', { file, reason }, { cause: error });
  }
  const parsed = parseJson(text);
  if ('error' in parsed) {
    const { line, column, message: reason } = parsed.error;
    throw new UsageError('config-file-syntax', { file, line, column, reason });
  }
  const { value } = parsed;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError('config-file-not-an-object', { file });
  const set = Object.fromEntries(Object.entries(value).filter(([, given]) => given !== null)) as Record<
    string,
    unknown
  >;
  const given = checkGiven(ALL_OPTIONS, set, file);
  if (given.config !== undefined) throw new UsageError('config-file-nested', { file });
  return given;
}
