/**
 * The arguments of training: one table, from which types, checks, command line options and help follow.
 * Names, defaults and what an argument does are those of transformers 5.17's TrainingArguments (and of its
 * EarlyStoppingCallback); where 4.x had a name that 5.x dropped, both work. attune's own are maxLength,
 * dropout and bestModelTolerance.
 */
import { join } from 'node:path';
import { UsageError } from '../errors/attune-error.js';
import type { Notice } from '../errors/notices.js';
import { notice } from '../errors/notices.js';
import type { PythonValue } from '../json/python.js';
import { dumps, float } from '../json/python.js';
import type { ArgumentTable, Given, Resolved } from './argument-table.js';
import { checkGiven, snakeCase, withDefaults } from './argument-table.js';

const DURATION = 'Duration and batches';
const OPTIMIZER = 'Optimizer and schedule';
const RECORDS = 'Records, evaluation and checkpoints';
const BEST = 'Best model and early stopping';
/** Under how many seeds a run can be repeated; more would be a mistake in typing. */
export const MOST_SEEDS = 100;

const RUN = 'The run';

export const TRAINING_ARGUMENTS = {
  numTrainEpochs: {
    kind: 'number',
    default: 3,
    above: 0,
    group: DURATION,
    aliases: ['epochs'],
    description: 'passes over the training rows; may be a fraction',
  },
  maxSteps: {
    kind: 'integer',
    default: -1,
    min: -1,
    group: DURATION,
    description: 'optimizer steps in all, where above 0; overrides the epochs',
  },
  perDeviceTrainBatchSize: {
    kind: 'integer',
    default: 8,
    min: 1,
    group: DURATION,
    aliases: ['batchSize'],
    description: 'training rows a batch',
  },
  perDeviceEvalBatchSize: {
    kind: 'integer',
    default: 8,
    min: 1,
    group: DURATION,
    description: 'evaluation rows a batch',
  },
  gradientAccumulationSteps: {
    kind: 'integer',
    default: 1,
    min: 1,
    group: DURATION,
    description: 'batches whose gradients are added up for one optimizer step',
  },
  maxLength: {
    kind: 'integer',
    default: undefined,
    min: 1,
    group: DURATION,
    description: "tokens a row at most, the rest is cut off (default: the model's positions)",
  },

  learningRate: {
    kind: 'number',
    default: 5e-5,
    min: 0,
    group: OPTIMIZER,
    aliases: ['lr'],
    description: 'peak learning rate of AdamW',
  },
  lrSchedulerType: {
    kind: 'enum',
    choices: ['linear', 'cosine', 'constant', 'constant_with_warmup'],
    default: 'linear',
    group: OPTIMIZER,
    description: 'how the learning rate goes on after the warmup',
  },
  warmupSteps: {
    kind: 'steps',
    default: 0,
    zero: true,
    group: OPTIMIZER,
    description: 'steps in which the learning rate rises from 0; below 1, a fraction of all steps',
  },
  warmupRatio: {
    kind: 'number',
    default: 0,
    min: 0,
    max: 1,
    group: OPTIMIZER,
    description: 'the same as a fraction of all steps; counts where warmup-steps is 0',
  },
  weightDecay: {
    kind: 'number',
    default: 0,
    min: 0,
    group: OPTIMIZER,
    description: 'decoupled weight decay, of all but biases and LayerNorm',
  },
  adamBeta1: {
    kind: 'number',
    default: 0.9,
    min: 0,
    below: 1,
    group: OPTIMIZER,
    description: 'decay of the first moment',
  },
  adamBeta2: {
    kind: 'number',
    default: 0.999,
    min: 0,
    below: 1,
    group: OPTIMIZER,
    description: 'decay of the second moment',
  },
  adamEpsilon: {
    kind: 'number',
    default: 1e-8,
    min: 0,
    group: OPTIMIZER,
    description: 'added to the root of the second moment',
  },
  maxGradNorm: {
    kind: 'number',
    default: 1,
    min: 0,
    group: OPTIMIZER,
    description: 'gradients are clipped to this norm; 0 turns clipping off',
  },
  dropout: {
    kind: 'number',
    default: undefined,
    min: 0,
    below: 1,
    group: OPTIMIZER,
    description: "sets the three dropouts of the model (default: the model's config)",
  },

  loggingStrategy: {
    kind: 'enum',
    choices: ['no', 'steps', 'epoch'],
    default: 'steps',
    group: RECORDS,
    description: 'when a training record is written',
  },
  loggingSteps: {
    kind: 'steps',
    default: 500,
    zero: false,
    group: RECORDS,
    description: 'steps between training records; below 1, a fraction of all steps',
  },
  loggingFirstStep: {
    kind: 'boolean',
    default: false,
    group: RECORDS,
    description: 'write a record of the first step too',
  },
  evalStrategy: {
    kind: 'enum',
    choices: ['no', 'steps', 'epoch'],
    default: 'no',
    group: RECORDS,
    aliases: ['evaluationStrategy'],
    description: 'when to evaluate',
  },
  evalSteps: {
    kind: 'steps',
    default: undefined,
    zero: false,
    group: RECORDS,
    description: 'steps between evaluations (default: logging-steps); below 1, a fraction',
  },
  saveStrategy: {
    kind: 'enum',
    choices: ['no', 'steps', 'epoch'],
    default: 'steps',
    group: RECORDS,
    description: 'when to save a checkpoint',
  },
  saveSteps: {
    kind: 'steps',
    default: 500,
    zero: false,
    group: RECORDS,
    description: 'steps between checkpoints; below 1, a fraction of all steps',
  },
  saveTotalLimit: {
    kind: 'integer',
    default: undefined,
    min: 1,
    group: RECORDS,
    description: 'checkpoints to keep: the best, the last, then the newest (default: all)',
  },
  loggingDir: {
    kind: 'string',
    placeholder: 'DIR',
    default: undefined,
    group: RECORDS,
    description: 'where TensorBoard event files go (default: runs in the output folder)',
  },

  loadBestModelAtEnd: {
    kind: 'boolean',
    default: false,
    group: BEST,
    description: 'end with the best checkpoint instead of the last',
  },
  metricForBestModel: {
    kind: 'string',
    placeholder: 'NAME',
    default: undefined,
    group: BEST,
    description: 'what is best, e.g. f1 (default: loss)',
  },
  greaterIsBetter: {
    kind: 'boolean',
    default: undefined,
    group: BEST,
    description: 'whether greater is better (default: unless the metric ends in loss)',
  },
  bestModelTolerance: {
    kind: 'number',
    default: undefined,
    min: 0,
    group: BEST,
    description: 'a later checkpoint that is worse by no more than this takes the place of the best',
  },
  earlyStoppingPatience: {
    kind: 'integer',
    default: undefined,
    min: 1,
    group: BEST,
    description: 'stop after so many evaluations without an improvement',
  },
  earlyStoppingThreshold: {
    kind: 'number',
    default: 0,
    min: 0,
    group: BEST,
    description: 'what counts as an improvement must exceed this',
  },

  seed: {
    kind: 'integer',
    default: 42,
    min: 0,
    max: 2 ** 32 - 1,
    group: RUN,
    description: 'decides the new head, the row order and the dropout masks',
  },
  outputDir: {
    kind: 'string',
    placeholder: 'DIR',
    default: 'trainer_output',
    group: RUN,
    aliases: ['output'],
    description: 'where the model, checkpoints and records go',
  },
  overwriteOutputDir: {
    kind: 'boolean',
    default: false,
    group: RUN,
    description: 'replace the run that the output folder already holds',
  },
  resumeFromCheckpoint: {
    kind: 'string',
    placeholder: 'DIR',
    bare: true,
    default: undefined,
    group: RUN,
    description: "go on from a checkpoint; without DIR, from the output folder's last",
  },
} as const satisfies ArgumentTable;

/** What a caller may give: any of the arguments, each in its own type. */
export type TrainingArgumentsInput = Given<typeof TRAINING_ARGUMENTS>;

/** All arguments, with defaults and what follows from them filled in. */
export type TrainingArguments = Omit<Resolved<typeof TRAINING_ARGUMENTS>, 'loggingDir'> & {
  readonly loggingDir: string;
};

export type SchedulerType = TrainingArguments['lrSchedulerType'];
export type Strategy = TrainingArguments['evalStrategy'];

/**
 * Fills in defaults and what follows from other arguments, and refuses what contradicts itself, as
 * TrainingArguments does: `evalSteps` falls back to `loggingSteps`, `metricForBestModel` to "loss" where a
 * best model is asked for, `greaterIsBetter` to whether the metric's name does not end in "loss",
 * `loggingDir` to `runs` in the output folder. Names may be camelCase, snake_case or kebab-case, and old
 * names are known.
 *
 * @throws UsageError naming the argument and what it accepts: `argument-unknown`, `argument-invalid`,
 *   `argument-given-twice`, `early-stopping-needs-evaluations`, `best-model-*`
 */
export function resolveArguments(
  input: TrainingArgumentsInput | Readonly<Record<string, unknown>> = {},
): TrainingArguments {
  const args = filledArguments(input);
  refuseContradictions(args);
  return args;
}

/**
 * `resolveArguments` without the look for contradictions, for some of a run's arguments.
 *
 * @throws UsageError `argument-unknown`, `argument-invalid`, `argument-given-twice`
 */
export function filledArguments(
  input: TrainingArgumentsInput | Readonly<Record<string, unknown>>,
): TrainingArguments {
  const given = withDefaults(TRAINING_ARGUMENTS, checkGiven(TRAINING_ARGUMENTS, input));
  const wantsBest = given.loadBestModelAtEnd || given.earlyStoppingPatience !== undefined;
  const metricForBestModel = given.metricForBestModel ?? (wantsBest ? 'loss' : undefined);
  return {
    ...given,
    evalSteps: given.evalSteps ?? (given.evalStrategy === 'steps' ? given.loggingSteps : undefined),
    metricForBestModel,
    greaterIsBetter:
      given.greaterIsBetter ??
      (metricForBestModel === undefined ? undefined : !metricForBestModel.endsWith('loss')),
    loggingDir: given.loggingDir ?? join(given.outputDir, 'runs'),
  };
}

function refuseContradictions(args: TrainingArguments): void {
  const { evalStrategy, saveStrategy, evalSteps, saveSteps } = args;
  if (args.earlyStoppingPatience !== undefined && evalStrategy === 'no')
    throw new UsageError('early-stopping-needs-evaluations', {});
  if (!args.loadBestModelAtEnd) return;
  if (evalStrategy === 'no') throw new UsageError('best-model-needs-evaluations', {});
  if (evalStrategy !== saveStrategy)
    throw new UsageError('best-model-needs-checkpoints', { evalStrategy, saveStrategy });
  if (evalStrategy === 'steps' && evalSteps !== undefined && !isMultiple(saveSteps, evalSteps))
    throw new UsageError('best-model-save-steps', { saveSteps, evalSteps });
}

/**
 * Fractions are compared as whole millionths, as TrainingArguments does; a fraction and a whole number are
 * never multiples of each other.
 */
function isMultiple(steps: number, unit: number): boolean {
  if (steps < 1 !== unit < 1) return false;
  return steps < 1 ? (steps * 1e6) % (unit * 1e6) === 0 : steps % unit === 0;
}

/**
 * Refuses an evaluation strategy without rows to evaluate on.
 *
 * @throws UsageError `evaluation-without-rows`
 */
export function requireEvaluation(args: TrainingArguments, hasEvaluationRows: boolean): void {
  const { evalStrategy } = args;
  if (evalStrategy === 'no' || hasEvaluationRows) return;
  throw new UsageError('evaluation-without-rows', { evalStrategy });
}

/**
 * Refuses a `metricForBestModel` that no evaluation will report.
 *
 * @param available names with or without the `eval_` prefix, e.g. loss, accuracy, f1, auc
 * @throws UsageError `metric-for-best-model-unknown`
 */
export function requireMetric(
  args: Pick<TrainingArguments, 'metricForBestModel'>,
  available: readonly string[],
): void {
  const { metricForBestModel: given } = args;
  if (given === undefined) return;
  const bare = (name: string): string => name.replace(/^eval_/, '');
  const known = available.map(bare);
  if (known.includes(bare(given))) return;
  throw new UsageError('metric-for-best-model-unknown', { given, known });
}

/**
 * What a user should know about arguments that are allowed together but do not all count.
 *
 * @param explicit names that the user gave, as against defaults and presets
 */
export function argumentWarnings(
  args: TrainingArguments,
  explicit: ReadonlySet<string> = new Set(),
): readonly Notice[] {
  const warnings: Notice[] = [];
  const overrides = (winner: 'maxSteps' | 'warmupSteps', loser: 'numTrainEpochs' | 'warmupRatio'): void => {
    warnings.push(notice('argument-overridden', { winner, value: args[winner], loser, lost: args[loser] }));
  };
  if (args.maxSteps > 0 && explicit.has('numTrainEpochs')) overrides('maxSteps', 'numTrainEpochs');
  if (args.warmupSteps > 0 && args.warmupRatio > 0) overrides('warmupSteps', 'warmupRatio');
  if (args.lrSchedulerType === 'constant' && (args.warmupSteps > 0 || args.warmupRatio > 0)) {
    warnings.push(notice('constant-schedule-no-warmup', {}));
  }
  if (args.earlyStoppingPatience !== undefined && !args.loadBestModelAtEnd) {
    warnings.push(notice('early-stopping-keeps-last', {}));
  }
  return warnings;
}

/**
 * The arguments as TrainingArguments.to_json_string gives them: snake_case names, null for what is not set,
 * floats as Python prints them. TensorBoard shows this text.
 */
export function argumentsToJson(args: TrainingArguments): string {
  const entries = Object.entries(TRAINING_ARGUMENTS).map(([name, spec]): [string, PythonValue] => {
    const value = args[name as keyof TrainingArguments] ?? null;
    return [snakeCase(name), spec.kind === 'number' && typeof value === 'number' ? float(value) : value];
  });
  return dumps(Object.fromEntries(entries), { indent: 2 });
}

/** Those that are set, under their camelCase names. */
export function argumentsOf(args: TrainingArguments): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
}
