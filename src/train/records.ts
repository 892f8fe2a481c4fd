/**
 * The records of a run, as the Trainer appends them to `log_history`: the same keys in the same order, with
 * `step` last. The step is an integer, everything else a float.
 */

/** Every `loggingSteps` steps. */
export interface TrainRecord {
  /**
   * Mean of the step losses since the last record; the losses of a step's micro-batches are added (see
   * LossLog).
   */
  readonly loss: number;
  /** L2 norm of the step's gradient before clipping. */
  readonly grad_norm: number;
  /** The one that was used for the step. */
  readonly learning_rate: number;
  readonly epoch: number;
  readonly step: number;
}

/**
 * An evaluation: `eval_loss`, the metrics with the prefix `eval_` in the order computed, then these. A metric
 * that is undefined is null.
 */
export interface EvalRecord {
  readonly eval_loss: number;
  readonly [metric: `eval_${string}`]: number | null | undefined;
  readonly eval_runtime: number;
  readonly eval_samples_per_second?: number;
  readonly eval_steps_per_second?: number;
  readonly epoch: number;
  readonly step: number;
}

/** The end of a run. */
export interface FinalRecord {
  readonly train_runtime: number;
  readonly train_samples_per_second?: number;
  readonly train_steps_per_second?: number;
  /** Estimated floating point operations: see `trainingFlops`. */
  readonly total_flos: number;
  /** Mean of all step losses. */
  readonly train_loss: number;
  readonly epoch: number;
  readonly step: number;
}

export type LogRecord = TrainRecord | EvalRecord | FinalRecord;

export const isTrainRecord = (record: LogRecord): record is TrainRecord => 'loss' in record;
export const isEvalRecord = (record: LogRecord): record is EvalRecord => 'eval_loss' in record;
export const isFinalRecord = (record: LogRecord): record is FinalRecord => 'train_runtime' in record;

export interface Position {
  readonly epoch: number;
  readonly step: number;
}

export function trainRecord(
  values: { readonly loss: number; readonly gradNorm: number; readonly learningRate: number },
  at: Position,
): TrainRecord {
  return {
    loss: values.loss,
    grad_norm: values.gradNorm,
    learning_rate: values.learningRate,
    epoch: at.epoch,
    step: at.step,
  };
}

/**
 * @param metrics names without prefix, in the order computed; null or NaN where a metric is undefined
 * @param work seconds taken, rows evaluated, batches they came in
 */
export function evalRecord(
  loss: number,
  metrics: Readonly<Record<string, number | null>>,
  work: { readonly seconds: number; readonly rows: number; readonly batches: number },
  at: Position,
): EvalRecord {
  const prefixed = Object.entries(metrics).map(
    ([name, value]) => [`eval_${name}`, value === null || Number.isNaN(value) ? null : value] as const,
  );
  return {
    eval_loss: loss,
    ...Object.fromEntries(prefixed),
    eval_runtime: round(work.seconds, 4),
    ...rates('eval', work.seconds, work.rows, work.batches),
    ...at,
  };
}

/**
 * @param work seconds taken, `StepPlan.samples`, and the steps planned (not those done: the Trainer divides
 * max_steps by the time)
 */
export function finalRecord(
  values: { readonly loss: number; readonly flops: number },
  work: { readonly seconds: number; readonly samples: number; readonly steps: number },
  at: Position,
): FinalRecord {
  return {
    train_runtime: round(work.seconds, 4),
    ...rates('train', work.seconds, work.samples, work.steps),
    total_flos: values.flops,
    train_loss: values.loss,
    ...at,
  };
}

/** speed_metrics of trainer_utils.py: no rates for a time of zero. */
function rates(prefix: string, seconds: number, samples: number, steps: number): Record<string, number> {
  if (seconds === 0) return {};
  return {
    [`${prefix}_samples_per_second`]: round(samples / seconds, 3),
    [`${prefix}_steps_per_second`]: round(steps / seconds, 3),
  };
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/**
 * Floating point operations of forward and backward passes as the Trainer estimates them for `total_flos`:
 * six for each input element and parameter outside the embeddings (Kaplan et al. 2020, arXiv:2001.08361,
 * section 2.1).
 *
 * @param elements input tokens, padding included, as the reference pads: rows times maxLength
 * @param parameters all but the two embedding tables; the head counts
 */
export function trainingFlops(elements: number, parameters: number): number {
  return 6 * elements * parameters;
}
