/** verifyExact finds no more than rounding errors in a correct engine, and finds the errors of a wrong one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { verifyExact } from '#attune/train/verify.js';
import { altered } from '../support/altered-engine.js';
import { folder } from '../support/folder.js';
import { tinyTrainer } from '../support/tiny-run.js';

describe('verifyExact', () => {
  it('finds only float32 rounding over steps and accumulated batches, and changes no weight', async (t) => {
    const { source } = await tinyTrainer(t, { dir: folder(t) });
    const before = await source.session.readTensor('parameter', source.parameters[0].name);
    const found = await verifyExact({ ...source, engine: onnxEngine, steps: 2 });
    assert.equal(found.steps, 2);
    assert.ok(found.paddedTokens > found.tokens);
    assert.ok(
      found.logits < 1e-5 && found.loss < 1e-5 && found.gradNorm < 1e-5 && found.gradients < 1e-5,
      JSON.stringify(found),
    );
    assert.ok(found.logits > 0, 'float32 and float64 differ somewhere');
    assert.deepEqual(await source.session.readTensor('parameter', source.parameters[0].name), before);
  });

  it('finds the errors of a wrong engine', async (t) => {
    const { source } = await tinyTrainer(t, { dir: folder(t) });
    const wrong = altered(onnxEngine, (session) => ({
      infer: async (batch) => (await session.infer(batch)).map((value) => value + 1e-3),
      step: (request) =>
        session.step({ ...request, lossWeights: request.lossWeights.map((weight) => weight * 1.01) }),
    }));
    const found = await verifyExact({ ...source, engine: wrong, steps: 1 });
    assert.ok(
      found.logits > 9e-4 && found.loss > 1e-3 && found.gradNorm > 9e-3 && found.gradients > 9e-3,
      JSON.stringify(found),
    );
  });
});
