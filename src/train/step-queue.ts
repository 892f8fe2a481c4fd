/**
 * The optimizer steps that an engine was asked for and has not answered yet, in order. What a step computes (its
 * rows, its learning rate, the offset of its dropout masks) follows from its number alone.
 */
import { packRows } from '../engine/batch.js';
import type { PackedBatch } from '../engine/batch.js';
import type { EngineSession, StepResult } from '../engine/engine.js';
import type { TrainingArguments } from './arguments.js';
import type { LabelledRows } from './evaluate.js';
import { batchRows, learningRateAt, rowOrder, stepWindow } from './schedule.js';
import type { StepPlan } from './schedule.js';

export interface StepSource {
  readonly session: EngineSession;
  readonly args: TrainingArguments;
  readonly train: LabelledRows;
}

interface PendingStep {
  readonly step: number;
  readonly result: Promise<StepResult>;
}

export class StepQueue {
  /** Forward passes asked for so far: the offset of the dropout masks. */
  passes = 0;
  /** Steps of the run before the optimizer's first. */
  updatesBefore = 0;
  readonly #source: StepSource;
  readonly #plan: StepPlan;
  readonly #pending: PendingStep[] = [];
  #order: { readonly epoch: number; readonly rows: Int32Array } | undefined;

  constructor(source: StepSource, plan: StepPlan) {
    this.#source = source;
    this.#plan = plan;
  }

  learningRate(step: number): number {
    return learningRateAt(this.#source.args, step - 1, this.#plan.totalSteps);
  }

  /** Asks the engine for a step. */
  ask(step: number, deferResult: boolean): void {
    const { args, session } = this.#source;
    const { adamBeta1: beta1, adamBeta2: beta2, adamEpsilon: epsilon, weightDecay, maxGradNorm } = args;
    const microBatches = this.#microBatches(step);
    const result = session.step({
      microBatches,
      // The mean over each micro-batch; the gradients of an accumulation step are added up (LossLog says why).
      lossWeights: microBatches.map(({ rows }) => 1 / rows),
      firstPass: this.passes,
      update: {
        learningRate: this.learningRate(step),
        beta1,
        beta2,
        epsilon,
        weightDecay,
        maxGradNorm,
        step: step - this.updatesBefore,
      },
      deferResult,
    });
    // Awaited in its turn; if an earlier step fails, it is not.
    result.catch(() => undefined);
    this.passes += microBatches.length;
    this.#pending.push({ step, result });
  }

  /** Waits for steps, oldest first, until at most `ahead` are under way; `conclude` gets each answer. */
  async settle(ahead: number, conclude: (step: number, result: StepResult) => Promise<void>): Promise<void> {
    if (ahead === 0) this.#source.session.collect?.();
    while (this.#pending.length > ahead) {
      const { step, result } = this.#pending.shift()!;
      await conclude(step, await result);
    }
  }

  #microBatches(step: number): PackedBatch[] {
    const { args, train } = this.#source;
    const { epoch, firstBatch, batches } = stepWindow(this.#plan, step);
    if (this.#order?.epoch !== epoch)
      this.#order = { epoch, rows: rowOrder(train.rows.length, args.seed, epoch) };
    const { rows: order } = this.#order;
    return Array.from({ length: batches }, (_, b) => {
      const indices = [...batchRows(order, args.perDeviceTrainBatchSize, firstBatch + b)];
      return packRows(
        indices.map((i) => train.rows[i]),
        indices.map((i) => train.labels[i]),
      );
    });
  }
}
