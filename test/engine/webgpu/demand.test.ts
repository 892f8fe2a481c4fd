/**
 * The memory estimate of a run: what a GPU cannot hold is refused, with numbers, before anything is computed. On
 * fake devices, with limits and memories that the tests choose.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TrainingError } from '#attune/errors/attune-error.js';
import type { MemoryPart } from '#attune/errors/phrases/gpu-memory.js';
import { Pipelines } from '#attune/engine/webgpu/pipelines.js';
import { WebGpuSession } from '#attune/engine/webgpu/session.js';
import type { ModelGraphs } from '#attune/model/gpt2.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { parseConfig, withLabels } from '#attune/model/config.js';
import { largestPrediction } from '#attune/train/prediction.js';
import { batchRows, largestTrainingBatch, planOf, rowOrder, stepWindow } from '#attune/train/schedule.js';
import { packRows } from '#attune/engine/batch.js';
import { Random } from '../../support/random.js';
import { refusal } from '../../support/refusal.js';

const MIB = 2 ** 20;
// The 124M model: tables of 50,257 and 1,024 rows.
const GRAPHS: ModelGraphs = gpt2Graphs(
  withLabels(
    parseConfig(
      { model_type: 'gpt2', vocab_size: 50257, n_positions: 1024, n_embd: 768, n_layer: 12, n_head: 12 },
      'the test',
    ),
    ['a', 'b', 'c'],
    0,
  ),
);

/** Of the largest table: 50,257 rows of 768, and 64 floats at most to the next multiple of 64. */
const WTE_BYTES = Math.ceil((50257 * 768) / 64) * 64 * 4;

/** What an error reports of the memory that the run needs. */
function runOf(error: unknown): readonly MemoryPart[] {
  assert.ok(error instanceof TrainingError, String(error));
  return error.facts['run'] as readonly MemoryPart[];
}

/** A device that only makes buffers, of `memory` bytes together, and a session on it. */
function fakeDevice(limits: { binding: number; workgroups?: number }, memory = Infinity) {
  Object.assign(globalThis, {
    GPUBufferUsage: { STORAGE: 1, UNIFORM: 2, COPY_SRC: 4, COPY_DST: 8, MAP_READ: 16 },
    GPUMapMode: { READ: 1 },
  });
  const made: { label: string; size: number }[] = [];
  const scopes: GPUErrorFilter[] = [];
  const device = {
    limits: {
      maxBufferSize: limits.binding,
      maxStorageBufferBindingSize: limits.binding,
      maxComputeWorkgroupsPerDimension: limits.workgroups ?? 65535,
    },
    lost: new Promise(() => undefined),
    createBuffer: ({ label, size }: { label: string; size: number }) => {
      made.push({ label, size });
      return { size, destroy: () => undefined };
    },
    pushErrorScope: (filter: GPUErrorFilter) => scopes.push(filter),
    popErrorScope: () =>
      Promise.resolve(
        scopes.pop() === 'out-of-memory' && bytes() > memory ? { message: 'Out of device memory' } : null,
      ),
  } as unknown as GPUDevice;
  const bytes = (): number => made.reduce((sum, { size }) => sum + size, 0);
  return {
    device,
    made,
    bytes,
    session: new WebGpuSession({ device, pipelines: new Pipelines(device) }, GRAPHS, {
      seed: 1,
      description: 'a fake device',
    }),
  };
}

describe('WebGpuSession.reserve', () => {
  it('makes buffers of as many bytes as it estimates', async () => {
    const { session, bytes, made } = fakeDevice({ binding: 2048 * MIB }, 100 * MIB);
    const training = { rows: 8, tokens: 800, microBatches: 3 };
    const refused = await session.reserve({ training, prediction: { rows: 32, tokens: 2048 } }).then(
      () => undefined,
      (error: unknown) => error,
    );
    refusal(TrainingError, 'gpu-memory-exhausted', { reason: 'Out of device memory' })(refused);
    assert.equal(
      runOf(refused).reduce((sum, part) => sum + part.bytes, 0),
      bytes(),
    );
    for (const kind of ['parameter', 'gradient', 'moment1', 'moment2', 'incoming'])
      assert.equal(made.filter(({ label }) => label === `${kind} 0`).length, 1);
  });

  it('refuses a run that does not fit, with numbers, and ends the session', async () => {
    const { session } = fakeDevice({ binding: 2048 * MIB }, 1000 * MIB);
    await assert.rejects(
      session.reserve({ training: { rows: 32, tokens: 4096, microBatches: 1 } }),
      (error) => {
        const [model, batch, ...others] = runOf(error);
        const each = model.bytes / 4;
        assert.equal(Math.floor(each / MIB), 474);
        assert.deepEqual(
          [model.of, batch.of, others],
          [
            { kinds: ['parameters', 'gradients', 'moments'], each },
            { use: 'training', rows: 32, tokens: 4096 },
            [],
          ],
        );
        assert.ok(batch.bytes > 0);
        return refusal(TrainingError, 'gpu-memory-exhausted', { each, reason: 'Out of device memory' })(
          error,
        );
      },
    );
    await assert.rejects(
      session.readTensor('parameter', 'transformer.wpe.weight'),
      refusal(TrainingError, 'gpu-memory-exhausted'),
    );
  });

  it('refuses a buffer larger than one binding before it makes any', async () => {
    const { session, made } = fakeDevice({ binding: 160 * MIB });
    await assert.rejects(
      session.reserve({ training: { rows: 64, tokens: 65536, microBatches: 1 } }),
      (error) => {
        const batch = { use: 'training', rows: 64, tokens: 65536 } as const;
        assert.deepEqual(runOf(error)[1].of, batch);
        assert.ok(Number((error as TrainingError).facts['bytes']) > 160 * MIB);
        return refusal(TrainingError, 'gpu-buffer-too-large', { batch, limit: 160 * MIB })(error);
      },
    );
    assert.deepEqual(made, []);
  });

  it('refuses a batch of more tokens than workgroups in one dimension', async () => {
    const { session } = fakeDevice({ binding: 1e15 });
    await assert.rejects(
      session.reserve({ prediction: { rows: 70, tokens: 70_000 } }),
      refusal(TrainingError, 'gpu-workgroups-exceeded', {
        batch: { use: 'prediction', rows: 70, tokens: 70_000 },
        workgroups: 70_000,
        limit: 65_535,
      }),
    );
  });
});

describe('new WebGpuSession', () => {
  it('refuses a table larger than one binding', () => {
    assert.throws(
      () => fakeDevice({ binding: 128 * MIB }),
      refusal(TrainingError, 'gpu-tensor-too-large', {
        tensor: 'transformer.wte.weight',
        bytes: WTE_BYTES,
        limit: 128 * MIB,
      }),
    );
  });
});

const rowsOf = (lengths: readonly number[]) =>
  lengths.map((length) => ({ ids: new Int32Array(length), blind: false }));

describe('largestTrainingBatch', () => {
  it('is the largest batch in the order in which the run takes its rows', () => {
    const args = {
      perDeviceTrainBatchSize: 2,
      gradientAccumulationSteps: 2,
      numTrainEpochs: 1,
      maxSteps: 0,
      seed: 42,
    };
    // The longest two never meet: (1 + 2), (7 + 3), 9.
    const rows = rowsOf([3, 9, 1, 7, 2]);
    assert.deepEqual([...rowOrder(5, 42, 0)], [2, 4, 3, 0, 1]);
    assert.deepEqual(largestTrainingBatch(rows, args), { rows: 2, tokens: 10, microBatches: 2 });
    // Only the last batch is left: one row of 9 tokens.
    assert.deepEqual(largestTrainingBatch(rows, args, 1), { rows: 1, tokens: 9, microBatches: 1 });
    assert.deepEqual(largestTrainingBatch(rows, { ...args, maxSteps: 1, gradientAccumulationSteps: 1 }), {
      rows: 2,
      tokens: 3,
      microBatches: 1,
    });
    assert.deepEqual(largestTrainingBatch(rows, { ...args, perDeviceTrainBatchSize: 8 }), {
      rows: 5,
      tokens: 22,
      microBatches: 1,
    });
    // An upper bound, if nothing is left to do, or too much to go through it.
    for (const bound of [
      largestTrainingBatch(rows, args, 2),
      largestTrainingBatch(rows, { ...args, numTrainEpochs: 1_000_000 }),
    ])
      assert.deepEqual(bound, { rows: 2, tokens: 16, microBatches: 2 });
  });

  it('is the largest of the batches that are trained on, from any step on', () => {
    const random = new Random(5);
    for (let i = 0; i < 40; i++) {
      const rows = rowsOf(Array.from({ length: random.integer(1, 40) }, () => random.integer(1, 128)));
      const args = {
        perDeviceTrainBatchSize: random.integer(1, 9),
        gradientAccumulationSteps: random.integer(1, 4),
        numTrainEpochs: random.integer(1, 30) / 10,
        maxSteps: i % 4 === 0 ? random.integer(1, 60) : 0,
        seed: random.integer(0, 1000),
      };
      const plan = planOf(args, rows.length);
      const startStep = random.integer(0, plan.totalSteps - 1);
      const steps = Array.from({ length: plan.totalSteps - startStep }, (_, s) =>
        stepWindow(plan, startStep + s + 1),
      );
      const batches = steps.flatMap(({ epoch, firstBatch, batches: count }) =>
        Array.from({ length: count }, (_, b) =>
          packRows(
            [
              ...batchRows(
                rowOrder(rows.length, args.seed, epoch),
                args.perDeviceTrainBatchSize,
                firstBatch + b,
              ),
            ].map((row) => rows[row]),
          ),
        ),
      );
      const most = {
        rows: Math.max(...batches.map((batch) => batch.rows)),
        tokens: Math.max(...batches.map(({ tokens }) => tokens)),
        microBatches: Math.max(...steps.map((step) => step.batches)),
      };
      assert.deepEqual(
        largestTrainingBatch(rows, args, startStep),
        most,
        JSON.stringify({ args, startStep }),
      );
    }
  });
});

describe('largestPrediction', () => {
  it('is the largest of the batches that are predicted', () => {
    assert.deepEqual(largestPrediction(rowsOf([3, 9, 1, 7, 2])), { rows: 5, tokens: 22 });
    // In order of length: 1 + 2 + 3 + 7 fit into 13 tokens, 9 does not.
    assert.deepEqual(largestPrediction(rowsOf([3, 9, 1, 7, 2]), { batchRows: 32, batchTokens: 13 }), {
      rows: 4,
      tokens: 13,
    });
    assert.deepEqual(largestPrediction(rowsOf([3, 9, 1, 7, 2]), { batchRows: 2 }), { rows: 2, tokens: 10 });
    // No two of them fit into 2,048 tokens.
    assert.deepEqual(largestPrediction(rowsOf(Array.from({ length: 40 }, () => 1025))), {
      rows: 1,
      tokens: 1025,
    });
  });
});
