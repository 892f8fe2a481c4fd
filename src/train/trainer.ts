/**
 * The training loop, as transformers' Trainer goes through it: windows of micro-batches in the reference's
 * row order, records, evaluations, checkpoints, the best model, early stopping. It does not know which engine
 * computes, nor which model.
 */
import { join, resolve } from 'node:path';
import type { StepResult } from '../engine/engine.js';
import { InterruptedError, TrainingError } from '../errors/attune-error.js';
import { elementCount } from '../model/parameters.js';
import type { TrainingArguments } from './arguments.js';
import type { TrainerCallback, TrainOutput } from './callbacks.js';
import { evaluateRows } from './evaluate.js';
import type { Evaluation, LabelledRows } from './evaluate.js';
import {
  BestTracker,
  bestRuleOf,
  checkpointName,
  checkpointStep,
  checkpointsToDelete,
  checkpointsToDeleteAtEnd,
} from './best.js';
import {
  copyTensors,
  listCheckpoints,
  readCheckpoint,
  restore,
  restoreParameters,
  saveCheckpoint,
  verifyCheckpoint,
} from './checkpoint.js';
import type { ModelSource, ResumeState } from './checkpoint.js';
import { divergence } from './divergence.js';
import { dueAfterEpoch, dueAfterStep, intervalsOf } from './flow.js';
import type { Due } from './flow.js';
import { requireLabels } from './labeled-rows.js';
import { LossLog } from './loss-log.js';
import { OutputFolder } from './output-folder.js';
import { finalRecord, trainRecord, trainingFlops } from './records.js';
import type { LogRecord } from './records.js';
import { findBestSoFar, requireSameRun, resumeOfTrainer } from './resume.js';
import { epochAt, planOf, rowsUpTo, stepWindow } from './schedule.js';
import type { StepPlan } from './schedule.js';
import { controlState, initialState } from './state.js';
import type { TrainerState } from './state.js';
import { StepQueue } from './step-queue.js';

export interface TrainerOptions extends ModelSource {
  readonly args: TrainingArguments;
  readonly train: LabelledRows;
  readonly evaluation?: LabelledRows | undefined;
  /** Tokens a row is cut to: what total_flos counts for each, as the reference pads. */
  readonly maxLength: number;
  readonly callbacks?: readonly TrainerCallback[] | undefined;
  /** Where checkpoints go; absent: `args.outputDir`, which is opened while it trains. */
  readonly output?: OutputFolder | undefined;
  /**
   * Aborting it finishes the steps and the evaluation batch under way, saves a checkpoint and ends the run
   * with an InterruptedError.
   */
  readonly signal?: AbortSignal | undefined;
}

export class Trainer {
  readonly #plan: StepPlan;
  readonly #parametersOutsideEmbeddings: number;
  readonly #warned = new Set<string>();
  #history: LogRecord[] = [];
  #state: TrainerState;
  #lossLog = new LossLog();
  /** Empty whenever something falls on a step. */
  readonly #queue: StepQueue;
  /** Of the last step that was answered, before clipping. */
  #gradNorm = NaN;
  /** The checkpoint that the run was resumed from, if the evaluation of its step is still to be done. */
  #unfinished: string | undefined;
  #lastEvaluation: Evaluation | undefined;
  /** The checkpoint being written beside the training, with what follows it; settled where there is none. */
  #saving: Promise<void> = Promise.resolve();
  /** Why it could not be written. */
  #saveFailure: { readonly error: unknown } | undefined;
  #best: BestTracker | undefined;
  #output: OutputFolder | undefined;

  readonly #options: TrainerOptions;

  /** @throws UsageError `labeled-rows-empty`, `labeled-rows-length`, `labeled-rows-class` */
  constructor(options: TrainerOptions) {
    this.#options = options;
    const { args, train, evaluation, config } = options;
    requireLabels('train', train, config.labelNames.length);
    if (evaluation && args.evalStrategy !== 'no')
      requireLabels('evaluation', evaluation, config.labelNames.length);
    this.#plan = planOf(args, train.rows.length);
    this.#queue = new StepQueue(options, this.#plan);
    this.#parametersOutsideEmbeddings = options.parameters
      .filter(({ name }) => !/\.w[tp]e\.weight$/.test(name))
      .reduce((sum, { shape }) => sum + elementCount(shape), 0);
    const { loggingSteps, evalSteps, saveSteps } = intervalsOf(args, this.#plan.totalSteps);
    const state = initialState({
      eval_steps: evalSteps,
      logging_steps: loggingSteps,
      save_steps: saveSteps,
      max_steps: this.#plan.totalSteps,
      num_train_epochs: this.#plan.epochsBegun,
      train_batch_size: args.perDeviceTrainBatchSize,
    });
    this.#state = { ...state, log_history: this.#history };
    const rule = bestRuleOf(args);
    this.#best = rule && new BestTracker(rule);
  }

  /**
   * Goes on from a checkpoint of the same run, attune's or the Trainer's: parameters, moments, records,
   * counters. The best model so far is looked for at once; where it is not to be found, or was the best by
   * another metric, the best is that of the steps from here on, with a warning.
   *
   * @param otherRows whether the evaluation rows are not those of the checkpoint's run: what was best on them
   *   is not the best on these
   * @throws ModelError `checkpoint-*`, `trainer-state-*`, `resume-state-damaged`, `torch-optimizer-*`;
   *   TrainingError `checkpoint-of-other-run`; the signal's reason if it is aborted
   */
  async resumeFrom(dir: string, { otherRows = false }: { readonly otherRows?: boolean } = {}): Promise<void> {
    const { args, train, signal } = this.#options;
    const { state, resume: saved } = await readCheckpoint(dir);
    const run = { args, rows: train.rows.length };
    const resume = saved ?? resumeOfTrainer(state.global_step, this.#plan, run);
    requireSameRun(dir, { state, resume }, run);
    const updates = await restore(dir, this.#options, signal);
    this.#queue.updatesBefore =
      updates === undefined ? (resume.updatesBefore ?? 0) : state.global_step - updates;
    if (updates === 0 && state.global_step > 0)
      this.#warnOnce(`${dir} holds no state of the optimizer: AdamW’s moments begin anew`);
    this.#history = [...state.log_history];
    this.#state = {
      ...this.#state,
      ...state,
      log_history: this.#history,
      max_steps: this.#plan.totalSteps,
      num_train_epochs: this.#plan.epochsBegun,
    };
    this.#lossLog = new LossLog(resume.lossLog);
    this.#queue.passes = resume.passes;
    this.#unfinished = resume.unfinished && dir;
    this.#gradNorm = resume.unfinished?.gradNorm ?? NaN;
    const rule = bestRuleOf(args);
    const warn = (message: string): void => this.#warnOnce(message);
    const found = rule && (await findBestSoFar(dir, state, { rule, args, otherRows, signal, warn }));
    this.#best = rule && new BestTracker(rule, found && { ...state, peak: resume.bestPeak });
    this.#state = {
      ...this.#state,
      ...(found
        ? { best_model_checkpoint: found.checkpoint }
        : { best_metric: null, best_global_step: null, best_model_checkpoint: null }),
    };
  }

  /** No checkpoint of this step or an earlier one will be written. */
  get lastFinishedStep(): number {
    return this.#unfinished === undefined ? this.#state.global_step : this.#state.global_step - 1;
  }

  /**
   * Runs from where the state stands to the end.
   *
   * @throws UsageError `run-folder-locked`, `output-dir-holds-foreign`; AttuneError `output-dir-unwritable`;
   *   TrainingError `training-diverged`; InterruptedError `run-interrupted`
   */
  async train(): Promise<TrainOutput> {
    this.#output = this.#options.output;
    // What cannot be saved there is told before the first step. A run that saves nothing makes no folder.
    if (this.#options.args.saveStrategy !== 'no') await this.#openedOutput();
    try {
      return await this.#run();
    } finally {
      // Whatever ends a run, no checkpoint stays half-written behind it.
      await this.#saving.catch(() => undefined);
      if (!this.#options.output) await this.#output?.close();
    }
  }

  async #openedOutput(): Promise<OutputFolder> {
    this.#output ??= await openOutput(this.#options.args.outputDir, this.lastFinishedStep);
    return this.#output;
  }

  async #run(): Promise<TrainOutput> {
    const { args, session, signal } = this.#options;
    const [started, startStep] = [performance.now(), this.#state.global_step];
    this.#notify((callback) => callback.onTrainBegin?.(this.#plan, startStep));

    if (signal?.aborted && startStep < this.#plan.totalSteps) {
      const { totalSteps } = this.#plan;
      throw new InterruptedError('run-interrupted-at-start', { step: startStep + 1, totalSteps });
    }
    // A run that had stopped early ends there again.
    let stop =
      this.#unfinished === undefined ? this.#best?.isExhausted === true : await this.#completeStep(startStep);
    for (let step = startStep + 1; step <= this.#plan.totalSteps && !stop; step++) {
      const atStep = dueAfterStep(args, step, this.#plan.totalSteps);
      // Engines that can compute ahead: nothing waits for a step on which nothing falls.
      const waits = atStep.log || atStep.evaluate || atStep.save || this.#endsEpoch(step);
      const ahead = waits ? 0 : (session.stepsInFlight ?? 1) - 1;
      this.#queue.ask(step, ahead > 0);
      await this.#settle(ahead);
      // No further step is asked for; what the engine has begun cannot be taken back, and the checkpoint is
      // of the last of it.
      if (signal?.aborted) await this.#settle(0);
      stop = await this.#completeStep(step);
    }

    await this.#finish();
    const { global_step: step, epoch } = this.#state;
    const final = finalRecord(
      { loss: this.#lossLog.mean(step), flops: this.#state.total_flos },
      {
        seconds: (performance.now() - started) / 1000,
        samples: this.#plan.samples,
        steps: this.#plan.totalSteps,
      },
      { epoch, step },
    );
    this.#append(final);
    return {
      state: this.#state,
      final,
      evaluation: this.#lastEvaluation,
      stoppedEarly: step < this.#plan.totalSteps,
    };
  }

  #endsEpoch(step: number): boolean {
    return step === this.#plan.totalSteps || stepWindow(this.#plan, step).lastOfEpoch;
  }

  /**
   * Does what falls on a step. A resumed run calls it again for a step whose evaluation was interrupted: a
   * record that was made before is not repeated.
   *
   * @returns whether the run stops early
   * @throws InterruptedError if the signal is aborted and the run is not over
   */
  async #completeStep(step: number): Promise<boolean> {
    const { args, signal } = this.#options;
    const { totalSteps } = this.#plan;
    const atStep = dueAfterStep(args, step, totalSteps);
    let { save } = atStep;
    let stop = await this.#carryOut(atStep);
    if (this.#endsEpoch(step) || stop) {
      const atEpoch = dueAfterEpoch(args);
      save ||= atEpoch.save;
      stop = (await this.#carryOut(atEpoch)) || stop;
    }
    this.#unfinished = undefined;
    // After all that falls on this step, or a run resumed here would lack it.
    if (save) await this.#save(stop || step >= totalSteps);
    if (this.#saveFailure) throw this.#saveFailure.error;
    if (signal?.aborted && !stop && step < totalSteps) await this.#interrupt(save);
    return stop;
  }

  /**
   * Evaluates on the evaluation rows as they are now, without changing the run.
   *
   * @param signal the run's own by default; another one to measure a run that was stopped
   * @throws TrainingError `evaluation-rows-missing`; UsageError `labeled-rows-*`; ModelError
   *   `values-not-finite`; the signal's reason if it is aborted, after the batch under way
   */
  async evaluate(signal: AbortSignal | undefined = this.#options.signal): Promise<Evaluation> {
    const { evaluation } = this.#options;
    if (!evaluation) throw new TrainingError('evaluation-rows-missing', {});
    return this.measure(evaluation, signal);
  }

  /** Measures on any rows. @param signal as for `evaluate` @throws as `evaluate` */
  async measure(
    evaluation: LabelledRows,
    signal: AbortSignal | undefined = this.#options.signal,
  ): Promise<Evaluation> {
    const { session, config, args } = this.#options;
    requireLabels('evaluation', evaluation, config.labelNames.length);
    const { epoch, global_step: step } = this.#state;
    const measured = await evaluateRows(session, evaluation, {
      labelNames: config.labelNames,
      batchSize: args.perDeviceEvalBatchSize,
      at: { epoch, step },
      signal,
      onProgress: (done, rows) => this.#notify((callback) => callback.onEvaluationProgress?.(done, rows)),
    });
    for (const warning of measured.metrics.warnings) this.#warnOnce(warning);
    return measured;
  }

  /** Waits for steps, in order, until at most `ahead` are under way. */
  async #settle(ahead: number): Promise<void> {
    await this.#queue.settle(ahead, (step, result) => this.#conclude(step, result));
  }

  async #conclude(step: number, { losses, gradNorm, updated }: StepResult): Promise<void> {
    if (!updated) {
      await this.#saving;
      throw await divergence(step, { losses, gradNorm }, this.#options.args.outputDir);
    }
    for (const loss of losses) this.#lossLog.add(loss);
    this.#gradNorm = gradNorm;
    this.#state = {
      ...this.#state,
      global_step: step,
      epoch: epochAt(this.#plan, step),
      total_flos: this.#flops(step),
    };
    this.#notify((callback) =>
      callback.onStep?.(
        step,
        this.#plan,
        losses.reduce((sum, loss) => sum + loss, 0),
      ),
    );
  }

  /** Records and evaluates as due. Returns whether early stopping says so. */
  async #carryOut(due: Pick<Due, 'log' | 'evaluate'>): Promise<boolean> {
    const { epoch, global_step: step } = this.#state;
    if (due.log && this.#lossLog.hasUnrecorded(step)) {
      const learningRate = this.#queue.learningRate(step);
      this.#append(
        trainRecord(
          { loss: this.#lossLog.record(step), gradNorm: this.#gradNorm, learningRate },
          { epoch, step },
        ),
      );
    }
    let stop = false;
    let improved = false;
    if (due.evaluate) {
      this.#lastEvaluation = await this.#evaluateOrInterrupt();
      this.#append(this.#lastEvaluation.record);
      this.#notify((callback) => callback.onEvaluate?.(this.#lastEvaluation!));
      if (this.#best) ({ improved, stop } = this.#best.observe(this.#lastEvaluation.record));
    }
    if (improved) {
      const { outputDir, saveStrategy } = this.#options.args;
      // Without a checkpoint of this step there is none to name.
      const dir = saveStrategy === 'no' ? null : join(outputDir, checkpointName(step));
      this.#state = {
        ...this.#state,
        best_metric: this.#best!.metric,
        best_global_step: step,
        best_model_checkpoint: dir,
      };
    }
    return stop;
  }

  /**
   * What is done of an interrupted evaluation is dropped: the run that resumes from the checkpoint of this
   * step does it again.
   */
  async #evaluateOrInterrupt(): Promise<Evaluation> {
    const { signal } = this.#options;
    try {
      return await this.evaluate();
    } catch (error) {
      if (!signal?.aborted || error !== signal.reason) throw error;
      return this.#interruptEvaluation();
    }
  }

  /**
   * @param unfinished whether the evaluation of this step, and what follows it, is left to the run that
   * resumes from here
   */
  async #save(ending: boolean, unfinished = false): Promise<void> {
    const { args } = this.#options;
    const stopping = this.#best?.earlyStoppingState();
    const control = { TrainerControl: controlState(ending) };
    this.#state = {
      ...this.#state,
      stateful_callbacks: stopping ? { EarlyStoppingCallback: stopping, ...control } : control,
    };
    const { passes, updatesBefore } = this.#queue;
    const resume: ResumeState = {
      seed: args.seed,
      rows: this.#options.train.rows.length,
      accumulation: args.gradientAccumulationSteps,
      passes,
      lossLog: this.#lossLog.state(),
      updatesBefore: updatesBefore > 0 ? updatesBefore : undefined,
      bestPeak: this.#best?.peak,
      unfinished: unfinished ? { gradNorm: this.#gradNorm } : undefined,
    };
    await this.#saving;
    // The copy takes a moment; the writing, which takes longer, goes on beside the next steps.
    const copy = await copyTensors(this.#options);
    const { best_global_step: best } = this.#state;
    const written = saveCheckpoint(
      await this.#openedOutput(),
      { ...this.#options, session: copy ?? this.#options.session },
      args,
      this.#state,
      resume,
    ).then(async (dir) => {
      this.#notify((callback) => callback.onSave?.(dir));
      await this.#rotate(checkpointsToDelete, best);
    });
    this.#saving = written;
    written.catch((error: unknown) => {
      this.#saveFailure = { error };
    });
    if (!copy) await written;
  }

  async #rotate(surplus: typeof checkpointsToDelete, best: number | null): Promise<void> {
    const { outputDir, saveTotalLimit } = this.#options.args;
    const { global_step: step } = this.#state;
    const output = this.#output;
    if (!output) return;
    // A run that went on from an older checkpoint finds newer ones, which it will replace; they are not the
    // ones to keep. Those that others made stay.
    const names = (await listCheckpoints(outputDir)).filter(
      (name) => checkpointStep(name)! <= step && output.owns(name),
    );
    for (const name of surplus(names, saveTotalLimit, best === null ? undefined : checkpointName(best))) {
      const [foreign] = await output.remove(name);
      if (foreign !== undefined)
        this.#warnOnce(`${join(outputDir, name)} is kept: attune did not make ${join(outputDir, foreign)}`);
    }
  }

  /** @param saved whether the step has its checkpoint already */
  async #interrupt(saved: boolean): Promise<never> {
    // The signal may have come since the steps ahead were last waited for.
    await this.#settle(0);
    if (!saved) await this.#save(false);
    return this.#endInterrupted('training');
  }

  async #interruptEvaluation(): Promise<never> {
    const here = resolve(this.#options.args.outputDir, checkpointName(this.#state.global_step));
    // A run that resumed from this very checkpoint has changed nothing.
    if (this.#unfinished === undefined || resolve(this.#unfinished) !== here) await this.#save(false, true);
    return this.#endInterrupted('evaluation');
  }

  async #endInterrupted(during: 'training' | 'evaluation'): Promise<never> {
    await this.#saving;
    const { global_step: step } = this.#state;
    const checkpoint = join(this.#options.args.outputDir, checkpointName(step));
    const { totalSteps } = this.#plan;
    throw new InterruptedError('run-interrupted', { during, step, totalSteps, checkpoint });
  }

  /** Ends with the best model where that is asked for. */
  async #finish(): Promise<void> {
    await this.#saving;
    const { args } = this.#options;
    const { best_model_checkpoint: best, best_global_step: step } = this.#state;
    if (args.loadBestModelAtEnd && best !== null && step !== null) {
      await verifyCheckpoint(best);
      await restoreParameters(best, this.#options);
    }
    await this.#rotate(checkpointsToDeleteAtEnd, step);
  }

  /** As the reference counts: every row of every batch at maxLength tokens. */
  #flops(step: number): number {
    return trainingFlops(
      rowsUpTo(this.#plan, step) * this.#options.maxLength,
      this.#parametersOutsideEmbeddings,
    );
  }

  #append(record: LogRecord): void {
    this.#history.push(record);
    this.#notify((callback) => callback.onLog?.(record));
  }

  #notify(call: (callback: TrainerCallback) => void): void {
    this.#options.callbacks?.forEach(call);
  }

  #warnOnce(message: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.#notify((callback) => callback.onWarning?.(message));
  }
}

async function openOutput(dir: string, step: number): Promise<OutputFolder> {
  const output = await OutputFolder.open(dir);
  try {
    await output.prepare({ mode: 'keep', makes: [], checkpointsAfter: step });
  } catch (error) {
    await output.close();
    throw error;
  }
  return output;
}
