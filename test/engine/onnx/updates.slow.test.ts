/** AdamW of the CPU engine over thousands of steps. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { tinyConfig } from '../../support/models.js';
import { stepRequest, withSession } from '../../support/engine-sessions.js';

describe('OnnxSession.step', () => {
  it('decays an embedding row exactly over 4,100 updates before it is first read', async () => {
    const config = tinyConfig({ n_layer: 1 });
    await withSession(onnxEngine, config, { seed: 1, parameters: 4 }, async (session) => {
      const batch = packRows([{ ids: Int32Array.of(0), blind: false }], [0]);
      const before = await session.readTensor('parameter', 'transformer.wte.weight');
      // More than the workspace of one call of the kernel holds.
      const steps = 4100;
      for (let step = 1; step <= steps; step++)
        await session.step(stepRequest([batch], step, step, { learningRate: 1e-3, weightDecay: 0.25 }));
      const factor = Math.fround(1 - 1e-3 * 0.25);
      const decayed = before.map((value) =>
        Array.from({ length: steps }).reduce<number>((p) => Math.fround(p * factor), value),
      );
      assert.deepEqual(
        (await session.readTensor('parameter', 'transformer.wte.weight')).subarray(config.nEmbd),
        decayed.subarray(config.nEmbd),
      );
    });
  });
});
