/**
 * Matrix products, tiled through workgroup memory.
 *
 *   y [M, N] = op(a) [M, K] op(b) [K, N] (+ bias [N])
 *
 * A workgroup computes a tile of tileM x tileN; each thread of it holds `threadM` rows of four columns in registers and walks along K in steps of tileK.
 * Where M and N give too few workgroups to fill a GPU, K is split too: each part goes to a buffer of its own, and a second kernel adds the parts up in
 * order, so that runs repeat bit for bit. Whichever kernel has the whole sum of an element finishes it (`Finish`).
 */
import type { Dimension, Node, Value } from '../../../graph/graph.js';
import { elementLoop, elementWorkgroups, header, labelWith, lengthOf, lengthWords } from '../dispatch.js';
import type { BatchSize, Binding, Constants, Dispatch, Finish, SideBuffer } from '../dispatch.js';

export interface Tiling {
  readonly tileM: number;
  readonly tileN: number;
  readonly tileK: number;
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
}

/** Batches above this many tokens take the large tiles. */
const LARGE_TOKENS = 256;

/** Workgroups that fill a large GPU; below it, splitting K pays. */
const FILLING = 256;

/**
 * Tiles by what was measured on an H100 through Vulkan: about 80 tokens want small tiles with K in 8 parts, weight gradients 64 x 64 in one part,
 * 512 tokens 64 x 128 with eight rows a thread. `m` and `n` are lengths at the most tokens the tiling is for.
 */
export function tilingFor(m: number, n: number, k: number, large: boolean): Tiling {
  if (large) return { tileM: 64, tileN: 128, tileK: 16, threadM: 8, split: 1 };
  if (m > LARGE_TOKENS) return { tileM: 64, tileN: 64, tileK: 16, threadM: 4, split: 1 };
  const workgroups = Math.ceil(m / 32) * Math.ceil(n / 64);
  const split = Math.max(1, Math.min(8, Math.floor(FILLING / workgroups), Math.floor(k / 64)));
  return { tileM: 32, tileN: 64, tileK: 16, threadM: 4, split };
}

export function linear(node: Node<'linear'>, finish: Finish): Dispatch[] {
  const [a, b, bias] = node.inputs;
  return product({ a, b, y: node.outputs[0], transposeA: false, transposeB: false, bias, finish });
}

export function matmul(node: Node<'matmul'>, finish: Finish): Dispatch[] {
  const [a, b] = node.inputs;
  return product({ a, b, y: node.outputs[0], ...node.attributes, finish });
}

const isFixed = (dimension: Dimension): dimension is number => typeof dimension === 'number';

function product(operands: Product): Dispatch[] {
  const { a, y, transposeA } = operands;
  const [m, n] = y.shape;
  const k = a.shape[transposeA ? 0 : 1];
  const most = (dimension: Dimension): number => (isFixed(dimension) ? dimension : LARGE_TOKENS);
  const small = tilingFor(most(m), most(n), most(k), false);
  if ([m, n, k].every(isFixed)) return kernels(operands, [m, n, k], small);
  return [
    ...kernels(operands, [m, n, k], small, (size) => size.tokens <= LARGE_TOKENS),
    ...kernels(operands, [m, n, k], tilingFor(most(m), most(n), most(k), true), (size) => size.tokens > LARGE_TOKENS),
  ];
}

function kernels({ a, b, y, transposeA, transposeB, bias, finish }: Product, dimensions: readonly Dimension[], tiling: Tiling, when?: (size: BatchSize) => boolean): Dispatch[] {
  const [m, n] = dimensions;
  const { tileM, tileN, split } = tiling;
  const at = (dimension: Dimension, size: BatchSize): number => lengthOf(dimension, size);
  const condition = when ? { when } : {};
  const form = `${transposeA ? 'T' : 'N'}${transposeB ? 'T' : 'N'}`;
  const workgroups = (size: BatchSize): readonly [number, number, number] => [Math.ceil(at(n, size) / tileN), Math.ceil(at(m, size) / tileM), split];
  // The shapes come as constants, so that products of one form share a pipeline: compiling takes longer than what literals would save.
  const shape: Constants = { constants: [...dimensions.flatMap(lengthWords), split, 0, 0, 0] };
  const operands: Binding[] = [shape, { value: a }, { value: b }];
  const biasBinding: Binding[] = bias ? [{ value: bias }] : [];
  if (split === 1) {
    return [
      {
        label: labelWith(`matmul ${form}`, finish),
        code: matmulShader(transposeA, transposeB, tiling, bias !== undefined, finish),
        bindings: [...operands, ...biasBinding, ...finish.bindings],
        workgroups,
        ...condition,
      },
    ];
  }
  // Large batches take another form, so this one never sees more tokens than it is for.
  const upTo = ({ tokens, rows }: BatchSize): BatchSize => ({ tokens: when ? Math.min(tokens, LARGE_TOKENS) : tokens, rows });
  const parts: SideBuffer = { name: `parts of ${split}`, of: y, floats: (size) => split * at(m, upTo(size)) * at(n, upTo(size)) };
  return [
    { label: `matmul ${form}, K in ${split} parts`, code: matmulShader(transposeA, transposeB, tiling, false, PART), bindings: [...operands, { side: parts }], workgroups, ...condition },
    {
      label: labelWith('sum of parts', finish),
      code: `${header([SHAPE, { name: 'x', type: 'array<f32>' }, ...(bias ? [BIAS] : []), ...finish.declarations])}${SHAPE_STRUCT}${finish.code}${elementLoop(
        'lengthOf(shape.m) * lengthOf(shape.n)',
        `var sum = x[i];
    for (var part = 1u; part < shape.split; part++) { sum += x[part * count + i]; }
    finish(i, sum${bias ? ' + bias[i % lengthOf(shape.n)]' : ''});`,
      )}`,
      bindings: [shape, { side: parts }, ...biasBinding, ...finish.bindings],
      workgroups: (size) => elementWorkgroups(at(m, size) * at(n, size)),
      ...condition,
    },
  ];
}

/** One part of K is only written; its binding is the kernel's. */
const PART: Pick<Finish, 'declarations' | 'code'> = {
  declarations: [{ name: 'parts', type: 'array<f32>', access: 'read_write' }],
  code: 'fn finish(i: u32, value: f32) { parts[i] = value; }\n',
};

const BIAS = { name: 'bias', type: 'array<f32>' } as const;
const SHAPE = { name: 'shape', type: 'Shape', access: 'uniform' } as const;
const SHAPE_STRUCT = 'struct Shape { m: Length, n: Length, k: Length, split: u32 }\n';

/** WGSL of one product; the tiles of a and b lie in workgroup memory with K as the slow index, so that threads read them side by side. */
export function matmulShader(transposeA: boolean, transposeB: boolean, tiling: Tiling, bias: boolean, finish: Pick<Finish, 'declarations' | 'code'>): string {
  const { tileM, tileN, tileK, threadM } = tiling;
  const [threadsX, threadsY] = [tileN / 4, tileM / threadM];
  const threads = threadsX * threadsY;
  const rows = Array.from({ length: threadM }, (_, r) => r);
  // Neighbouring threads read neighbouring numbers of the matrix, whichever way it lies.
  const loadA = transposeA
    ? { row: `i % ${tileM}u`, inner: `i / ${tileM}u`, place: '(k0 + kk) * M + row0 + mm' }
    : { row: `i / ${tileK}u`, inner: `i % ${tileK}u`, place: '(row0 + mm) * K + k0 + kk' };
  const loadB = transposeB
    ? { column: `i / ${tileK}u`, inner: `i % ${tileK}u`, place: '(column0 + nn) * K + k0 + kk' }
    : { column: `i % ${tileN}u`, inner: `i / ${tileN}u`, place: '(k0 + kk) * N + column0 + nn' };
  return `${header([
    SHAPE, { name: 'a', type: 'array<f32>' }, { name: 'b', type: 'array<f32>' }, ...(bias ? [BIAS] : []), ...finish.declarations,
  ])}${SHAPE_STRUCT}${finish.code}
var<workgroup> tileA: array<f32, ${tileK * tileM}>;
var<workgroup> tileB: array<f32, ${tileK * tileN}>;
@compute @workgroup_size(${threadsX}, ${threadsY})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let M = lengthOf(shape.m);
  let N = lengthOf(shape.n);
  let K = lengthOf(shape.k);
  let row0 = group.y * ${tileM}u;
  let column0 = group.x * ${tileN}u;
  let parts = shape.split * ${tileK}u;
  let part = (K + parts - 1u) / parts * ${tileK}u;
  let kBegin = group.z * part;
  let kEnd = min(K, kBegin + part);
${rows.map((r) => `  var sum${r} = vec4f();`).join('\n')}
  for (var k0 = kBegin; k0 < kEnd; k0 += ${tileK}u) {
    for (var i = thread; i < ${tileM * tileK}u; i += ${threads}u) {
      let mm = ${loadA.row};
      let kk = ${loadA.inner};
      var value = 0.0;
      if (row0 + mm < M && k0 + kk < kEnd) { value = a[${loadA.place}]; }
      tileA[kk * ${tileM}u + mm] = value;
    }
    for (var i = thread; i < ${tileN * tileK}u; i += ${threads}u) {
      let nn = ${loadB.column};
      let kk = ${loadB.inner};
      var value = 0.0;
      if (column0 + nn < N && k0 + kk < kEnd) { value = b[${loadB.place}]; }
      tileB[kk * ${tileN}u + nn] = value;
    }
    workgroupBarrier();
    for (var kk = 0u; kk < ${tileK}u; kk++) {
      let fromB = kk * ${tileN}u + id.x * 4u;
      let fromA = kk * ${tileM}u + id.y * ${threadM}u;
      let bs = vec4f(tileB[fromB], tileB[fromB + 1u], tileB[fromB + 2u], tileB[fromB + 3u]);
${rows.map((r) => `      sum${r} = fma(vec4f(tileA[fromA + ${r}u]), bs, sum${r});`).join('\n')}
    }
    workgroupBarrier();
  }
  let column = column0 + id.x * 4u;
  let row = row0 + id.y * ${threadM}u;
  let left = group.z * M * N;
${rows
  .map(
    (r) => `  if (row + ${r}u < M) {
    let place = left + (row + ${r}u) * N + column;
    for (var j = 0u; j < 4u; j++) { if (column + j < N) { finish(place + j, sum${r}[j]${bias ? ' + bias[column + j]' : ''}); } }
  }`,
  )
  .join('\n')}
}
`;
}
