/**
 * The GPU engine against the float64 reference engine and against itself, on whole models, through the
 * interface that the trainer drives.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { packRows } from '#attune/engine/batch.js';
import type { PackedBatch } from '#attune/engine/batch.js';
import type { Engine } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { openDevice } from '#attune/engine/webgpu/gpu.js';
import { findAdapter, webGpuEngine } from '#attune/engine/webgpu/node.js';
import { WebGpuSession } from '#attune/engine/webgpu/session.js';
import { TrainingError } from '#attune/errors/attune-error.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { attributionGraph, gpt2Graphs } from '#attune/model/gpt2.js';
import {
  STATE_KINDS,
  allTensors,
  assertTensors,
  stepRequest,
  tensorsOf,
  withSession,
  writeState,
} from '../../support/engine-sessions.js';
import { packedBatches, tinyConfig } from '../../support/models.js';
import { assertClose } from '../../support/numbers.js';
import { refusal } from '../../support/refusal.js';
import { needsWebGpu } from '../../support/webgpu.js';

const skip = await needsWebGpu();
const TIME = { skip, timeout: 300_000 };
const CONFIG = tinyConfig({ n_embd: 12, n_head: 3, embd_pdrop: 0.2, attn_pdrop: 0.2, resid_pdrop: 0.2 });
const [BATCHES] = fc.sample(fc.array(packedBatches(CONFIG), { minLength: 7, maxLength: 7 }), {
  seed: 5,
  numRuns: 1,
});
/** Accumulation steps of three, one, one and two micro-batches. */
const STEPS = [BATCHES.slice(0, 3), BATCHES.slice(3, 4), BATCHES.slice(4, 5), BATCHES.slice(5, 7)];

/** Takes steps of these micro-batches. */
async function run(engine: Engine, config: Gpt2Config, steps: readonly (readonly PackedBatch[])[], seed = 3) {
  return withSession(engine, config, { seed, parameters: 4 }, async (session) => {
    const losses: number[] = [];
    const norms: number[] = [];
    let forwardPasses = 0;
    for (const [i, microBatches] of steps.entries()) {
      const result = await session.step(
        stepRequest(microBatches, i + 1, forwardPasses, { weightDecay: 0.3 }),
      );
      assert.ok(result.updated);
      losses.push(...result.losses);
      norms.push(result.gradNorm);
      forwardPasses += microBatches.length;
    }
    return {
      losses,
      norms,
      tensors: await allTensors(session, config),
      logits: await session.infer(BATCHES[0]),
    };
  });
}

describe('webGpuEngine', () => {
  it(
    'agrees with the reference engine over accumulation steps with dropout, clipping and decay',
    TIME,
    async () => {
      const [ours, reference] = [
        await run(webGpuEngine, CONFIG, STEPS),
        await run(referenceEngine, CONFIG, STEPS),
      ];
      assertClose(ours.losses, reference.losses, 1e-4, 'losses');
      assertClose(
        ours.norms.map((norm, i) => norm / reference.norms[i]),
        reference.norms.map(() => 1),
        1e-4,
        'relative gradient norms',
      );
      assertTensors(ours.tensors.moment2, reference.tensors.moment2, 2e-4, 1e-7, 'second moment');
      assertClose(ours.logits, reference.logits, 1e-3, 'logits after training');
    },
  );

  it('computes the same bits in a second run, and other losses with another seed', TIME, async () => {
    const first = await run(webGpuEngine, CONFIG, STEPS);
    assert.deepEqual(await run(webGpuEngine, CONFIG, STEPS), first);
    assert.notDeepEqual((await run(webGpuEngine, CONFIG, STEPS, 4)).losses, first.losses);
  });

  it('takes a larger batch after a smaller one, and a smaller one again', TIME, async () => {
    const config = tinyConfig({ n_embd: 12, n_head: 3, n_positions: 40 });
    const small = packRows([{ ids: Int32Array.of(1, 2), blind: false }], [1]);
    const large = packRows(
      Array.from({ length: 9 }, (_, r) => ({
        ids: Int32Array.from({ length: 31 + r }, (_id, i) => (i * (r + 2)) % 10),
        blind: false,
      })),
      [0, 1, 2, 0, 1, 2, 0, 1, 2],
    );
    const steps = [[small], [large], [small]];
    const [ours, reference] = [
      await run(webGpuEngine, config, steps),
      await run(referenceEngine, config, steps),
    ];
    assertClose(ours.losses, reference.losses, 1e-4, 'losses');
  });

  it('resumes a run of the CPU engine, which resumes one of the GPU engine', TIME, async () => {
    const steps = STEPS.map((microBatches, i) => stepRequest(microBatches, i + 1, [0, 3, 4, 5][i]));
    const switched = async (first: Engine, second: Engine): Promise<readonly number[]> => {
      const saved = await withSession(first, CONFIG, { seed: 3, parameters: 4 }, async (session) => {
        for (const step of steps.slice(0, 2)) await session.step(step);
        return allTensors(session, CONFIG, STATE_KINDS);
      });
      return withSession(second, CONFIG, { seed: 3, parameters: 1 }, async (session) => {
        await writeState(session, saved);
        const losses: number[] = [];
        for (const step of steps.slice(2)) losses.push(...(await session.step(step)).losses);
        return losses;
      });
    };
    const whole = await switched(onnxEngine, onnxEngine);
    assertClose(await switched(onnxEngine, webGpuEngine), whole, 1e-3, 'CPU, then GPU');
    assertClose(await switched(webGpuEngine, onnxEngine), whole, 1e-3, 'GPU, then CPU');
  });

  it('evaluates the attribution graph as the reference engine does', TIME, async () => {
    const graph = attributionGraph(CONFIG);
    const outputs = async (engine: Engine): Promise<ReadonlyMap<string, Float32Array>> =>
      withSession(engine, CONFIG, { seed: 1, parameters: 4 }, (session) =>
        session.evaluate!(graph, BATCHES[0]),
      );
    const [ours, reference] = [await outputs(webGpuEngine), await outputs(referenceEngine)];
    assert.deepEqual([...ours.keys()], [...reference.keys()]);
    for (const [name, values] of ours) assertClose(values, reference.get(name)!, 5e-5, name);
  });

  it('takes a tensor in pieces, and refuses one that does not fit', TIME, async () => {
    await withSession(webGpuEngine, CONFIG, { seed: 1, parameters: 1 }, async (session) => {
      const name = 'transformer.wpe.weight';
      const values = Float32Array.from({ length: CONFIG.nPositions * CONFIG.nEmbd }, (_, i) => i);
      for (let from = 0; from < values.length; from += 50)
        await session.writeTensor('parameter', name, values.slice(from, from + 50), from);
      assert.deepEqual(await session.readTensor('parameter', name), values);
      await assert.rejects(session.writeTensor('parameter', name, values, 1), RangeError);
    });
  });

  it('updates neither parameters nor moments if the loss overflows', TIME, async () => {
    await withSession(webGpuEngine, CONFIG, { seed: 1, parameters: 1 }, async (session) => {
      const before = await allTensors(session, CONFIG, STATE_KINDS);
      const { updated } = await session.step({ ...stepRequest([BATCHES[0]], 1, 0), lossWeights: [Infinity] });
      assert.equal(updated, false);
      assert.deepEqual(await allTensors(session, CONFIG, STATE_KINDS), before);
    });
  });

  it('skips the steps that were requested before it was known that one failed', TIME, async () => {
    await withSession(webGpuEngine, CONFIG, { seed: 1, parameters: 4 }, async (session) => {
      const step = (n: number) => ({ ...stepRequest([BATCHES[n]], n + 1, n), deferResult: true });
      const sound = [session.step(step(0)), session.step(step(1))];
      assert.deepEqual(
        (await Promise.all(sound)).map(({ updated }) => updated),
        [true, true],
      );
      const before = await tensorsOf(session, CONFIG, 'parameter');
      const asked = [
        session.step({ ...step(2), lossWeights: [Infinity] }),
        session.step(step(3)),
        session.step(step(4)),
        session.step(step(5)),
      ];
      session.collect!();
      assert.deepEqual(
        (await Promise.all(asked)).map(({ updated }) => updated),
        [false, false, false, false],
      );
      assert.deepEqual(await tensorsOf(session, CONFIG, 'parameter'), before);
      // The next step is taken again.
      assert.equal((await session.step({ ...step(6), deferResult: false })).updated, true);
      assert.notDeepEqual(await tensorsOf(session, CONFIG, 'parameter'), before);
    });
  });

  it('delivers deferred results that were not collected when it is closed', TIME, async () => {
    const late = await withSession(webGpuEngine, CONFIG, { seed: 1, parameters: 4 }, (session) =>
      Promise.resolve([session.step({ ...stepRequest([BATCHES[0]], 1, 0), deferResult: true })]),
    );
    assert.equal((await late[0]).updated, true);
  });

  it('rejects waiting and later requests if the device is lost', TIME, async (t) => {
    const found = await findAdapter();
    assert.ok('adapter' in found);
    const gpu = await openDevice(found.adapter);
    const session = new WebGpuSession(gpu, gpt2Graphs(CONFIG), {
      seed: 1,
      description: 'a device to be lost',
    });
    t.after(() => session.close());
    const waiting = [
      session.step({ ...stepRequest([BATCHES[0]], 1, 0), deferResult: true }),
      session.step(stepRequest([BATCHES[0]], 2, 1)),
    ];
    gpu.device.destroy();
    for (const one of waiting)
      await assert.rejects(
        one,
        (error) => error instanceof TrainingError && ['gpu-lost', 'gpu-failed'].includes(error.code),
      );
    await assert.rejects(session.infer(BATCHES[0]), refusal(TrainingError, 'gpu-lost', { destroyed: true }));
  });
});
