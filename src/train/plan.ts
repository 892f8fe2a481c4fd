/**
 * The plan of a run: the arguments that nobody gave, derived from the data and the model. The rules were
 * fitted on some datasets and confirmed on others (bench/plan.ts, bench/RESULTS.md), all with gpt2-mini; what
 * they say of wider models follows the usual learning rates of GPT-2 and was not measured.
 *
 * With `learningRate`, `maxSteps`, or when to evaluate or save (`BY_HAND`) the caller decides how the model
 * learns: then nothing is planned, and what is not given has TrainingArguments' defaults. Epochs that are
 * given are gone through to the end: no best epoch is looked for, and nothing stops the run early.
 */
import type { Dataset } from '../data/dataset.js';
import type { PlannedParts } from '../data/held-out.js';
import { MOST_VALIDATION_ROWS } from '../data/held-out.js';
import type { Splits } from '../data/splits.js';
import { UsageError } from '../errors/attune-error.js';
import type { Gpt2Config } from '../model/config.js';
import type { Given } from './argument-table.js';
import { argumentName, checkGiven, withDefaults } from './argument-table.js';
import type { TrainingArguments, TrainingArgumentsInput } from './arguments.js';
import { filledArguments, resolveArguments, TRAINING_ARGUMENTS } from './arguments.js';
import { planOf } from './schedule.js';

/** Arguments of a run: some of them, or all that there are, of which nothing is planned. */
export interface TrainingChoice extends TrainingArgumentsInput {
  /** As `resolveArguments` gives them. */
  readonly args?: TrainingArguments | undefined;
}

/** Arguments that are known before the data is. */
export type BegunArguments = Pick<
  TrainingArguments,
  | 'seed'
  | 'outputDir'
  | 'overwriteOutputDir'
  | 'loggingDir'
  | 'resumeFromCheckpoint'
  | 'maxLength'
  | 'metricForBestModel'
  | 'dropout'
  | 'loadBestModelAtEnd'
>;

/** An argument that was planned. */
export interface PlanLine {
  /** Its name, e.g. `learningRate`. */
  readonly argument: keyof TrainingArguments | 'testSize' | 'validationSize';
  readonly value: string | number | boolean;
  /** Why, in words. */
  readonly reason: string;
}

export interface Plan {
  readonly args: TrainingArguments;
  /** Nothing where the arguments were given by hand. */
  readonly lines: readonly PlanLine[];
}

export const BY_HAND = [
  'learningRate',
  'maxSteps',
  'evalStrategy',
  'evalSteps',
  'saveStrategy',
  'saveSteps',
] as const;

/**
 * What of a caller's options are arguments of training, under the table's own names.
 *
 * @throws UsageError `argument-invalid`, `argument-given-twice`
 */
export function givenArguments(options: object): Given<typeof TRAINING_ARGUMENTS> {
  return checkGiven(
    TRAINING_ARGUMENTS,
    Object.fromEntries(
      Object.entries(options).filter(([name]) => argumentName(TRAINING_ARGUMENTS, name) !== undefined),
    ),
  );
}

/** Options without those that are arguments of training. */
export const withoutArguments = <T extends object>(options: T): T =>
  Object.fromEntries(
    Object.entries(options).filter(([name]) => argumentName(TRAINING_ARGUMENTS, name) === undefined),
  ) as T;

export function isPlanned(options: TrainingChoice): boolean {
  if (options.args) return false;
  const given = givenArguments(options);
  return BY_HAND.every((name) => given[name] === undefined);
}

/**
 * What is known of a run's arguments before its data is.
 *
 * @throws UsageError `arguments-beside-args`, and as `resolveArguments`
 */
export function begunWith(options: TrainingChoice): BegunArguments {
  const given = givenArguments(options);
  if (options.args) {
    const [beside] = Object.keys(given);
    if (beside !== undefined) throw new UsageError('arguments-beside-args', { argument: beside });
    return options.args;
  }
  if (!isPlanned(given)) return resolveArguments(given);
  return filledArguments({ loadBestModelAtEnd: given.numTrainEpochs === undefined, ...given });
}

/** Tokens that a text is cut to. @param positions of the model */
export function lengthOf(options: TrainingChoice, positions: number): number {
  return (
    begunWith(options).maxLength ?? (isPlanned(options) ? Math.min(PLANNED_LENGTH, positions) : positions)
  );
}

const TEST_SHARE = 0.2;
const VALIDATION_SHARE = 0.15;

/** The parts that a training run holds out, where the data has none. */
export const partsOfTraining = (options: TrainingChoice): PlannedParts | undefined =>
  isPlanned(options) ? { validationSize: VALIDATION_SHARE } : undefined;

/** Those of a comparison, which needs rows to test on in any case. */
export const partsOfComparison = (options: TrainingChoice): PlannedParts => ({
  testSize: TEST_SHARE,
  ...partsOfTraining(options),
});

/** Tokens a text is cut to: about 190 English words. */
export const PLANNED_LENGTH = 256;

/** What the plan is derived from. */
export interface PlanFacts {
  /** To learn from. */
  readonly trainRows: number;
  /** To choose the epoch by; 0: there are none. */
  readonly validationRows: number;
  readonly classes: number;
  /** Hidden size of the model. */
  readonly width: number;
  readonly maxLength: number;
  /** Training rows of as many tokens as `maxLength`: those that were cut, and a few that fit exactly. */
  readonly fullRows: number;
}

/** Rows that a run goes through, and the epochs that this may come to. */
const ROWS_SEEN = 5000;
const FEWEST_EPOCHS = 3;
const MOST_EPOCHS = 10;
/** From as many training rows on, batches are twice as large: as good there, and faster. */
const MANY_ROWS = 4000;
/** At a hidden size of 384; the lowest from 500 training rows of each class on. */
const LEARNING_RATE = { lowest: 1e-4, highest: 2e-4, rowsOfClass: 500, width: 384 };
const WARMUP_RATIO = 0.1;
const WEIGHT_DECAY = 0.01;
const METRIC = 'f1';
/** Metrics that are shares of rows, or nearly: their standard error is known. */
const SHARES: ReadonlySet<string> = new Set(['f1', 'accuracy']);
const PATIENCE = 3;
/** Log entries of a run. */
const ENTRIES = 30;
/** Half the standard error of a share of one half: differences of F1 up to it are chance. */
const toleranceOf = (rows: number): number => Number((0.25 / Math.sqrt(rows)).toPrecision(2));

/**
 * Completes the arguments.
 *
 * @param input what the caller gave, which wins
 * @throws UsageError `best-epoch-without-rows`, and as `resolveArguments`
 */
export function planArguments(input: TrainingArgumentsInput, facts: PlanFacts): Plan {
  const given = givenArguments(input);
  if (facts.validationRows === 0 && (given.loadBestModelAtEnd || given.earlyStoppingPatience !== undefined))
    throw new UsageError('best-epoch-without-rows', {});
  const lines = linesOf(given, facts).filter(({ argument }) => given[argument] === undefined);
  const planned = { ...unlistedArguments(given, facts), ...valuesOf(lines), ...given };
  const entries =
    given.loggingStrategy === undefined && given.loggingSteps === undefined
      ? [logEntries(planned, facts)]
      : [];
  return { args: resolveArguments({ ...planned, ...valuesOf(entries) }), lines: [...lines, ...entries] };
}

/** A line of the plan that is an argument of training. */
interface ArgumentLine extends PlanLine {
  readonly argument: keyof TrainingArguments;
}

const valuesOf = (lines: readonly ArgumentLine[]): TrainingArgumentsInput =>
  Object.fromEntries(lines.map(({ argument, value }) => [argument, value]));

function logEntries(planned: TrainingArgumentsInput, { trainRows }: PlanFacts): ArgumentLine {
  const { totalSteps } = planOf(withDefaults(TRAINING_ARGUMENTS, planned), trainRows);
  const loggingSteps = Math.ceil(totalSteps / ENTRIES);
  return {
    argument: 'loggingSteps',
    value: loggingSteps,
    reason: `about ${Math.floor(totalSteps / loggingSteps)} log entries in ${totalSteps} steps`,
  };
}

function linesOf(given: TrainingArgumentsInput, facts: PlanFacts): ArgumentLine[] {
  const { trainRows, maxLength, fullRows } = facts;
  const rows = `${trainRows} training rows`;
  const epochs = Math.min(MOST_EPOCHS, Math.max(FEWEST_EPOCHS, Math.ceil(ROWS_SEEN / trainRows)));
  const rate = learningRateOf(facts);
  const lines: ArgumentLine[] = [
    {
      argument: 'numTrainEpochs',
      value: epochs,
      reason: epochsReason(epochs, trainRows, keepsBest(given, facts)),
    },
    {
      argument: 'perDeviceTrainBatchSize',
      value: trainRows < MANY_ROWS ? 8 : 16,
      reason:
        trainRows < MANY_ROWS
          ? `${rows}: small batches make more steps of them`
          : `${rows}: larger batches are as good, and faster`,
    },
    { argument: 'learningRate', value: rate.value, reason: rate.reason },
  ];
  if (given.warmupSteps === undefined && given.lrSchedulerType !== 'constant')
    lines.push({
      argument: 'warmupRatio',
      value: WARMUP_RATIO,
      reason: 'the learning rate rises over the first tenth of the steps',
    });
  lines.push({ argument: 'weightDecay', value: WEIGHT_DECAY, reason: 'the usual one of AdamW' });
  lines.push({
    argument: 'maxLength',
    value: maxLength,
    reason:
      fullRows === 0
        ? 'tokens; no training row is longer'
        : `tokens; what is longer is cut, at most ${fullRows} of ${rows}`,
  });
  if (keepsBest(given, facts)) {
    const metric = given.metricForBestModel?.replace(/^eval_/, '') ?? METRIC;
    lines.push({
      argument: 'loadBestModelAtEnd',
      value: true,
      reason: `the epoch with the best ${metric} on the validation rows is kept`,
    });
    if (SHARES.has(metric))
      lines.push({
        argument: 'bestModelTolerance',
        value: toleranceOf(facts.validationRows),
        reason: `or a later one whose ${metric} is lower by no more: half the standard error of so few rows`,
      });
    lines.push({
      argument: 'earlyStoppingPatience',
      value: PATIENCE,
      reason: `${PATIENCE} epochs without a better ${metric} end the run`,
    });
  }
  return lines;
}

function epochsReason(epochs: number, trainRows: number, isChosen: boolean): string {
  const seen = `${trainRows} training rows, gone through ${epochs} times`;
  return isChosen ? `${seen} at most: the best epoch is kept` : seen;
}

/** Arguments that are set without a line of their own: when to evaluate and save, and by which metric. */
function unlistedArguments(given: TrainingArgumentsInput, facts: PlanFacts): TrainingArgumentsInput {
  const { validationRows } = facts;
  const best = keepsBest(given, facts) ? ({ metricForBestModel: METRIC } as const) : {};
  return {
    evalStrategy: validationRows > 0 ? 'epoch' : 'no',
    saveStrategy: 'epoch',
    saveTotalLimit: 1,
    ...best,
  };
}

/** Whether the run looks for its best epoch. */
const keepsBest = (
  { numTrainEpochs, loadBestModelAtEnd }: TrainingArgumentsInput,
  { validationRows }: PlanFacts,
): boolean => validationRows > 0 && numTrainEpochs === undefined && loadBestModelAtEnd !== false;

/**
 * Fewer rows of a class make fewer steps to learn it in, which must be larger; a wider model takes smaller
 * ones.
 */
function learningRateOf({ trainRows, classes, width }: PlanFacts): {
  readonly value: number;
  readonly reason: string;
} {
  const { lowest, highest, rowsOfClass, width: fitted } = LEARNING_RATE;
  const ofRows = Math.min(highest, Math.max(lowest, lowest * Math.sqrt((rowsOfClass * classes) / trainRows)));
  const rate = Number((ofRows * Math.min(1, (fitted / width) ** 2)).toPrecision(2));
  return {
    value: rate,
    reason: `for about ${Math.round(trainRows / classes)} training rows a class and a hidden size of ${width}`,
  };
}

/**
 * The parts that were held out by the plan, as its first lines. @param given sizes that were given by hand
 * @param choosesEpoch whether the run looks for its best epoch
 */
function heldOutLines(
  { train, test, validation, heldOut }: Splits,
  given: SizesGiven,
  choosesEpoch: boolean,
): PlanLine[] {
  const line = (
    argument: 'testSize' | 'validationSize',
    part: Dataset | undefined,
    purpose: string,
  ): PlanLine[] => {
    const size = heldOut[argument];
    if (!part || size === undefined || given[argument] !== undefined) return [];
    return [{ argument, value: size, reason: `${part.length} rows, the classes in proportion, ${purpose}` }];
  };
  const most = validation?.length === MOST_VALIDATION_ROWS ? '; more would not tell epochs apart better' : '';
  const purpose = choosesEpoch ? 'to choose the epoch by' : 'to evaluate each epoch on';
  return [
    ...line('testSize', test, 'to compare the models on'),
    ...line('validationSize', validation, `${purpose}; ${train.length} are left to learn from${most}`),
  ];
}

interface SizesGiven {
  readonly testSize?: number | undefined;
  readonly validationSize?: number | undefined;
}

/**
 * All arguments of a run, planned where they are to be.
 *
 * @param fullRows training rows of as many tokens as texts are cut to, for the reason of that
 */
export function planOfRun(
  options: TrainingChoice & SizesGiven,
  splits: Splits,
  { nEmbd: width, nPositions }: Gpt2Config,
  fullRows = 0,
): Plan {
  if (!isPlanned(options))
    return { args: argumentsByHand(options), lines: heldOutLines(splits, options, false) };
  const maxLength = lengthOf(options, nPositions);
  const facts = {
    trainRows: splits.train.length,
    validationRows: splits.validation?.length ?? 0,
    classes: splits.labelNames.length,
    width,
    maxLength,
    fullRows,
  };
  const { args, lines } = planArguments(givenArguments(options), facts);
  return { args, lines: [...heldOutLines(splits, options, args.loadBestModelAtEnd), ...lines] };
}

/** All arguments of a run that is not planned. */
export const argumentsByHand = (options: TrainingChoice): TrainingArguments =>
  options.args ?? resolveArguments(givenArguments(options));
