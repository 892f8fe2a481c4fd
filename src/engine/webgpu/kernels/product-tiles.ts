/** What the kernels of matrix products have in common, whatever multiplies. */
import type { Finish } from '../dispatch.js';

/** What a workgroup computes, and its step along K. */
export interface Tile {
  readonly tileM: number;
  readonly tileN: number;
  readonly tileK: number;
}

/** What a shader needs of a finish. */
export type Ending = Pick<Finish, 'declarations' | 'code'>;

/** Lengths of the product and parts of K. The shapes come as constants, so that products of one form share a pipeline: compiling takes longer than literals would save. */
export const SHAPE = { name: 'shape', type: 'Shape', access: 'uniform' } as const;
export const SHAPE_STRUCT = 'struct Shape { m: Length, n: Length, k: Length, split: u32 }\n';

export const BIAS = { name: 'bias', type: 'array<f32>' } as const;

interface Place {
  /** Row of a, or column of b, within the tile. */
  readonly outer: string;
  /** Number within the tile's part of K. */
  readonly inner: string;
  /** In the matrix. */
  readonly place: string;
}

/** Where the elements `i` of the tiles of a and b lie, in WGSL: neighbouring threads read neighbouring numbers of the matrix, whichever way it lies. */
export function placesOf(transposeA: boolean, transposeB: boolean, { tileM, tileN, tileK }: Tile): { readonly loadA: Place; readonly loadB: Place } {
  return {
    loadA: transposeA
      ? { outer: `i % ${tileM}u`, inner: `i / ${tileM}u`, place: '(k0 + kk) * M + row0 + mm' }
      : { outer: `i / ${tileK}u`, inner: `i % ${tileK}u`, place: '(row0 + mm) * K + k0 + kk' },
    loadB: transposeB
      ? { outer: `i / ${tileK}u`, inner: `i % ${tileK}u`, place: '(column0 + nn) * K + k0 + kk' }
      : { outer: `i % ${tileN}u`, inner: `i / ${tileN}u`, place: '(k0 + kk) * N + column0 + nn' },
  };
}

/** Sizes of a product, and which part of it a workgroup computes: the tile at (row0, column0) over K from kBegin to kEnd. */
export const partOfProduct = ({ tileM, tileN, tileK }: Tile): string => `  let M = lengthOf(shape.m);
  let N = lengthOf(shape.n);
  let K = lengthOf(shape.k);
  let row0 = group.y * ${tileM}u;
  let column0 = group.x * ${tileN}u;
  let parts = shape.split * ${tileK}u;
  let part = (K + parts - 1u) / parts * ${tileK}u;
  let kBegin = group.z * part;
  let kEnd = min(K, kBegin + part);
`;
