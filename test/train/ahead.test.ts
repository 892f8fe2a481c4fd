/** Interruptions of a run whose engine computes steps ahead and delivers their results later, as the GPU's does. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Engine } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { InterruptedError } from '#attune/errors/attune-error.js';
import { readCheckpoint } from '#attune/train/checkpoint.js';
import type { LogRecord } from '#attune/train/records.js';
import { altered } from '../support/altered-engine.js';
import { folder } from '../support/folder.js';
import { randomParameters } from '../support/models.js';
import { refusal } from '../support/refusal.js';
import { checkpointPath, TINY, tinyTrainer } from '../support/tiny-run.js';
import { withoutTimes } from './log-entries.js';

/** Batches of 4 from 23 rows: 6 steps per epoch, 18 in all. */
const STEPS = 18;
const ARGS = { gradientAccumulationSteps: 1, loggingSteps: 5 } as const;
const IN_FLIGHT = 4;

/** Results come in pairs, or when they are collected. */
function ahead(onAsked: (step: number) => void): Engine {
  return altered(onnxEngine, (session) => {
    let asked = 0;
    const held: (() => void)[] = [];
    const collect = (): void => {
      for (const answer of held.splice(0)) answer();
    };
    return {
      stepsInFlight: IN_FLIGHT,
      collect,
      step: async (request) => {
        onAsked(++asked);
        const due = new Promise<void>((resolve) => held.push(resolve));
        if (!request.deferResult || held.length === 2) collect();
        const result = await session.step(request);
        await due;
        return result;
      },
    };
  });
}

describe('Trainer.train with steps in flight', () => {
  for (const stopAt of [1, 5, 8, 13]) {
    it(`interrupted at step ${stopAt}, saves the last requested step and resumes to the same end`, async (t) => {
      const whole = folder(t);
      const expected = await (await tinyTrainer(t, { dir: whole, args: ARGS })).trainer.train();
      const dir = folder(t);
      const abort = new AbortController();
      let asked = 0;
      let askedBefore = 0;
      const onStep = (step: number): void => {
        if (step !== stopAt) return;
        askedBefore = asked;
        abort.abort();
      };
      const { trainer, source } = await tinyTrainer(t, {
        dir,
        args: ARGS,
        engine: ahead((step) => {
          asked = step;
        }),
        signal: abort.signal,
        callbacks: [{ onStep }],
      });
      const interrupted = await trainer.train().then(
        () => undefined,
        (error: unknown) => error,
      );
      assert.equal(asked, askedBefore);
      assert.ok(asked >= stopAt && asked < stopAt + IN_FLIGHT);
      refusal(InterruptedError, 'run-interrupted', {
        during: 'training',
        step: asked,
        totalSteps: STEPS,
        checkpoint: checkpointPath(dir, asked),
      })(interrupted);
      const { state, resume } = await readCheckpoint(checkpointPath(dir, asked));
      assert.deepEqual(
        [state.global_step, resume!.passes, resume!.lossLog.lastStep],
        [asked, asked, asked - (asked % 5)],
      );
      assert.deepEqual(
        withoutTimes(state.log_history),
        withoutTimes(expected.state.log_history).filter((record) => (record as LogRecord).step <= asked),
      );
      // What is saved is what the engine holds.
      const again = await tinyTrainer(t, {
        dir: folder(t),
        args: ARGS,
        parameters: randomParameters(TINY, 77),
      });
      await again.trainer.resumeFrom(checkpointPath(dir, asked));
      for (const { name } of source.parameters) {
        for (const kind of ['parameter', 'moment1', 'moment2'] as const)
          assert.deepEqual(
            await again.source.session.readTensor(kind, name),
            await source.session.readTensor(kind, name),
            `${kind} ${name}`,
          );
      }
      const actual = await again.trainer.train();
      assert.deepEqual(withoutTimes(actual.state.log_history), withoutTimes(expected.state.log_history));
      for (const file of ['model.safetensors', 'optimizer.safetensors', 'attune_state.json']) {
        assert.ok(
          readFileSync(join(checkpointPath(again.source.args.outputDir, STEPS), file)).equals(
            readFileSync(join(checkpointPath(whole, STEPS), file)),
          ),
          file,
        );
      }
    });
  }

  it('computes and saves nothing if it is interrupted before the first step', async (t) => {
    const dir = folder(t);
    const abort = new AbortController();
    abort.abort();
    let asked = 0;
    const { trainer } = await tinyTrainer(t, {
      dir,
      args: ARGS,
      engine: ahead((step) => {
        asked = step;
      }),
      signal: abort.signal,
    });
    await assert.rejects(
      trainer.train(),
      refusal(InterruptedError, 'run-interrupted-at-start', { step: 1, totalSteps: STEPS }),
    );
    assert.equal(asked, 0);
    assert.deepEqual(readdirSync(dir), []);
  });

  it('writes the checkpoint once if the interruption falls on a step that is saved', async (t) => {
    const dir = folder(t);
    const abort = new AbortController();
    const saved: string[] = [];
    const { trainer } = await tinyTrainer(t, {
      dir,
      args: ARGS,
      engine: ahead(() => undefined),
      signal: abort.signal,
      callbacks: [{ onStep: (step) => step === 12 && abort.abort(), onSave: (path) => saved.push(path) }],
    });
    await assert.rejects(trainer.train(), refusal(InterruptedError, 'run-interrupted', { step: 12 }));
    assert.deepEqual(
      saved,
      [6, 12].map((step) => checkpointPath(dir, step)),
    );
  });
});
