import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { EncodedRow, PackedBatch } from '#attune/engine/batch.js';
import type { EngineSession } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { ModelError } from '#attune/errors/attune-error.js';
import { planBatches, predictLogits } from '#attune/train/prediction.js';
import { openSession } from '../support/engine-sessions.js';
import { assertClose } from '../support/numbers.js';
import { refusal } from '../support/refusal.js';
import { TINY, tinyRows } from '../support/tiny-run.js';

const shortRows: EncodedRow[] = Array.from({ length: 5 }, () => ({ ids: new Int32Array(2), blind: false }));

/** A session whose n-th batch, from 0, has this value as its last logit. */
function sessionWith(odd: number, n: number): EngineSession {
  let batches = 0;
  const infer = ({ rows }: PackedBatch): Promise<Float32Array> => {
    const logits = new Float32Array(2 * rows).fill(1);
    if (batches++ === n) logits[logits.length - 1] = odd;
    return Promise.resolve(logits);
  };
  return { infer } as unknown as EngineSession;
}

describe('planBatches', () => {
  it('puts each row into one batch, within both bounds unless a row alone exceeds them', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 80 });
    fc.assert(
      fc.property(
        lengths,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 120 }),
        (list, batchRows, batchTokens) => {
          const rows: EncodedRow[] = list.map((length) => ({ ids: new Int32Array(length), blind: false }));
          const batches = planBatches(rows, { batchRows, batchTokens });
          assert.deepEqual(
            batches.flat().sort((a, b) => a - b),
            [...rows.keys()],
          );
          for (const batch of batches) {
            assert.ok(batch.length >= 1 && batch.length <= batchRows);
            const tokens = batch.reduce((sum, i) => sum + list[i], 0);
            assert.ok(tokens <= batchTokens || batch.length === 1);
          }
        },
      ),
    );
  });
});

describe('predictLogits', () => {
  it('returns logits in the order of the rows, whatever the batches', async (t) => {
    const session = await openSession(t, onnxEngine, TINY, { seed: 0, parameters: 3 });
    const { rows } = tinyRows(17, 4);
    const alone = await predictLogits(session, rows, 3, { batchRows: 1 });
    const progress: number[] = [];
    assertClose(
      await predictLogits(session, rows, 3, { batchRows: 5, onProgress: (done) => progress.push(done) }),
      alone,
      1e-5,
    );
    assert.deepEqual(progress, [5, 10, 15, 17]);
    assertClose(await predictLogits(session, rows, 3, { batchRows: 100, batchTokens: 12 }), alone, 1e-5);
  });

  it('rejects with the reason of an aborted signal', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(predictLogits(sessionWith(1, 0), shortRows, 2, { batchRows: 2, signal }), /enough/);
  });

  it('refuses a logit that is not finite, in any batch', async () => {
    for (const odd of [NaN, Infinity, -Infinity])
      for (const batch of [0, 1, 2])
        await assert.rejects(
          predictLogits(sessionWith(odd, batch), shortRows, 2, { batchRows: 2 }),
          refusal(ModelError, 'values-not-finite', { output: undefined, value: String(odd) }),
        );
  });
});
