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

/**
 * Lengths of the product and parts of K. The shapes come as constants, so that products of one form share a
 * pipeline: compiling takes longer than literals would save.
 */
export const SHAPE = { name: 'shape', type: 'Shape', access: 'uniform' } as const;
export const SHAPE_STRUCT = 'struct Shape { m: Length, n: Length, k: Length, split: u32 }\n';

export const BIAS = { name: 'bias', type: 'array<f32>' } as const;

interface Form {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/**
 * WGSL that loads the tiles of a and b for the step along K that begins at k0. Neighbouring threads read
 * neighbouring numbers of the matrix, whichever way it lies; what is beyond the matrix is zero.
 *
 * @param threads of a workgroup
 * @param store statements that put `value` into a tile: of row (a) or column (b) `outer` of the tile, and
 *   number `kk` of the step
 */
export function loadTiles(
  { transposeA, transposeB }: Form,
  { tileM, tileN, tileK }: Tile,
  threads: number,
  store: { readonly a: string; readonly b: string },
): string {
  /** @param across whether neighbours in the matrix are of one k */
  const load = (
    matrix: 'a' | 'b',
    length: number,
    across: boolean,
    origin: string,
    limit: string,
  ): string => {
    const line = `${origin} + outer`;
    const index = across ? `(k0 + kk) * ${limit} + ${line}` : `(${line}) * K + k0 + kk`;
    return `    for (var i = thread; i < ${length * tileK}u; i += ${threads}u) {
      let outer = ${across ? `i % ${length}u` : `i / ${tileK}u`};
      let kk = ${across ? `i / ${length}u` : `i % ${tileK}u`};
      var value = 0.0;
      if (${line} < ${limit} && k0 + kk < kEnd) { value = ${matrix}[${index}]; }
      ${store[matrix]}
    }
`;
  };
  return load('a', tileM, transposeA, 'row0', 'M') + load('b', tileN, !transposeB, 'column0', 'N');
}

/**
 * Sizes of a product, and which part of it a workgroup computes: the tile at (row0, column0) over K from
 * kBegin to kEnd.
 */
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
