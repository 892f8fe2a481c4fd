import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';

describe('packRows', () => {
  it('lays rows end to end, with positions that restart at 0', () => {
    const batch = packRows(
      [
        { ids: Int32Array.of(5, 6, 7), blind: false },
        { ids: Int32Array.of(9), blind: true },
      ],
      [2, 0],
    );
    assert.equal(batch.rows, 2);
    assert.equal(batch.tokens, 4);
    assert.deepEqual([...batch.inputIds], [5, 6, 7, 9]);
    assert.deepEqual([...batch.positionIds], [0, 1, 2, 0]);
    assert.deepEqual([...batch.rowOffsets], [0, 3, 4]);
    assert.deepEqual([...batch.blindRows], [0, 1]);
    assert.deepEqual([...batch.labels!], [2, 0]);
  });

  it('refuses a row without tokens', () => {
    assert.throws(() => packRows([{ ids: new Int32Array(0), blind: true }]), /row 0 has no tokens/);
  });

  it('refuses more or fewer labels than rows', () => {
    const row = { ids: Int32Array.of(1), blind: false };
    for (const labels of [[], [1], [1, 0, 1]])
      assert.throws(
        () => packRows([row, row], labels),
        (error) =>
          error instanceof RangeError &&
          error.message === `labels has length ${labels.length}, but rows has length 2`,
      );
  });
});
