/** What a GPU cannot hold is refused with numbers before anything is computed; on devices that are not there, with limits and memories of our choosing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrainingError } from '#attune/errors.js';
import { Pipelines } from '#attune/engine/webgpu/pipelines.js';
import { WebGpuSession } from '#attune/engine/webgpu/session.js';
import type { ModelGraphs } from '#attune/model/gpt2.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { parseConfig, withLabels } from '#attune/model/config.js';
import { largestPrediction } from '#attune/train/prediction.js';
import { largestTrainingBatch } from '#attune/train/schedule.js';

const MIB = 2 ** 20;
// The 124M model: tables of 50,257 and 1,024 rows.
const GRAPHS: ModelGraphs = gpt2Graphs(
  withLabels(parseConfig({ model_type: 'gpt2', vocab_size: 50257, n_positions: 1024, n_embd: 768, n_layer: 12, n_head: 12 }, 'the test'), ['a', 'b', 'c'], 0),
);

/** A device of which nothing is asked but buffers: it has room for `memory` bytes. */
function fakeDevice(limits: { binding: number; workgroups?: number }, memory = Infinity) {
  Object.assign(globalThis, { GPUBufferUsage: { STORAGE: 1, UNIFORM: 2, COPY_SRC: 4, COPY_DST: 8, MAP_READ: 16 }, GPUMapMode: { READ: 1 } });
  const made: { label: string; size: number }[] = [];
  const scopes: GPUErrorFilter[] = [];
  const device = {
    limits: { maxBufferSize: limits.binding, maxStorageBufferBindingSize: limits.binding, maxComputeWorkgroupsPerDimension: limits.workgroups ?? 65535 },
    lost: new Promise(() => undefined),
    createBuffer: ({ label, size }: { label: string; size: number }) => {
      made.push({ label, size });
      return { size, destroy: () => undefined };
    },
    pushErrorScope: (filter: GPUErrorFilter) => scopes.push(filter),
    popErrorScope: () => Promise.resolve(scopes.pop() === 'out-of-memory' && bytes() > memory ? { message: 'Out of device memory' } : null),
  } as unknown as GPUDevice;
  const bytes = (): number => made.reduce((sum, { size }) => sum + size, 0);
  return { device, made, bytes, session: new WebGpuSession({ device, pipelines: new Pipelines(device) }, GRAPHS, { seed: 1, description: 'a device that is not there' }) };
}

test('what a run will take is what is made', async () => {
  const { session, bytes, made } = fakeDevice({ binding: 2048 * MIB }, 100 * MIB);
  const training = { rows: 8, tokens: 800, microBatches: 3 };
  const refused = await session.reserve({ training, prediction: { rows: 32, tokens: 2048 } }).then(() => undefined, (error: unknown) => error);
  assert.ok(refused instanceof TrainingError);
  const [, total] = /the run needs ([\d,.]+) MiB/.exec(refused.message)!;
  assert.ok(Math.abs(Number(total.replaceAll(',', '')) - bytes() / MIB) < 0.1, `${refused.message}; ${bytes() / MIB} MiB were made`);
  for (const kind of ['parameter', 'gradient', 'moment1', 'moment2', 'incoming']) assert.equal(made.filter(({ label }) => label === `${kind} 0`).length, 1);
});

test('too little memory: the numbers, what to do, and the session is over', async () => {
  const { session } = fakeDevice({ binding: 2048 * MIB }, 1000 * MIB);
  await assert.rejects(session.reserve({ training: { rows: 32, tokens: 4096, microBatches: 1 } }), (error: TrainingError) => {
    assert.match(
      error.message,
      /^the GPU has too little memory: the run needs [\d,.]+ MiB: parameters, gradients, two moments \(twice that\) of 474\.\d MiB each, 1,89\d\.\d MiB; a training batch of 32 rows with 4,096 tokens, [\d,.]+ MiB \(Out of device memory\)$/,
    );
    assert.match(error.hint!, /--per-device-train-batch-size.*--gradient-accumulation-steps.*--max-length.*--device cpu/);
    return true;
  });
  await assert.rejects(session.readTensor('parameter', 'transformer.wpe.weight'), /too little memory/);
});

test('a buffer larger than the GPU takes is refused before any is made', async () => {
  const { session, made } = fakeDevice({ binding: 160 * MIB });
  await assert.rejects(
    session.reserve({ training: { rows: 64, tokens: 65536, microBatches: 1 } }),
    /a training batch of 64 rows with 65,536 tokens needs a buffer of [\d,.]+ MiB, but one on this GPU holds 160 MiB at most \(the run would take [\d,.]+ MiB/,
  );
  assert.deepEqual(made, []);
});

test('more tokens than workgroups may lie side by side are refused', async () => {
  const { session } = fakeDevice({ binding: 1e15 });
  await assert.rejects(session.reserve({ prediction: { rows: 70, tokens: 70_000 } }), /a batch of prediction of 70 rows with 70,000 tokens needs 70,000 workgroups side by side, but this GPU takes 65,535 at most/);
});

test('a table larger than one binding of this GPU is refused when the session is made', () => {
  assert.throws(() => fakeDevice({ binding: 128 * MIB }), /transformer\.wte\.weight takes 147\.2 MiB, but one binding on this GPU holds 128 MiB at most/);
});

test('the largest batches of a run come from its longest rows', () => {
  const rows = [3, 9, 1, 7, 2].map((length) => ({ ids: new Int32Array(length), blind: false }));
  assert.deepEqual(largestTrainingBatch(rows, { perDeviceTrainBatchSize: 2, gradientAccumulationSteps: 4 }), { rows: 2, tokens: 16, microBatches: 3 });
  assert.deepEqual(largestTrainingBatch(rows, { perDeviceTrainBatchSize: 8, gradientAccumulationSteps: 4 }), { rows: 5, tokens: 22, microBatches: 1 });
  assert.deepEqual(largestPrediction(rows), { rows: 5, tokens: 22 });
});
