/**
 * The training loop, as transformers' Trainer goes through it: windows of micro-batches in the reference's
 * row order, records, evaluations, checkpoints, the best model, early stopping. It does not know which engine
 * computes, nor which model.
 */
import { dirname, join, resolve } from 'node:path';
import { packRows } from '../engine/batch.js';
import type { EncodedRow, PackedBatch } from '../engine/batch.js';
import type { StepResult } from '../engine/engine.js';
import { InterruptedError, TrainingError } from '../errors.js';
import { classificationMetrics } from '../metrics/classification.js';
import type { ClassificationMetrics } from '../metrics/classification.js';
import { elementCount } from '../model/parameters.js';
import type { TrainingArguments } from './arguments.js';
import {
  BestTracker,
  bestRuleOf,
  bestRuleOfCheckpoint,
  checkpointName,
  checkpointStep,
  checkpointsToDelete,
  checkpointsToDeleteAtEnd,
} from './best.js';
import type { BestRule } from './best.js';
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
import { dueAfterEpoch, dueAfterStep, intervalsOf } from './flow.js';
import type { Due } from './flow.js';
import { LossLog } from './loss-log.js';
import { OutputFolder } from './output-folder.js';
import { PREDICTION_BATCH, predictLogits } from './prediction.js';
import { evalRecord, finalRecord, trainRecord, trainingFlops } from './records.js';
import type { EvalRecord, FinalRecord, LogRecord } from './records.js';
import { batchRows, epochAt, learningRateAt, planOf, rowOrder, rowsUpTo, stepWindow } from './schedule.js';
import type { StepPlan } from './schedule.js';
import { controlState, initialState } from './state.js';
import type { TrainerState } from './state.js';

/** Rows of token ids with their classes. */
export interface LabelledRows {
  readonly rows: readonly EncodedRow[];
  /** Class index of each row. */
  readonly labels: Int32Array;
}

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

export interface Evaluation {
  readonly record: EvalRecord;
  readonly metrics: ClassificationMetrics;
  /** [rows, K] */
  readonly logits: Float32Array;
}

export interface TrainOutput {
  readonly state: TrainerState;
  readonly final: FinalRecord;
  /** The last evaluation of the run, if there was one. */
  readonly evaluation: Evaluation | undefined;
  /** Why the run ended before its last step. */
  readonly stoppedEarly: boolean;
}

export interface TrainerOptions extends ModelSource {
  readonly args: TrainingArguments;
  readonly train: LabelledRows;
  readonly evaluation?: LabelledRows;
  /** Tokens a row is cut to: what total_flos counts for each, as the reference pads. */
  readonly maxLength: number;
  readonly callbacks?: readonly TrainerCallback[];
  /** Where checkpoints go; absent: `args.outputDir`, which is opened while it trains. */
  readonly output?: OutputFolder | undefined;
  /**
   * Aborting it finishes the steps and the evaluation batch under way, saves a checkpoint and ends the run
   * with an InterruptedError.
   */
  readonly signal?: AbortSignal | undefined;
}

/** A step that the engine was asked for and has not answered yet. */
interface PendingStep {
  readonly step: number;
  readonly result: Promise<StepResult>;
}

export class Trainer {
  readonly #plan: StepPlan;
  readonly #parametersOutsideEmbeddings: number;
  readonly #warned = new Set<string>();
  #history: LogRecord[] = [];
  #state: TrainerState;
  #lossLog = new LossLog();
  #passes = 0;
  /** In order; empty whenever something falls on a step. */
  readonly #pending: PendingStep[] = [];
  /** Of the last step that was answered, before clipping. */
  #gradNorm = NaN;
  #updatesBefore = 0;
  #order: { readonly epoch: number; readonly rows: Int32Array } | undefined;
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

  constructor(options: TrainerOptions) {
    this.#options = options;

    const { args, train } = options;
    this.#plan = planOf(args, train.rows.length);
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
   * @throws the signal's reason if it is aborted
   */
  async resumeFrom(dir: string, { otherRows = false }: { readonly otherRows?: boolean } = {}): Promise<void> {
    const { args, train } = this.#options;
    const { state, resume: saved } = await readCheckpoint(dir);
    const resume = saved ?? this.#resumeOfTrainer(state.global_step);
    const differs = (what: string, then: number, now: number): never => {
      throw new TrainingError(`${dir} belongs to a run with ${what} ${then}; this one has ${now}`, {
        hint: 'Resume with the arguments and data of the run that saved it.',
      });
    };
    if (resume.rows !== train.rows.length) differs('training rows', resume.rows, train.rows.length);
    if (resume.seed !== args.seed) differs('seed', resume.seed, args.seed);
    if (state.train_batch_size !== args.perDeviceTrainBatchSize)
      differs('batch size', state.train_batch_size ?? 0, args.perDeviceTrainBatchSize);
    if (resume.accumulation !== args.gradientAccumulationSteps)
      differs('gradient accumulation', resume.accumulation, args.gradientAccumulationSteps);
    const updates = await restore(dir, this.#options, this.#options.signal);
    this.#updatesBefore = updates === undefined ? (resume.updatesBefore ?? 0) : state.global_step - updates;
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
    this.#passes = resume.passes;
    this.#unfinished = resume.unfinished && dir;
    this.#gradNorm = resume.unfinished?.gradNorm ?? NaN;
    const rule = bestRuleOf(args);
    const found = rule && (await this.#bestSoFar(dir, state, rule, otherRows));
    this.#best = rule && new BestTracker(rule, found && { ...state, peak: resume.bestPeak });
    this.#state = {
      ...this.#state,
      ...(found
        ? { best_model_checkpoint: found.checkpoint }
        : { best_metric: null, best_global_step: null, best_model_checkpoint: null }),
    };
  }

  /**
   * Where the best model so far lies, null where none was kept; undefined, with a warning, where the best
   * begins anew.
   */
  async #bestSoFar(
    dir: string,
    { best_global_step: step, best_model_checkpoint: recorded }: TrainerState,
    rule: BestRule,
    otherRows: boolean,
  ): Promise<{ readonly checkpoint: string | null } | undefined> {
    const anew = (why: string): undefined => {
      if (step !== null) this.#warnOnce(`${why}: the best model is that of the steps from here on`);
    };
    const before = await bestRuleOfCheckpoint(dir);
    if (before && (before.metric !== rule.metric || before.greaterIsBetter !== rule.greaterIsBetter))
      return anew(`the best was chosen by ${before.metric}, and is by ${rule.metric} now`);
    if (otherRows) return anew('the evaluation rows are others now');
    const { loadBestModelAtEnd, outputDir } = this.#options.args;
    if (!loadBestModelAtEnd || step === null || recorded === null) return { checkpoint: recorded };
    // The recorded place is from where the run was started; a folder may have been renamed, or one checkpoint
    // carried elsewhere.
    const name = checkpointName(step);
    for (const place of new Set([join(dirname(resolve(dir)), name), join(outputDir, name), recorded])) {
      if (
        await verifyCheckpoint(place, this.#options.signal).then(
          () => true,
          () => false,
        )
      )
        return { checkpoint: place };
    }
    return anew(
      `the best checkpoint so far, ${name}, is neither beside ${dir} nor at ${recorded}, or not whole`,
    );
  }

  /** No checkpoint of this step or an earlier one will be written. */
  get lastFinishedStep(): number {
    return this.#unfinished === undefined ? this.#state.global_step : this.#state.global_step - 1;
  }

  /**
   * What a checkpoint of the Trainer leaves to be worked out. Its loss records begin anew when it resumes,
   * and so do these.
   */
  #resumeOfTrainer(step: number): ResumeState {
    const { args, train } = this.#options;
    const { epoch, firstBatch, batches } = stepWindow(this.#plan, Math.max(1, step));
    const passes = step === 0 ? 0 : epoch * this.#plan.batchesPerEpoch + firstBatch + batches;
    return {
      seed: args.seed,
      rows: train.rows.length,
      accumulation: args.gradientAccumulationSteps,
      passes,
      lossLog: { pending: 0, recorded: 0, lastStep: step },
    };
  }

  /**
   * Runs from where the state stands to the end.
   *
   * @throws UsageError where the output folder cannot be had or something that attune did not make stands in
   *   the way there, InterruptedError, TrainingError
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
    return (this.#output ??= await openOutput(this.#options.args.outputDir, this.lastFinishedStep));
  }

  async #run(): Promise<TrainOutput> {
    const { args, session, signal } = this.#options;
    const started = performance.now();
    const startStep = this.#state.global_step;
    this.#notify((callback) => callback.onTrainBegin?.(this.#plan, startStep));

    if (signal?.aborted && startStep < this.#plan.totalSteps) {
      throw new InterruptedError(
        `interrupted before step ${startStep + 1} of ${this.#plan.totalSteps}; nothing was computed, and nothing is saved`,
        { hint: 'Start it again in the same way.' },
      );
    }
    // A run that had stopped early ends there again.
    let stop =
      this.#unfinished === undefined ? this.#best?.isExhausted === true : await this.#completeStep(startStep);
    for (let step = startStep + 1; step <= this.#plan.totalSteps && !stop; step++) {
      const atStep = dueAfterStep(args, step, this.#plan.totalSteps);
      // Engines that can compute ahead: nothing waits for a step on which nothing falls.
      const waits = atStep.log || atStep.evaluate || atStep.save || this.#endsEpoch(step);
      const ahead = waits ? 0 : (session.stepsInFlight ?? 1) - 1;
      this.#begin(step, ahead > 0);
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
   * @throws the signal's reason if it is aborted, after the batch under way
   */
  async evaluate(signal: AbortSignal | undefined = this.#options.signal): Promise<Evaluation> {
    const { evaluation } = this.#options;
    if (!evaluation) throw new TrainingError('there are no evaluation rows');
    return this.measure(evaluation, signal);
  }

  /** Measures on any rows. @param signal as for `evaluate`, and what is thrown */
  async measure(
    evaluation: LabelledRows,
    signal: AbortSignal | undefined = this.#options.signal,
  ): Promise<Evaluation> {
    const { session, config, args } = this.#options;
    const started = performance.now();
    const logits = await predictLogits(session, evaluation.rows, config.labelNames.length, {
      // A row's logits do not depend on what it is batched with, so the evaluation batch size is only counted
      // with, below.
      ...PREDICTION_BATCH,
      signal,
      onProgress: (done, rows) => this.#notify((callback) => callback.onEvaluationProgress?.(done, rows)),
    });
    const metrics = classificationMetrics(logits, evaluation.labels, config.labelNames);
    const rows = evaluation.rows.length;
    const record = evalRecord(
      metrics.loss,
      { accuracy: metrics.accuracy, f1: metrics.f1, auc: metrics.auc },
      {
        seconds: (performance.now() - started) / 1000,
        rows,
        batches: Math.ceil(rows / args.perDeviceEvalBatchSize),
      },
      { epoch: this.#state.epoch, step: this.#state.global_step },
    );
    for (const warning of metrics.warnings) this.#warnOnce(warning);
    return { record, metrics, logits };
  }

  /** Asks the engine for one optimizer step. */
  #begin(step: number, deferResult: boolean): void {
    const { args, session } = this.#options;
    const learningRate = this.#learningRate(step);
    const { adamBeta1: beta1, adamBeta2: beta2, adamEpsilon: epsilon, weightDecay, maxGradNorm } = args;
    const microBatches = this.#microBatches(step);
    const result = session.step({
      microBatches,
      // The mean over each micro-batch; a window's gradients are added up (LossLog says why).
      lossWeights: microBatches.map(({ rows }) => 1 / rows),
      firstPass: this.#passes,
      update: {
        learningRate,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        maxGradNorm,
        step: step - this.#updatesBefore,
      },
      deferResult,
    });
    // Awaited in its turn; where an earlier step fails, it is not.
    result.catch(() => undefined);
    this.#passes += microBatches.length;
    this.#pending.push({ step, result });
  }

  /** Waits for steps, in order, until at most `ahead` are under way. */
  async #settle(ahead: number): Promise<void> {
    if (ahead === 0) this.#options.session.collect?.();
    while (this.#pending.length > ahead) {
      const { step, result } = this.#pending.shift()!;
      await this.#conclude(step, await result);
    }
  }

  async #conclude(step: number, { losses, gradNorm, updated }: StepResult): Promise<void> {
    if (!updated) {
      const { args } = this.#options;
      await this.#saving;
      const [kept] = (await listCheckpoints(args.outputDir)).slice(-1);
      throw new TrainingError(
        `step ${step}: ${losses.every(Number.isFinite) ? `the gradient's norm is ${gradNorm}` : `the loss is ${losses.join(', ')}`}; training stopped`,
        {
          hint: `${kept ? `The last good checkpoint is ${join(args.outputDir, kept)}. ` : ''}Try a smaller learning rate or more warmup steps.`,
        },
      );
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

  #learningRate(step: number): number {
    return learningRateAt(this.#options.args, step - 1, this.#plan.totalSteps);
  }

  #microBatches(step: number): PackedBatch[] {
    const { args, train } = this.#options;
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

  /** Records and evaluates as due. Returns whether early stopping says so. */
  async #carryOut(due: Pick<Due, 'log' | 'evaluate'>): Promise<boolean> {
    const { epoch, global_step: step } = this.#state;
    if (due.log && this.#lossLog.hasUnrecorded(step)) {
      const learningRate = this.#learningRate(step);
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
    this.#state = {
      ...this.#state,
      stateful_callbacks: {
        ...(stopping && { EarlyStoppingCallback: stopping }),
        TrainerControl: controlState(ending),
      },
    };
    const resume: ResumeState = {
      seed: args.seed,
      rows: this.#options.train.rows.length,
      accumulation: args.gradientAccumulationSteps,
      passes: this.#passes,
      lossLog: this.#lossLog.state(),
      ...(this.#updatesBefore > 0 && { updatesBefore: this.#updatesBefore }),
      bestPeak: this.#best?.peak,
      ...(unfinished && { unfinished: { gradNorm: this.#gradNorm } }),
    };
    await this.#saving;
    // The copy takes a moment; the writing, which takes longer, goes on beside the next steps.
    const copy = await copyTensors(this.#options);
    const { best_global_step: best } = this.#state;
    const written = saveCheckpoint(
      await this.#openedOutput(),
      { ...this.#options, ...(copy && { session: copy }) },
      args,
      this.#state,
      resume,
    ).then(async (dir) => {
      this.#notify((callback) => callback.onSave?.(dir));
      await this.#rotate(checkpointsToDelete, best);
    });
    this.#saving = written;
    written.catch((error: unknown) => (this.#saveFailure = { error }));
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
    return this.#endInterrupted('interrupted');
  }

  async #interruptEvaluation(): Promise<never> {
    const here = resolve(this.#options.args.outputDir, checkpointName(this.#state.global_step));
    // A run that resumed from this very checkpoint has changed nothing.
    if (this.#unfinished === undefined || resolve(this.#unfinished) !== here) await this.#save(false, true);
    return this.#endInterrupted('interrupted in the evaluation');
  }

  async #endInterrupted(what: string): Promise<never> {
    await this.#saving;
    const { global_step: step } = this.#state;
    const checkpoint = join(this.#options.args.outputDir, checkpointName(step));
    throw new InterruptedError(
      `${what} after step ${step} of ${this.#plan.totalSteps}; ${checkpoint} is saved`,
      {
        hint: 'Go on with the same command and --resume-from-checkpoint.',
      },
    );
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
