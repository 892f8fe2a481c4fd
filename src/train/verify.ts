/**
 * The first steps of a run once more, by the definition: every row padded, the last block for every token,
 * plain loops in float64. What comes of it says how far the fast path (packed rows, float32) is from it on
 * this machine, with these weights and these texts.
 *
 * Without dropout on either side: a padded batch has other elements to drop than a packed one.
 */
import { packRows, padBatch } from '../engine/batch.js';
import type { PackedBatch } from '../engine/batch.js';
import type { Engine, EngineSession, StepRequest } from '../engine/engine.js';
import { referenceEngine } from '../engine/reference/session.js';
import type { Gpt2Config } from '../model/config.js';
import { gpt2Graphs } from '../model/gpt2.js';
import type { ParameterSpec } from '../model/parameters.js';
import type { TrainingArguments } from './arguments.js';
import { batchRows, learningRateAt, planOf, rowOrder, stepWindow } from './schedule.js';
import type { LabelledRows } from './evaluate.js';

/** The largest differences found. */
export interface Verification {
  readonly steps: number;
  /** Tokens of the batches as packed and as padded. */
  readonly tokens: number;
  readonly paddedTokens: number;
  /** Absolute, of any logit of the batches before the first step. */
  readonly logits: number;
  /** Absolute, of any micro-batch's loss. */
  readonly loss: number;
  /** Relative, of the gradient's norm. */
  readonly gradNorm: number;
  /**
   * Norm of the difference of the gradients, relative to the gradient's norm. Not of the parameters: where a
   * gradient is zero but for rounding (the bias of the keys), Adam makes steps of the size of the learning
   * rate out of either engine's noise.
   */
  readonly gradients: number;
}

export interface VerifyOptions {
  readonly engine: Engine;
  /** Where the parameters are read from; nothing in it is changed. */
  readonly session: Pick<EngineSession, 'readTensor'>;
  readonly parameters: readonly ParameterSpec[];
  readonly config: Gpt2Config;
  readonly train: LabelledRows;
  readonly args: TrainingArguments;
  /** Rows are padded to some tokens more than the longest of their batch, but to no more than this. */
  readonly maxLength: number;
  /** Optimizer steps to repeat. */
  readonly steps: number;
  /** Aborting it ends the work after the batch under way. */
  readonly signal?: AbortSignal | undefined;
}

const PADDING = 4;

/**
 * Takes the first steps of a run on both engines, on sessions of their own. Slow: float64 loops on one
 * thread.
 */
export async function verifyExact(options: VerifyOptions): Promise<Verification> {
  const { args, train, maxLength, signal } = options;
  const config = { ...options.config, embdPdrop: 0, attnPdrop: 0, residPdrop: 0 };
  const plan = planOf(args, train.rows.length);
  const steps = Math.min(options.steps, plan.totalSteps);
  const fast = await options.engine.open(gpt2Graphs(config), { seed: args.seed });
  const exact = await referenceEngine.open(gpt2Graphs(config, { poolLast: true }), { seed: args.seed });
  try {
    for (const { name } of options.parameters) {
      const values = await options.session.readTensor('parameter', name);
      await fast.writeTensor('parameter', name, values);
      await exact.writeTensor('parameter', name, values);
    }
    const pad = (batch: PackedBatch): PackedBatch =>
      padBatch(batch, config.padTokenId ?? 0, Math.min(maxLength, longest(batch) + PADDING));
    const largest = { tokens: 0, paddedTokens: 0, logits: 0, loss: 0, gradNorm: 0, gradients: 0 };
    for (let step = 1; step <= steps; step++) {
      signal?.throwIfAborted();
      const { epoch, firstBatch, batches } = stepWindow(plan, step);
      const order = rowOrder(train.rows.length, args.seed, epoch);
      const microBatches = Array.from({ length: batches }, (_, b) => {
        const indices = [...batchRows(order, args.perDeviceTrainBatchSize, firstBatch + b)];
        return packRows(
          indices.map((i) => train.rows[i]),
          indices.map((i) => train.labels[i]),
        );
      });
      const padded = microBatches.map(pad);
      for (const [i, batch] of microBatches.entries()) {
        signal?.throwIfAborted();
        largest.tokens += batch.tokens;
        largest.paddedTokens += padded[i].tokens;
        // Later on the parameters are not the same any more.
        if (step === 1)
          largest.logits = Math.max(
            largest.logits,
            difference(await fast.infer(batch), await exact.infer(padded[i])),
          );
      }
      const request: Omit<StepRequest, 'microBatches'> = {
        lossWeights: microBatches.map(({ rows }) => 1 / rows),
        firstPass: 0,
        update: {
          learningRate: learningRateAt(args, step - 1, plan.totalSteps),
          beta1: args.adamBeta1,
          beta2: args.adamBeta2,
          epsilon: args.adamEpsilon,
          weightDecay: args.weightDecay,
          maxGradNorm: args.maxGradNorm,
          step,
        },
      };
      const ours = await fast.step({ ...request, microBatches });
      signal?.throwIfAborted();
      const theirs = await exact.step({ ...request, microBatches: padded });
      largest.loss = Math.max(largest.loss, difference(ours.losses, theirs.losses));
      largest.gradNorm = Math.max(largest.gradNorm, Math.abs(ours.gradNorm / theirs.gradNorm - 1));
      largest.gradients = Math.max(
        largest.gradients,
        (await gradientDistance(fast, exact, options.parameters)) / theirs.gradNorm,
      );
    }
    return { steps, ...largest };
  } finally {
    await fast.close();
    await exact.close();
  }
}

function longest({ rows, rowOffsets }: PackedBatch): number {
  return Math.max(...Array.from({ length: rows }, (_, r) => rowOffsets[r + 1] - rowOffsets[r]));
}

/** L2 norm of the difference of the gradients of the last step. */
async function gradientDistance(
  a: EngineSession,
  b: EngineSession,
  parameters: readonly ParameterSpec[],
): Promise<number> {
  let squares = 0;
  for (const { name } of parameters) {
    const [ours, theirs] = [await a.readTensor('gradient', name), await b.readTensor('gradient', name)];
    for (let i = 0; i < ours.length; i++) squares += (ours[i] - theirs[i]) ** 2;
  }
  return Math.sqrt(squares);
}

/** Largest absolute difference; NaN where either has one. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    if (!(d <= largest)) largest = d;
    if (Number.isNaN(d)) return NaN;
  }
  return largest;
}
