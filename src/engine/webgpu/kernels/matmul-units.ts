/**
 * Matrix products on the GPU's matrix units (matrix-unit.ts). Each subgroup of a workgroup holds some
 * products of the unit's size in its registers and walks along K with the others, through tiles in workgroup
 * memory that are in the operands' precision.
 *
 * Operands in float16 are rounded to 11 bits, sums are in float32. Gradients are often smaller than float16
 * can tell (6e-5 and below lose bits, 6e-8 is nothing), so they are multiplied by a power of two on their way
 * in, and the sums divided by it, which rounds nothing.
 */
import { header } from '../dispatch.js';
import { UNIT_THREADS, shareOf, unitTile } from '../matrix-unit.js';
import type { MatrixUnit } from '../matrix-unit.js';
import { BIAS, SHAPE, SHAPE_STRUCT, loadTiles, partOfProduct } from './product-tiles.js';
import type { Ending } from './product-tiles.js';

/**
 * Of gradients in float16: those of up to 64 still fit, which the norm of all is far below in a run that goes
 * well.
 */
const GRADIENT_SCALE = 1024;

export interface UnitProduct {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly bias: boolean;
  /** Which operand is a gradient. */
  readonly gradient: 'a' | 'b' | undefined;
}

/**
 * WGSL of one product. Right with any size of subgroups: those that a workgroup has too few of are made up
 * for in further rounds.
 */
export function unitShader(
  { bias, gradient, ...form }: UnitProduct,
  unit: MatrixUnit,
  finish: Ending,
): string {
  const { operands, m, n, k } = unit;
  const tile = unitTile(unit);
  const { tileM, tileN, tileK } = tile;
  const { down, across, rows, columns } = shareOf(unit)!;
  const products = Array.from({ length: rows * columns }, (_, p) => ({
    name: `sum${p}`,
    i: Math.floor(p / columns),
    j: p % columns,
  }));
  const scaled = (operand: 'a' | 'b'): string =>
    operands === 'f16' && gradient === operand ? ` * ${GRADIENT_SCALE}.0` : '';
  const unscaled = operands === 'f16' && gradient ? ` * ${1 / GRADIENT_SCALE}` : '';
  const declared = header([
    SHAPE,
    { name: 'a', type: 'array<f32>' },
    { name: 'b', type: 'array<f32>' },
    ...(bias ? [BIAS] : []),
    ...finish.declarations,
  ]);
  const loaded = loadTiles(form, tile, UNIT_THREADS, {
    a: `tileA[outer * ${tileK}u + kk] = ${operands}(value${scaled('a')});`,
    b: `tileB[kk * ${tileN}u + outer] = ${operands}(value${scaled('b')});`,
  });
  const load = (matrix: string, place: string, stride: number): string =>
    `subgroupMatrixLoad<${matrix}, row_major>(${place}, ${stride}u);`;
  const loadsOfA = Array.from({ length: rows }, (_, i) => {
    const place = `&tileA, (shareRow + ${i * m}u) * ${tileK}u + kk`;
    return `          let a${i} = ${load('Left', place, tileK)}`;
  });
  const loadsOfB = Array.from({ length: columns }, (_, j) => {
    const place = `&tileB, kk * ${tileN}u + shareColumn + ${j * n}u`;
    return `          let b${j} = ${load('Right', place, tileN)}`;
  });
  const multiplications = products.map(
    ({ name, i, j }) => `          ${name} = subgroupMatrixMultiplyAccumulate(a${i}, b${j}, ${name});`,
  );
  const perProduct = m * n;
  const finished = `finish(left + row * N + column, sums[e]${unscaled}${bias ? ' + bias[column]' : ''});`;
  const store = ({ name, i, j }: (typeof products)[number]): string => `    if (share < ${down * across}u) {
      subgroupMatrixStore<row_major>(&sums, share * ${perProduct}u, ${name}, ${n}u);
    }
    workgroupBarrier();
    for (var e = thread; e < ${down * across * perProduct}u; e += ${UNIT_THREADS}u) {
      let owner = e / ${perProduct}u;
      let row = row0 + owner / ${across}u * ${rows * m}u + ${i * m}u + e % ${perProduct}u / ${n}u;
      let column = column0 + owner % ${across}u * ${columns * n}u + ${j * n}u + e % ${n}u;
      if (owner >= first && owner < first + subgroups && row < M && column < N) {
        ${finished}
      }
    }
    workgroupBarrier();`;
  // The control flow that depends on the subgroup's number is the same in all of its threads, which the
  // analysis of WGSL does not see.
  return `${operands === 'f16' ? 'enable f16;\n' : ''}enable subgroups;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);
${declared}${SHAPE_STRUCT}${finish.code}
alias Left = subgroup_matrix_left<${operands}, ${k}, ${m}>;
alias Right = subgroup_matrix_right<${operands}, ${n}, ${k}>;
alias Sum = subgroup_matrix_result<f32, ${n}, ${m}>;
var<workgroup> tileA: array<${operands}, ${tileM * tileK}>;
var<workgroup> tileB: array<${operands}, ${tileK * tileN}>;
var<workgroup> sums: array<f32, ${down * across * m * n}>;
@compute @workgroup_size(${UNIT_THREADS})
fn main(
  @builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32,
  @builtin(subgroup_id) subgroup: u32, @builtin(num_subgroups) subgroups: u32,
) {
${partOfProduct(tile)}  let left = group.z * M * N;
  for (var first = 0u; first < ${down * across}u; first += subgroups) {
    // Which share of the tile is this subgroup's; beyond the last it only helps to load.
    let share = first + subgroup;
    let shareRow = share / ${across}u * ${rows * m}u;
    let shareColumn = share % ${across}u * ${columns * n}u;
${products.map(({ name }) => `    var ${name} = Sum();`).join('\n')}
    for (var k0 = kBegin; k0 < kEnd; k0 += ${tileK}u) {
${loaded}      workgroupBarrier();
      if (share < ${down * across}u) {
        for (var kk = 0u; kk < ${tileK}u; kk += ${k}u) {
${[...loadsOfA, ...loadsOfB, ...multiplications].join('\n')}
        }
      }
      workgroupBarrier();
    }
${products.map(store).join('\n')}
  }
}
`;
}
