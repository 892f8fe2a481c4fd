/**
 * Matrix products, tiled through workgroup memory.
 *
 *   y [M, N] = op(a) [M, K] op(b) [K, N] (+ bias [N])
 *
 * A workgroup computes a tile of tileM x tileN; each thread of it holds `threadM` rows of four columns in
 * registers and walks along K in steps of tileK. Where M and N give too few workgroups to fill a GPU, K is
 * split too: each part goes to a buffer of its own, and a second kernel adds the parts up in order, so that
 * runs repeat bit for bit. Whichever kernel has the whole sum of an element finishes it (`Finish`).
 */
import type { Dimension, Node, Value } from '../../../graph/graph.js';
import { elementLoop, elementWorkgroups, header, labelWith, lengthOf, lengthWords } from '../dispatch.js';
import type { BatchSize, Binding, Constants, Dispatch, Finish, SideBuffer } from '../dispatch.js';
import { unitTile } from '../matrix-unit.js';
import type { MatrixUnit } from '../matrix-unit.js';
import { unitShader } from './matmul-units.js';
import { BIAS, SHAPE, SHAPE_STRUCT, loadTiles, partOfProduct } from './product-tiles.js';
import type { Ending, Tile } from './product-tiles.js';
import { sumRows } from './sums.js';

interface Tiling extends Tile {
  /** Rows that a thread holds; it always holds four columns. */
  readonly threadM: number;
  /** Parts of K. */
  readonly split: number;
}

interface Product {
  readonly a: Value;
  readonly b: Value;
  readonly y: Value;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly bias?: Value;
  readonly finish: Finish;
  readonly units: Units | undefined;
  /** What else is made of b: the sums of its columns. */
  readonly sums?: Node<'sumRows'> | undefined;
}

/** The GPU's matrix units, where a user asked for them, and the values of the graph that are gradients. */
export interface Units {
  readonly unit: MatrixUnit;
  readonly gradients: ReadonlySet<Value>;
}

/** How a product is computed. */
interface Way {
  readonly name: string;
  readonly tile: Tile;
  readonly split: number;
  readonly code: (bias: boolean, finish: Ending, sums: boolean) => string;
  /** Whether it can add up b's columns besides. */
  readonly sums: boolean;
}

/** Batches above this many tokens take the large tiles. */
const LARGE_TOKENS = 256;

/** Fixed lengths of the products that go to matrix units. */
const LEAST_FOR_UNITS = 32;

/** Workgroups that fill a large GPU; below it, splitting K pays. */
const FILLING = 256;

/** Parts of K, so that products of few tiles fill a GPU too; each of 64 or more. */
const splitFor = (workgroups: number, k: number): number =>
  Math.max(1, Math.min(8, Math.floor(FILLING / workgroups), Math.floor(k / 64)));

/**
 * Tiles by what was measured on an H100 through Vulkan: about 80 tokens want small tiles with K in 8 parts,
 * weight gradients 64 x 64 in one part, 512 tokens 64 x 128 with eight rows a thread. `m` and `n` are lengths
 * at the most tokens the tiling is for.
 */
function tilingFor(m: number, n: number, k: number, large: boolean): Tiling {
  if (large) return { tileM: 64, tileN: 128, tileK: 16, threadM: 8, split: 1 };
  if (m > LARGE_TOKENS) return { tileM: 64, tileN: 64, tileK: 16, threadM: 4, split: 1 };
  return {
    tileM: 32,
    tileN: 64,
    tileK: 16,
    threadM: 4,
    split: splitFor(Math.ceil(m / 32) * Math.ceil(n / 64), k),
  };
}

export function linear(node: Node<'linear'>, finish: Finish, units: Units | undefined): Dispatch[] {
  const [a, b, bias] = node.inputs;
  return product({ a, b, y: node.outputs[0], transposeA: false, transposeB: false, bias, finish, units });
}

export function matmul(
  node: Node<'matmul'>,
  finish: Finish,
  units: Units | undefined,
  sums: Node<'sumRows'> | undefined,
): Dispatch[] {
  const [a, b] = node.inputs;
  return product({ a, b, y: node.outputs[0], ...node.attributes, finish, units, sums });
}

const isFixed = (dimension: Dimension): dimension is number => typeof dimension === 'number';

function product(operands: Product): Dispatch[] {
  const { a, y, transposeA } = operands;
  const [m, n] = y.shape;
  const dimensions = [m, n, a.shape[transposeA ? 0 : 1]];
  const lengths = dimensions.map((dimension) => (isFixed(dimension) ? dimension : LARGE_TOKENS)) as [
    number,
    number,
    number,
  ];
  const small = wayFor(operands, lengths, dimensions, false);
  if (dimensions.every(isFixed)) return kernels(operands, dimensions, small);
  return [
    ...kernels(operands, dimensions, small, (size) => size.tokens <= LARGE_TOKENS),
    ...kernels(
      operands,
      dimensions,
      wayFor(operands, lengths, dimensions, true),
      (size) => size.tokens > LARGE_TOKENS,
    ),
  ];
}

/** @param lengths of m, n and k, at the most tokens that this way is for */
function wayFor(
  product: Product,
  [m, n, k]: readonly [number, number, number],
  dimensions: readonly Dimension[],
  large: boolean,
): Way {
  const { units } = product;
  // Below that most of a unit's work would be lost, as for the few columns of a classifier's head.
  if (units && dimensions.every((dimension) => !isFixed(dimension) || dimension >= LEAST_FOR_UNITS)) {
    const { unit, gradients } = units;
    const tile = unitTile(unit);
    const gradient = (['a', 'b'] as const).find((operand) => gradients.has(product[operand]));
    const split = large ? 1 : splitFor(Math.ceil(m / tile.tileM) * Math.ceil(n / tile.tileN), k);
    return {
      name: 'matmul on units',
      tile,
      split,
      code: (bias, finish) => unitShader({ ...product, bias, gradient }, unit, finish),
      sums: false,
    };
  }
  const tiling = tilingFor(m, n, k, large);
  return {
    name: 'matmul',
    tile: tiling,
    split: tiling.split,
    code: (bias, finish, sums) => matmulShader(product, tiling, bias, finish, sums),
    sums: tiling.split === 1,
  };
}

function kernels(
  product: Product,
  dimensions: readonly Dimension[],
  way: Way,
  when?: (size: BatchSize) => boolean,
): Dispatch[] {
  const { a, b, y, transposeA, transposeB, bias, finish } = product;
  const { name, tile, split, code } = way;
  const [m, n] = dimensions;
  const at = (dimension: Dimension, size: BatchSize): number => lengthOf(dimension, size);
  const label = `${name} ${transposeA ? 'T' : 'N'}${transposeB ? 'T' : 'N'}`;
  const workgroups = (size: BatchSize): readonly [number, number, number] => [
    Math.ceil(at(n, size) / tile.tileN),
    Math.ceil(at(m, size) / tile.tileM),
    split,
  ];
  const shape: Constants = { constants: [...dimensions.flatMap(lengthWords), split, 0, 0, 0] };
  const operands: Binding[] = [shape, { value: a }, { value: b }];
  const biasBinding: Binding[] = bias ? [{ value: bias }] : [];
  const sums = way.sums ? product.sums : undefined;
  const besides =
    product.sums && !sums ? sumRows(product.sums).map((dispatch) => ({ ...dispatch, when })) : [];
  if (split === 1) {
    return [
      {
        label: `${labelWith(label, finish)}${sums ? ', sums of columns' : ''}`,
        code: code(bias !== undefined, finish, sums !== undefined),
        bindings: [
          ...operands,
          ...biasBinding,
          ...(sums ? [{ value: sums.outputs[0] }] : []),
          ...finish.bindings,
        ],
        workgroups,
        when,
      },
      ...besides,
    ];
  }
  // Large batches take another form, so this one never sees more tokens than it is for.
  const upTo = ({ tokens, rows }: BatchSize): BatchSize => ({
    tokens: when ? Math.min(tokens, LARGE_TOKENS) : tokens,
    rows,
  });
  const parts: SideBuffer = {
    name: `parts of ${split}`,
    of: y,
    floats: (size) => split * at(m, upTo(size)) * at(n, upTo(size)),
  };
  const declared = header([
    SHAPE,
    { name: 'x', type: 'array<f32>' },
    ...(bias ? [BIAS] : []),
    ...finish.declarations,
  ]);
  const sumParts = elementLoop(
    'lengthOf(shape.m) * lengthOf(shape.n)',
    `var sum = x[i];
    for (var part = 1u; part < shape.split; part++) { sum += x[part * count + i]; }
    finish(i, sum${bias ? ' + bias[i % lengthOf(shape.n)]' : ''});`,
  );
  return [
    {
      label: `${label}, K in ${split} parts`,
      code: code(false, PART, false),
      bindings: [...operands, { side: parts }],
      workgroups,
      when,
    },
    {
      label: labelWith('sum of parts', finish),
      code: `${declared}${SHAPE_STRUCT}${finish.code}${sumParts}`,
      bindings: [shape, { side: parts }, ...biasBinding, ...finish.bindings],
      workgroups: (size) => elementWorkgroups(at(m, size) * at(n, size)),
      when,
    },
    ...besides,
  ];
}

const COLUMN_SUMS = { name: 'columnSums', type: 'array<f32>', access: 'read_write' } as const;

/** One part of K is only written; its binding is the kernel's. */
const PART: Ending = {
  declarations: [{ name: 'parts', type: 'array<f32>', access: 'read_write' }],
  code: 'fn finish(i: u32, value: f32) { parts[i] = value; }\n',
};

/**
 * WGSL of one product; the tiles of a and b lie in workgroup memory with K as the slow index, so that threads
 * read them side by side.
 */
function matmulShader(
  form: Pick<Product, 'transposeA' | 'transposeB'>,
  tiling: Tiling,
  bias: boolean,
  finish: Ending,
  sums: boolean,
): string {
  const { tileM, tileN, tileK, threadM } = tiling;
  const [threadsX, threadsY] = [tileN / 4, tileM / threadM];
  const threads = threadsX * threadsY;
  const rows = Array.from({ length: threadM }, (_, r) => r);
  // The first row of tiles has every column of b pass by; what lies beyond K is zero there. Sums of a tile
  // first, so that long columns lose less.
  const addColumns = `    if (group.y == 0u && thread < ${tileN}u) {
      var sum = 0.0;
      for (var kk = 0u; kk < ${tileK}u; kk++) { sum += tileB[kk * ${tileN}u + thread]; }
      columnSum += sum;
    }
`;
  const writeColumns = `  if (group.y == 0u && thread < ${tileN}u && column0 + thread < N) {
    columnSums[column0 + thread] = columnSum;
  }
`;
  const loaded = loadTiles(form, tiling, threads, {
    a: `tileA[kk * ${tileM}u + outer] = value;`,
    b: `tileB[kk * ${tileN}u + outer] = value;`,
  });
  const addend = bias ? ' + bias[column + j]' : '';
  const finishRow = (r: number): string => `  if (row + ${r}u < M) {
    let place = left + (row + ${r}u) * N + column;
    for (var j = 0u; j < 4u; j++) { if (column + j < N) { finish(place + j, sum${r}[j]${addend}); } }
  }`;
  const declared = header([
    SHAPE,
    { name: 'a', type: 'array<f32>' },
    { name: 'b', type: 'array<f32>' },
    ...(bias ? [BIAS] : []),
    ...(sums ? [COLUMN_SUMS] : []),
    ...finish.declarations,
  ]);
  return `${declared}${SHAPE_STRUCT}${finish.code}
var<workgroup> tileA: array<f32, ${tileK * tileM}>;
var<workgroup> tileB: array<f32, ${tileK * tileN}>;
@compute @workgroup_size(${threadsX}, ${threadsY})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) id: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
${partOfProduct(tiling)}${rows.map((r) => `  var sum${r} = vec4f();`).join('\n')}
${sums ? '  var columnSum = 0.0;\n' : ''}  for (var k0 = kBegin; k0 < kEnd; k0 += ${tileK}u) {
${loaded}    workgroupBarrier();
${sums ? addColumns : ''}    for (var kk = 0u; kk < ${tileK}u; kk++) {
      let fromB = kk * ${tileN}u + id.x * 4u;
      let fromA = kk * ${tileM}u + id.y * ${threadM}u;
      let bs = vec4f(tileB[fromB], tileB[fromB + 1u], tileB[fromB + 2u], tileB[fromB + 3u]);
${rows.map((r) => `      sum${r} = fma(vec4f(tileA[fromA + ${r}u]), bs, sum${r});`).join('\n')}
    }
    workgroupBarrier();
  }
${sums ? writeColumns : ''}  let column = column0 + id.x * 4u;
  let row = row0 + id.y * ${threadM}u;
  let left = group.z * M * N;
${rows.map(finishRow).join('\n')}
}
`;
}
