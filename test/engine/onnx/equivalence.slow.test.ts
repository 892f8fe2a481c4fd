/**
 * The CPU engine against the reference engine: random models and batches, and the shapes that are easy to get
 * wrong.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { packRows } from '#attune/engine/batch.js';
import type { EncodedRow, PackedBatch } from '#attune/engine/batch.js';
import type { Engine, StepRequest, StepResult } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { assertTensors, stepRequest, tensorsOf, withSession } from '../../support/engine-sessions.js';
import { blindRow, packedBatches, tinyConfig, tinyConfigs } from '../../support/models.js';
import { assertClose } from '../../support/numbers.js';

interface Run {
  readonly config: Gpt2Config;
  readonly seed: number;
  /** Micro-batches of each step. */
  readonly steps: readonly (readonly PackedBatch[])[];
}

interface Outcome {
  readonly logits: Float32Array;
  readonly trainedLogits: Float32Array;
  readonly results: readonly StepResult[];
  readonly gradients: readonly ReadonlyMap<string, Float32Array>[];
  readonly parameters: ReadonlyMap<string, Float32Array>;
}

// Adam divides rounding noise by its own size; a large epsilon keeps the comparison of engines well
// conditioned. updates.test.ts checks the update with the usual one.
const EPSILON = 1e-2;

function requests({ steps }: Run): StepRequest[] {
  let forwardPasses = 0;
  return steps.map((microBatches, i) => {
    const request = stepRequest(microBatches, i + 1, forwardPasses, { epsilon: EPSILON });
    forwardPasses += microBatches.length;
    return request;
  });
}

function outcomeOf(engine: Engine, run: Run): Promise<Outcome> {
  const { config, seed, steps } = run;
  return withSession(engine, config, { seed, parameters: seed }, async (session) => {
    const logits = await session.infer(steps[0][0]);
    const results: StepResult[] = [];
    const gradients: Map<string, Float32Array>[] = [];
    for (const request of requests(run)) {
      results.push(await session.step(request));
      gradients.push(await tensorsOf(session, config, 'gradient'));
    }
    return {
      logits,
      results,
      gradients,
      parameters: await tensorsOf(session, config, 'parameter'),
      trainedLogits: await session.infer(steps[0][0]),
    };
  });
}

/** Distance of 1 to the next float32: how exact a probability near 1 is. */
const ROUNDING = 2 ** -23;

/**
 * How exact the gradients of a step can be. They begin as probability minus 1 for the true class. If the model
 * is certain of each row (loss 0.0001 of a random one), float32 leaves that difference only the digits that
 * rounding of the probability has not taken.
 */
function attainable(losses: readonly number[]): number {
  const leastCertain = 1 - Math.exp(-Math.max(...losses));
  return 1e-4 + ROUNDING / leastCertain;
}

async function assertEnginesAgree(run: Run): Promise<void> {
  const [actual, expected] = [await outcomeOf(onnxEngine, run), await outcomeOf(referenceEngine, run)];
  assertClose(actual.logits, expected.logits, 1e-5, 'logits');
  for (const [i, { losses, gradNorm, updated }] of actual.results.entries()) {
    const wanted = expected.results[i];
    assert.ok(updated && wanted.updated);
    assertClose(losses, wanted.losses, 1e-5, `losses of step ${i + 1}`);
    const relative = attainable(wanted.losses);
    assertClose([gradNorm / wanted.gradNorm], [1], relative, `relative gradient norm of step ${i + 1}`);
    // The gradient of the keys' bias is zero in exact arithmetic, so rounding is measured against the whole
    // gradient, too.
    assertTensors(
      actual.gradients[i],
      expected.gradients[i],
      relative,
      1e-6 * wanted.gradNorm,
      `step ${i + 1}: gradient`,
    );
  }
  assertTensors(actual.parameters, expected.parameters, 1e-5, 1e-6, 'parameters');
  assertClose(actual.trainedLogits, expected.trainedLogits, 5e-5, 'logits after training');
}

// Layer normalization of two or three columns is so ill-conditioned that float32 alone explains larger
// differences than are allowed here.
const runs = tinyConfigs({ dropout: true })
  .filter(({ nEmbd }) => nEmbd >= 6)
  .chain((config) =>
    fc.record({
      config: fc.constant(config),
      seed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      steps: fc.array(fc.array(packedBatches(config, 4), { minLength: 1, maxLength: 3 }), {
        minLength: 1,
        maxLength: 3,
      }),
    }),
  );

/** With seed 17, a model that is certain of CERTAIN_ROW. */
const CERTAIN_MODEL = {
  vocab_size: 11,
  n_positions: 9,
  n_embd: 8,
  n_layer: 1,
  n_head: 2,
  n_inner: 3,
  num_labels: 2,
  pad_token_id: 10,
  embd_pdrop: 0.4,
  attn_pdrop: 0.4,
  resid_pdrop: 0.1,
  scale_attn_by_inverse_layer_idx: true,
};

const CERTAIN_ROW = packRows([{ ids: Int32Array.of(0, 0, 0), blind: false }], [1]);

const row = (...ids: number[]): EncodedRow => ({ ids: Int32Array.from(ids), blind: false });
const BLIND = blindRow(tinyConfig());
const EVERYWHERE = { embd_pdrop: 0.2, attn_pdrop: 0.3, resid_pdrop: 0.1 };
const MIXED = [
  packRows([row(1, 2, 3, 2), row(4), BLIND, row(10, 0, 9, 9, 9, 1, 7, 8, 5)], [0, 2, 1, 1]),
  packRows([row(3, 3, 10)], [2]),
];
const CASES: Readonly<
  Record<
    string,
    { readonly fields: Readonly<Record<string, unknown>>; readonly batches: readonly PackedBatch[] }
  >
> = {
  'one head, a width not divisible by 4, an odd inner width': {
    fields: { n_head: 1, n_embd: 7, n_inner: 5 },
    batches: MIXED,
  },
  'five heads of width 3': { fields: { n_head: 5, n_embd: 15, n_inner: 31, n_layer: 3 }, batches: MIXED },
  'dropout everywhere, width divisible by 4': { fields: EVERYWHERE, batches: MIXED },
  'dropout everywhere, five heads, width not divisible by 4': {
    fields: { ...EVERYWHERE, n_head: 5, n_embd: 5 },
    batches: MIXED,
  },
  'dropout only of attention, in one block: pooled attention': {
    fields: { attn_pdrop: 0.4, n_layer: 1 },
    batches: MIXED,
  },
  'only fully masked rows': { fields: {}, batches: [packRows([BLIND, BLIND], [0, 1])] },
  'one row of one token': { fields: EVERYWHERE, batches: [packRows([row(4)], [1])] },
  'rows of one token': { fields: EVERYWHERE, batches: [packRows([row(4), row(0), row(10)], [1, 1, 0])] },
  'unequal micro-batches': {
    fields: EVERYWHERE,
    batches: [
      packRows([row(1)], [0]),
      packRows(
        Array.from({ length: 6 }, (_, i) => row(i, 1, 1)),
        [0, 1, 2, 0, 1, 2],
      ),
      ...MIXED,
    ],
  },
};

describe('onnxEngine against referenceEngine', () => {
  it('agrees on random models, batches and accumulation steps', () =>
    fc.assert(fc.asyncProperty(runs, assertEnginesAgree), { numRuns: 15 }));

  it('agrees on a model that is certain of its only row', () =>
    assertEnginesAgree({ config: tinyConfig(CERTAIN_MODEL), seed: 17, steps: [[CERTAIN_ROW]] }));

  for (const [name, { fields, batches }] of Object.entries(CASES)) {
    it(`agrees on ${name}`, () =>
      assertEnginesAgree({
        config: tinyConfig({ ...fields }),
        seed: 3,
        steps: [batches, [batches[0]], batches],
      }));
  }

  // Shows that dropout takes part in the cases above.
  it('changes the loss, but not the logits of inference, with the seed and the forward pass', async () => {
    const config = tinyConfig(EVERYWHERE);
    const [batch] = MIXED;
    const lossAndLogits = (
      seed: number,
      forwardPass: number,
    ): Promise<{ loss: number; logits: Float32Array }> =>
      withSession(onnxEngine, config, { seed, parameters: 1 }, async (session) => {
        const logits = await session.infer(batch);
        return { loss: (await session.step(stepRequest([batch], 1, forwardPass))).losses[0], logits };
      });
    const [first, again, otherSeed, otherPass] = [
      await lossAndLogits(1, 0),
      await lossAndLogits(1, 0),
      await lossAndLogits(2, 0),
      await lossAndLogits(1, 1),
    ];
    assert.deepEqual(again, first);
    assert.deepEqual(otherSeed.logits, first.logits);
    assert.equal(new Set([first.loss, otherSeed.loss, otherPass.loss]).size, 3);
  });
});
