/** Exact resumption if log entries, evaluations and checkpoints fall on the same step, and refusals to resume. */
import assert from 'node:assert/strict';
import { readFileSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { InterruptedError, TrainingError } from '#attune/errors/attune-error.js';
import { readCheckpoint } from '#attune/train/checkpoint.js';
import type { TrainingArgumentsInput } from '#attune/train/arguments.js';
import type { TrainOutput } from '#attune/train/callbacks.js';
import type { Evaluation } from '#attune/train/evaluate.js';
import { folder, namesIn } from '../support/folder.js';
import { randomParameters } from '../support/models.js';
import { refusal } from '../support/refusal.js';
import { checkpointPath, TINY, tinyTrainer } from '../support/tiny-run.js';
import { pattern } from '../support/pattern.js';
import { withoutTimes } from './log-entries.js';

/** 23 rows in batches of 4, two per step: 3 steps per epoch, 9 in all. */
const STEPS = 9;

interface Resumption {
  readonly what: string;
  readonly args: TrainingArgumentsInput;
  /** Steps to resume from. */
  readonly from: readonly number[];
}

const CASES: readonly Resumption[] = [
  {
    what: 'log entries by steps and evaluation by epoch',
    args: { saveStrategy: 'steps', saveSteps: 3, evalStrategy: 'epoch' },
    from: [3, STEPS],
  },
  {
    what: 'log entries and evaluation by epoch',
    args: { saveStrategy: 'steps', saveSteps: 3, evalStrategy: 'epoch', loggingStrategy: 'epoch' },
    from: [6],
  },
  {
    what: 'evaluation by steps and early stopping',
    args: {
      saveStrategy: 'steps',
      saveSteps: 2,
      evalStrategy: 'steps',
      evalSteps: 2,
      loggingSteps: 3,
      loggingFirstStep: true,
      earlyStoppingPatience: 20,
    },
    from: [2, 4],
  },
];

/** Resumes at step 6 with a learning rate of 0, so that no later evaluation is better, and collects warnings. */
async function resumed(
  t: TestContext,
  dir: string,
  from: string,
  args: TrainingArgumentsInput,
  otherRows = false,
): Promise<{ readonly warnings: readonly string[]; readonly output: TrainOutput }> {
  const warnings: string[] = [];
  const callbacks = [{ onWarning: (message: string): void => void warnings.push(message) }];
  const { trainer } = await tinyTrainer(t, {
    dir,
    args: { ...args, learningRate: 0 },
    callbacks,
    parameters: randomParameters(TINY, 99),
  });
  await trainer.resumeFrom(from, { otherRows });
  return { warnings, output: await trainer.train() };
}

describe('Trainer.resumeFrom', () => {
  for (const { what, args, from } of CASES) {
    it(
      `ends like the uninterrupted run from step ${from.join(' or ')}: ${what}`,
      { timeout: 1_800_000 },
      async (t) => {
        const whole = folder(t);
        const expected = await (await tinyTrainer(t, { dir: whole, args })).trainer.train();
        for (const step of from) {
          const dir = folder(t);
          const { trainer } = await tinyTrainer(t, { dir, args, parameters: randomParameters(TINY, 99) });
          await trainer.resumeFrom(checkpointPath(whole, step));
          const actual = await trainer.train();
          assert.deepEqual(
            withoutTimes(actual.state.log_history),
            withoutTimes(expected.state.log_history),
            `from step ${step}`,
          );
          if (step === STEPS) continue;
          for (const file of ['model.safetensors', 'optimizer.safetensors', 'attune_state.json']) {
            assert.ok(
              readFileSync(join(checkpointPath(dir, STEPS), file)).equals(
                readFileSync(join(checkpointPath(whole, STEPS), file)),
              ),
              `${file} from step ${step}`,
            );
          }
        }
      },
    );
  }

  it('ends like the uninterrupted run after three interruptions', async (t) => {
    const [whole, dir] = [folder(t), folder(t)];
    const args: TrainingArgumentsInput = { loadBestModelAtEnd: true, earlyStoppingPatience: 9 };
    const expected = await (await tinyTrainer(t, { dir: whole, args })).trainer.train();
    const cuts = [1, 3, 8];
    for (const [i, cut] of cuts.entries()) {
      const abort = new AbortController();
      const stopAt = { onStep: (step: number): void => void (step === cut && abort.abort()) };
      const { trainer } = await tinyTrainer(t, {
        dir,
        args,
        signal: abort.signal,
        callbacks: [stopAt],
        parameters: i > 0 ? randomParameters(TINY, 90 + i) : undefined,
      });
      if (i > 0) await trainer.resumeFrom(checkpointPath(dir, cuts[i - 1]));
      await assert.rejects(trainer.train(), refusal(InterruptedError, 'run-interrupted', { step: cut }));
    }
    const { trainer } = await tinyTrainer(t, { dir, args, parameters: randomParameters(TINY, 98) });
    await trainer.resumeFrom(checkpointPath(dir, 8));
    const actual = await trainer.train();
    assert.deepEqual(withoutTimes(actual.state.log_history), withoutTimes(expected.state.log_history));
    assert.equal(actual.state.best_global_step, expected.state.best_global_step);
    assert.equal(actual.state.best_metric, expected.state.best_metric);
    const { stateful_callbacks: ours } = (await readCheckpoint(checkpointPath(dir, STEPS))).state;
    assert.deepEqual(ours, (await readCheckpoint(checkpointPath(whole, STEPS))).state.stateful_callbacks);
  });

  it('refuses a checkpoint of a run with another gradient accumulation', async (t) => {
    const dir = folder(t);
    await (await tinyTrainer(t, { dir })).trainer.train();
    const { trainer } = await tinyTrainer(t, { dir: folder(t), args: { gradientAccumulationSteps: 3 } });
    await assert.rejects(
      trainer.resumeFrom(checkpointPath(dir, 3)),
      refusal(TrainingError, 'checkpoint-of-other-run', {
        dir: checkpointPath(dir, 3),
        field: 'gradientAccumulationSteps',
        then: 2,
        now: 3,
      }),
    );
  });
});

describe('Trainer.resumeFrom with loadBestModelAtEnd', () => {
  const args: TrainingArgumentsInput = { loadBestModelAtEnd: true };
  /** A run whose best is its first checkpoint. */
  async function begun(t: TestContext): Promise<string> {
    const dir = folder(t);
    await (await tinyTrainer(t, { dir, args: { ...args, learningRate: 0 } })).trainer.train();
    return dir;
  }

  it('finds the best checkpoint beside the one that it resumes, after both were moved', async (t) => {
    const dir = await begun(t);
    const moved = join(folder(t), 'moved');
    renameSync(dir, moved);
    const into = folder(t);
    const { warnings, output } = await resumed(t, into, checkpointPath(moved, 6), args);
    assert.deepEqual(warnings, []);
    assert.equal(output.state.best_global_step, 3);
    assert.equal(output.state.best_model_checkpoint, checkpointPath(moved, 3));
  });

  for (const [what, damage] of [
    ['damaged', (path: string) => truncateSync(join(path, 'model.safetensors'), 9)],
    ['missing', (path: string) => rmSync(path, { recursive: true })],
  ] as const) {
    it(`warns and looks for a new best model if the best checkpoint is ${what}`, async (t) => {
      const dir = await begun(t);
      damage(checkpointPath(dir, 3));
      const { warnings, output } = await resumed(t, folder(t), checkpointPath(dir, 6), args);
      assert.match(
        warnings.join(),
        pattern(
          /the best checkpoint so far, checkpoint-3, is neither beside .* or not whole: /,
          /the best model is that of the steps from here on/,
        ),
      );
      assert.equal(output.state.best_global_step, 9);
    });
  }

  it('warns and looks for a new best model if another metric chooses it', async (t) => {
    const dir = await begun(t);
    const { warnings, output } = await resumed(t, folder(t), checkpointPath(dir, 6), {
      ...args,
      metricForBestModel: 'accuracy',
    });
    assert.match(warnings.join(), /the best was chosen by eval_loss, and is by eval_accuracy now/);
    assert.equal(output.state.best_global_step, 9);
    assert.equal(output.state.best_metric, output.evaluation!.metrics.accuracy);
  });

  it('warns and looks for a new best model if the evaluation rows are others', async (t) => {
    const dir = await begun(t);
    const { warnings, output } = await resumed(t, folder(t), checkpointPath(dir, 6), args, true);
    assert.match(warnings.join(), /the evaluation rows are others now/);
    assert.equal(output.state.best_global_step, 9);
  });
});

describe('Trainer.train', () => {
  it('finishes if the signal comes in the last step and no evaluation follows', async (t) => {
    const dir = folder(t);
    const abort = new AbortController();
    const args: TrainingArgumentsInput = { evalStrategy: 'no' };
    const { trainer } = await tinyTrainer(t, {
      dir,
      args,
      signal: abort.signal,
      callbacks: [{ onStep: (step) => step === STEPS && abort.abort() }],
    });
    assert.equal((await trainer.train()).state.global_step, STEPS);
  });

  it('finishes if the signal comes while early stopping ends the run', async (t) => {
    const dir = folder(t);
    const abort = new AbortController();
    const args: TrainingArgumentsInput = { earlyStoppingPatience: 1, learningRate: 0 };
    const onEvaluate = ({ record }: Evaluation): void => void (record.step === 6 && abort.abort());
    const { trainer } = await tinyTrainer(t, {
      dir,
      args,
      signal: abort.signal,
      callbacks: [{ onEvaluate }],
    });
    const output = await trainer.train();
    assert.deepEqual([output.stoppedEarly, output.state.global_step], [true, 6]);
  });

  it('applies saveTotalLimit to the checkpoint of an interruption', async (t) => {
    const dir = folder(t);
    const abort = new AbortController();
    const args: TrainingArgumentsInput = { saveTotalLimit: 1, evalStrategy: 'no', saveStrategy: 'epoch' };
    const { trainer } = await tinyTrainer(t, {
      dir,
      args,
      signal: abort.signal,
      callbacks: [{ onStep: (step) => step === 5 && abort.abort() }],
    });
    await assert.rejects(trainer.train(), refusal(InterruptedError, 'run-interrupted', { step: 5 }));
    assert.deepEqual(namesIn(dir), ['checkpoint-5']);
  });
});
