/**
 * A run that is interrupted in an evaluation resumes with that evaluation.
 * interrupted-evaluation.slow.test.ts compares how it ends with an uninterrupted run.
 */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { InterruptedError, ModelError } from '#attune/errors/attune-error.js';
import { readCheckpoint } from '#attune/train/checkpoint.js';
import type { TrainerCallback } from '#attune/train/callbacks.js';
import { folder } from '../support/folder.js';
import { evalRows, interrupted, STEPS, withoutTimes } from '../support/interrupted-evaluation.js';
import { randomParameters } from '../support/models.js';
import { refusal } from '../support/refusal.js';
import { checkpointPath, TINY, tinyTrainer } from '../support/tiny-run.js';

describe('Trainer.train interrupted in an evaluation', () => {
  it('does not write the checkpoint again when the same evaluation is interrupted twice', async (t) => {
    const [whole, dir] = [folder(t), folder(t)];
    const expected = await (await tinyTrainer(t, { dir: whole, evalRows })).trainer.train();
    const checkpoint = checkpointPath(dir, 6);
    await interrupted(t, dir, {}, 1);
    const saved = readFileSync(join(checkpoint, 'attune_state.json'), 'utf8');
    const { ino } = statSync(join(checkpoint, 'attune_state.json'));
    await interrupted(t, dir, {}, 0, checkpoint);
    assert.equal(readFileSync(join(checkpoint, 'attune_state.json'), 'utf8'), saved);
    assert.equal(
      statSync(join(checkpoint, 'attune_state.json')).ino,
      ino,
      'the checkpoint was written again',
    );
    const { trainer } = await tinyTrainer(t, { dir, evalRows, parameters: randomParameters(TINY, 99) });
    await trainer.resumeFrom(checkpoint);
    const actual = await trainer.train();
    assert.deepEqual(withoutTimes(actual.state.log_history), withoutTimes(expected.state.log_history));
    assert.equal((await readCheckpoint(checkpoint)).resume?.unfinished, undefined);
  });

  it('saves a checkpoint in its own folder if it was resumed from another one', async (t) => {
    const [first, second] = [folder(t), folder(t)];
    await interrupted(t, first, {}, 1);
    await interrupted(t, second, {}, 0, checkpointPath(first, 6));
    const [ours, theirs] = [
      await readCheckpoint(checkpointPath(second, 6)),
      await readCheckpoint(checkpointPath(first, 6)),
    ];
    assert.deepEqual(ours.resume, theirs.resume);
    assert.deepEqual(ours.state.log_history, theirs.state.log_history);
  });

  it('starts no evaluation if the signal came in the step before it', async (t) => {
    const [whole, dir] = [folder(t), folder(t)];
    const expected = await (await tinyTrainer(t, { dir: whole })).trainer.train();
    const abort = new AbortController();
    const evaluations: number[] = [];
    const callbacks: TrainerCallback[] = [
      {
        onStep: (step) => step === STEPS && abort.abort(),
        onEvaluationProgress: (done) => evaluations.push(done),
      },
    ];
    const { trainer } = await tinyTrainer(t, { dir, signal: abort.signal, callbacks });
    await assert.rejects(
      trainer.train(),
      refusal(InterruptedError, 'run-interrupted', { during: 'evaluation', step: STEPS, totalSteps: STEPS }),
    );
    assert.equal(evaluations.length, 2);
    const again = await tinyTrainer(t, { dir, parameters: randomParameters(TINY, 99) });
    await again.trainer.resumeFrom(checkpointPath(dir, STEPS));
    const actual = await again.trainer.train();
    assert.deepEqual(withoutTimes(actual.state.log_history), withoutTimes(expected.state.log_history));
  });
});

describe('Trainer.evaluate', () => {
  it('rejects with the reason of the signal after the current batches', async (t) => {
    const abort = new AbortController();
    const seen: number[] = [];
    const onEvaluationProgress = (done: number): void => {
      seen.push(done);
      abort.abort(new Error('enough'));
    };
    const { trainer } = await tinyTrainer(t, {
      dir: folder(t),
      evalRows,
      signal: abort.signal,
      callbacks: [{ onEvaluationProgress }],
    });
    await assert.rejects(trainer.evaluate(), /enough/);
    assert.ok(seen.length <= 2, `progress after it ended: ${seen.join(', ')}`);
  });
});

describe('readCheckpoint', () => {
  it('refuses an unfinished step that lacks its gradient norm', async (t) => {
    const dir = folder(t);
    await interrupted(t, dir, {}, 0);
    const file = join(checkpointPath(dir, 3), 'attune_state.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/"gradNorm": [\d.e+-]+/, '"gradNorm": null'));
    await assert.rejects(
      readCheckpoint(checkpointPath(dir, 3)),
      refusal(ModelError, 'resume-state-damaged', { file }),
    );
  });
});
