import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import { attentionLayout } from '#attune/engine/onnx/layout.js';
import { blindRow, paddedTwin, tinyConfig } from '../../support/models.js';

const CONFIG = tinyConfig();
const BATCH = packRows(
  [
    { ids: Int32Array.of(5, 6), blind: false },
    blindRow(CONFIG),
    { ids: Int32Array.of(7, 8, 9), blind: false },
  ],
  [0, 1, 2],
);
/** -1e30 as float32 has it. */
const X = Math.fround(-1e30);

describe('attentionLayout', () => {
  it('lays out rows of 2 tokens, 1 fully masked token and 3 tokens', () => {
    const {
      longest,
      padIndex,
      unpadIndex,
      slotAlive,
      tokenAlive,
      rowAlive,
      causalBias,
      keyBias,
      pooledTokens,
    } = attentionLayout(BATCH);
    assert.equal(longest, 3);
    assert.deepEqual([...padIndex], [0, 1, 0, 2, 0, 0, 3, 4, 5]);
    assert.deepEqual([...unpadIndex], [0, 1, 3, 6, 7, 8]);
    assert.deepEqual([...slotAlive], [1, 1, 0, 0, 0, 0, 1, 1, 1]);
    assert.deepEqual([...tokenAlive], [1, 1, 0, 1, 1, 1]);
    assert.deepEqual([...rowAlive], [1, 0, 1]);
    assert.deepEqual([...causalBias], [0, X, X, 0, 0, X, 0, 0, 0]);
    assert.deepEqual([...keyBias], [0, 0, X, 0, X, X, 0, 0, 0]);
    assert.deepEqual([...pooledTokens], [1n, 2n, 5n]);
  });

  it('refuses a padded batch', () => {
    assert.throws(
      () => attentionLayout(paddedTwin(BATCH, CONFIG.padTokenId!)),
      /packed batches, not padded ones/,
    );
  });
});
