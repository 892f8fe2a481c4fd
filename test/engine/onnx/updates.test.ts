/**
 * AdamW over whole steps of the CPU engine, replayed in float64 from the gradients that the engine itself
 * reports. So only the update is compared, with the usual epsilon, however ill-conditioned Adam makes the
 * gradients' rounding. The replay updates every row of the tables at every step.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
import {
  STATE_KINDS,
  UPDATE,
  allTensors,
  stepRequest,
  tensorsOf,
  withSession,
  writeState,
} from '../../support/engine-sessions.js';

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

/** Steps of two micro-batches each; early ones use few ids. */
async function train(
  session: EngineSession,
  config: Gpt2Config,
  steps: number,
  afterStep: (step: number, gradNorm: number) => Promise<unknown>,
): Promise<void> {
  for (let step = 1; step <= steps; step++) {
    const last = step < 4 ? 3 : 6;
    const microBatches = [batchOf(step, 3, config, 0, last), batchOf(100 + step, 1, config, step % 3, last)];
    const { gradNorm, updated } = await session.step(
      stepRequest(microBatches, step, 2 * step, { learningRate: 0.01 / step, weightDecay: 0.5 }),
    );
    assert.ok(updated);
    await afterStep(step, gradNorm);
  }
}

describe('OnnxSession.step', () => {
  for (const [what, fields] of [
    ['tables updated row by row', { embd_pdrop: 0.1 }],
    ['tables of a width that is no multiple of 4', { n_embd: 6, n_inner: 7 }],
  ] as const) {
    it(`matches float64 AdamW with clipping and decay: ${what}`, async () => {
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
        for (const kind of STATE_KINDS) {
          const values = await tensorsOf(session, config, kind);
          for (const { spec, ...state } of states)
            assertClose(values.get(spec.name)!, state[kind], 2e-6, `${kind} of ${spec.name}`);
        }
        const wte = states[0];
        assert.equal(wte.spec.name, 'transformer.wte.weight');
        // Ids 7 to 10 never occurred: they were only decayed.
        assert.ok(
          wte.gradient.length > 0 && wte.moment1.subarray(7 * config.nEmbd).every((value) => value === 0),
        );
      });
    });
  }

  it('continues bit for bit from the tensors of another session', async () => {
    const config = tinyConfig({ embd_pdrop: 0.1, attn_pdrop: 0.1, resid_pdrop: 0.1 });
    const steps = async (session: EngineSession, from: number, to: number): Promise<void> => {
      for (let step = from; step <= to; step++)
        await session.step(stepRequest([batchOf(step, 3, config, 0, 2 * step)], step, step));
    };
    await withSession(onnxEngine, config, { seed: 5, parameters: 1 }, (first) =>
      withSession(onnxEngine, config, { seed: 5, parameters: 2 }, async (second) => {
        // What it did before must not matter, nor which rows it used.
        await steps(second, 4, 5);
        await steps(first, 1, 2);
        await writeState(second, await allTensors(first, config, STATE_KINDS));
        await steps(first, 3, 5);
        await steps(second, 3, 5);
        assert.deepEqual(await allTensors(second, config), await allTensors(first, config));
      }),
    );
  });

  /** Three steps of a model so wide that its products are split among threads (src/engine/onnx/threads.ts). */
  const runWide = (
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
      n_embd: 160,
      n_head: 5,
    });
    return withSession(onnxEngine, config, { seed, threads, parameters: 1 }, async (session) => {
      assert.match(session.description, new RegExp(`, ${threads} thread`));
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
        tensors: [await allTensors(session, config), await session.infer(batchOf(7, 9, config, 0, 299))],
      };
    });
  };

  it('computes the same bits at 1 and 2 threads, and other losses with another seed', async () => {
    const first = await runWide(1, 1);
    assert.deepEqual(await runWide(2, 1), first);
    assert.deepEqual(await runWide(1, 1), first);
    assert.notDeepEqual((await runWide(1, 2)).losses, first.losses);
  });

  it('draws the same masks at 3 threads, and computes the same bits in a second run', async () => {
    // ONNX Runtime's matrix product orders its sums by the columns that each thread gets. A third of 160 is fewer
    // than 65, so that rounding may differ from that of one thread.
    const [one, three] = [await runWide(1, 1), await runWide(3, 1)];
    const ratios = three.losses.map((loss, i) => loss / one.losses[i]);
    assertClose(ratios.slice(0, 2), [1, 1], 1e-5, 'relative losses of the first step');
    // AdamW amplifies the rounding of the gradients.
    assertClose(ratios, new Array<number>(6).fill(1), 1e-4, 'relative losses');
    assert.deepEqual(await runWide(3, 1), three);
  });

  it('skips steps with NaN or an overflowing loss, without effect on the next step', async () => {
    const config = tinyConfig({ embd_pdrop: 0.1 });
    const batch = batchOf(1, 4, config, 0, 10);
    const next = stepRequest([batchOf(2, 3, config, 0, 10)], 2, 5);
    const undisturbed = await withSession(onnxEngine, config, { seed: 1, parameters: 1 }, async (session) => {
      await session.step(stepRequest([batch], 1, 0));
      await session.step(next);
      return allTensors(session, config);
    });
    await withSession(onnxEngine, config, { seed: 1, parameters: 1 }, async (session) => {
      await session.step(stepRequest([batch], 1, 0));
      const before = await tensorsOf(session, config, 'parameter');
      const overflowing = await session.step({
        ...stepRequest([batch, batch], 2, 1),
        lossWeights: [1, 3e38],
      });
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
      assert.deepEqual(await allTensors(session, config), undisturbed);
    });
  });
});
