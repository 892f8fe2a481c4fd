/**
 * How the ONNX engine lays out attention: rows of the packed batch are gathered into [B, T], T the longest
 * row, and back. The layout depends on the batch alone, so it is computed here, outside the graph, and fed.
 *
 *   slot   a place in [B, T]; a token has one slot, padding slots have no token
 */
import type { PackedBatch } from '../batch.js';

export interface AttentionLayout {
  /** T */
  readonly longest: number;
  /** [B, T] token of each slot; token 0 for padding, whose values are never used. */
  readonly padIndex: Int32Array;
  /** [N] slot of each token. */
  readonly unpadIndex: Int32Array;
  /** [B, T] 1 where the slot's query attends to something: a token of a row that is not blind. */
  readonly slotAlive: Float32Array;
  /** [N] the same by token. */
  readonly tokenAlive: Float32Array;
  /** [B] the same by row. */
  readonly rowAlive: Float32Array;
  /**
   * [T, T] added to scores: 0 for keys up to the query's own position, else a number that softmax turns into
   * 0.
   */
  readonly causalBias: Float32Array;
  /** [B, T] added to the scores of the pooled queries: 0 for keys of the row, else as above. */
  readonly keyBias: Float32Array;
  /** [B] index of each row's last token. */
  readonly pooledTokens: BigInt64Array;
}

const MASKED = -1e30;

export function attentionLayout(batch: PackedBatch): AttentionLayout {
  const { rows, tokens, rowOffsets, blindRows } = batch;
  if (batch.attentionMask || batch.pooledTokens)
    throw new Error('the ONNX engine takes packed batches, not padded ones');
  const longest = longestRow(batch);
  const padIndex = new Int32Array(rows * longest);
  const unpadIndex = new Int32Array(tokens);
  const slotAlive = new Float32Array(rows * longest);
  const tokenAlive = new Float32Array(tokens);
  const rowAlive = new Float32Array(rows);
  const keyBias = new Float32Array(rows * longest).fill(MASKED);
  const pooledTokens = new BigInt64Array(rows);
  for (let r = 0; r < rows; r++) {
    const from = rowOffsets[r];
    const length = rowOffsets[r + 1] - from;
    const alive = blindRows[r] ? 0 : 1;
    rowAlive[r] = alive;
    pooledTokens[r] = BigInt(from + length - 1);
    for (let t = 0; t < length; t++) {
      const slot = r * longest + t;
      padIndex[slot] = from + t;
      unpadIndex[from + t] = slot;
      slotAlive[slot] = alive;
      tokenAlive[from + t] = alive;
      keyBias[slot] = 0;
    }
  }
  const causalBias = new Float32Array(longest * longest);
  for (let i = 0; i < longest; i++) causalBias.fill(MASKED, i * longest + i + 1, (i + 1) * longest);
  return {
    longest,
    padIndex,
    unpadIndex,
    slotAlive,
    tokenAlive,
    rowAlive,
    causalBias,
    keyBias,
    pooledTokens,
  };
}

/** T: tokens of the longest row. */
export function longestRow({ rows, rowOffsets }: PackedBatch): number {
  let longest = 0;
  for (let r = 0; r < rows; r++) longest = Math.max(longest, rowOffsets[r + 1] - rowOffsets[r]);
  return longest;
}
