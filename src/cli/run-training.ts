/**
 * One training run from the command line: shows what it reads, trains, shows the result. Shared by `train`
 * and `demo`.
 */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { InterruptedError, UsageError } from '../errors/attune-error.js';
import { toJson } from '../model/config.js';
import { nameWithin, realPath } from '../overlap.js';
import { endsWithBest } from '../train/best.js';
import { prepareFineTune } from '../train/fine-tune.js';
import type { FineTuneOptions, FineTuneRun, MeasuredRun } from '../train/fine-tune.js';
import { begunWith } from '../train/plan.js';
import type { BegunArguments } from '../train/plan.js';
import { isEvalRecord } from '../train/records.js';
import { isOfRun } from '../train/run-names.js';
import type { TrainOutput } from '../train/callbacks.js';
import type { Evaluation } from '../train/evaluate.js';
import type { Verification } from '../train/verify.js';
import { commandLine } from './command-arguments.js';
import type { CliContext } from './context.js';
import { withDownloads } from './downloads.js';
import { showPlan } from './show-plan.js';
import { jsonCallback, tensorBoardCallback, terminalCallback } from './train-report.js';
import { showDataset, showExamples, showMetrics, showModel } from './show.js';

export interface RunTrainingOptions extends Omit<FineTuneOptions, 'callbacks' | 'signal'> {
  /** Records to stdout. */
  readonly json: boolean;
  /** The final metrics to stdout, for programs; the records go there anyway where `json` is set. */
  readonly resultLines: boolean;
  /** Compare the first steps with the reference engine's. */
  readonly verifyExact?: boolean;
  /** Rows to show in full; and, above 0, the model's structure. */
  readonly examples: number;
  /** Called with the trained model before the session is closed. */
  readonly afterTraining?: (run: FineTuneRun, output: TrainOutput) => Promise<void>;
}

const VERIFIED_STEPS = 2;

/**
 * @throws what preparing and training throw; the engine is closed and the live line taken away in any case
 */
export async function runTraining(
  options: RunTrainingOptions,
  { terminal, results, signal }: CliContext,
): Promise<void> {
  const begun = begunWith(options);
  await requireLoggingDir(begun, options.alsoMakes);
  const json = options.json ? results : undefined;
  const screen = terminalCallback(terminal);
  const events = tensorBoardCallback(() => ({ args: run.args, modelConfig: toJson(run.model.config) }));
  const callbacks = [screen, events, ...(json ? [jsonCallback(json)] : [])];
  const run = await withDownloads(terminal, signal, (hub) =>
    prepareFineTune({ ...options, callbacks, signal, hub }),
  );
  try {
    const { args } = run;
    showRun(run, options, terminal);
    json?.record('run', {
      model: options.model,
      dataset: options.dataset,
      device: run.session.description,
      labels: run.splits.labelNames,
      trainRows: run.splits.train.length,
      validationRows: run.splits.validation?.length ?? 0,
      evalRows: run.splits.test?.length ?? 0,
      outputDir: args.outputDir,
    });
    if (run.plan.length > 0) json?.record('plan', { lines: run.plan });
    if (options.verifyExact) {
      terminal.heading(
        `First ${VERIFIED_STEPS} steps against the reference engine (float64, padded, without dropout)`,
      );
      const found = await run.verify(VERIFIED_STEPS);
      showVerification(terminal, found);
      json?.record('verification', { ...found });
    }
    terminal.heading('Training');
    const output = await run.train();
    if (output.stoppedEarly)
      terminal.print(
        '  Early stopping: no improvement for as many evaluations as --early-stopping-patience allows.',
      );
    const result = showResult(run, output, await measureSaved(run, output), options, terminal);
    if (result) {
      const {
        split,
        metrics: { loss, accuracy, f1, auc, perClass, confusion },
      } = result;
      json?.record('result', { split, loss, accuracy, f1, auc, per_class: perClass, confusion });
      if (!json && options.resultLines)
        results.line(`accuracy ${accuracy}\nf1 ${f1}\nauc ${auc ?? 'undefined'}`);
    }
    await options.afterTraining?.(run, output);
    terminal.heading('Saved');
    terminal.keyValue(
      [
        [
          args.outputDir,
          'the model, in the layout that transformers loads (config.json, model.safetensors, tokenizer), ' +
            'and trainer_state.json with every record',
        ],
        [
          `${args.outputDir}/checkpoint-*`,
          args.saveStrategy === 'no' ? 'none: --save-strategy is no' : 'checkpoints, to resume from',
        ],
        [args.loggingDir, 'TensorBoard event files'],
      ],
      2,
    );
  } finally {
    screen.stop();
    events.close();
    await run.close();
  }
}

/**
 * Event files are made when the training begins; by then an old run may have been removed.
 *
 * @throws UsageError `logging-dir-of-run`, `logging-dir-blocked`
 */
async function requireLoggingDir(
  { loggingDir, outputDir }: BegunArguments,
  alsoMakes?: readonly string[],
): Promise<void> {
  const [logging, output] = [await realPath(loggingDir), await realPath(outputDir)];
  const within = nameWithin(output, logging);
  if (within !== undefined && isOfRun(within, alsoMakes))
    throw new UsageError('logging-dir-of-run', { loggingDir });
  // What is wrong with the output folder itself is said of that.
  for (let at = logging; at !== output; at = dirname(at)) {
    const found = await stat(at).catch(() => undefined);
    if (found && !found.isDirectory())
      throw new UsageError('logging-dir-blocked', { loggingDir, blocking: at });
    if (found || dirname(at) === at) return;
  }
}

interface ShownResult {
  readonly split: 'test' | 'validation';
  readonly metrics: Evaluation['metrics'];
}

/**
 * Shows the metrics of the saved model: on the test rows, else on the validation rows. Returns what was
 * shown; undefined where there is neither.
 */
function showResult(
  { args, splits }: FineTuneRun,
  { state }: TrainOutput,
  { validation, test }: MeasuredRun,
  { examples }: RunTrainingOptions,
  terminal: CliContext['terminal'],
): ShownResult | undefined {
  const isBest = endsWithBest(args, state);
  const which = isBest ? `epoch ${bestEpoch(state)}, the best` : 'final model';
  if (!test && !validation) return undefined;
  const [split, metrics, { length }] = test
    ? (['test', test.metrics, splits.test!] as const)
    : (['validation', validation!.metrics, splits.validation!] as const);
  terminal.heading(`Result on the ${length} ${split} rows${examples > 0 ? '' : ` (${which})`}`);
  showMetrics(terminal, metrics);
  if (!test && isBest)
    terminal.paragraph(
      'The epoch was chosen by these rows, so the metrics flatter the model. ' +
        '--test-size 0.2 holds out rows that choose nothing.',
      2,
    );
  return { split, metrics };
}

/** The epoch that the best checkpoint is of. */
function bestEpoch({ best_global_step: best, log_history: history }: TrainOutput['state']): string {
  const record = history.find((each) => isEvalRecord(each) && each.step === best);
  return record ? String(Number(record.epoch.toFixed(2))) : '?';
}

/** @throws InterruptedError `evaluation-interrupted`: the model is saved already */
async function measureSaved(run: FineTuneRun, output: TrainOutput): Promise<MeasuredRun> {
  const { outputDir } = run.args;
  try {
    return await run.measure(output);
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    const command = commandLine(['evaluate'], { model: outputDir });
    throw new InterruptedError('evaluation-interrupted', { folder: outputDir, command }, { cause: error });
  }
}

function showVerification(
  terminal: CliContext['terminal'],
  { tokens, paddedTokens, logits, loss, gradNorm, gradients }: Verification,
): void {
  const figure = (value: number): string => value.toExponential(1);
  terminal.keyValue(
    [
      ['tokens', `${tokens} packed, ${paddedTokens} padded`],
      ['logits', `differ by at most ${figure(logits)}`],
      ['losses', `by at most ${figure(loss)}`],
      ['gradient norms', `by at most ${figure(gradNorm)} of themselves`],
      ['gradients', `by at most ${figure(gradients)} of their norm`],
    ],
    2,
  );
}

function showRun(run: FineTuneRun, { examples }: RunTrainingOptions, terminal: CliContext['terminal']): void {
  const { splits, model, session, maxLength } = run;
  terminal.heading('Data');
  for (const split of [splits.train, splits.validation, splits.test]) if (split) showDataset(terminal, split);
  for (const note of splits.notes) terminal.warning(note);
  if (examples > 0) {
    terminal.heading('Examples');
    showExamples(terminal, splits.train, model.tokenizer, maxLength, examples);
  }
  terminal.heading('Model');
  showModel(terminal, model, examples > 0);
  terminal.heading('Device');
  terminal.print(`  ${session.description}`);
  if (session.note !== undefined) terminal.print(`  ${session.note}`, 'dim');
  if (run.resumedFrom) terminal.print(`  going on from ${run.resumedFrom}`);
  showPlan(terminal, run.plan);
}
