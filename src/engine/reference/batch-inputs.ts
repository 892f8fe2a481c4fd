/** What a batch gives to a graph under each input name, as float64. */
import type { InputName } from '../../graph/graph.js';
import type { PackedBatch } from '../batch.js';

/** [B] the token that is pooled of each row: its last, unless the batch says otherwise. */
export function pooledTokensOf(batch: PackedBatch): Int32Array {
  return batch.pooledTokens ?? batch.rowOffsets.subarray(1).map((end) => end - 1);
}

/** @throws if the batch does not have the input, or `lossWeight` is needed and absent */
export function batchInput(
  name: InputName,
  batch: PackedBatch,
  lossWeight: number | undefined,
): Float64Array {
  switch (name) {
    case 'inputIds':
      return Float64Array.from(batch.inputIds);
    case 'positionIds':
      return Float64Array.from(batch.positionIds);
    case 'pooledTokens':
      return Float64Array.from(pooledTokensOf(batch));
    case 'labels':
      if (!batch.labels) throw new Error('the graph needs labels, and the batch has none');
      return Float64Array.from(batch.labels);
    case 'lossWeight':
      if (lossWeight === undefined) throw new Error('the graph needs lossWeight, and none was given');
      return Float64Array.of(lossWeight);
  }
}
