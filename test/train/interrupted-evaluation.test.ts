/** A run interrupted in the middle of an evaluation resumes with that evaluation and ends as the whole run, bit for bit. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { InterruptedError, ModelError } from '#attune/errors.js';
import type { TrainingArgumentsInput } from '#attune/train/arguments.js';
import { readCheckpoint } from '#attune/train/checkpoint.js';
import type { LogRecord } from '#attune/train/records.js';
import type { TrainerCallback } from '#attune/train/trainer.js';
import { folder } from '../support/folder.js';
import { randomParameters } from '../support/models.js';
import { checkpointPath, TINY, tinyTrainer } from '../support/tiny-run.js';

/** 23 training rows in batches of 4, two a step: 3 steps an epoch, 9 in all. The evaluation rows are several batches of prediction. */
const STEPS = 9;
const evalRows = 100;

const withoutTimes = (records: readonly LogRecord[]): object[] =>
  records.map((record) => Object.fromEntries(Object.entries(record).filter(([key]) => !/runtime|per_second/.test(key))));

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
async function interrupted(t: TestContext, dir: string, args: TrainingArgumentsInput, n: number, from?: string): Promise<InterruptedError> {
  const { signal, callback } = abortInEvaluation(n);
  const { trainer } = await tinyTrainer(t, { dir, args, evalRows, signal, callbacks: [callback], ...(from !== undefined && { parameters: randomParameters(TINY, 77) }) });
  if (from !== undefined) await trainer.resumeFrom(from);
  const error = await trainer.train().catch((cause: unknown) => cause);
  assert.ok(error instanceof InterruptedError, String(error));
  return error;
}

interface Case {
  readonly args: TrainingArgumentsInput;
  /** Steps whose evaluation is interrupted, each in a run of its own. */
  readonly steps: readonly number[];
}

const CASES: readonly Case[] = [
  { args: { evalStrategy: 'epoch', saveStrategy: 'epoch' }, steps: [3, 9] },
  { args: { evalStrategy: 'epoch', saveStrategy: 'no', loggingStrategy: 'epoch' }, steps: [9] },
  { args: { evalStrategy: 'steps', evalSteps: 2, saveStrategy: 'steps', saveSteps: 2, loggingSteps: 2 }, steps: [4, 9] },
  // The log entry of the epoch's last step comes after the evaluation of that step.
  { args: { evalStrategy: 'steps', evalSteps: 3, saveStrategy: 'epoch', loggingStrategy: 'epoch', loggingFirstStep: true }, steps: [6] },
  { args: { evalStrategy: 'steps', evalSteps: 3, saveStrategy: 'no' }, steps: [6] },
  { args: { loadBestModelAtEnd: true, metricForBestModel: 'loss', saveTotalLimit: 1, earlyStoppingPatience: 5 }, steps: [6] },
  // So large a rate that the second epoch is worse than the first: its evaluation ends the run.
  {
    args: { loadBestModelAtEnd: true, metricForBestModel: 'loss', earlyStoppingPatience: 1, learningRate: 0.3, lrSchedulerType: 'constant', warmupSteps: 0, numTrainEpochs: 4 },
    steps: [6],
  },
];

describe('a run interrupted in an evaluation', () => {
  for (const { args, steps } of CASES) {
    it(`resumes to the same end: ${JSON.stringify(args)}`, { timeout: 1_800_000 }, async (t) => {
      const whole = folder(t);
      const expected = await (await tinyTrainer(t, { dir: whole, args, evalRows })).trainer.train();
      const evaluated = expected.state.log_history.flatMap((record) => ('eval_loss' in record ? [record.step] : []));
      const last = expected.state.global_step;
      for (const step of steps) {
        const dir = folder(t);
        const error = await interrupted(t, dir, args, evaluated.indexOf(step));
        assert.match(error.message, new RegExp(`in the evaluation after step ${step} of .*checkpoint-${step} is saved`));
        assert.match(error.hint!, /--resume-from-checkpoint/);
        const checkpoint = checkpointPath(dir, step);
        const { state, resume } = await readCheckpoint(checkpoint);
        assert.notEqual(resume?.unfinished, undefined);
        assert.ok(!state.log_history.some((record) => 'eval_loss' in record && record.step === step), 'the interrupted evaluation is not recorded');

        const { trainer } = await tinyTrainer(t, { dir, args, evalRows, parameters: randomParameters(TINY, 99) });
        await trainer.resumeFrom(checkpoint);
        const actual = await trainer.train();
        assert.deepEqual(withoutTimes(actual.state.log_history), withoutTimes(expected.state.log_history), `from step ${step}`);
        assert.deepEqual([actual.state.best_global_step, actual.state.best_metric], [expected.state.best_global_step, expected.state.best_metric]);
        assert.equal(actual.stoppedEarly, expected.stoppedEarly);
        // Without a save that falls on the step, only the interruption's checkpoint is there.
        const kept = readdirSync(whole);
        const extra = args.saveStrategy === 'no' ? [`checkpoint-${step}`] : [];
        assert.deepEqual(readdirSync(dir).sort(), [...kept, ...extra].sort());
        for (const name of kept) {
          for (const file of ['model.safetensors', 'optimizer.safetensors', 'attune_state.json']) {
            assert.ok(readFileSync(join(dir, name, file)).equals(readFileSync(join(whole, name, file))), `${name}/${file}, resumed from step ${step}`);
          }
        }
        if (args.saveStrategy === 'no') continue;
        const [ours, theirs] = [await readCheckpoint(checkpointPath(dir, last)), await readCheckpoint(checkpointPath(whole, last))];
        assert.deepEqual(ours.state.stateful_callbacks, theirs.state.stateful_callbacks);
      }
    });
  }

  it('may be interrupted in the same evaluation again, which leaves the checkpoint as it is', async (t) => {
    const [whole, dir] = [folder(t), folder(t)];
    const expected = await (await tinyTrainer(t, { dir: whole, evalRows })).trainer.train();
    const checkpoint = checkpointPath(dir, 6);
    await interrupted(t, dir, {}, 1);
    const saved = readFileSync(join(checkpoint, 'attune_state.json'), 'utf8');
    writeFileSync(join(checkpoint, 'witness'), '');
    await interrupted(t, dir, {}, 0, checkpoint);
    assert.equal(readFileSync(join(checkpoint, 'attune_state.json'), 'utf8'), saved);
    assert.ok(readdirSync(checkpoint).includes('witness'), 'the checkpoint was written again');
    const { trainer } = await tinyTrainer(t, { dir, evalRows, parameters: randomParameters(TINY, 99) });
    await trainer.resumeFrom(checkpoint);
    const actual = await trainer.train();
    assert.deepEqual(withoutTimes(actual.state.log_history), withoutTimes(expected.state.log_history));
    assert.ok(!readdirSync(checkpoint).includes('witness'), 'the checkpoint that falls on the step was not written');
    assert.equal((await readCheckpoint(checkpoint)).resume?.unfinished, undefined);
  });

  it('writes a checkpoint of its own when it was resumed from another folder', async (t) => {
    const [first, second] = [folder(t), folder(t)];
    await interrupted(t, first, {}, 1);
    await interrupted(t, second, {}, 0, checkpointPath(first, 6));
    const [ours, theirs] = [await readCheckpoint(checkpointPath(second, 6)), await readCheckpoint(checkpointPath(first, 6))];
    assert.deepEqual(ours.resume, theirs.resume);
    assert.deepEqual(ours.state.log_history, theirs.state.log_history);
  });

  it('begins no evaluation when the signal came in the step before it', async (t) => {
    const [whole, dir] = [folder(t), folder(t)];
    const expected = await (await tinyTrainer(t, { dir: whole })).trainer.train();
    const abort = new AbortController();
    const evaluations: number[] = [];
    const callbacks: TrainerCallback[] = [{ onStep: (step) => step === STEPS && abort.abort(), onEvaluationProgress: (done) => evaluations.push(done) }];
    const { trainer } = await tinyTrainer(t, { dir, signal: abort.signal, callbacks });
    await assert.rejects(trainer.train(), InterruptedError);
    assert.equal(evaluations.length, 2);
    const again = await tinyTrainer(t, { dir, parameters: randomParameters(TINY, 99) });
    await again.trainer.resumeFrom(checkpointPath(dir, STEPS));
    const actual = await again.trainer.train();
    assert.deepEqual(withoutTimes(actual.state.log_history), withoutTimes(expected.state.log_history));
  });
});

describe('Trainer.evaluate', () => {
  it('ends with the signal’s reason, after the batches under way', async (t) => {
    const abort = new AbortController();
    const seen: number[] = [];
    const onEvaluationProgress = (done: number): void => {
      seen.push(done);
      abort.abort(new Error('enough'));
    };
    const { trainer } = await tinyTrainer(t, { dir: folder(t), evalRows, signal: abort.signal, callbacks: [{ onEvaluationProgress }] });
    await assert.rejects(trainer.evaluate(), /enough/);
    assert.ok(seen.length <= 2, `progress after it ended: ${seen.join(', ')}`);
  });
});

describe('readCheckpoint', () => {
  it('refuses a step that is unfinished without its gradient’s norm', async (t) => {
    const dir = folder(t);
    await interrupted(t, dir, {}, 0);
    const file = join(checkpointPath(dir, 3), 'attune_state.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"gradNorm": [\d.e+-]+/, '"gradNorm": null'));
    await assert.rejects(readCheckpoint(checkpointPath(dir, 3)), (error) => error instanceof ModelError && /attune_state.json is damaged/.test(error.message));
  });
});
