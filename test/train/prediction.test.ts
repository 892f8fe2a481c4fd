import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EncodedRow } from '#attune/engine/batch.js';
import type { EngineSession } from '#attune/engine/engine.js';
import { onnxEngine } from '#attune/engine/onnx/session.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { planBatches, predictLogits } from '#attune/train/prediction.js';
import { randomParameters } from '../support/models.js';
import { assertClose } from '../support/numbers.js';
import { TINY, tinyRows } from '../support/tiny-run.js';

test('batches hold every row once, within both bounds unless one row alone exceeds them', () => {
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

test('logits come in the order of the rows and do not depend on the batches', async (t) => {
  const session = await onnxEngine.open(gpt2Graphs(TINY), { seed: 0, threads: 1 });
  t.after(() => session.close());
  for (const [name, values] of randomParameters(TINY, 3))
    await session.writeTensor('parameter', name, values);
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
  const abort = AbortSignal.abort(new Error('enough'));
  await assert.rejects(predictLogits(session, rows, 3, { batchRows: 5, signal: abort }), /enough/);
});

test('logits that are not finite are an error, whichever batch has them', async () => {
  const rows: EncodedRow[] = Array.from({ length: 5 }, () => ({ ids: new Int32Array(2), blind: false }));
  for (const odd of [NaN, Infinity, -Infinity]) {
    let batches = 0;
    const infer = (): Promise<Float32Array> =>
      Promise.resolve(Float32Array.of(0, 1, 2, batches++ === 1 ? odd : 3));
    const session = { infer } as unknown as EngineSession;
    await assert.rejects(predictLogits(session, rows, 2, { batchRows: 2 }), {
      name: 'ModelError',
      message: new RegExp(`logits are not finite \\(${odd}\\)`),
    });
  }
});
