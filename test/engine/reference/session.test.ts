import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { PackedBatch } from '#attune/engine/batch.js';
import type { EngineSession, StepRequest, TensorKind } from '#attune/engine/engine.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { GraphBuilder } from '#attune/graph/graph.js';
import { crossEntropy, gather } from '#attune/graph/operations.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { gradientName } from '#attune/model/gpt2.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import {
  STATE_KINDS,
  TENSOR_KINDS,
  UPDATE,
  allTensors,
  openSession,
  stepRequest,
  tensorsOf,
  writeState,
} from '../../support/engine-sessions.js';
import { blindRow, randomParameters, tinyConfig } from '../../support/models.js';
import { assertClose } from '../../support/numbers.js';

const CONFIG = tinyConfig();
const DROPOUT = tinyConfig({ embd_pdrop: 0.2, attn_pdrop: 0.2, resid_pdrop: 0.2 });

const ROWS = [
  ...[[1, 2, 3], [4], [5, 6, 7, 8, 9, 0], [10, 2]].map((ids) => ({
    ids: Int32Array.from(ids),
    blind: false,
  })),
  blindRow(CONFIG),
];
const LABELS = [0, 2, 1, 1, 0];
const batchOf = (from: number, to: number): PackedBatch =>
  packRows(ROWS.slice(from, to), LABELS.slice(from, to));

const open = (t: TestContext, config: Gpt2Config = CONFIG, seed = 42): Promise<EngineSession> =>
  openSession(t, referenceEngine, config, { seed, parameters: 1 });

const request = (fields: Partial<StepRequest> = {}): StepRequest => ({
  ...stepRequest([batchOf(0, 5)], 1, 0),
  ...fields,
});

/** Every number of a kind, parameter after parameter. */
const numbersOf = async (session: EngineSession, kind: TensorKind): Promise<number[]> =>
  [...(await tensorsOf(session, CONFIG, kind)).values()].flatMap((values) => [...values]);

describe('ReferenceSession', () => {
  it('adds micro-batches up to the batch that they are parts of', async (t) => {
    const [whole, cut] = [await open(t), await open(t)];
    const one = await whole.step(request());
    const two = await cut.step(
      request({ microBatches: [batchOf(0, 2), batchOf(2, 5)], lossWeights: [0.2, 0.2] }),
    );
    assert.equal(two.losses.length, 2);
    assertClose([two.losses[0] + two.losses[1], two.gradNorm], [one.losses[0], one.gradNorm], 1e-12);
    for (const kind of TENSOR_KINDS)
      assertClose(await numbersOf(cut, kind), await numbersOf(whole, kind), 1e-6, kind);
  });

  it('starts each step from zero gradients', async (t) => {
    const session = await open(t);
    const update = { ...UPDATE, learningRate: 0 };
    const first = await session.step(request({ update }));
    assert.deepEqual(await session.step(request({ update: { ...update, step: 2 } })), first);
  });

  it('keeps the gradient before clipping', async (t) => {
    const session = await open(t);
    const { gradNorm } = await session.step(request());
    assert.ok(gradNorm > 1);
    assertClose([Math.hypot(...(await numbersOf(session, 'gradient')))], [gradNorm], 1e-5);
    // The first moment after the first step is (1 - beta1) times the clipped gradient.
    assertClose([Math.hypot(...(await numbersOf(session, 'moment1')))], [0.1], 1e-6);
  });

  it('does not clip if maxGradNorm is 0', async (t) => {
    const session = await open(t);
    const { gradNorm } = await session.step(request({ update: { ...UPDATE, maxGradNorm: 0 } }));
    assertClose([Math.hypot(...(await numbersOf(session, 'moment1')))], [0.1 * gradNorm], 1e-5);
  });

  it('decays only the parameters whose spec says so', async (t) => {
    const [without, withDecay] = [await open(t), await open(t)];
    await without.step(request({ update: { ...UPDATE, weightDecay: 0 } }));
    await withDecay.step(request({ update: { ...UPDATE, weightDecay: 0.5 } }));
    const initial = randomParameters(CONFIG, 1);
    for (const { name, decay } of parameterSpecs(CONFIG)) {
      const [plain, decayed] = [
        await without.readTensor('parameter', name),
        await withDecay.readTensor('parameter', name),
      ];
      assertClose(
        decayed,
        plain.map((value, i) => value - (decay ? 0.01 * 0.5 * initial.get(name)![i] : 0)),
        1e-6,
        name,
      );
    }
  });

  it('draws dropout masks by forward pass and seed, and none in inference', async (t) => {
    const lossOf = async (firstPass: number, seed: number): Promise<number> =>
      (await (await open(t, DROPOUT, seed)).step(request({ firstPass }))).losses[0];
    const session = await open(t, DROPOUT);
    const { losses } = await session.step(
      request({ microBatches: [batchOf(0, 5), batchOf(0, 5)], lossWeights: [0.2, 0.2], firstPass: 7 }),
    );
    assert.deepEqual(losses, [await lossOf(7, 42), await lossOf(8, 42)]);
    assert.notEqual(losses[0], losses[1]);
    assert.notEqual(losses[0], await lossOf(7, 43));
    assert.deepEqual(
      await (await open(t, DROPOUT)).infer(batchOf(0, 5)),
      await (await open(t)).infer(batchOf(0, 5)),
    );
  });

  it('continues from the tensors of another session', async (t) => {
    const [first, second] = [await open(t, DROPOUT), await open(t, DROPOUT)];
    await first.step(request());
    await writeState(second, await allTensors(first, CONFIG, STATE_KINDS));
    const next = request({ firstPass: 1, update: { ...UPDATE, step: 2 } });
    const [expected, resumed] = [await first.step(next), await second.step(next)];
    assertClose(resumed.losses, expected.losses, 1e-6);
    for (const kind of STATE_KINDS)
      assertClose(await numbersOf(second, kind), await numbersOf(first, kind), 1e-6, kind);
  });

  for (const [what, lossWeight] of [
    ['a loss that is not finite', Infinity],
    ['a finite loss whose gradients overflow', 1e306],
  ] as const) {
    it(`changes no parameter or moment in a step with ${what}`, async (t) => {
      const session = await open(t);
      await session.step(request());
      const before = await allTensors(session, CONFIG, STATE_KINDS);
      const { losses, gradNorm, updated } = await session.step(
        request({ lossWeights: [lossWeight], update: { ...UPDATE, step: 2 } }),
      );
      assert.equal(updated, false);
      assert.equal(Number.isFinite(losses[0]), lossWeight !== Infinity);
      assert.equal(Number.isFinite(gradNorm), false);
      assert.deepEqual(await allTensors(session, CONFIG, STATE_KINDS), before);
    });
  }

  it('changes nothing if the loss is not finite, even if every gradient is', async (t) => {
    const g = new GraphBuilder();
    const [x, y] = [g.parameter('x', [4, 3]), g.parameter('y', [4, 3])];
    const logits = gather(g, x, g.input('pooledTokens', ['rows'], 'int32'));
    const loss = crossEntropy(
      g,
      logits,
      g.input('labels', ['rows'], 'int32'),
      g.input('lossWeight', [], 'float32'),
    );
    // No real model has such gradients: y stands for both.
    const training = g.finish({ loss, [gradientName('x')]: y, [gradientName('y')]: y });
    const parameters = ['x', 'y'].map((name) => ({ name, shape: [4, 3], decay: true }));
    const session = await referenceEngine.open(
      { parameters, inference: g.finish({ logits }), training },
      { seed: 0 },
    );
    t.after(() => session.close());
    await session.writeTensor('parameter', 'x', new Float32Array(12).fill(NaN));
    await session.writeTensor('parameter', 'y', new Float32Array(12).fill(1));
    const { gradNorm, updated } = await session.step(
      request({ microBatches: [batchOf(1, 2)], lossWeights: [1] }),
    );
    assertClose([gradNorm], [Math.sqrt(24)], 1e-12);
    assert.equal(updated, false);
    assert.deepEqual(await session.readTensor('parameter', 'y'), new Float32Array(12).fill(1));
  });

  it('reports a loss of NaN, and changes nothing, if a parameter has NaN', async (t) => {
    const session = await open(t);
    await session.writeTensor('parameter', 'transformer.ln_f.bias', new Float32Array(CONFIG.nEmbd).fill(NaN));
    const before = await allTensors(session, CONFIG, STATE_KINDS);
    const { losses, updated } = await session.step(request());
    assert.ok(Number.isNaN(losses[0]));
    assert.equal(updated, false);
    assert.deepEqual(before.parameter.get('score.weight'), randomParameters(CONFIG, 1).get('score.weight'));
    assert.deepEqual(await allTensors(session, CONFIG, STATE_KINDS), before);
  });

  it('refuses parameters that are not written, names it does not know and wrong sizes', async (t) => {
    const session = await openSession(t, referenceEngine, CONFIG, { seed: 0 });
    await assert.rejects(session.infer(batchOf(0, 1)), /parameter transformer.wte.weight was never written/);
    await assert.rejects(
      session.writeTensor('parameter', 'wte', new Float32Array(1)),
      /the model has no parameter wte/,
    );
    await assert.rejects(session.readTensor('moment1', 'wte'), /the model has no parameter wte/);
    await assert.rejects(
      session.writeTensor('moment2', 'score.weight', new Float32Array(5)),
      /moment2 of score.weight has 24 elements, 5 were given/,
    );
  });

  it('refuses a step without one loss weight per micro-batch, or with a step number of 0', async (t) => {
    const session = await open(t);
    await assert.rejects(
      session.step(request({ lossWeights: [1, 1] })),
      /one loss weight for each of its micro-batches; got 2 for 1/,
    );
    await assert.rejects(session.step(request({ microBatches: [], lossWeights: [] })), /got 0 for 0/);
    await assert.rejects(session.step(request({ update: { ...UPDATE, step: 0 } })), /numbered from 1, not 0/);
  });

  it('refuses every request after it is closed', async (t) => {
    const session = await open(t);
    await session.close();
    await assert.rejects(session.infer(batchOf(0, 1)), /the session is closed/);
    await assert.rejects(session.readTensor('parameter', 'score.weight'), /the session is closed/);
  });
});
