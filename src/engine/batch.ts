/**
 * A packed batch: rows laid end to end in one sequence, never padded.
 *
 *   N = tokens of all rows together, B = rows
 *
 * The model is causal and pools one token a row, so this is exact (right padding is invisible to real
 * tokens).
 */
export interface PackedBatch {
  /** B */
  readonly rows: number;
  /** N */
  readonly tokens: number;
  /** [N] token ids. */
  readonly inputIds: Int32Array;
  /** [N] position of each token within its row, from 0. */
  readonly positionIds: Int32Array;
  /** [B + 1] row r is tokens rowOffsets[r] to rowOffsets[r + 1] - 1; its last token is the pooled one. */
  readonly rowOffsets: Int32Array;
  /**
   * [B] 1 where a row attends to nothing, not even itself: an empty text, which the reference pads and masks
   * as a whole.
   */
  readonly blindRows: Uint8Array;
  /**
   * [N] 0 where a token may not be attended to, as in right-padded rows; absent: every token may, but for
   * blind rows. Only the reference engine takes it: a packed batch has no padding.
   */
  readonly attentionMask?: Uint8Array;
  /** [B] token that is pooled, absent: the last of each row. With `attentionMask` only. */
  readonly pooledTokens?: Int32Array;
  /** [B] class index of each row; absent in prediction. */
  readonly labels?: Int32Array | undefined;
}

/** One row of token ids as the tokenizer gives it, truncated, without padding. */
export interface EncodedRow {
  readonly ids: Int32Array;
  /** The text was empty: `ids` is one pad token, and it attends to nothing. */
  readonly blind: boolean;
}

/**
 * Lays encoded rows end to end. `labels`, where given, are class indices in the order of `rows`.
 *
 * @throws RangeError for a row without tokens, or if there is not one label per row
 */
export function packRows(rows: readonly EncodedRow[], labels?: ArrayLike<number>): PackedBatch {
  if (labels && labels.length !== rows.length)
    throw new RangeError(`labels has length ${labels.length}, but rows has length ${rows.length}`);
  const tokens = rows.reduce((sum, row) => sum + row.ids.length, 0);
  const inputIds = new Int32Array(tokens);
  const positionIds = new Int32Array(tokens);
  const rowOffsets = new Int32Array(rows.length + 1);
  const blindRows = new Uint8Array(rows.length);
  let offset = 0;
  for (const [r, row] of rows.entries()) {
    if (row.ids.length === 0)
      throw new RangeError(`row ${r} has no tokens; an empty text is one pad token with blind = true`);
    inputIds.set(row.ids, offset);
    for (let t = 0; t < row.ids.length; t++) positionIds[offset + t] = t;
    offset += row.ids.length;
    rowOffsets[r + 1] = offset;
    blindRows[r] = row.blind ? 1 : 0;
  }
  const batch = { rows: rows.length, tokens, inputIds, positionIds, rowOffsets, blindRows };
  return labels ? { ...batch, labels: Int32Array.from(labels) } : batch;
}

/**
 * The same rows as transformers would be given them: right-padded with `padToken` to the longest (or to
 * `length`), the attention mask 0 on the padding and on all of a blind row, pooled at the last token of each
 * row. For the reference engine, with gpt2Graphs(config, { poolLast: true }).
 */
export function padBatch(batch: PackedBatch, padToken: number, length?: number): PackedBatch {
  const { rows, rowOffsets } = batch;
  const lengths = Array.from({ length: rows }, (_, r) => rowOffsets[r + 1] - rowOffsets[r]);
  const width = Math.max(length ?? 0, ...lengths);
  const tokens = rows * width;
  const inputIds = new Int32Array(tokens).fill(padToken);
  const attentionMask = new Uint8Array(tokens);
  for (let r = 0; r < rows; r++) {
    inputIds.set(batch.inputIds.subarray(rowOffsets[r], rowOffsets[r + 1]), r * width);
    if (!batch.blindRows[r]) attentionMask.fill(1, r * width, r * width + lengths[r]);
  }
  return {
    rows,
    tokens,
    inputIds,
    positionIds: Int32Array.from({ length: tokens }, (_, i) => i % width),
    rowOffsets: Int32Array.from({ length: rows + 1 }, (_, r) => r * width),
    // The mask alone hides a blind row here, as in the reference.
    blindRows: new Uint8Array(rows),
    attentionMask,
    pooledTokens: Int32Array.from(lengths, (rowLength, r) => r * width + rowLength - 1),
    labels: batch.labels,
  };
}
