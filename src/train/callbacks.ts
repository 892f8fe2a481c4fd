/** What a run tells as it goes, and what it ends with. */
import type { FinalRecord, LogRecord } from './records.js';
import type { StepPlan } from './schedule.js';
import type { TrainerState } from './state.js';
import type { Evaluation } from './evaluate.js';

/** Told of everything that happens in a run, in order. Each may be left out; what one throws ends the run. */
export interface TrainerCallback {
  onTrainBegin?(plan: StepPlan, startStep: number): void;
  /** After each optimizer step; `loss` is that of the step alone. */
  onStep?(step: number, plan: StepPlan, loss: number): void;
  /** After each record was appended to the log history. */
  onLog?(record: LogRecord): void;
  onEvaluationProgress?(done: number, rows: number): void;
  onEvaluate?(evaluation: Evaluation): void;
  /** After a checkpoint was written whole; training may have gone on for some steps meanwhile. */
  onSave?(dir: string): void;
  onWarning?(message: string): void;
}

export interface TrainOutput {
  readonly state: TrainerState;
  readonly final: FinalRecord;
  /** The last evaluation of the run, if there was one. */
  readonly evaluation: Evaluation | undefined;
  /** Why the run ended before its last step. */
  readonly stoppedEarly: boolean;
}
