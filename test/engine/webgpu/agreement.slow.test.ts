/**
 * The GPU engine against the float64 reference engine and against itself, on whole models, through the
 * interface that the trainer drives.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { packRows } from '#attune/engine/batch.js';
import type { PackedBatch } from '#attune/engine/batch.js';
import type { Engine } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { webGpuEngine } from '#attune/engine/webgpu/node.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { attributionGraph } from '#attune/model/gpt2.js';
import { packedBatches, tinyConfig } from '../../support/models.js';
import { assertClose } from '../../support/numbers.js';
import { needsWebGpu } from '../../support/webgpu.js';
import { assertTensors, everything, stepRequest, tensorsOf, withSession } from '../onnx/sessions.js';

const skip = await needsWebGpu();
const TIME = { skip, timeout: 300_000 };
const CONFIG = tinyConfig({ n_embd: 12, n_head: 3, embd_pdrop: 0.2, attn_pdrop: 0.2, resid_pdrop: 0.2 });
const [BATCHES] = fc.sample(fc.array(packedBatches(CONFIG), { minLength: 7, maxLength: 7 }), {
  seed: 5,
  numRuns: 1,
});
/** Windows of three, one, one and two micro-batches: gradients are added up. */
const WINDOWS = [BATCHES.slice(0, 3), BATCHES.slice(3, 4), BATCHES.slice(4, 5), BATCHES.slice(5, 7)];

async function run(
  engine: Engine,
  config: Gpt2Config,
  windows: readonly (readonly PackedBatch[])[],
  seed = 3,
) {
  return withSession(engine, config, { seed, parameters: 4 }, async (session) => {
    const losses: number[] = [];
    const norms: number[] = [];
    let passes = 0;
    for (const [i, window] of windows.entries()) {
      const result = await session.step(stepRequest(window, i + 1, passes, { weightDecay: 0.3 }));
      assert.ok(result.updated);
      losses.push(...result.losses);
      norms.push(result.gradNorm);
      passes += window.length;
    }
    return {
      losses,
      norms,
      tensors: await everything(session, config),
      logits: await session.infer(BATCHES[0]),
    };
  });
}

test(
  'windows of micro-batches with dropout, clipped and decayed, agree with the reference engine',
  TIME,
  async () => {
    const [ours, reference] = [
      await run(webGpuEngine, CONFIG, WINDOWS),
      await run(referenceEngine, CONFIG, WINDOWS),
    ];
    assertClose(ours.losses, reference.losses, 1e-4, 'losses');
    assertClose(
      ours.norms.map((norm, i) => norm / reference.norms[i]),
      reference.norms.map(() => 1),
      1e-4,
      'relative gradient norms',
    );
    assertTensors(ours.tensors['moment2'], reference.tensors['moment2'], 2e-4, 1e-7, 'second moment');
    assertClose(ours.logits, reference.logits, 1e-3, 'logits after training');
  },
);

test('the same bits in a second run; other seeds draw other masks', TIME, async () => {
  const first = await run(webGpuEngine, CONFIG, WINDOWS);
  assert.deepEqual(await run(webGpuEngine, CONFIG, WINDOWS), first);
  assert.notDeepEqual((await run(webGpuEngine, CONFIG, WINDOWS, 4)).losses, first.losses);
});

test('a larger batch after a smaller one, and back', TIME, async () => {
  const config = tinyConfig({ n_embd: 12, n_head: 3, n_positions: 40 });
  const small = packRows([{ ids: Int32Array.of(1, 2), blind: false }], [1]);
  const large = packRows(
    Array.from({ length: 9 }, (_, r) => ({
      ids: Int32Array.from({ length: 31 + r }, (_id, i) => (i * (r + 2)) % 10),
      blind: false,
    })),
    [0, 1, 2, 0, 1, 2, 0, 1, 2],
  );
  const windows = [[small], [large], [small]];
  const [ours, reference] = [
    await run(webGpuEngine, config, windows),
    await run(referenceEngine, config, windows),
  ];
  assertClose(ours.losses, reference.losses, 1e-4, 'losses');
});

test('a run goes on where the CPU left it, and the other way about', TIME, async () => {
  const steps = WINDOWS.map((window, i) => stepRequest(window, i + 1, [0, 3, 4, 5][i]));
  const switched = async (first: Engine, second: Engine): Promise<readonly number[]> => {
    const saved = await withSession(first, CONFIG, { seed: 3, parameters: 4 }, async (session) => {
      for (const step of steps.slice(0, 2)) await session.step(step);
      return {
        parameter: await tensorsOf(session, CONFIG, 'parameter'),
        moment1: await tensorsOf(session, CONFIG, 'moment1'),
        moment2: await tensorsOf(session, CONFIG, 'moment2'),
      };
    });
    return withSession(second, CONFIG, { seed: 3, parameters: 1 }, async (session) => {
      for (const kind of ['parameter', 'moment1', 'moment2'] as const)
        for (const [name, values] of saved[kind]) await session.writeTensor(kind, name, values);
      const losses: number[] = [];
      for (const step of steps.slice(2)) losses.push(...(await session.step(step)).losses);
      return losses;
    });
  };
  const whole = await switched(onnxEngine, onnxEngine);
  assertClose(await switched(onnxEngine, webGpuEngine), whole, 1e-3, 'CPU, then GPU');
  assertClose(await switched(webGpuEngine, onnxEngine), whole, 1e-3, 'GPU, then CPU');
});

test('attributions by a graph of the caller agree with the reference engine', TIME, async () => {
  const graph = attributionGraph(CONFIG);
  const outputs = async (engine: Engine): Promise<ReadonlyMap<string, Float32Array>> =>
    withSession(engine, CONFIG, { seed: 1, parameters: 4 }, (session) =>
      session.evaluate!(graph, BATCHES[0]),
    );
  const [ours, reference] = [await outputs(webGpuEngine), await outputs(referenceEngine)];
  assert.deepEqual([...ours.keys()], [...reference.keys()]);
  for (const [name, values] of ours) assertClose(values, reference.get(name)!, 5e-5, name);
});

test('a tensor written in pieces', TIME, async () => {
  await withSession(webGpuEngine, CONFIG, { seed: 1, parameters: 1 }, async (session) => {
    const name = 'transformer.wpe.weight';
    const values = Float32Array.from({ length: CONFIG.nPositions * CONFIG.nEmbd }, (_, i) => i);
    for (let from = 0; from < values.length; from += 50)
      await session.writeTensor('parameter', name, values.slice(from, from + 50), from);
    assert.deepEqual(await session.readTensor('parameter', name), values);
    await assert.rejects(session.writeTensor('parameter', name, values, 1), RangeError);
  });
});

test('a loss that overflows updates nothing', TIME, async () => {
  await withSession(webGpuEngine, CONFIG, { seed: 1, parameters: 1 }, async (session) => {
    const before = await tensorsOf(session, CONFIG, 'parameter');
    const { updated } = await session.step({ ...stepRequest([BATCHES[0]], 1, 0), lossWeights: [Infinity] });
    assert.equal(updated, false);
    assert.deepEqual(await tensorsOf(session, CONFIG, 'parameter'), before);
  });
});

test(
  'steps that were asked for before it was known that one failed change nothing either',
  TIME,
  async () => {
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
      // Whoever has been told may go on.
      assert.equal((await session.step({ ...step(6), deferResult: false })).updated, true);
      assert.notDeepEqual(await tensorsOf(session, CONFIG, 'parameter'), before);
    });
  },
);

test('results deferred and not collected come when the session is closed', TIME, async () => {
  const late = await withSession(webGpuEngine, CONFIG, { seed: 1, parameters: 4 }, (session) =>
    Promise.resolve([session.step({ ...stepRequest([BATCHES[0]], 1, 0), deferResult: true })]),
  );
  assert.equal((await late[0]).updated, true);
});

test('a lost device ends what waits and what comes, with what to do', TIME, async () => {
  const { findAdapter } = await import('#attune/engine/webgpu/node.js');
  const { openDevice } = await import('#attune/engine/webgpu/gpu.js');
  const { WebGpuSession } = await import('#attune/engine/webgpu/session.js');
  const { gpt2Graphs } = await import('#attune/model/gpt2.js');
  const found = await findAdapter();
  assert.ok('adapter' in found);
  const gpu = await openDevice(found.adapter);
  const session = new WebGpuSession(gpu, gpt2Graphs(CONFIG), { seed: 1, description: 'a device to be lost' });
  const waiting = [
    session.step({ ...stepRequest([BATCHES[0]], 1, 0), deferResult: true }),
    session.step(stepRequest([BATCHES[0]], 2, 1)),
  ];
  gpu.device.destroy();
  for (const one of waiting) await assert.rejects(one, /the GPU device was lost|the GPU failed/);
  await assert.rejects(session.infer(BATCHES[0]), /the GPU device was lost/);
  await session.close();
});
