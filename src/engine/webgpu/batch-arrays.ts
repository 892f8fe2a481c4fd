/**
 * All that a batch gives to the shaders, laid out in one buffer, so that it takes one upload: the sizes, the
 * inputs of the graph, where each row begins and ends, dropout's keys, and for each table which tokens
 * gathered which row.
 */
import { dropoutKey } from '../../graph/dropout-mask.js';
import type { PackedBatch } from '../batch.js';
import type { BatchArray, BatchSize } from './dispatch.js';

/** Bytes that an offset of a binding must be a multiple of, by WebGPU's default limits. */
const ALIGNMENT = 256;

export type ArrayName = BatchArray | 'sizes';

/** Words (32 bits) of each array for batches up to a size. */
function wordsOf(sites: number): Record<ArrayName, (size: BatchSize) => number> {
  const scatter = ({ tokens }: BatchSize): number => 4 * tokens;
  return {
    sizes: () => 2,
    inputIds: ({ tokens }) => tokens,
    positionIds: ({ tokens }) => tokens,
    pooledTokens: ({ rows }) => rows,
    labels: ({ rows }) => rows,
    lossWeight: () => 1,
    rowMap: ({ tokens, rows }) => 2 * rows + tokens,
    dropoutKeys: () => Math.max(1, 2 * sites),
    inputIdsScatter: scatter,
    positionIdsScatter: scatter,
    pooledTokensScatter: ({ tokens, rows }) => 3 * tokens + rows,
  };
}

export interface BatchPass {
  readonly lossWeight: number;
  readonly seed: number;
  readonly pass: number;
}

/** Lays batches out for upload; the arrays' places are fixed by the largest batch. */
export class BatchArrays {
  readonly bytes: number;
  /** What is uploaded: the whole buffer. */
  readonly data: ArrayBuffer;
  readonly #places = new Map<ArrayName, { readonly offset: number; readonly words: number }>();
  readonly #rowsOfScatter = new Map<BatchArray, number>();

  readonly #sites: number;

  constructor(capacity: BatchSize, sites: number) {
    this.#sites = sites;

    let offset = 0;
    for (const [name, words] of Object.entries(wordsOf(sites)) as [
      ArrayName,
      (size: BatchSize) => number,
    ][]) {
      const count = words(capacity);
      this.#places.set(name, { offset, words: count });
      offset += Math.ceil((count * 4) / ALIGNMENT) * ALIGNMENT;
    }
    this.bytes = offset;
    this.data = new ArrayBuffer(offset);
  }

  placeOf(name: ArrayName): { readonly offset: number; readonly size: number } {
    const { offset, words } = this.#places.get(name)!;
    return { offset, size: words * 4 };
  }

  /** Rows that `array` names in the batch laid out last. */
  scatterRows(array: BatchArray): number {
    return this.#rowsOfScatter.get(array) ?? 0;
  }

  layOut(batch: PackedBatch, { lossWeight, seed, pass }: BatchPass): void {
    const { rows, tokens, rowOffsets } = batch;
    const pooledTokens = rowOffsets.subarray(1).map((end) => end - 1);
    this.#words('sizes').set([tokens, rows]);
    this.#words('inputIds').set(batch.inputIds);
    this.#words('positionIds').set(batch.positionIds);
    this.#words('pooledTokens').set(pooledTokens);
    if (batch.labels) this.#words('labels').set(batch.labels);
    new Float32Array(this.data, this.placeOf('lossWeight').offset, 1)[0] = lossWeight;
    const rowMap = this.#words('rowMap');
    for (let r = 0; r < rows; r++) {
      rowMap[2 * r] = rowOffsets[r];
      rowMap[2 * r + 1] = batch.blindRows[r] ? rowOffsets[r] : rowOffsets[r + 1];
      rowMap.fill(r, 2 * rows + rowOffsets[r], 2 * rows + rowOffsets[r + 1]);
    }
    const keys = this.#words('dropoutKeys');
    for (let site = 0; site < this.#sites; site++) {
      const { key0, key1 } = dropoutKey(seed, pass, site);
      keys[2 * site] = key0;
      keys[2 * site + 1] = key1;
    }
    this.#scatter('inputIdsScatter', batch.inputIds);
    this.#scatter('positionIdsScatter', batch.positionIds);
    this.#scatterAll('pooledTokensScatter', pooledTokens, tokens);
  }

  #words(name: ArrayName): Uint32Array {
    const { offset, words } = this.#places.get(name)!;
    return new Uint32Array(this.data, offset, words);
  }

  /** The rows that occur among `indices`, ascending, each with the places where it does, ascending. */
  #scatter(name: BatchArray, indices: Int32Array): void {
    const order = Uint32Array.from(indices, (_, i) => i).sort((a, b) => indices[a] - indices[b] || a - b);
    const target = this.#words(name);
    let rows = 0;
    for (let i = 0; i < order.length; i++) if (i === 0 || indices[order[i]] !== indices[order[i - 1]]) rows++;
    let r = -1;
    for (let i = 0; i < order.length; i++) {
      if (i === 0 || indices[order[i]] !== indices[order[i - 1]]) {
        r++;
        target[3 * r] = indices[order[i]];
        target[3 * r + 1] = 3 * rows + i;
      }
      target[3 * r + 2] = 3 * rows + i + 1;
      target[3 * rows + i] = order[i];
    }
    this.#rowsOfScatter.set(name, rows);
  }

  /**
   * Every row of a matrix of `rows` rows, those too that no index names; `indices` are ascending and
   * distinct.
   */
  #scatterAll(name: BatchArray, indices: Int32Array, rows: number): void {
    const target = this.#words(name);
    let i = 0;
    for (let r = 0; r < rows; r++) {
      target[3 * r] = r;
      target[3 * r + 1] = 3 * rows + i;
      if (i < indices.length && indices[i] === r) {
        target[3 * rows + i] = i;
        i++;
      }
      target[3 * r + 2] = 3 * rows + i;
    }
    this.#rowsOfScatter.set(name, rows);
  }
}
