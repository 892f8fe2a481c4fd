/** Runs of a tiny model that are interrupted in the middle of an evaluation. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { InterruptedError } from '#attune/errors/attune-error.js';
import type { TrainingArgumentsInput } from '#attune/train/arguments.js';
import { readCheckpoint } from '#attune/train/checkpoint.js';
import type { LogRecord } from '#attune/train/records.js';
import type { TrainerCallback } from '#attune/train/callbacks.js';
import { folder, namesIn } from './folder.js';
import { randomParameters } from './models.js';
import { checkpointPath, TINY, tinyTrainer } from './tiny-run.js';
import { refusal } from './refusal.js';

/**
 * 23 training rows in batches of 4, two a step: 3 steps an epoch, 9 in all. The evaluation rows are several
 * batches of prediction.
 */
export const STEPS = 9;
export const evalRows = 100;

export const withoutTimes = (records: readonly LogRecord[]): object[] =>
  records.map((record) =>
    Object.fromEntries(Object.entries(record).filter(([key]) => !/runtime|per_second/.test(key))),
  );

/** Aborts after the first batch of the n-th evaluation, from 0. */
function abortInEvaluation(n: number): { readonly signal: AbortSignal; readonly callback: TrainerCallback } {
  const abort = new AbortController();
  let begun = 0;
  let last = 0;
  const onEvaluationProgress = (done: number): void => {
    if (begun === 0 || done <= last) begun++;
    last = done;
    assert.ok(done < evalRows || begun <= n, 'the evaluation went on to its end');
    if (begun === n + 1) abort.abort();
  };
  return { signal: abort.signal, callback: { onEvaluationProgress } };
}

/** Runs from the checkpoint `from`, of the same folder, until it is interrupted in the n-th evaluation. */
export async function interrupted(
  t: TestContext,
  dir: string,
  args: TrainingArgumentsInput,
  n: number,
  from?: string,
): Promise<InterruptedError> {
  const { signal, callback } = abortInEvaluation(n);
  const { trainer } = await tinyTrainer(t, {
    dir,
    args,
    evalRows,
    signal,
    callbacks: [callback],
    parameters: from === undefined ? undefined : randomParameters(TINY, 77),
  });
  if (from !== undefined) await trainer.resumeFrom(from);
  const error = await trainer.train().catch((cause: unknown) => cause);
  assert.ok(error instanceof InterruptedError, String(error));
  return error;
}

export interface InterruptedCase {
  readonly args: TrainingArgumentsInput;
  /** Steps whose evaluation is interrupted, each in a run of its own. */
  readonly steps: readonly number[];
}

/**
 * Interrupts a run in the evaluation of each of the steps, resumes it, and compares all that it leaves with
 * the whole run.
 */
export async function resumesToTheSameEnd(t: TestContext, { args, steps }: InterruptedCase): Promise<void> {
  const whole = folder(t);
  const expected = await (await tinyTrainer(t, { dir: whole, args, evalRows })).trainer.train();
  const evaluated = expected.state.log_history.flatMap((record) =>
    'eval_loss' in record ? [record.step] : [],
  );
  const last = expected.state.global_step;
  for (const step of steps) {
    const dir = folder(t);
    const error = await interrupted(t, dir, args, evaluated.indexOf(step));
    const checkpoint = checkpointPath(dir, step);
    refusal(InterruptedError, 'run-interrupted', { during: 'evaluation', step, checkpoint })(error);
    const { state, resume } = await readCheckpoint(checkpoint);
    assert.notEqual(resume?.unfinished, undefined);
    assert.ok(
      !state.log_history.some((record) => 'eval_loss' in record && record.step === step),
      'the interrupted evaluation is not recorded',
    );

    const { trainer } = await tinyTrainer(t, { dir, args, evalRows, parameters: randomParameters(TINY, 99) });
    await trainer.resumeFrom(checkpoint);
    const actual = await trainer.train();
    assert.deepEqual(
      withoutTimes(actual.state.log_history),
      withoutTimes(expected.state.log_history),
      `from step ${step}`,
    );
    assert.deepEqual(
      [actual.state.best_global_step, actual.state.best_metric],
      [expected.state.best_global_step, expected.state.best_metric],
    );
    assert.equal(actual.stoppedEarly, expected.stoppedEarly);
    // Without a save that falls on the step, only the interruption's checkpoint is there.
    const kept = namesIn(whole);
    const extra = args.saveStrategy === 'no' ? [`checkpoint-${step}`] : [];
    assert.deepEqual(namesIn(dir), [...kept, ...extra].sort());
    for (const name of kept) {
      for (const file of ['model.safetensors', 'optimizer.safetensors', 'attune_state.json']) {
        assert.ok(
          readFileSync(join(dir, name, file)).equals(readFileSync(join(whole, name, file))),
          `${name}/${file}, resumed from step ${step}`,
        );
      }
    }
    if (args.saveStrategy === 'no') continue;
    const [ours, theirs] = [
      await readCheckpoint(checkpointPath(dir, last)),
      await readCheckpoint(checkpointPath(whole, last)),
    ];
    assert.deepEqual(ours.state.stateful_callbacks, theirs.state.stateful_callbacks);
  }
}
