/** What a run takes over from a checkpoint, which must be of the same run; the best so far, if the rule is the same. */
import { dirname, join, resolve } from 'node:path';
import { TrainingError } from '../errors/attune-error.js';
import type { TrainingArguments } from './arguments.js';
import { bestRuleOfCheckpoint, checkpointName } from './best.js';
import type { BestRule } from './best.js';
import { verifyCheckpoint } from './checkpoint.js';
import type { ResumeState } from './checkpoint.js';
import { stepWindow } from './schedule.js';
import type { StepPlan } from './schedule.js';
import type { TrainerState } from './state.js';

/** @throws TrainingError `checkpoint-of-other-run` */
export function requireSameRun(
  dir: string,
  { state, resume }: { readonly state: TrainerState; readonly resume: ResumeState },
  { args, rows }: { readonly args: TrainingArguments; readonly rows: number },
): void {
  const compared = [
    ['rows', resume.rows, rows],
    ['seed', resume.seed, args.seed],
    ['perDeviceTrainBatchSize', state.train_batch_size ?? 0, args.perDeviceTrainBatchSize],
    ['gradientAccumulationSteps', resume.accumulation, args.gradientAccumulationSteps],
  ] as const;
  for (const [field, then, now] of compared)
    if (then !== now) throw new TrainingError('checkpoint-of-other-run', { dir, field, then, now });
}

/**
 * What a checkpoint of transformers' Trainer leaves to be worked out. Its loss records begin anew when it
 * resumes, and so do these.
 */
export function resumeOfTrainer(
  step: number,
  plan: StepPlan,
  { args, rows }: { readonly args: TrainingArguments; readonly rows: number },
): ResumeState {
  const { epoch, firstBatch, batches } = stepWindow(plan, Math.max(1, step));
  return {
    seed: args.seed,
    rows,
    accumulation: args.gradientAccumulationSteps,
    passes: step === 0 ? 0 : epoch * plan.batchesPerEpoch + firstBatch + batches,
    lossLog: { pending: 0, recorded: 0, lastStep: step },
  };
}

export interface BestSoFar {
  /** Where it lies; null where none was kept. */
  readonly checkpoint: string | null;
}

export interface BestSearch {
  readonly rule: BestRule;
  readonly args: Pick<TrainingArguments, 'loadBestModelAtEnd' | 'outputDir'>;
  /** Whether the evaluation rows are not those of the checkpoint's run. */
  readonly otherRows: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly warn: (message: string) => void;
}

/**
 * The best model so far of the run that saved `dir`; undefined, with a warning, if the best begins anew.
 *
 * @throws the signal's reason if it is aborted
 */
export async function findBestSoFar(
  dir: string,
  { best_global_step: step, best_model_checkpoint: recorded }: TrainerState,
  { rule, args, otherRows, signal, warn }: BestSearch,
): Promise<BestSoFar | undefined> {
  const anew = (why: string): undefined => {
    if (step !== null) warn(`${why}: the best model is that of the steps from here on`);
  };
  const before = await bestRuleOfCheckpoint(dir);
  if (before && (before.metric !== rule.metric || before.greaterIsBetter !== rule.greaterIsBetter))
    return anew(`the best was chosen by ${before.metric}, and is by ${rule.metric} now`);
  if (otherRows) return anew('the evaluation rows are others now');
  if (!args.loadBestModelAtEnd || step === null || recorded === null) return { checkpoint: recorded };
  // The recorded place is from where the run was started; a folder may have been renamed, or one checkpoint
  // carried elsewhere.
  const name = checkpointName(step);
  for (const place of new Set([join(dirname(resolve(dir)), name), join(args.outputDir, name), recorded])) {
    if (await isWhole(place, signal)) return { checkpoint: place };
  }
  return anew(
    `the best checkpoint so far, ${name}, is neither beside ${dir} nor at ${recorded}, or not whole`,
  );
}

const isWhole = (checkpoint: string, signal: AbortSignal | undefined): Promise<boolean> =>
  verifyCheckpoint(checkpoint, signal).then(
    () => true,
    () => false,
  );
