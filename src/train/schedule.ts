/**
 * Steps, epochs and learning rates, as the Trainer of transformers counts them (trainer.py, optimization.py).
 *
 *   batch   perDeviceTrainBatchSize rows; an epoch's last batch may be shorter
 *   window  the batches of one optimizer step: gradientAccumulationSteps of them; an epoch's last window may
 *   be shorter, and still updates step    one optimizer step, one scheduler step
 */
import { randperm } from '../random/permutation.js';
import type { SchedulerType, TrainingArguments } from './arguments.js';

/**
 * Warmup steps of a run: `warmupSteps` where above 0 (below 1 it is a fraction), else `warmupRatio` of all
 * steps; fractions round up.
 */
export function warmupStepsOf(
  args: Pick<TrainingArguments, 'warmupSteps' | 'warmupRatio'>,
  totalSteps: number,
): number {
  if (args.warmupSteps >= 1) return args.warmupSteps;
  return Math.ceil(totalSteps * (args.warmupSteps > 0 ? args.warmupSteps : args.warmupRatio));
}

/**
 * Factor on the peak learning rate for the step after `step` completed ones: with a warmup the first step has
 * learning rate 0.
 */
export function learningRateFactor(
  type: SchedulerType,
  step: number,
  warmupSteps: number,
  totalSteps: number,
): number {
  if (type === 'constant') return 1;
  if (step < warmupSteps) return step / Math.max(1, warmupSteps);
  switch (type) {
    case 'constant_with_warmup':
      return 1;
    case 'linear':
      return Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps));
    case 'cosine': {
      const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
      return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
    }
  }
}

/** Learning rate used for the step after `step` completed ones. */
export function learningRateAt(
  args: Pick<TrainingArguments, 'learningRate' | 'lrSchedulerType' | 'warmupSteps' | 'warmupRatio'>,
  step: number,
  totalSteps: number,
): number {
  return (
    args.learningRate *
    learningRateFactor(args.lrSchedulerType, step, warmupStepsOf(args, totalSteps), totalSteps)
  );
}

export interface PlanOptions {
  readonly rows: number;
  readonly batchSize: number;
  readonly accumulation: number;
  /** May be a fraction: the run then ends in the middle of an epoch. */
  readonly epochs: number;
  /** Where above 0, the steps of the run, whatever `epochs` says. */
  readonly maxSteps: number;
}

export interface StepPlan extends PlanOptions {
  readonly batchesPerEpoch: number;
  readonly stepsPerEpoch: number;
  readonly totalSteps: number;
  /** Epochs begun. */
  readonly epochsBegun: number;
  /**
   * What train_samples_per_second divides by the time: rows times epochs, or the rows of full windows where
   * maxSteps counts.
   */
  readonly samples: number;
}

/** @throws RangeError unless there are rows. */
export function stepPlan(options: PlanOptions): StepPlan {
  const { rows, batchSize, accumulation, epochs, maxSteps } = options;
  if (!(rows > 0)) throw new RangeError('stepPlan: there must be at least one training row');
  const batchesPerEpoch = Math.ceil(rows / batchSize);
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / accumulation);
  const plan = { ...options, batchesPerEpoch, stepsPerEpoch };
  if (maxSteps > 0)
    return {
      ...plan,
      totalSteps: maxSteps,
      epochsBegun: Math.ceil(maxSteps / stepsPerEpoch),
      samples: maxSteps * batchSize * accumulation,
    };
  return {
    ...plan,
    totalSteps: Math.ceil(epochs * stepsPerEpoch),
    epochsBegun: Math.ceil(epochs),
    samples: rows * epochs,
  };
}

/** The plan of a run over `rows` training rows. */
export function planOf(
  args: Pick<
    TrainingArguments,
    'perDeviceTrainBatchSize' | 'gradientAccumulationSteps' | 'numTrainEpochs' | 'maxSteps'
  >,
  rows: number,
): StepPlan {
  return stepPlan({
    rows,
    batchSize: args.perDeviceTrainBatchSize,
    accumulation: args.gradientAccumulationSteps,
    epochs: args.numTrainEpochs,
    maxSteps: args.maxSteps,
  });
}

/** The batches of one step: `firstBatch` to `firstBatch + batches - 1` of epoch `epoch`, all from 0. */
export interface StepWindow {
  readonly epoch: number;
  readonly firstBatch: number;
  readonly batches: number;
  /** The epoch has no further window. */
  readonly lastOfEpoch: boolean;
}

/** The window of step `step`, which is from 1 to totalSteps. */
export function stepWindow(plan: StepPlan, step: number): StepWindow {
  const epoch = Math.floor((step - 1) / plan.stepsPerEpoch);
  const firstBatch = ((step - 1) % plan.stepsPerEpoch) * plan.accumulation;
  const batches = Math.min(plan.accumulation, plan.batchesPerEpoch - firstBatch);
  return { epoch, firstBatch, batches, lastOfEpoch: firstBatch + batches === plan.batchesPerEpoch };
}

/**
 * The epoch that records of a step carry: epochs finished, plus the fraction of this epoch's batches (not
 * steps) done. 0 before the first step.
 */
export function epochAt(plan: StepPlan, step: number): number {
  if (step === 0) return 0;
  const { epoch, firstBatch, batches } = stepWindow(plan, step);
  return epoch + (firstBatch + batches) / plan.batchesPerEpoch;
}

/** Rows gone through in the steps up to `step`; an epoch's last batch may be short. */
export function rowsUpTo(plan: StepPlan, step: number): number {
  const { epoch, firstBatch, batches } = stepWindow(plan, step);
  return epoch * plan.rows + Math.min(plan.rows, (firstBatch + batches) * plan.batchSize);
}

/** Order in which epoch `epoch` (from 0) goes through the rows: accelerate's SeedableRandomSampler. */
export function rowOrder(rows: number, seed: number, epoch: number): Int32Array {
  return randperm(rows, seed + epoch);
}

/** Row indices of batch `batch` (from 0) of an epoch that goes through the rows in `order`. */
export function batchRows(order: Int32Array, batchSize: number, batch: number): Int32Array {
  return order.subarray(batch * batchSize, (batch + 1) * batchSize);
}

/** What the batches of a run are at most. */
export interface LargestBatch {
  readonly rows: number;
  readonly tokens: number;
  /** Batches a step. */
  readonly microBatches: number;
}

/** Row lookups after which the orders of epochs are no longer gone through: some tenths of a second. */
const MOST_LOOKUPS = 2_000_000;

/**
 * The most rows, tokens and micro-batches that the steps after `startStep` have to do with, by the very order
 * they take the rows in. Of a run over millions of rows, as many tokens as the longest rows have together,
 * which no order exceeds. A run that goes on has only its remaining steps to do.
 */
export function largestTrainingBatch(
  rows: readonly { readonly ids: ArrayLike<number> }[],
  args: Pick<
    TrainingArguments,
    'perDeviceTrainBatchSize' | 'gradientAccumulationSteps' | 'numTrainEpochs' | 'maxSteps' | 'seed'
  >,
  startStep = 0,
): LargestBatch {
  const plan = planOf(args, rows.length);
  const lengths = Int32Array.from(rows, ({ ids }) => ids.length);
  const { epoch: firstEpoch } = stepWindow(plan, startStep + 1);
  const epochs = Math.max(0, plan.epochsBegun - firstEpoch);
  const longest = {
    rows: Math.min(plan.batchSize, plan.rows),
    tokens: lengths
      .slice()
      .sort()
      .subarray(-plan.batchSize)
      .reduce((sum, length) => sum + length, 0),
    microBatches: Math.min(plan.accumulation, plan.batchesPerEpoch),
  };
  if (epochs * plan.rows > MOST_LOOKUPS) return longest;
  const largest = { rows: 0, tokens: 0, microBatches: 0 };
  let order: { readonly epoch: number; readonly rows: Int32Array } | undefined;
  for (let step = startStep + 1; step <= plan.totalSteps; step++) {
    const { epoch, firstBatch, batches } = stepWindow(plan, step);
    if (order?.epoch !== epoch) order = { epoch, rows: rowOrder(plan.rows, args.seed, epoch) };
    largest.microBatches = Math.max(largest.microBatches, batches);
    for (let b = 0; b < batches; b++) {
      const batch = batchRows(order.rows, plan.batchSize, firstBatch + b);
      largest.rows = Math.max(largest.rows, batch.length);
      let tokens = 0;
      for (const row of batch) tokens += lengths[row];
      largest.tokens = Math.max(largest.tokens, tokens);
    }
  }
  // Nothing is left to do: what the run would have needed does no harm.
  return largest.rows > 0 ? largest : longest;
}
