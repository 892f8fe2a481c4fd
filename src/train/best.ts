/**
 * The best model so far, when to stop early, and which checkpoints to keep: the Trainer's
 * _determine_best_metric, EarlyStoppingCallback and rotate_checkpoints.
 */
import { join } from 'node:path';
import { TrainingError } from '../errors/attune-error.js';
import { readPlainFile } from '../files.js';
import { parseJson } from '../json/syntax.js';
import { isJsonObject } from '../model/config-fields.js';
import type { TrainingArguments } from './arguments.js';
import type { EvalRecord } from './records.js';

/** EarlyStoppingCallback in `stateful_callbacks` of trainer_state.json. */
export interface EarlyStoppingState {
  readonly args: { readonly early_stopping_patience: number; readonly early_stopping_threshold: number };
  readonly attributes: { readonly early_stopping_patience_counter: number };
}

export interface BestRule {
  readonly metric: `eval_${string}`;
  readonly greaterIsBetter: boolean;
  /**
   * A later evaluation that is worse than the best by no more than this takes its place; 0: it must be
   * better.
   */
  readonly tolerance: number;
  /** Undefined: never stop early. */
  readonly patience: number | undefined;
  readonly threshold: number;
}

/** The rule that the arguments ask for, or undefined where none is best. */
export function bestRuleOf(
  args: Pick<
    TrainingArguments,
    | 'metricForBestModel'
    | 'greaterIsBetter'
    | 'bestModelTolerance'
    | 'earlyStoppingPatience'
    | 'earlyStoppingThreshold'
  >,
): BestRule | undefined {
  const name = args.metricForBestModel;
  if (name === undefined) return undefined;
  return {
    metric: `eval_${name.replace(/^eval_/, '')}`,
    greaterIsBetter: args.greaterIsBetter ?? !name.endsWith('loss'),
    tolerance: args.bestModelTolerance ?? 0,
    patience: args.earlyStoppingPatience,
    threshold: args.earlyStoppingThreshold,
  };
}

/**
 * By what a checkpoint of attune's chose its best model; undefined where it does not say, as the Trainer's.
 */
export async function bestRuleOfCheckpoint(
  dir: string,
): Promise<Pick<BestRule, 'metric' | 'greaterIsBetter'> | undefined> {
  const text = await readPlainFile(join(dir, 'training_args.json')).catch(() => undefined);
  const parsed = text === undefined ? undefined : parseJson(text);
  if (!parsed || 'error' in parsed || !isJsonObject(parsed.value)) return undefined;
  const { metric_for_best_model: metric, greater_is_better: greater } = parsed.value;
  return typeof metric === 'string'
    ? bestRuleOf({
        metricForBestModel: metric,
        greaterIsBetter: typeof greater === 'boolean' ? greater : undefined,
        bestModelTolerance: undefined,
        earlyStoppingPatience: undefined,
        earlyStoppingThreshold: 0,
      })
    : undefined;
}

/** What a resumed run continues from: the fields of TrainerState of the same names. */
export interface BestState {
  readonly best_metric: number | null;
  readonly best_global_step: number | null;
  readonly stateful_callbacks: { readonly EarlyStoppingCallback?: EarlyStoppingState };
  /** The best value seen, where another took its place (`tolerance`). */
  readonly peak?: number | undefined;
}

export class BestTracker {
  readonly rule: BestRule;
  /** Of the evaluation that was chosen. */
  #best: number | null;
  /** The best value seen, with which later ones are compared. */
  #peak: number | null;
  #bestStep: number | null;
  #counter: number;

  constructor(rule: BestRule, state?: BestState) {
    this.rule = rule;
    this.#best = state?.best_metric ?? null;
    this.#peak = state?.peak ?? this.#best;
    this.#bestStep = state?.best_global_step ?? null;
    this.#counter =
      state?.stateful_callbacks.EarlyStoppingCallback?.attributes.early_stopping_patience_counter ?? 0;
  }

  /** The best value so far, or null before there was one. */
  get metric(): number | null {
    return this.#best !== null && Number.isFinite(this.#best) ? this.#best : null;
  }

  /** The best value seen, where that is not the one that was chosen. */
  get peak(): number | undefined {
    return this.#peak === null || this.#peak === this.#best ? undefined : this.#peak;
  }

  /** The step it was reached at. */
  get step(): number | null {
    return this.#bestStep;
  }

  /** Whether the run stops here. */
  get isExhausted(): boolean {
    const { patience } = this.rule;
    return patience !== undefined && this.#counter >= patience;
  }

  /** Evaluations since the last improvement above the threshold. */
  get withoutImprovement(): number {
    return this.#counter;
  }

  /**
   * Takes an evaluation into account. A new best is strictly better than the best value seen, or worse by no
   * more than the tolerance; for early stopping, which knows no tolerance, an improvement must exceed the
   * threshold as well. A metric that is undefined (null, NaN) is never better; the very first evaluation
   * never counts against patience.
   *
   * @throws TrainingError if the record lacks the metric
   */
  observe(record: EvalRecord): { readonly improved: boolean; readonly stop: boolean } {
    const { metric, greaterIsBetter, tolerance, threshold } = this.rule;
    const value = record[metric];
    if (value === undefined) {
      const reported = Object.keys(record).filter((key) => key.startsWith('eval_'));
      throw new TrainingError('best-metric-unreported', { metric, step: record.step, reported });
    }
    const better = (best: number): boolean =>
      value !== null && (greaterIsBetter ? value > best : value < best);
    // The Trainer asks EarlyStoppingCallback first, which compares with the best before this evaluation.
    if (this.#peak === null || (better(this.#peak) && Math.abs((value ?? NaN) - this.#peak) > threshold))
      this.#counter = 0;
    else this.#counter++;

    this.#best ??= greaterIsBetter ? -Infinity : Infinity;
    this.#peak ??= this.#best;
    const isPeak = better(this.#peak);
    const isClose = tolerance > 0 && value !== null && Math.abs(value - this.#peak) <= tolerance;
    const improved = isPeak || isClose;
    if (isPeak) this.#peak = value;
    if (improved) {
      this.#best = value;
      this.#bestStep = record.step;
    }
    return { improved, stop: this.isExhausted };
  }

  /** For `stateful_callbacks`; undefined where the run does not stop early. */
  earlyStoppingState(): EarlyStoppingState | undefined {
    if (this.rule.patience === undefined) return undefined;
    return {
      args: { early_stopping_patience: this.rule.patience, early_stopping_threshold: this.rule.threshold },
      attributes: { early_stopping_patience_counter: this.#counter },
    };
  }
}

/** Whether a run's weights are those of its best checkpoint in the end. */
export const endsWithBest = (
  { loadBestModelAtEnd }: Pick<TrainingArguments, 'loadBestModelAtEnd'>,
  { best_model_checkpoint: best }: { readonly best_model_checkpoint: string | null },
): boolean => loadBestModelAtEnd && best !== null;

export const checkpointName = (step: number): string => `checkpoint-${step}`;

/** The step in a checkpoint folder's name; undefined for any other name. */
export function checkpointStep(name: string): number | undefined {
  const match = /^checkpoint-(\d+)$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** Those of `names` that name checkpoints, oldest first. */
export function sortCheckpoints(names: Iterable<string>): string[] {
  return [...names]
    .filter((name) => checkpointStep(name) !== undefined)
    .sort((a, b) => checkpointStep(a)! - checkpointStep(b)!);
}

/**
 * Checkpoints to delete after one was saved: the oldest, until `limit` are left. The newest (to resume from)
 * and the best are never among them, so with a limit of 1 two may stay.
 *
 * @param names names in the output folder; what is not a checkpoint is ignored
 * @param best name of the best checkpoint, if any
 */
export function checkpointsToDelete(
  names: Iterable<string>,
  limit: number | undefined,
  best: string | undefined,
): string[] {
  const checkpoints = sortCheckpoints(names);
  if (limit === undefined || limit <= 0 || checkpoints.length <= limit) return [];
  const kept = new Set([checkpoints.at(-1), best].filter((name) => name !== undefined));
  const surplus = checkpoints.length - Math.max(limit, kept.size);
  return checkpoints.filter((name) => !kept.has(name)).slice(0, Math.max(0, surplus));
}

/** Checkpoints to delete when the run has ended: with a limit of 1 and a best model, all others. */
export function checkpointsToDeleteAtEnd(
  names: Iterable<string>,
  limit: number | undefined,
  best: string | undefined,
): string[] {
  if (limit !== 1 || best === undefined) return [];
  return sortCheckpoints(names).filter((name) => name !== best);
}
