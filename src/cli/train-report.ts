/** Callbacks that show a run as it goes: progress and records for people, TensorBoard files, records for programs. */
import { argumentsToJson } from '../train/arguments.js';
import type { TrainingArguments } from '../train/arguments.js';
import type { TrainerCallback } from '../train/trainer.js';
import { isEvalRecord, isTrainRecord } from '../train/records.js';
import { epochAt } from '../train/schedule.js';
import { TensorBoardWriter } from '../report/tensorboard.js';
import { formatRecord } from './format.js';
import { Progress } from './progress.js';
import type { TaskProgress, TrainingProgress } from './progress.js';
import type { ResultWriter } from './results.js';
import type { Terminal } from './terminal.js';

/** The live line, and every record as a line. */
export function terminalCallback(terminal: Terminal): TrainerCallback & { stop(): void } {
  const progress = new Progress(terminal);
  let training: TrainingProgress | undefined;
  let evaluating: TaskProgress | undefined;
  let totalSteps = 0;
  let loss: number | undefined;
  return {
    onTrainBegin(plan, startStep) {
      totalSteps = plan.totalSteps;
      training = progress.training(plan.totalSteps, plan.totalSteps / plan.stepsPerEpoch, startStep);
    },
    onStep(step, plan, stepLoss) {
      // Smoothed as progress bars usually are: a single batch says little.
      loss = loss === undefined ? stepLoss : 0.95 * loss + 0.05 * stepLoss;
      training?.update({ step, epoch: epochAt(plan, step), loss });
    },
    onLog(record) {
      if (!isTrainRecord(record) && !isEvalRecord(record)) training?.stop();
      terminal.print(`  ${formatRecord(record, totalSteps)}`);
    },
    onEvaluationProgress(done, rows) {
      evaluating ??= progress.task('evaluating', rows);
      evaluating.update(done);
      if (done === rows) {
        evaluating.stop();
        evaluating = undefined;
      }
    },
    onSave(dir) {
      terminal.print(`  saved ${dir}`, 'dim');
    },
    onWarning(message) {
      terminal.warning(message);
    },
    stop() {
      progress.stop();
    },
  };
}

/** Each record as one JSON object a line: type `train`, `eval` or `final`; `saved` for checkpoints. */
export function jsonCallback(results: ResultWriter): TrainerCallback {
  return {
    onLog(record) {
      results.record(isTrainRecord(record) ? 'train' : isEvalRecord(record) ? 'eval' : 'final', record);
    },
    onSave(dir) {
      results.record('saved', { dir });
    },
  };
}

/** TensorBoard event files as the run goes, under transformers' tags. The file is made when the run begins, so that a refused run leaves none. */
export function tensorBoardCallback(args: TrainingArguments, modelConfig: () => string): TrainerCallback & { close(): void } {
  let writer: TensorBoardWriter | undefined;
  return {
    onTrainBegin() {
      writer = new TensorBoardWriter(args.loggingDir);
      writer.text('args', argumentsToJson(args));
      writer.text('model_config', modelConfig());
    },
    onLog(record) {
      writer?.log({ ...record });
    },
    close() {
      writer?.close();
    },
  };
}
