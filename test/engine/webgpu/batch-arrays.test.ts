import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { packRows } from '#attune/engine/batch.js';
import { BatchArrays } from '#attune/engine/webgpu/batch-arrays.js';
import { dropoutKey } from '#attune/graph/dropout-mask.js';
import { packedBatches, tinyConfig } from '../../support/models.js';

const CONFIG = tinyConfig();
const PASS = { lossWeight: 0.25, seed: 42, pass: 7 };

describe('BatchArrays', () => {
  it('lays out row bounds (none if fully masked), labels, scatter lists and dropout keys', () => {
    const arrays = new BatchArrays({ tokens: 9, rows: 4 }, 2);
    arrays.layOut(
      packRows(
        [
          { ids: Int32Array.of(3, 1, 3), blind: false },
          { ids: Int32Array.of(10), blind: true },
        ],
        [2, 0],
      ),
      PASS,
    );
    const words = (name: Parameters<BatchArrays['placeOf']>[0], count: number): number[] => [
      ...new Uint32Array(arrays.data, arrays.placeOf(name).offset, count),
    ];
    assert.deepEqual(words('sizes', 2), [4, 2]);
    assert.deepEqual(words('rowMap', 8), [0, 3, 3, 3, 0, 0, 0, 1]);
    assert.deepEqual(words('labels', 2), [2, 0]);
    assert.deepEqual(
      words('dropoutKeys', 4),
      [0, 1].flatMap((site) => [dropoutKey(42, 7, site).key0, dropoutKey(42, 7, site).key1]),
    );
    assert.equal(new Float32Array(arrays.data, arrays.placeOf('lossWeight').offset, 1)[0], 0.25);
    // Rows 1, 3 and 10 of the table, with the tokens that gathered each.
    assert.equal(arrays.scatterRows('inputIdsScatter'), 3);
    assert.deepEqual(words('inputIdsScatter', 13), [1, 9, 10, 3, 10, 12, 10, 12, 13, 1, 0, 2, 3]);
  });

  it('adds up the same sums by its scatter lists as by the indices', () => {
    fc.assert(
      fc.property(packedBatches(CONFIG), (batch) => {
        const arrays = new BatchArrays({ tokens: batch.tokens, rows: batch.rows }, 0);
        arrays.layOut(batch, PASS);
        for (const [array, indices, rows] of [
          ['inputIdsScatter', batch.inputIds, CONFIG.vocabSize],
          ['positionIdsScatter', batch.positionIds, CONFIG.nPositions],
          ['pooledTokensScatter', batch.rowOffsets.subarray(1).map((end) => end - 1), batch.tokens],
        ] as const) {
          const scatter = new Uint32Array(
            arrays.data,
            arrays.placeOf(array).offset,
            arrays.placeOf(array).size / 4,
          );
          const sums = new Float64Array(rows);
          for (let r = 0; r < arrays.scatterRows(array); r++) {
            for (let i = scatter[3 * r + 1]; i < scatter[3 * r + 2]; i++)
              sums[scatter[3 * r]] += 1 + scatter[i];
          }
          const expected = new Float64Array(rows);
          indices.forEach((row, i) => {
            expected[row] += 1 + i;
          });
          assert.deepEqual(sums, expected);
        }
      }),
    );
  });
});
