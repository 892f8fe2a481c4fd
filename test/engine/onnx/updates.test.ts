/**
 * AdamW over whole steps of the CPU engine, replayed in float64 from the gradients that the engine itself
 * reports: so the update is compared alone, with the usual epsilon, however ill-conditioned Adam makes the
 * gradients' rounding. The replay updates every row of the tables at every step.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { PackedBatch } from '#attune/engine/batch.js';
import type { EngineSession } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { adamWStep, clippingCoefficient, globalNorm } from '#attune/engine/reference/adamw.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { tinyConfig } from '../../support/models.js';
import { assertClose } from '../../support/numbers.js';
import { Random } from '../../support/random.js';
import { UPDATE, everything, stepRequest, tensorsOf, withSession } from './sessions.js';

/** Rows of ids from `from` to `to`, so that tokens come into use late, pause, or never occur. */
function batchOf(seed: number, rows: number, config: Gpt2Config, from: number, to: number): PackedBatch {
  const random = new Random(seed);
  const length = (): number => random.integer(1, config.nPositions - 2);
  return packRows(
    Array.from({ length: rows }, () => ({
      ids: Int32Array.from({ length: length() }, () => random.integer(from, to)),
      blind: false,
    })),
    Array.from({ length: rows }, () => random.integer(0, config.labelNames.length - 1)),
  );
}

async function train(
  session: EngineSession,
  config: Gpt2Config,
  steps: number,
  afterStep: (step: number, gradNorm: number) => Promise<unknown>,
): Promise<void> {
  for (let step = 1; step <= steps; step++) {
    const last = step < 4 ? 3 : 6;
    const windows = [batchOf(step, 3, config, 0, last), batchOf(100 + step, 1, config, step % 3, last)];
    const { gradNorm, updated } = await session.step(
      stepRequest(windows, step, 2 * step, { learningRate: 0.01 / step, weightDecay: 0.5 }),
    );
    assert.ok(updated);
    await afterStep(step, gradNorm);
  }
}

for (const [what, fields] of [
  ['tables updated row by row', { embd_pdrop: 0.1 }],
  ['tables updated as a whole, their width no multiple of 4', { n_embd: 6, n_inner: 7 }],
] as const) {
  test(`AdamW with clipping and decay, as in float64: ${what}`, async () => {
    const config = tinyConfig({ ...fields });
    await withSession(onnxEngine, config, { seed: 1, parameters: 4 }, async (session) => {
      const states = parameterSpecs(config).map((spec) => ({
        spec,
        parameter: new Float64Array(),
        gradient: new Float64Array(),
        moment1: new Float64Array(),
        moment2: new Float64Array(),
      }));
      for (const state of states) {
        state.parameter = Float64Array.from(await session.readTensor('parameter', state.spec.name));
        state.moment1 = new Float64Array(state.parameter.length);
        state.moment2 = new Float64Array(state.parameter.length);
      }
      await train(session, config, 8, async (step, gradNorm) => {
        for (const state of states)
          state.gradient = Float64Array.from(await session.readTensor('gradient', state.spec.name));
        assertClose(
          [gradNorm / globalNorm(states.map(({ gradient }) => gradient))],
          [1],
          1e-6,
          'gradient norm',
        );
        assert.ok(gradNorm > 1, 'clipping is at work');
        const update = { ...UPDATE, learningRate: 0.01 / step, weightDecay: 0.5, step };
        for (const state of states)
          adamWStep(state, update, state.spec.decay, clippingCoefficient(gradNorm, update.maxGradNorm));
      });
      for (const kind of ['parameter', 'moment1', 'moment2'] as const) {
        const values = await tensorsOf(session, config, kind);
        for (const { spec, ...state } of states)
          assertClose(values.get(spec.name)!, state[kind], 2e-6, `${kind} of ${spec.name}`);
      }
      const wte = states[0];
      // Ids 7 to 10 never occurred: decay is all that happened to them.
      assert.ok(
        wte.gradient.length > 0 && wte.moment1.subarray(7 * config.nEmbd).every((value) => value === 0),
      );
    });
  });
}

test('many thousand updates before a row is first read', async () => {
  const config = tinyConfig({ n_layer: 1 });
  await withSession(onnxEngine, config, { seed: 1, parameters: 4 }, async (session) => {
    const batch = packRows([{ ids: Int32Array.of(0), blind: false }], [0]);
    const before = await session.readTensor('parameter', 'transformer.wte.weight');
    // More than fit into the scratch of one call of the kernel.
    const steps = 4100;
    for (let step = 1; step <= steps; step++)
      await session.step(stepRequest([batch], step, step, { learningRate: 1e-3, weightDecay: 0.25 }));
    const factor = Math.fround(1 - 1e-3 * 0.25);
    const decayed = before.map((value) =>
      Array.from({ length: steps }).reduce<number>((p) => Math.fround(p * factor), value),
    );
    assert.deepEqual(
      (await session.readTensor('parameter', 'transformer.wte.weight')).subarray(config.nEmbd),
      decayed.subarray(config.nEmbd),
    );
  });
});

test('a session filled with the tensors of another goes on bit for bit as that one does', async () => {
  const config = tinyConfig({ embd_pdrop: 0.1, attn_pdrop: 0.1, resid_pdrop: 0.1 });
  const steps = (session: EngineSession, from: number, to: number): Promise<unknown> =>
    Array.from({ length: to - from + 1 }, (_, i) => from + i).reduce<Promise<unknown>>(
      (before, step) =>
        before.then(() => session.step(stepRequest([batchOf(step, 3, config, 0, 2 * step)], step, step))),
      Promise.resolve(),
    );
  await withSession(onnxEngine, config, { seed: 5, parameters: 1 }, (first) =>
    withSession(onnxEngine, config, { seed: 5, parameters: 2 }, async (second) => {
      // What it did before must not matter, the rows in use least of all.
      await steps(second, 4, 5);
      await steps(first, 1, 2);
      for (const kind of ['parameter', 'moment1', 'moment2'] as const) {
        for (const [name, values] of await tensorsOf(first, config, kind))
          await second.writeTensor(kind, name, values);
      }
      await steps(first, 3, 5);
      await steps(second, 3, 5);
      assert.deepEqual(await everything(second, config), await everything(first, config));
    }),
  );
});

const run = (
  fields: Readonly<Record<string, number>>,
  threads: number,
  seed: number,
): Promise<{ losses: readonly number[]; tensors: unknown }> => {
  const config = tinyConfig({
    vocab_size: 300,
    pad_token_id: 299,
    n_positions: 48,
    embd_pdrop: 0.1,
    attn_pdrop: 0.1,
    resid_pdrop: 0.1,
    ...fields,
  });
  return withSession(onnxEngine, config, { seed, threads, parameters: 1 }, async (session) => {
    const losses: number[] = [];
    for (let step = 1; step <= 3; step++) {
      const request = stepRequest(
        [batchOf(step, 8, config, 0, 299), batchOf(step + 9, 5, config, 0, 299)],
        step,
        2 * step,
      );
      losses.push(...(await session.step(request)).losses);
    }
    return {
      losses,
      tensors: [await everything(session, config), await session.infer(batchOf(7, 9, config, 0, 299))],
    };
  });
};

test('a model large enough to be split: the same bits at 1 and 2 threads; other seeds draw other masks', async () => {
  const fields = { n_embd: 160, n_head: 5 };
  const first = await run(fields, 1, 1);
  assert.deepEqual(await run(fields, 2, 1), first);
  assert.deepEqual(await run(fields, 1, 1), first);
  assert.notDeepEqual((await run(fields, 1, 2)).losses, first.losses);
});

test('the same masks at any number of threads, and the same bits in a second run at that number', async () => {
  // ONNX Runtime's matrix product orders its sums by the columns that each thread gets: where those are 64 or
  // fewer, rounding depends on the number of threads.
  const fields = { n_embd: 96, n_head: 6 };
  const [one, three] = [await run(fields, 1, 1), await run(fields, 3, 1)];
  assertClose(
    three.losses.map((loss, i) => loss / one.losses[i]),
    one.losses.map(() => 1),
    1e-5,
    'relative losses',
  );
  assert.deepEqual(await run(fields, 3, 1), three);
});

test('NaN in a weight, or a loss that overflows, updates nothing and does not change the next sound step', async () => {
  const config = tinyConfig({ embd_pdrop: 0.1 });
  const batch = batchOf(1, 4, config, 0, 10);
  const next = stepRequest([batchOf(2, 3, config, 0, 10)], 2, 5);
  const undisturbed = await withSession(onnxEngine, config, { seed: 1, parameters: 1 }, async (session) => {
    await session.step(stepRequest([batch], 1, 0));
    await session.step(next);
    return everything(session, config);
  });
  await withSession(onnxEngine, config, { seed: 1, parameters: 1 }, async (session) => {
    await session.step(stepRequest([batch], 1, 0));
    const before = await tensorsOf(session, config, 'parameter');
    const overflowing = await session.step({ ...stepRequest([batch, batch], 2, 1), lossWeights: [1, 3e38] });
    assert.equal(overflowing.updated, false);
    assert.equal(Number.isFinite(overflowing.gradNorm), false);

    const name = 'transformer.h.1.mlp.c_fc.bias';
    await session.writeTensor(
      'parameter',
      name,
      before.get(name)!.map((value, i) => (i === 3 ? NaN : value)),
    );
    const poisoned = await session.step(stepRequest([batch], 2, 1));
    assert.equal(poisoned.updated, false);
    assert.ok(Number.isNaN(poisoned.losses[0]));

    await session.writeTensor('parameter', name, before.get(name)!);
    assert.deepEqual(await tensorsOf(session, config, 'parameter'), before);
    await session.step(next);
    assert.deepEqual(await everything(session, config), undisturbed);
  });
});
