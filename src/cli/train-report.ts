/**
 * Callbacks that show a run as it goes: progress and records for people, TensorBoard files, records for
 * programs.
 */
import { argumentsToJson } from '../train/arguments.js';
import type { TrainingArguments } from '../train/arguments.js';
import type { TrainerCallback } from '../train/callbacks.js';
import type { LogRecord } from '../train/records.js';
import { isEvalRecord, isTrainRecord } from '../train/records.js';
import { epochAt } from '../train/schedule.js';
import { TensorBoardWriter } from '../report/tensorboard.js';
import { formatDuration, formatRecord } from './format.js';
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
  let estimate: (step: number) => string | undefined;
  return {
    onTrainBegin(plan, startStep) {
      totalSteps = plan.totalSteps;
      estimate = timeEstimate(plan.totalSteps, startStep);
      training = progress.training(plan.totalSteps, plan.totalSteps / plan.stepsPerEpoch, startStep);
    },
    onStep(step, plan, stepLoss) {
      // Smoothed as progress bars usually are: a single batch says little.
      loss = loss === undefined ? stepLoss : 0.95 * loss + 0.05 * stepLoss;
      training?.update({ step, epoch: epochAt(plan, step), loss });
      const time = estimate(step);
      if (time !== undefined) terminal.print(`  ${time}`, 'dim');
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

/** Steps after which the time of a run is told. The first ones are slow. */
const MEASURED_STEPS = { from: 3, to: 10 };
/** Shorter runs are over before one has read it, seconds. */
const WORTH_TELLING = 20;

/**
 * Tells once, from the first steps, how long a run will take. @param now milliseconds of a clock that only
 * goes forward
 */
export function timeEstimate(
  totalSteps: number,
  startStep: number,
  now: () => number = () => performance.now(),
): (step: number) => string | undefined {
  let began: number | undefined;
  return (step) => {
    const done = step - startStep;
    if (done === MEASURED_STEPS.from) began = now();
    if (done !== MEASURED_STEPS.to || began === undefined) return undefined;
    const perStep = (now() - began) / 1000 / (MEASURED_STEPS.to - MEASURED_STEPS.from);
    const steps = totalSteps - startStep;
    const seconds = perStep * steps;
    if (seconds < WORTH_TELLING) return undefined;
    return (
      `${steps} steps take about ${formatDuration(seconds)} here, as the first ${MEASURED_STEPS.to} went, ` +
      'and the evaluations some more'
    );
  };
}

function typeOf(record: LogRecord): 'train' | 'eval' | 'final' {
  if (isTrainRecord(record)) return 'train';
  return isEvalRecord(record) ? 'eval' : 'final';
}

/** Each record as one JSON object a line: type `train`, `eval` or `final`; `saved` for checkpoints. */
export function jsonCallback(results: ResultWriter): TrainerCallback {
  return {
    onLog(record) {
      results.record(typeOf(record), record);
    },
    onSave(dir) {
      results.record('saved', { dir });
    },
  };
}

/**
 * TensorBoard event files as the run goes, under transformers' tags. The file is made when the run begins, so
 * that a refused run leaves none.
 *
 * @param about asked for when the run begins
 */
export function tensorBoardCallback(
  about: () => { readonly args: TrainingArguments; readonly modelConfig: string },
): TrainerCallback & { close(): void } {
  let writer: TensorBoardWriter | undefined;
  return {
    onTrainBegin() {
      const { args, modelConfig } = about();
      writer = new TensorBoardWriter(args.loggingDir);
      writer.text('args', argumentsToJson(args));
      writer.text('model_config', modelConfig);
    },
    onLog(record) {
      writer?.log({ ...record });
    },
    close() {
      writer?.close();
    },
  };
}
