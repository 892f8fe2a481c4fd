/**
 * Both engines at the edges of the numbers: overflow, a loss of exactly 0, a learning rate of 0, no clipping.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { Engine, EngineSession } from '#attune/engine/engine.js';
import { gradientNorm } from '#attune/engine/gradient-norm.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { parameterSpecs } from '#attune/model/parameters.js';
import {
  STATE_KINDS,
  allTensors,
  assertTensors,
  norm,
  stepRequest,
  tensorsOf,
  withSession,
} from '../support/engine-sessions.js';
import type { Tensors } from '../support/engine-sessions.js';
import { tinyConfig } from '../support/models.js';

const CONFIG = tinyConfig();
const row = (...ids: number[]) => ({ ids: Int32Array.from(ids), blind: false });
const BATCH = packRows([row(1, 2, 3), row(4, 5), row(6)], [0, 1, 2]);
const ENGINES: readonly Engine[] = [onnxEngine, referenceEngine];

/** Multiplies parameters by `factor`. */
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

describe('gradientNorm', () => {
  it('is infinite if the sum of squares exceeds float32', () => {
    assert.deepEqual([0, 4, 3e38, 3.5e38, Infinity, NaN].map(gradientNorm), [
      0,
      2,
      Math.sqrt(3e38),
      Infinity,
      Infinity,
      NaN,
    ]);
  });
});

for (const engine of ENGINES) {
  const open = <T>(use: (session: EngineSession) => Promise<T>): Promise<T> =>
    withSession(engine, CONFIG, { seed: 0, parameters: 4 }, use);

  describe(`EngineSession.step of the ${engine.name} engine`, () => {
    it('reports a loss or norm that is not finite and updates nothing if weights are 1e30', () =>
      open(async (session) => {
        await scale(session, 1e30);
        const before = await allTensors(session, CONFIG, STATE_KINDS);
        const { losses, gradNorm, updated } = await session.step(stepRequest([BATCH], 1, 0));
        assert.equal(updated, false);
        assert.ok(!Number.isFinite(gradNorm) || losses.some((loss) => !Number.isFinite(loss)));
        assert.deepEqual(await allTensors(session, CONFIG, STATE_KINDS), before);
      }));

    it('skips a gradient that overflows float32, and applies a huge one that does not', () =>
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

    it('applies only the weight decay if the loss is exactly 0', () =>
      open(async (session) => {
        // Logits so far apart that the softmax is exactly one-hot, and the labels that the model predicts.
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

    it('updates both moments but no parameter at a learning rate of 0', () =>
      open(async (session) => {
        const before = await tensorsOf(session, CONFIG, 'parameter');
        await session.step(stepRequest([BATCH], 1, 0, { learningRate: 0 }));
        assert.deepEqual(await tensorsOf(session, CONFIG, 'parameter'), before);
        for (const kind of ['moment1', 'moment2'] as const)
          assert.ok(norm(await session.readTensor(kind, 'score.weight')) > 0, kind);
      }));

    it('does not clip if maxGradNorm is 0, and still reports the gradient norm', async () => {
      const normAndMoments = (maxGradNorm: number): Promise<readonly [number, Tensors]> =>
        open(async (session) => {
          const { gradNorm } = await session.step({
            ...stepRequest([BATCH], 1, 0, { maxGradNorm }),
            lossWeights: [10],
          });
          return [gradNorm, await tensorsOf(session, CONFIG, 'moment1')];
        });
      const [gradNorm, unclipped] = await normAndMoments(0);
      const [same, clipped] = await normAndMoments(1);
      assert.ok(gradNorm > 2);
      assert.equal(same, gradNorm);
      const expected = new Map(
        [...unclipped].map(([name, values]) => [name, values.map((value) => value / (gradNorm + 1e-6))]),
      );
      assertTensors(clipped, expected, 1e-6, 1e-12, 'moment1');
    });
  });
}
