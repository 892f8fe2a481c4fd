/**
 * What both engines do where numbers leave the ordinary: overflow, zero norms, a loss of exactly 0, no
 * learning rate, no clipping.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { Engine, EngineSession } from '#attune/engine/engine.js';
import { gradientNorm } from '#attune/engine/gradient-norm.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import { tinyConfig } from '../support/models.js';
import { assertTensors, everything, norm, stepRequest, tensorsOf, withSession } from './onnx/sessions.js';

const CONFIG = tinyConfig();
const row = (...ids: number[]) => ({ ids: Int32Array.from(ids), blind: false });
const BATCH = packRows([row(1, 2, 3), row(4, 5), row(6)], [0, 1, 2]);
const ENGINES: readonly Engine[] = [onnxEngine, referenceEngine];

async function scale(
  session: EngineSession,
  factor: number,
  which: (name: string) => boolean = () => true,
): Promise<void> {
  for (const { name } of parameterSpecs(CONFIG)) {
    if (which(name))
      await session.writeTensor(
        'parameter',
        name,
        (await session.readTensor('parameter', name)).map((value) => value * factor),
      );
  }
}

test('a norm whose square exceeds float32 is infinite, on every engine', () => {
  assert.deepEqual([0, 4, 3e38, 3.5e38, Infinity, NaN].map(gradientNorm), [
    0,
    2,
    Math.sqrt(3e38),
    Infinity,
    Infinity,
    NaN,
  ]);
});

for (const engine of ENGINES) {
  const open = (use: (session: EngineSession) => Promise<void>): Promise<void> =>
    withSession(engine, CONFIG, { seed: 0, parameters: 4 }, use);

  test(`${engine.name}: weights of 1e30 are no number that training accepts, and nothing is changed by trying`, () =>
    open(async (session) => {
      await scale(session, 1e30);
      const before = await everything(session, CONFIG);
      const { losses, gradNorm, updated } = await session.step(stepRequest([BATCH], 1, 0));
      assert.equal(updated, false);
      assert.ok(!Number.isFinite(gradNorm) || losses.some((loss) => !Number.isFinite(loss)));
      const after = await everything(session, CONFIG);
      for (const kind of ['parameter', 'moment1', 'moment2'])
        assert.deepEqual(after[kind], before[kind], kind);
    }));

  test(`${engine.name}: a gradient that overflows float32 is not applied; one just below is`, () =>
    open(async (session) => {
      const before = await tensorsOf(session, CONFIG, 'parameter');
      const weighted = (weight: number) => ({ ...stepRequest([BATCH], 1, 0), lossWeights: [weight] });
      const over = await session.step(weighted(1e25));
      assert.deepEqual([over.updated, over.gradNorm], [false, Infinity]);
      assert.deepEqual(await tensorsOf(session, CONFIG, 'parameter'), before);
      const under = await session.step(weighted(1e15));
      assert.equal(under.updated, true);
      assert.ok(under.gradNorm > 1e14 && under.gradNorm < 1e17);
      for (const values of (await tensorsOf(session, CONFIG, 'parameter')).values())
        assert.ok(values.every(Number.isFinite));
    }));

  test(`${engine.name}: a loss of exactly 0 has a gradient of norm 0, and leaves the weight decay alone`, () =>
    open(async (session) => {
      // Logits so far apart that the softmax is exactly one-hot; then the labels are what the model says.
      await scale(session, 1e5, (name) => name === 'score.weight');
      const logits = await session.infer(BATCH);
      const labels = [0, 1, 2].map((r) =>
        [0, 1, 2].reduce((best, k) => (logits[r * 3 + k] > logits[r * 3 + best] ? k : best), 0),
      );
      const certain = packRows([row(1, 2, 3), row(4, 5), row(6)], labels);
      const before = await tensorsOf(session, CONFIG, 'parameter');
      const { losses, gradNorm, updated } = await session.step(stepRequest([certain], 1, 0));
      assert.deepEqual([losses.map(Math.abs), gradNorm, updated], [[0], 0, true]);
      const expected = new Map(
        parameterSpecs(CONFIG).map(({ name, decay }) => [
          name,
          before.get(name)!.map((value) => value * (decay ? Math.fround(1 - 0.01 * 0.1) : 1)),
        ]),
      );
      assertTensors(await tensorsOf(session, CONFIG, 'parameter'), expected, 1e-7, 0, 'parameter');
      for (const kind of ['moment1', 'moment2'] as const)
        for (const values of (await tensorsOf(session, CONFIG, kind)).values())
          assert.ok(values.every((value) => value === 0));
    }));

  test(`${engine.name}: a learning rate of 0 changes no parameter, and the moments go on`, () =>
    open(async (session) => {
      const before = await tensorsOf(session, CONFIG, 'parameter');
      await session.step(stepRequest([BATCH], 1, 0, { learningRate: 0 }));
      assert.deepEqual(await tensorsOf(session, CONFIG, 'parameter'), before);
      assert.ok(norm((await tensorsOf(session, CONFIG, 'moment1')).get('score.weight')!) > 0);
    }));

  test(`${engine.name}: a maxGradNorm of 0 turns clipping off; the norm is told all the same`, async () => {
    const moments = async (maxGradNorm: number): Promise<readonly [number, Map<string, Float32Array>]> => {
      let result: readonly [number, Map<string, Float32Array>] | undefined;
      await open(async (session) => {
        const { gradNorm } = await session.step({
          ...stepRequest([BATCH], 1, 0, { maxGradNorm }),
          lossWeights: [10],
        });
        result = [gradNorm, await tensorsOf(session, CONFIG, 'moment1')];
      });
      return result!;
    };
    const [gradNorm, unclipped] = await moments(0);
    const [same, clipped] = await moments(1);
    assert.ok(gradNorm > 2);
    assert.equal(same, gradNorm);
    const expected = new Map(
      [...unclipped].map(([name, values]) => [name, values.map((value) => value / (gradNorm + 1e-6))]),
    );
    assertTensors(clipped, expected, 1e-6, 1e-12, 'moment1');
  });
}
