/**
 * The CPU engine against the float64 reference engine, on random models and batches, through the interface
 * that the trainer drives.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { packRows } from '#attune/engine/batch.js';
import type { Engine, EngineSession, StepResult } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { TrainingError } from '#attune/errors/attune-error.js';
import type { Gpt2Config } from '#attune/model/config.js';
import {
  STATE_KINDS,
  allTensors,
  openSession,
  stepRequest,
  tensorsOf,
  withSession,
} from '../../support/engine-sessions.js';
import type { TestSessionOptions } from '../../support/engine-sessions.js';
import { blindRow, packedBatches, paddedTwin, tinyCases, tinyConfig } from '../../support/models.js';
import type { TinyCase } from '../../support/models.js';
import { assertClose } from '../../support/numbers.js';
import { refusal } from '../../support/refusal.js';

const TIME = { timeout: 1_800_000 };
const SEED = 7;
const DROPOUT = tinyConfig({ embd_pdrop: 0.2, attn_pdrop: 0.2, resid_pdrop: 0.2 });
const [BATCHES] = fc.sample(fc.array(packedBatches(DROPOUT), { minLength: 9, maxLength: 9 }), {
  seed: 5,
  numRuns: 1,
});
/** Micro-batches of each accumulation step. */
const STEPS = [BATCHES.slice(0, 3), BATCHES.slice(3, 6), BATCHES.slice(6, 7), BATCHES.slice(7, 9)];

const open = (
  t: TestContext,
  engine: Engine,
  config: Gpt2Config,
  options: Partial<TestSessionOptions> = {},
): Promise<EngineSession> => openSession(t, engine, config, { seed: SEED, parameters: 1, ...options });

/** Takes STEPS. */
async function takeSteps(
  session: EngineSession,
  afterStep?: () => Promise<unknown>,
): Promise<Pick<StepResult, 'losses' | 'gradNorm' | 'updated'>[]> {
  const results = [];
  let forwardPasses = 0;
  for (const [i, microBatches] of STEPS.entries()) {
    const { losses, gradNorm, updated } = await session.step(stepRequest(microBatches, i + 1, forwardPasses));
    results.push({ losses, gradNorm, updated });
    forwardPasses += microBatches.length;
    await afterStep?.();
  }
  return results;
}

/** Layer normalization of two or three columns is so ill-conditioned that float32 alone explains 1e-4. */
const isWellConditioned = ({ config }: TinyCase): boolean => config.nEmbd >= 6;

/** Relative to the largest number of the tensor, or absolute if that is small. */
function assertScaled(
  actual: ReadonlyMap<string, Float32Array>,
  expected: ReadonlyMap<string, Float32Array>,
  tolerance: number,
): void {
  for (const [name, values] of expected) {
    const scale = Math.max(
      1,
      values.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    );
    assertClose(actual.get(name)!, values, tolerance * scale, name);
  }
}

function assertResult(
  actual: Pick<StepResult, 'losses' | 'gradNorm'>,
  expected: Pick<StepResult, 'losses' | 'gradNorm'>,
  tolerance: number,
): void {
  assertClose(actual.losses, expected.losses, tolerance, 'losses');
  assertClose(
    [actual.gradNorm],
    [expected.gradNorm],
    tolerance * Math.max(1, expected.gradNorm),
    'gradient norm',
  );
}

describe('onnxEngine against referenceEngine', () => {
  it('agrees with padded rows on logits, losses, gradients and first moments', TIME, async () => {
    await fc.assert(
      fc.asyncProperty(tinyCases().filter(isWellConditioned), async ({ config, batch, seed }) => {
        const options = { seed: SEED, parameters: seed };
        const padded = paddedTwin(batch, config.padTokenId!, config.nPositions);
        await withSession(onnxEngine, config, options, (ours) =>
          withSession(referenceEngine, config, { ...options, poolLast: true }, async (reference) => {
            assertClose(await ours.infer(batch), await reference.infer(padded), 2e-5, 'logits');
            const result = await ours.step(stepRequest([batch], 1, 0));
            assertResult(result, await reference.step(stepRequest([padded], 1, 0)), 2e-5);
            for (const kind of ['gradient', 'moment1'] as const)
              assertScaled(
                await tensorsOf(ours, config, kind),
                await tensorsOf(reference, config, kind),
                5e-5,
              );
          }),
        );
      }),
      { numRuns: 12 },
    );
  });

  it('draws the same dropout masks, those of attention included', TIME, async () => {
    const cases = tinyCases({ dropout: true }).filter(isWellConditioned);
    await fc.assert(
      fc.asyncProperty(cases, async ({ config, batch, seed }) => {
        const options = { seed: SEED, parameters: seed };
        await withSession(onnxEngine, config, options, (ours) =>
          withSession(referenceEngine, config, options, async (reference) => {
            // From forward pass 3: masks depend on its number, not on what was computed before.
            const request = stepRequest([batch, batch], 1, 3, { learningRate: 0 });
            assertResult(await ours.step(request), await reference.step(request), 3e-5);
            assertScaled(
              await tensorsOf(ours, config, 'gradient'),
              await tensorsOf(reference, config, 'gradient'),
              1e-4,
            );
          }),
        );
      }),
      { numRuns: 8 },
    );
  });

  it('agrees over accumulation steps of unequal micro-batches, with clipping and decay', async (t) => {
    const [ours, reference] = [await open(t, onnxEngine, DROPOUT), await open(t, referenceEngine, DROPOUT)];
    const [actual, expected] = [await takeSteps(ours), await takeSteps(reference)];
    for (const [i, step] of actual.entries()) assertResult(step, expected[i], 1e-4);
    // The key third of c_attn.bias has gradient zero in exact arithmetic; AdamW amplifies what rounding
    // leaves of it.
    const clearKeyBias = (tensors: Map<string, Float32Array>): void =>
      tensors.forEach((values, name) => {
        if (name.endsWith('c_attn.bias')) values.fill(0, DROPOUT.nEmbd, 2 * DROPOUT.nEmbd);
      });
    const [after, wanted] = [
      await tensorsOf(ours, DROPOUT, 'parameter'),
      await tensorsOf(reference, DROPOUT, 'parameter'),
    ];
    clearKeyBias(after);
    clearKeyBias(wanted);
    assertScaled(after, wanted, 1e-3);
  });

  it('agrees if no width is a multiple of 4', async (t) => {
    const config = tinyConfig({ n_embd: 10, n_head: 5, n_inner: 7 });
    const [ours, reference] = [await open(t, onnxEngine, config), await open(t, referenceEngine, config)];
    const batch = packRows(
      [
        { ids: Int32Array.of(1, 2, 3), blind: false },
        blindRow(config),
        { ids: Int32Array.of(4), blind: false },
      ],
      [0, 1, 2],
    );
    for (const step of [1, 2]) {
      const request = { ...stepRequest([batch, batch], step, 0), lossWeights: [0.3, 0.7] };
      assertResult(await ours.step(request), await reference.step(request), 3e-5);
    }
    assertScaled(
      await tensorsOf(ours, config, 'gradient'),
      await tensorsOf(reference, config, 'gradient'),
      1e-4,
    );
  });
});

describe('onnxEngine', () => {
  // A model as narrow as this one is given one thread whatever is asked for; threads.test.ts has wide ones.
  it('computes the same bits at 2 threads, in a second run, and with reads between steps', async (t) => {
    const sessions = [
      await open(t, onnxEngine, DROPOUT),
      await open(t, onnxEngine, DROPOUT, { threads: 2 }),
      await open(t, onnxEngine, DROPOUT),
    ];
    const results = [
      await takeSteps(sessions[0]),
      await takeSteps(sessions[1]),
      await takeSteps(sessions[2], () => tensorsOf(sessions[2], DROPOUT, 'parameter')),
    ];
    const state = await allTensors(sessions[0], DROPOUT, STATE_KINDS);
    for (const i of [1, 2]) {
      assert.deepEqual(results[i], results[0]);
      assert.deepEqual(await allTensors(sessions[i], DROPOUT, STATE_KINDS), state);
    }
  });

  it('draws other dropout masks for another seed', async (t) => {
    const sessions = [
      await open(t, onnxEngine, DROPOUT),
      await open(t, onnxEngine, DROPOUT, { seed: SEED + 1 }),
    ];
    const [a, b] = [await takeSteps(sessions[0]), await takeSteps(sessions[1])];
    assert.notDeepEqual(a[0].losses, b[0].losses);
  });

  it('decays embedding rows that no text uses exactly once per step, until they come into use', async (t) => {
    const config = tinyConfig();
    const session = await open(t, onnxEngine, config);
    const name = 'transformer.wte.weight';
    const before = await session.readTensor('parameter', name);
    const batch = packRows([{ ids: Int32Array.of(1, 2), blind: false }], [0]);
    const rates = [0.01, 0.02, 0.03];
    for (const [i, learningRate] of rates.entries())
      await session.step(stepRequest([batch], i + 1, i, { learningRate }));
    const after = await session.readTensor('parameter', name);
    const decayed = before.map((value) =>
      rates.reduce((p, rate) => Math.fround(p * Math.fround(1 - rate * 0.1)), value),
    );
    const row = (values: Float32Array, r: number): Float32Array =>
      values.slice(r * config.nEmbd, (r + 1) * config.nEmbd);
    for (const r of [0, 3, 4, 10]) assert.deepEqual(row(after, r), row(decayed, r));
    assert.notDeepEqual(row(after, 1), row(decayed, 1));

    // A row that comes into use late has had the same decay by then.
    const late = packRows([{ ids: Int32Array.of(4), blind: false }], [1]);
    assert.deepEqual(row(await session.readTensor('parameter', name), 4), row(decayed, 4));
    await session.step(stepRequest([late], 4, 3));
    assert.notDeepEqual(row(await session.readTensor('parameter', name), 4), row(decayed, 4));
  });

  it('updates neither parameters nor moments if the loss is not finite', async (t) => {
    const config = tinyConfig();
    const session = await open(t, onnxEngine, config);
    const name = 'transformer.h.0.mlp.c_fc.weight';
    const values = await session.readTensor('parameter', name);
    values[0] = NaN;
    await session.writeTensor('parameter', name, values);
    const before = await allTensors(session, config, STATE_KINDS);
    const batch = packRows([{ ids: Int32Array.of(1, 2), blind: false }], [0]);
    const { updated } = await session.step(stepRequest([batch], 1, 0));
    assert.equal(updated, false);
    assert.deepEqual(await allTensors(session, config, STATE_KINDS), before);
  });

  it('rejects a request that fails, and answers the next one', async (t) => {
    const session = await open(t, onnxEngine, tinyConfig());
    await assert.rejects(
      session.readTensor('parameter', 'no such tensor'),
      refusal(TrainingError, 'cpu-engine-failed', { reason: 'no parameter is named no such tensor' }),
    );
    assert.equal((await session.infer(packRows([{ ids: Int32Array.of(1), blind: false }]))).length, 3);
    await session.close();
    await assert.rejects(
      session.readTensor('parameter', 'score.weight'),
      refusal(TrainingError, 'session-closed'),
    );
  });
});
