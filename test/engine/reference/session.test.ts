import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { PackedBatch } from '#attune/engine/batch.js';
import type { EngineSession, StepRequest, UpdateSettings } from '#attune/engine/engine.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { GraphBuilder } from '#attune/graph/graph.js';
import { crossEntropy, gather } from '#attune/graph/operations.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { gpt2Graphs, gradientName } from '#attune/model/gpt2.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { blindRow, randomParameters, tinyConfig } from '../../support/models.js';
import { assertClose } from '../../support/numbers.js';

const CONFIG = tinyConfig();
const DROPOUT = tinyConfig({ embd_pdrop: 0.2, attn_pdrop: 0.2, resid_pdrop: 0.2 });
const KINDS = ['parameter', 'moment1', 'moment2'] as const;
const UPDATE: UpdateSettings = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.1,
  maxGradNorm: 1,
  step: 1,
};

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

async function open(config: Gpt2Config = CONFIG, seed = 42): Promise<EngineSession> {
  const session = await referenceEngine.open(gpt2Graphs(config), { seed });
  for (const [name, values] of randomParameters(config, 1))
    await session.writeTensor('parameter', name, values);
  return session;
}

function request(fields: Partial<StepRequest> = {}): StepRequest {
  return { microBatches: [batchOf(0, 5)], lossWeights: [0.2], firstPass: 0, update: UPDATE, ...fields };
}

/** Every number of a kind, parameter after parameter. */
async function all(session: EngineSession, kind: (typeof KINDS)[number] | 'gradient'): Promise<number[]> {
  const values: number[] = [];
  for (const { name } of parameterSpecs(CONFIG)) values.push(...(await session.readTensor(kind, name)));
  return values;
}

test('micro-batches add up to the batch that they were cut from', async () => {
  const [whole, cut] = [await open(), await open()];
  const one = await whole.step(request());
  const two = await cut.step(
    request({ microBatches: [batchOf(0, 2), batchOf(2, 5)], lossWeights: [0.2, 0.2] }),
  );
  assert.equal(two.losses.length, 2);
  assertClose([two.losses[0] + two.losses[1], two.gradNorm], [one.losses[0], one.gradNorm], 1e-12);
  for (const kind of [...KINDS, 'gradient'] as const)
    assertClose(await all(cut, kind), await all(whole, kind), 1e-6, kind);
});

test('a step starts from zero gradients', async () => {
  const session = await open();
  const update = { ...UPDATE, learningRate: 0 };
  const first = await session.step(request({ update }));
  assert.deepEqual(await session.step(request({ update: { ...update, step: 2 } })), first);
});

test('the gradient that is read is the one before clipping', async () => {
  const session = await open();
  const { gradNorm } = await session.step(request());
  assert.ok(gradNorm > 1);
  assertClose([Math.hypot(...(await all(session, 'gradient')))], [gradNorm], 1e-5);
  // The first moment after the first step is (1 - beta1) times the clipped gradient.
  assertClose([Math.hypot(...(await all(session, 'moment1')))], [0.1], 1e-6);
});

test('a maximal norm of 0 turns clipping off', async () => {
  const session = await open();
  const { gradNorm } = await session.step(request({ update: { ...UPDATE, maxGradNorm: 0 } }));
  assertClose([Math.hypot(...(await all(session, 'moment1')))], [0.1 * gradNorm], 1e-5);
});

test('weight decay reaches the parameters that decay, and no other', async () => {
  const [without, withDecay] = [await open(), await open()];
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

test('each micro-batch draws the masks of its own pass; inference draws none', async () => {
  const lossOf = async (pass: number, seed: number): Promise<number> =>
    (await (await open(DROPOUT, seed)).step(request({ firstPass: pass }))).losses[0];
  const session = await open(DROPOUT);
  const { losses } = await session.step(
    request({ microBatches: [batchOf(0, 5), batchOf(0, 5)], lossWeights: [0.2, 0.2], firstPass: 7 }),
  );
  assert.deepEqual(losses, [await lossOf(7, 42), await lossOf(8, 42)]);
  assert.notEqual(losses[0], losses[1]);
  assert.notEqual(losses[0], await lossOf(7, 43));
  assert.deepEqual(
    await (await open(DROPOUT)).infer(batchOf(0, 5)),
    await (await open()).infer(batchOf(0, 5)),
  );
});

test('a session filled with the tensors of another goes on as that one does', async () => {
  const [first, second] = [await open(DROPOUT), await open(DROPOUT)];
  await first.step(request());
  for (const kind of KINDS) {
    for (const { name } of parameterSpecs(CONFIG))
      await second.writeTensor(kind, name, await first.readTensor(kind, name));
  }
  const next = request({ firstPass: 1, update: { ...UPDATE, step: 2 } });
  const [expected, resumed] = [await first.step(next), await second.step(next)];
  assertClose(resumed.losses, expected.losses, 1e-6);
  for (const kind of KINDS) assertClose(await all(second, kind), await all(first, kind), 1e-6, kind);
});

for (const [what, lossWeight] of [
  ['a loss that is not finite', Infinity],
  ['a finite loss whose gradients overflow', 1e306],
] as const) {
  test(`${what} changes nothing`, async () => {
    const session = await open();
    await session.step(request());
    const before = await Promise.all(KINDS.map((kind) => all(session, kind)));
    const { losses, gradNorm, updated } = await session.step(
      request({ lossWeights: [lossWeight], update: { ...UPDATE, step: 2 } }),
    );
    assert.equal(updated, false);
    assert.equal(Number.isFinite(losses[0]), lossWeight !== Infinity);
    assert.equal(Number.isFinite(gradNorm), false);
    assert.deepEqual(await Promise.all(KINDS.map((kind) => all(session, kind))), before);
  });
}

test('a loss that is not finite changes nothing, even where every gradient is finite', async () => {
  const g = new GraphBuilder();
  const [x, y] = [g.parameter('x', [4, 3]), g.parameter('y', [4, 3])];
  const logits = gather(g, x, g.input('pooledTokens', ['rows'], 'int32'));
  const loss = crossEntropy(
    g,
    logits,
    g.input('labels', ['rows'], 'int32'),
    g.input('lossWeight', [], 'float32'),
  );
  // No real model answers so: y stands for both gradients.
  const training = g.finish({ loss, [gradientName('x')]: y, [gradientName('y')]: y });
  const parameters = ['x', 'y'].map((name) => ({ name, shape: [4, 3], decay: true }));
  const session = await referenceEngine.open(
    { parameters, inference: g.finish({ logits }), training },
    { seed: 0 },
  );
  await session.writeTensor('parameter', 'x', new Float32Array(12).fill(NaN));
  await session.writeTensor('parameter', 'y', new Float32Array(12).fill(1));
  const { gradNorm, updated } = await session.step(
    request({ microBatches: [batchOf(1, 2)], lossWeights: [1] }),
  );
  assertClose([gradNorm], [Math.sqrt(24)], 1e-12);
  assert.equal(updated, false);
  assert.deepEqual(await session.readTensor('parameter', 'y'), new Float32Array(12).fill(1));
});

test('NaN in a parameter shows in the loss, and changes nothing', async () => {
  const session = await open();
  await session.writeTensor('parameter', 'transformer.ln_f.bias', new Float32Array(CONFIG.nEmbd).fill(NaN));
  const { losses, updated } = await session.step(request());
  assert.ok(Number.isNaN(losses[0]));
  assert.equal(updated, false);
  assert.deepEqual(
    await session.readTensor('parameter', 'score.weight'),
    randomParameters(CONFIG, 1).get('score.weight'),
  );
});

test('what cannot be done is refused by name', async () => {
  const session = await referenceEngine.open(gpt2Graphs(CONFIG), { seed: 0 });
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
  const ready = await open();
  await assert.rejects(
    ready.step(request({ lossWeights: [1, 1] })),
    /one loss weight for each of its micro-batches; got 2 for 1/,
  );
  await assert.rejects(ready.step(request({ microBatches: [], lossWeights: [] })), /got 0 for 0/);
  await assert.rejects(ready.step(request({ update: { ...UPDATE, step: 0 } })), /numbered from 1, not 0/);
  await ready.close();
  await assert.rejects(ready.infer(batchOf(0, 1)), /the session is closed/);
  await assert.rejects(ready.readTensor('parameter', 'score.weight'), /the session is closed/);
});
