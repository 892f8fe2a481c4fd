/**
 * A run over an engine that computes ahead and keeps its results, as the GPU's does: what an interruption
 * leaves behind.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Engine } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { InterruptedError } from '#attune/errors.js';
import { readCheckpoint } from '#attune/train/checkpoint.js';
import type { LogRecord } from '#attune/train/records.js';
import { altered } from '../support/altered-engine.js';
import { folder } from '../support/folder.js';
import { randomParameters } from '../support/models.js';
import { checkpointPath, TINY, tinyTrainer } from '../support/tiny-run.js';

/** Batches of 4 from 23 rows: 6 steps an epoch, 18 in all. */
const STEPS = 18;
const ARGS = { gradientAccumulationSteps: 1, loggingSteps: 5 } as const;
const IN_FLIGHT = 4;

const withoutTimes = (records: readonly LogRecord[]): object[] =>
  records.map((record) =>
    Object.fromEntries(Object.entries(record).filter(([key]) => !/runtime|per_second/.test(key))),
  );

/** Results come in twos, or when they are collected. */
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

for (const stopAt of [1, 5, 8, 13]) {
  test(`interrupted at step ${stopAt}, it asks for no further step and saves a checkpoint of the last`, async (t) => {
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
    assert.ok(interrupted instanceof InterruptedError, String(interrupted));
    assert.equal(asked, askedBefore);
    assert.ok(asked >= stopAt && asked < stopAt + IN_FLIGHT);
    assert.equal(
      interrupted.message,
      `interrupted after step ${asked} of ${STEPS}; ${checkpointPath(dir, asked)} is saved`,
    );
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

test('interrupted before its first step, it computes nothing and saves nothing', async (t) => {
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
  await assert.rejects(trainer.train(), {
    name: 'InterruptedError',
    message: `interrupted before step 1 of ${STEPS}; nothing was computed, and nothing is saved`,
  });
  assert.equal(asked, 0);
  assert.deepEqual(readdirSync(dir), []);
});

test('a checkpoint that falls on the step of the interruption is written once', async (t) => {
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
  await assert.rejects(trainer.train(), InterruptedError);
  assert.deepEqual(
    saved,
    [6, 12].map((step) => checkpointPath(dir, step)),
  );
});
