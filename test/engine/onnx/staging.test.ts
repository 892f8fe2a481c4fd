/**
 * Weights on their way to the engine's thread: in pieces, in order, and never into memory that is still read.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Staging } from '#attune/engine/onnx/staging.js';

const HALF = 2 ** 18;

interface Sent {
  readonly piece: Float32Array;
  readonly at: number;
  readonly taken: () => void;
}

/** A thread that keeps the pieces sent to it until the test takes them. */
function thread(): {
  readonly sent: Sent[];
  readonly send: (piece: Float32Array, at: number) => Promise<void>;
} {
  const sent: Sent[] = [];
  return { sent, send: (piece, at) => new Promise((resolve) => sent.push({ piece, at, taken: resolve })) };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Staging', () => {
  it('delivers tensors of any sizes whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 3 * HALF }), { minLength: 1, maxLength: 4 }),
        async (sizes) => {
          const staging = new Staging();
          for (const [t, size] of sizes.entries()) {
            const values = Float32Array.from({ length: size }, (_, i) => i * 3 + t);
            const arrived = new Float32Array(size);
            await staging.write(values, async (piece, at) => {
              await settle();
              arrived.set(piece, at);
            });
            values.fill(NaN); // the caller's memory is its own again
            await settle();
            await settle();
            assert.ok(arrived.every((value, i) => value === Math.fround(i * 3 + t)));
          }
        },
      ),
      { numRuns: 8 },
    );
  });

  it('sends at most two pieces ahead, and the third when the first was taken', async () => {
    const { sent, send } = thread();
    const staging = new Staging();
    const written = staging.write(
      Float32Array.from({ length: 3 * HALF }, (_, i) => i),
      send,
    );
    await settle();
    assert.deepEqual(
      sent.map(({ at }) => at),
      [0, HALF],
    );
    assert.equal(sent[0].piece[HALF - 1], HALF - 1);
    sent[0].taken();
    await written;
    assert.deepEqual(
      sent.map(({ at }) => at),
      [0, HALF, 2 * HALF],
    );
    assert.equal(sent[1].piece[0], HALF, 'the piece that is not taken yet is kept');
  });

  it('sends tensors that are written at the same time in order', async () => {
    const { sent, send } = thread();
    const staging = new Staging();
    const writes = [1, 2, 3].map((value) => staging.write(Float32Array.of(value), send));
    await settle();
    assert.deepEqual(
      sent.map(({ piece }) => piece[0]),
      [1, 2],
    );
    sent[0].taken();
    await Promise.all(writes);
    assert.deepEqual([sent[1].piece[0], sent[2].piece[0]], [2, 3]);
  });
});
