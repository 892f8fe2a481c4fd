/**
 * Attention within the rows of a packed batch, forward and backward, without a matrix of scores: a workgroup
 * takes one query (or one key) of one head, and holds CHUNK scores at a time. The forward pass keeps the
 * logarithm of each softmax's denominator, from which the backward pass computes the probabilities again (Dao
 * et al. 2022, FlashAttention).
 *
 *   queries [Q, .]  every token, or the last of each row (pooled); Q = N or B
 *   C columns of q, k and v, cut into H heads of width D
 *
 * No sum crosses workgroups, so nothing is added atomically and runs repeat bit for bit. What the operations
 * mean: engine/reference/attention.ts.
 */
import { ATTENTION_STRIDE } from '../../../graph/dropout-mask.js';
import type { AttentionAttributes, Node, Value } from '../../../graph/graph.js';
import { header, wgslFloat } from '../dispatch.js';
import type { BatchSize, Binding, Declaration, Dispatch, SideBuffer } from '../dispatch.js';
import { DROPOUT_FUNCTION, dropoutInputs } from './dropout.js';
import { reductions } from './reductions.js';

const THREADS = 64;
/** Scores held in workgroup memory. */
const CHUNK = 256;

/** Where a matrix's numbers of token or row `n`, column `c` of head `h` lie. */
interface Columns {
  readonly name: string;
  readonly stride: number;
  readonly left: number;
}

interface Layout {
  readonly heads: number;
  readonly width: number;
  readonly pooled: boolean;
  readonly q: Columns;
  readonly k: Columns;
  readonly v: Columns;
  readonly attributes: AttentionAttributes;
}

const place = ({ name, stride, left }: Columns, n: string, c: string): string =>
  `${name}[${n} * ${stride}u + ${left}u + head * D + ${c}]`;

/**
 * What every kernel here knows: sizes of heads, the keys that a query sees, dropout's factor of a
 * probability.
 */
function common({ heads, width, pooled, attributes }: Layout): string {
  const row = pooled ? 'query' : 'rowMap[2u * sizes.rows + query]';
  const rowEnd = 'rowMap[2u * row + 1u]';
  const keysEnd = pooled ? rowEnd : `min(query + 1u, ${rowEnd})`;
  const counter = `(query * H + head) * ${ATTENTION_STRIDE}u + key - first`;
  const factor = attributes.dropout ? `dropoutFactor(site, ${counter})` : '1.0';
  return `${attributes.dropout ? DROPOUT_FUNCTION : ''}
const H = ${heads}u;
const D = ${width / heads}u;
const SCALE = ${wgslFloat(attributes.scale)};
// rowMap: first token of each row, and one past the last that may be attended to; then the row of each token
fn rowOf(query: u32) -> u32 { return ${row}; }
fn keysEnd(query: u32, row: u32) -> u32 { return ${keysEnd}; }
fn factorOf(query: u32, head: u32, key: u32, first: u32) -> f32 { return ${factor}; }
`;
}

const batchInputs = ({
  attributes: { dropout },
}: Layout): { readonly declarations: readonly Declaration[]; readonly bindings: readonly Binding[] } => {
  const { declarations, bindings } = dropoutInputs(dropout ? [{ name: 'site', site: dropout }] : []);
  return {
    declarations: [...declarations, { name: 'rowMap', type: 'array<u32>' }],
    bindings: [...bindings, { batch: 'rowMap' }],
  };
};

const queriesOf = (pooled: boolean, size: BatchSize): number => (pooled ? size.rows : size.tokens);

const logSumsOf = (context: Value, heads: number, pooled: boolean): SideBuffer => ({
  name: 'log sums',
  of: context,
  floats: (size) => heads * queriesOf(pooled, size),
});

/** A binding of floats. */
interface Operand {
  readonly name: string;
  readonly binding: Binding;
  readonly access?: 'read_write';
}

/** What the forward pass left, and the gradient that comes back. */
const backwardOperands = ({ heads, pooled }: Layout, context: Value, dcontext: Value): Operand[] => [
  { name: 'context', binding: { value: context } },
  { name: 'logSums', binding: { side: logSumsOf(context, heads, pooled) } },
  { name: 'dcontext', binding: { value: dcontext } },
];

/**
 * A kernel with one workgroup for each of `items` (`group.x`) and each `head`. `inputs` are the matrices that
 * q, k and v lie in.
 */
function kernel(
  label: string,
  layout: Layout,
  items: (size: BatchSize) => number,
  inputs: readonly Binding[],
  operands: readonly Operand[],
  shared: string,
  body: string,
): Dispatch {
  const { heads, q, k, v } = layout;
  const batch = batchInputs(layout);
  const matrices = [...new Set([q, k, v].map(({ name }) => name))];
  const declared = header([
    ...batch.declarations,
    ...matrices.map((name) => ({ name, type: 'array<f32>' })),
    ...operands.map(({ name, access = 'read' }) => ({ name, type: 'array<f32>', access })),
  ]);
  return {
    label,
    code: `${declared}${common(layout)}
${shared}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let head = group.y;
${body}
}
`,
    bindings: [...batch.bindings, ...inputs, ...operands.map(({ binding }) => binding)],
    workgroups: (size) => [items(size), heads, 1],
  };
}

/** The query of a workgroup, its row and the keys that it sees. */
const QUERY = `  let n = group.x;
  let row = rowOf(n);
  let first = rowMap[2u * row];
  let end = keysEnd(n, row);`;

/** WGSL for each column `c` of D that a thread holds in a register of its own, number `i`. */
const heldColumns = ({ width, heads }: Layout, source: (i: number) => string): string =>
  Array.from(
    { length: Math.ceil(width / heads / THREADS) },
    (_, i) => `    {
      let c = thread + ${i * THREADS}u;
      if (c < D) { ${source(i)} }
    }`,
  ).join('\n');

/** Registers, one for each held column, that begin with zero. */
const heldSums = ({ width, heads }: Layout, ...names: readonly string[]): string =>
  Array.from({ length: Math.ceil(width / heads / THREADS) }, (_, i) =>
    names.map((name) => `  var ${name}${i} = 0.0;`).join('\n'),
  ).join('\n');

function forward(label: string, layout: Layout, inputs: readonly Binding[], context: Value): Dispatch {
  const { heads, width, pooled, q, k, v } = layout;
  return kernel(
    label,
    layout,
    (size) => queriesOf(pooled, size),
    inputs,
    [
      { name: 'context', binding: { value: context }, access: 'read_write' },
      { name: 'logSums', binding: { side: logSumsOf(context, heads, pooled) }, access: 'read_write' },
    ],
    `${reductions(THREADS)}
var<workgroup> weights: array<f32, ${CHUNK}>;
var<workgroup> query: array<f32, D>;`,
    `${QUERY}
  for (var c = thread; c < D; c += ${THREADS}u) { query[c] = SCALE * ${place(q, 'n', 'c')}; }
  workgroupBarrier();
${heldSums(layout, 'sum')}
  var largest = -3.0e38;
  var total = 0.0;
  for (var base = first; base < end; base += ${CHUNK}u) {
    let count = min(${CHUNK}u, end - base);
    var most = -3.0e38;
    for (var j = thread; j < count; j += ${THREADS}u) {
      var dot = 0.0;
      for (var c = 0u; c < D; c++) { dot += query[c] * ${place(k, '(base + j)', 'c')}; }
      weights[j] = dot;
      most = max(most, dot);
    }
    let now = max(largest, reduceMax(most, thread));
    let shrink = exp(largest - now);
    largest = now;
    var part = 0.0;
    for (var j = thread; j < count; j += ${THREADS}u) {
      let weight = exp(weights[j] - largest);
      part += weight;
      weights[j] = weight * factorOf(n, head, base + j, first);
    }
    total = total * shrink + reduceSum(part, thread);
${heldColumns(
  layout,
  (i) => `var dot = 0.0;
        for (var j = 0u; j < count; j++) { dot += weights[j] * ${place(v, '(base + j)', 'c')}; }
        sum${i} = sum${i} * shrink + dot;`,
)}
    workgroupBarrier();
  }
  let inverse = select(0.0, 1.0 / total, end > first);
${heldColumns(layout, (i) => `context[n * ${width}u + head * D + c] = sum${i} * inverse;`)}
  if (thread == 0u) { logSums[n * H + head] = select(0.0, largest + log(total), end > first); }`,
  );
}

/**
 * dq [Q, .]: one query of one head a workgroup. With ds[j] = p[j] (factor[j] dcontext·v[j] -
 * dcontext·context): dq = scale * sum of ds[j] k[j].
 */
function queryGradient(
  label: string,
  layout: Layout,
  inputs: readonly Binding[],
  context: Value,
  dcontext: Value,
  dq: Columns,
  output: Binding,
): Dispatch {
  const { width, pooled, q, k, v } = layout;
  const addKeys = (i: number): string =>
    `for (var j = 0u; j < count; j++) { sum${i} += weights[j] * ${place(k, '(base + j)', 'c')}; }`;
  return kernel(
    label,
    layout,
    (size) => queriesOf(pooled, size),
    inputs,
    [
      ...backwardOperands(layout, context, dcontext),
      { name: dq.name, binding: output, access: 'read_write' },
    ],
    `${reductions(THREADS)}
var<workgroup> weights: array<f32, ${CHUNK}>;
var<workgroup> query: array<f32, D>;
var<workgroup> dy: array<f32, D>;`,
    `${QUERY}
  let logSum = logSums[n * H + head];
  var share = 0.0;
  for (var c = thread; c < D; c += ${THREADS}u) {
    query[c] = SCALE * ${place(q, 'n', 'c')};
    dy[c] = dcontext[n * ${width}u + head * D + c];
    share += dy[c] * context[n * ${width}u + head * D + c];
  }
  let mean = reduceSum(share, thread);
${heldSums(layout, 'sum')}
  for (var base = first; base < end; base += ${CHUNK}u) {
    let count = min(${CHUNK}u, end - base);
    for (var j = thread; j < count; j += ${THREADS}u) {
      var score = 0.0;
      var dp = 0.0;
      for (var c = 0u; c < D; c++) {
        score += query[c] * ${place(k, '(base + j)', 'c')};
        dp += dy[c] * ${place(v, '(base + j)', 'c')};
      }
      weights[j] = SCALE * exp(score - logSum) * (dp * factorOf(n, head, base + j, first) - mean);
    }
    workgroupBarrier();
${heldColumns(layout, addKeys)}
    workgroupBarrier();
  }
${heldColumns(layout, (i) => `${place(dq, 'n', 'c')} = sum${i};`)}`,
  );
}

/** dk and dv [N, .]: one key of one head a workgroup, over the queries that see it. */
function keyGradient(
  label: string,
  layout: Layout,
  inputs: readonly Binding[],
  context: Value,
  dcontext: Value,
  dk: Columns,
  dv: Columns,
  output: Binding,
): Dispatch {
  const { width, pooled, q, k, v } = layout;
  const queries = pooled
    ? { begin: 'row', end: 'select(row, row + 1u, key < rowMap[2u * row + 1u])' }
    : { begin: 'key', end: 'max(key, rowMap[2u * row + 1u])' };
  return kernel(
    label,
    layout,
    ({ tokens }) => tokens,
    inputs,
    [
      ...backwardOperands(layout, context, dcontext),
      { name: dk.name, binding: output, access: 'read_write' },
    ],
    `var<workgroup> scores: array<f32, ${CHUNK}>;
var<workgroup> kept: array<f32, ${CHUNK}>;
var<workgroup> keyVector: array<f32, D>;
var<workgroup> valueVector: array<f32, D>;`,
    `  let key = group.x;
  let row = rowMap[2u * sizes.rows + key];
  let first = rowMap[2u * row];
  for (var c = thread; c < D; c += ${THREADS}u) {
    keyVector[c] = ${place(k, 'key', 'c')};
    valueVector[c] = ${place(v, 'key', 'c')};
  }
  workgroupBarrier();
${heldSums(layout, 'dk', 'dv')}
  let end = ${queries.end};
  for (var base = ${queries.begin}; base < end; base += ${CHUNK}u) {
    let count = min(${CHUNK}u, end - base);
    for (var i = thread; i < count; i += ${THREADS}u) {
      let n = base + i;
      var score = 0.0;
      var dp = 0.0;
      var mean = 0.0;
      for (var c = 0u; c < D; c++) {
        let dy = dcontext[n * ${width}u + head * D + c];
        score += ${place(q, 'n', 'c')} * keyVector[c];
        dp += dy * valueVector[c];
        mean += dy * context[n * ${width}u + head * D + c];
      }
      let p = exp(SCALE * score - logSums[n * H + head]);
      let factor = factorOf(n, head, key, first);
      kept[i] = factor * p;
      scores[i] = SCALE * p * (factor * dp - mean);
    }
    workgroupBarrier();
${heldColumns(
  layout,
  (h) => `for (var i = 0u; i < count; i++) {
          dk${h} += scores[i] * ${place(q, '(base + i)', 'c')};
          dv${h} += kept[i] * dcontext[(base + i) * ${width}u + head * D + c];
        }`,
)}
    workgroupBarrier();
  }
${heldColumns(
  layout,
  (h) => `${place(dk, 'key', 'c')} = dk${h};
      ${place(dv, 'key', 'c')} = dv${h};`,
)}`,
  );
}

function layoutOf(attributes: AttentionAttributes, width: number, pooled: boolean): Layout {
  const base = { heads: attributes.heads, width, pooled, attributes };
  if (pooled) {
    const stride = 2 * width;
    return {
      ...base,
      q: { name: 'q', stride: width, left: 0 },
      k: { name: 'kv', stride, left: 0 },
      v: { name: 'kv', stride, left: width },
    };
  }
  const stride = 3 * width;
  return {
    ...base,
    q: { name: 'qkv', stride, left: 0 },
    k: { name: 'qkv', stride, left: width },
    v: { name: 'qkv', stride, left: 2 * width },
  };
}

const renamed = (columns: Columns, name: string): Columns => ({ ...columns, name });
const valuesOf = (values: readonly Value[]): Binding[] => values.map((value) => ({ value }));

export function attention(node: Node<'attention'>): Dispatch[] {
  const [context] = node.outputs;
  return [
    forward(
      'attention',
      layoutOf(node.attributes, context.shape[1] as number, false),
      valuesOf(node.inputs),
      context,
    ),
  ];
}

export function pooledAttention(node: Node<'pooledAttention'>): Dispatch[] {
  const [context] = node.outputs;
  return [
    forward(
      'pooledAttention',
      layoutOf(node.attributes, context.shape[1] as number, true),
      valuesOf(node.inputs),
      context,
    ),
  ];
}

export function attentionGrad(node: Node<'attentionGrad'>): Dispatch[] {
  const { forward: made } = node.attributes;
  const [dcontext] = node.inputs;
  const [context] = made.outputs;
  const layout = layoutOf(made.attributes, context.shape[1] as number, false);
  const output: Binding = { value: node.outputs[0] };
  const inputs = valuesOf(made.inputs);
  return [
    queryGradient('attentionGrad: dq', layout, inputs, context, dcontext, renamed(layout.q, 'dqkv'), output),
    keyGradient(
      'attentionGrad: dk, dv',
      layout,
      inputs,
      context,
      dcontext,
      renamed(layout.k, 'dqkv'),
      renamed(layout.v, 'dqkv'),
      output,
    ),
  ];
}

export function pooledAttentionGrad(node: Node<'pooledAttentionGrad'>): Dispatch[] {
  const { forward: made } = node.attributes;
  const [dcontext] = node.inputs;
  const [context] = made.outputs;
  const layout = layoutOf(made.attributes, context.shape[1] as number, true);
  const [dq, dkv] = node.outputs;
  const inputs = valuesOf(made.inputs);
  return [
    queryGradient('pooledAttentionGrad: dq', layout, inputs, context, dcontext, renamed(layout.q, 'dq'), {
      value: dq,
    }),
    keyGradient(
      'pooledAttentionGrad: dk, dv',
      layout,
      inputs,
      context,
      dcontext,
      renamed(layout.k, 'dkv'),
      renamed(layout.v, 'dkv'),
      { value: dkv },
    ),
  ];
}
