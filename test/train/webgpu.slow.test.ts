/** The Trainer with the GPU engine, which computes steps ahead: on a GPU, or on SwiftShader. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { Engine } from '#attune/engine/engine.js';
import { webGpuEngine } from '#attune/engine/webgpu/node.js';
import { STEPS_IN_FLIGHT } from '#attune/engine/webgpu/step-results.js';
import { InterruptedError, TrainingError } from '#attune/errors/attune-error.js';
import { isTrainRecord } from '#attune/train/records.js';
import type { LogRecord } from '#attune/train/records.js';
import type { TrainerCallback } from '#attune/train/callbacks.js';
import { altered } from '../support/altered-engine.js';
import { folder } from '../support/folder.js';
import { assertClose } from '../support/numbers.js';
import { refusal } from '../support/refusal.js';
import { checkpointPath, tinyTrainer } from '../support/tiny-run.js';
import { needsWebGpu } from '../support/webgpu.js';
import { withoutTimes } from './log-entries.js';
import { notebookGolden, notebookRun, skipNotebook } from './notebook.js';

const skip = await needsWebGpu();
const TIME = { skip, timeout: 1_800_000 };
/** Batches of 4 from 23 rows: 18 steps, of which few are logged. */
const ARGS = { gradientAccumulationSteps: 1, loggingSteps: 5 } as const;

/** As many steps ahead as on a fast adapter, however long they take here. */
const AHEAD = { stepsInFlight: STEPS_IN_FLIGHT };
const ahead = altered(webGpuEngine, () => AHEAD);
/** Waits for each step, as on the CPU. */
const oneAtATime = altered(webGpuEngine, () => ({ stepsInFlight: 1 }));

async function run(
  t: TestContext,
  engine: Engine,
  options: { args?: object; callbacks?: TrainerCallback[] } = {},
) {
  const { trainer, source } = await tinyTrainer(t, {
    dir: folder(t),
    engine,
    ...options,
    args: { ...ARGS, ...options.args },
  });
  const { state, evaluation } = await trainer.train();
  const parameters = new Map<string, Float32Array>();
  for (const { name } of source.parameters)
    parameters.set(name, await source.session.readTensor('parameter', name));
  return { records: withoutTimes(state.log_history), logits: evaluation?.logits, parameters };
}

/** More would take too long in software; on a GPU, the bench runs all steps. */
const STEPS = 10;

describe('Trainer.train on the GPU', () => {
  it('gives the same bits with steps in flight, without them, and when repeated', TIME, async (t) => {
    const steps: number[] = [];
    const first = await run(t, ahead, { callbacks: [{ onStep: (step) => steps.push(step) }] });
    assert.deepEqual(
      steps,
      Array.from({ length: 18 }, (_, i) => i + 1),
    );
    assert.deepEqual(await run(t, ahead), first);
    assert.deepEqual(await run(t, oneAtATime), first);
  });

  it('gives the same bits with steps in flight under gradient accumulation', TIME, async (t) => {
    const args = { gradientAccumulationSteps: 4 };
    assert.deepEqual(await run(t, ahead, { args }), await run(t, oneAtATime, { args }));
  });

  it('names the step that failed, although later ones were requested', TIME, async (t) => {
    const steps: number[] = [];
    let asked = 0;
    const engine = altered(webGpuEngine, (session) => ({
      ...AHEAD,
      step: (request) => session.step(++asked === 3 ? { ...request, lossWeights: [Infinity] } : request),
    }));
    const { trainer } = await tinyTrainer(t, {
      dir: folder(t),
      engine,
      args: { ...ARGS, loggingSteps: 9 },
      callbacks: [{ onStep: (step) => steps.push(step) }],
    });
    await assert.rejects(
      trainer.train(),
      refusal(TrainingError, 'training-diverged', { step: 3, what: 'loss', values: ['Infinity'] }),
    );
    assert.deepEqual(steps, [1, 2]);
    assert.ok(asked > 3, 'no step was requested ahead');
  });

  it('resumes a run that was interrupted with steps in flight to the same bits', TIME, async (t) => {
    const whole = await run(t, webGpuEngine);
    const dir = folder(t);
    const abort = new AbortController();
    let asked = 0;
    let askedBefore = 0;
    const engine = altered(webGpuEngine, (session) => ({
      ...AHEAD,
      step: (request) => {
        asked++;
        return session.step(request);
      },
    }));
    const onStep = (step: number): void => {
      if (step !== 8) return;
      askedBefore = asked;
      abort.abort();
    };
    const { trainer } = await tinyTrainer(t, {
      dir,
      engine,
      args: ARGS,
      signal: abort.signal,
      callbacks: [{ onStep }],
    });
    await assert.rejects(trainer.train(), (error) =>
      refusal(InterruptedError, 'run-interrupted', { during: 'training', step: asked, totalSteps: 18 })(
        error,
      ),
    );
    assert.equal(asked, askedBefore, 'a step was requested after the signal');
    assert.ok(asked > 8, 'nothing was in flight');
    const { trainer: second, source } = await tinyTrainer(t, { dir, engine: webGpuEngine, args: ARGS });
    await second.resumeFrom(checkpointPath(dir, asked));
    assert.deepEqual(withoutTimes((await second.train()).state.log_history), whole.records);
    for (const [name, values] of whole.parameters)
      assert.deepEqual(await source.session.readTensor('parameter', name), values, name);
  });
});

describe('PRESETS.notebook on the GPU', () => {
  it(
    `takes the first ${STEPS} steps as transformers does`,
    { skip: skip || skipNotebook, timeout: 1_800_000 },
    async (t) => {
      const golden = notebookGolden('dropout-0.json');
      const records: LogRecord[] = [];
      const abort = new AbortController();
      const notebook = await notebookRun(folder(t), {
        seed: 42,
        dropout: 0,
        device: 'webgpu',
        callbacks: [
          { onLog: (record) => records.push(record), onStep: (step) => step === STEPS && abort.abort() },
        ],
        signal: abort.signal,
      });
      t.after(() => notebook.close());
      await assert.rejects(notebook.train(), InterruptedError);
      const [record, expected] = [records[0], golden.log_history[0]];
      assert.ok(isTrainRecord(record) && isTrainRecord(expected));
      assert.equal(record.step, STEPS);
      assertClose([record.loss], [expected.loss], 1e-4, 'loss');
      assertClose([record.grad_norm / expected.grad_norm], [1], 1e-3, 'grad_norm');
      assertClose([record.learning_rate], [expected.learning_rate], 1e-12, 'learning rate');
      const loss = Math.abs(record.loss - expected.loss);
      const norm = Math.abs(record.grad_norm / expected.grad_norm - 1);
      t.diagnostic(`loss differs by ${loss}, grad_norm by ${norm}`);
    },
  );
});
