/** One thread and two compute the same bits, at every width (src/engine/onnx/threads.ts says what that takes). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { tinyConfig } from '../../support/models.js';
import { allTensors, stepRequest, withSession } from '../../support/engine-sessions.js';

describe('onnxEngine at 1 and 2 threads', () => {
  // At 96 columns two threads of ONNX Runtime sum in another order than one. 144 is the last such width, 160 the
  // first that attune gives to both threads.
  for (const width of [20, 64, 96, 144, 160, 224]) {
    it(`computes the same logits, losses, norms and tensors at ${width} columns`, async () => {
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
        const [one, two] = await Promise.all(
          [1, 2].map((threads) =>
            withSession(onnxEngine, config, { seed: 3, threads, parameters: 1 }, async (session) => {
              const answers: unknown[] = [await session.infer(batch)];
              for (let step = 1; step <= 2; step++) {
                const { losses, gradNorm } = await session.step(stepRequest([batch, batch], step, 2 * step));
                answers.push(losses, gradNorm);
              }
              return [answers, await allTensors(session, config)];
            }),
          ),
        );
        assert.deepEqual(two, one, `rows of ${lengths.join(', ')} tokens`);
      }
    });
  }

  it('gives a narrow model one thread and a wide one all, and describes the session so', async () => {
    for (const [width, description] of [
      [96, 'CPU, 1 thread (ONNX Runtime)'],
      [160, 'CPU, 2 threads (ONNX Runtime)'],
      [8, 'CPU, 1 thread (ONNX Runtime)'],
    ] as const) {
      await withSession(
        onnxEngine,
        tinyConfig({ n_embd: width }),
        { seed: 0, threads: 2, parameters: 1 },
        (session) => Promise.resolve(assert.equal(session.description, description)),
      );
    }
  });
});
