/**
 * The `loss` of training records and the `train_loss` of the final one, as the Trainer adds them up: the loss
 * of every micro-batch goes into a float32 sum, which is divided by the optimizer steps since the last
 * record. The losses of a window's micro-batches are added, not averaged: under accumulation the recorded
 * loss is about `gradientAccumulationSteps` times that of a batch. (GPT2ForSequenceClassification's forward
 * takes **kwargs, so the Trainer trusts it to divide by num_items_in_batch, which it does not do; gradients
 * are added up likewise.)
 */
export interface LossLogState {
  /** Float32 sum of the losses since the last record. */
  readonly pending: number;
  /** Sum of the losses in all records. */
  readonly recorded: number;
  /** Step of the last record. */
  readonly lastStep: number;
}

export class LossLog {
  #pending: number;
  #recorded: number;
  #lastStep: number;

  /** Continues from a saved state, so that a resumed run records what the whole run would have. */
  constructor(state: LossLogState = { pending: 0, recorded: 0, lastStep: 0 }) {
    this.#pending = state.pending;
    this.#recorded = state.recorded;
    this.#lastStep = state.lastStep;
  }

  /** Adds the mean loss of one micro-batch. */
  add(loss: number): void {
    this.#pending = Math.fround(this.#pending + Math.fround(loss));
  }

  /** Whether there are steps that no record covers yet. */
  hasUnrecorded(step: number): boolean {
    return step > this.#lastStep;
  }

  /** The mean over the steps since the last record, of which `step` is the last; begins a new mean. */
  record(step: number): number {
    const mean = this.#pending / (step - this.#lastStep);
    this.#recorded += this.#pending;
    this.#pending = 0;
    this.#lastStep = step;
    return mean;
  }

  /** `train_loss`: the mean over all steps, recorded or not. */
  mean(step: number): number {
    return (this.#recorded + this.#pending) / Math.max(step, 0.001);
  }

  state(): LossLogState {
    return { pending: this.#pending, recorded: this.#recorded, lastStep: this.#lastStep };
  }
}
