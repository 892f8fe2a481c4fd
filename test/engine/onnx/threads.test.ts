/**
 * One thread and two give the same bits, at every width: of logits, losses, norms, and of every tensor after
 * some steps.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { tinyConfig } from '../../support/models.js';
import { everything, stepRequest, withSession } from './sessions.js';

// 96 is where two threads of ONNX Runtime were seen to sum in another order; 144 is the last such width, 160
// the first that is really parted.
for (const width of [20, 64, 96, 144, 160, 224]) {
  test(`${width} columns`, async () => {
    const config = tinyConfig({
      n_embd: width,
      n_head: 4,
      n_positions: 40,
      embd_pdrop: 0.1,
      attn_pdrop: 0.1,
      resid_pdrop: 0.1,
    });
    for (const lengths of [
      [7, 13],
      [25, 25, 25],
      [40, 40, 40, 40, 3],
    ]) {
      const batch = packRows(
        lengths.map((length, r) => ({
          ids: Int32Array.from({ length }, (_, i) => (i * 7 + r) % 10),
          blind: false,
        })),
        lengths.map((_, r) => r % 3),
      );
      const results = [1, 2].map((threads) =>
        withSession(onnxEngine, config, { seed: 3, threads, parameters: 1 }, async (session) => {
          const answers: unknown[] = [await session.infer(batch)];
          for (let step = 1; step <= 2; step++) {
            const { losses, gradNorm } = await session.step(stepRequest([batch, batch], step, 2 * step));
            answers.push(losses, gradNorm);
          }
          return [answers, await everything(session, config)];
        }),
      );
      assert.deepEqual(await results[1], await results[0], `rows of ${lengths.join(', ')} tokens`);
    }
  });
}

test('a narrow model is computed by one thread, and says so; a wide one by as many as are wanted', async () => {
  for (const [width, said] of [
    [96, 'CPU, 1 thread (ONNX Runtime)'],
    [160, 'CPU, 2 threads (ONNX Runtime)'],
    [8, 'CPU, 1 thread (ONNX Runtime)'],
  ] as const) {
    await withSession(
      onnxEngine,
      tinyConfig({ n_embd: width }),
      { seed: 0, threads: 2, parameters: 1 },
      (session) => Promise.resolve(assert.equal(session.description, said)),
    );
  }
});
