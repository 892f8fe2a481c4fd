/**
 * The golden test: a 2-layer GPT-2 on random token ids against what PyTorch and transformers computed (test/fixtures/tiny-gpt2), through the interface that
 * the trainer uses. Every engine passes the same test.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { PackedBatch } from '#attune/engine/batch.js';
import type { Engine, EngineSession, StepResult, UpdateSettings } from '#attune/engine/engine.js';
import { readConfig } from '#attune/model/config.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { SafetensorsFile } from '#attune/model/safetensors.js';
import { fixtureJson, fixturePath } from './fixtures.js';
import { assertClose } from './numbers.js';

interface Golden {
  readonly row_input_ids: readonly (readonly number[])[];
  readonly row_labels: readonly number[];
  readonly logits: readonly (readonly number[])[];
  readonly loss: number;
  readonly grad_norm: number;
  readonly steps: readonly { readonly loss: number; readonly grad_norm: number; readonly lr: number }[];
}

const FIXTURE = 'tiny-gpt2';
const ROWS_PER_STEP = 4;
const UPDATE: Omit<UpdateSettings, 'learningRate' | 'step'> = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 };

export function testTinyGpt2Golden(engine: Engine): void {
  test(`${engine.name}: logits of the golden batch within 1e-5`, () =>
    withModel(engine, async ({ session, golden, batch }) => {
      assertClose(await session.infer(batch(0)), golden.logits.flat(), 1e-5, 'logits');
    }));

  test(`${engine.name}: loss of the golden batch within 1e-6, every gradient within 1e-4`, () =>
    withModel(engine, async ({ session, config, golden, batch }) => {
      const { losses, gradNorm } = await takeStep(session, batch(0), 0, 1);
      assertClose(losses, [golden.loss], 1e-6, 'loss');
      assertClose([gradNorm / golden.grad_norm], [1], 1e-5, 'relative gradient norm');
      const expected = await tensorsOf('grads.safetensors');
      for (const { name } of parameterSpecs(config)) {
        assertRelativelyClose(await session.readTensor('gradient', name), expected.get(name)!, 1e-4, `gradient of ${name}`);
      }
    }));

  test(`${engine.name}: twenty golden AdamW steps, every loss within 1e-4, the weights after them within 1e-4`, () =>
    withModel(engine, async ({ session, config, golden, batch }) => {
      assert.equal(golden.steps.length, 20);
      for (const [i, expected] of golden.steps.entries()) {
        const { losses, gradNorm, updated } = await takeStep(session, batch(i), expected.lr, i + 1);
        assert.ok(updated);
        assertClose(losses, [expected.loss], 1e-4, `loss of step ${i}`);
        assertClose([gradNorm / expected.grad_norm], [1], 1e-3, `relative gradient norm of step ${i}`);
      }
      const after = await tensorsOf('after20.safetensors');
      for (const { name } of parameterSpecs(config)) assertWeights(await session.readTensor('parameter', name), after.get(name)!, name, config.nEmbd);
    }));
}

/**
 * The gradient of the keys' bias is zero in exact arithmetic (it shifts all scores of a query alike). The reference holds rounding noise there, which Adam
 * divides by its own size; so that third is compared on its own, absolutely.
 */
function assertWeights(actual: Float32Array, expected: Float32Array, name: string, c: number): void {
  if (!name.endsWith('attn.c_attn.bias')) return assertRelativelyClose(actual, expected, 1e-4, name);
  const withoutKeys = (values: Float32Array): Float32Array => values.filter((_, i) => i < c || i >= 2 * c);
  assertRelativelyClose(withoutKeys(actual), withoutKeys(expected), 1e-4, `${name}, queries and values`);
  assertClose(actual.subarray(c, 2 * c), expected.subarray(c, 2 * c), 5e-4, `${name}, keys`);
}

function assertRelativelyClose(actual: Float32Array, expected: Float32Array, tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  const norm = Math.sqrt(expected.reduce((sum, value) => sum + value ** 2, 0));
  const error = Math.sqrt(actual.reduce((sum, value, i) => sum + (value - expected[i]) ** 2, 0)) / norm;
  assert.ok(norm > 0 && error <= tolerance, `${what}: relative L2 difference ${error}, allowed ${tolerance}`);
}

function takeStep(session: EngineSession, batch: PackedBatch, learningRate: number, step: number): Promise<StepResult> {
  return session.step({ microBatches: [batch], lossWeights: [1 / batch.rows], firstPass: step - 1, update: { ...UPDATE, learningRate, step } });
}

interface GoldenModel {
  readonly session: EngineSession;
  readonly config: Gpt2Config;
  readonly golden: Golden;
  /** Rows 4i to 4i + 3; row 6 is empty. */
  readonly batch: (i: number) => PackedBatch;
}

async function withModel(engine: Engine, use: (model: GoldenModel) => Promise<void>): Promise<void> {
  const golden = fixtureJson(join(FIXTURE, 'golden.json')) as Golden;
  const config = await readConfig(fixturePath(join(FIXTURE, 'model')));
  const rows = golden.row_input_ids.map((ids) => ({ ids: Int32Array.from(ids.length > 0 ? ids : [config.padTokenId!]), blind: ids.length === 0 }));
  assert.deepEqual(rows.flatMap(({ blind }, i) => (blind ? [i] : [])), [6]);
  const batch = (i: number): PackedBatch => {
    const range = [i * ROWS_PER_STEP, (i + 1) * ROWS_PER_STEP] as const;
    return packRows(rows.slice(...range), golden.row_labels.slice(...range));
  };
  const session = await engine.open(gpt2Graphs(config), { seed: 0 });
  try {
    for (const [name, values] of await tensorsOf(join('model', 'model.safetensors'))) await session.writeTensor('parameter', name, values);
    await use({ session, config, golden, batch });
  } finally {
    await session.close();
  }
}

async function tensorsOf(file: string): Promise<Map<string, Float32Array>> {
  const safetensors = await SafetensorsFile.open(fixturePath(join(FIXTURE, file)));
  try {
    const tensors = new Map<string, Float32Array>();
    for (const name of safetensors.tensors.keys()) tensors.set(name, await safetensors.read(name));
    return tensors;
  } finally {
    await safetensors.close();
  }
}
