/**
 * One function for each operation: checks the shapes and appends the node. What the operations mean is said
 * in graph.ts.
 */
import { shapesEqual } from './graph.js';
import type {
  AttentionAttributes,
  Dimension,
  DropoutSite,
  GraphBuilder,
  Node,
  Shape,
  Value,
} from './graph.js';

function expectShape(op: string, what: string, value: Value, shape: Shape): void {
  if (!shapesEqual(value.shape, shape)) {
    throw new Error(`${op}: ${what} has shape [${value.shape.join(', ')}], expected [${shape.join(', ')}]`);
  }
}

function matrix(op: string, what: string, value: Value): [Dimension, number] {
  const [m, c] = value.shape;
  if (value.shape.length !== 2 || m === undefined || typeof c !== 'number') {
    throw new Error(
      `${op}: ${what} has shape [${value.shape.join(', ')}], expected a matrix with a fixed number of columns`,
    );
  }
  return [m, c];
}

export function add(g: GraphBuilder, a: Value, b: Value): Value {
  expectShape('add', 'b', b, a.shape);
  return g.node('add', [a, b], {}, [a.shape]).outputs[0];
}

export function gather(g: GraphBuilder, table: Value, indices: Value): Value {
  const [, c] = matrix('gather', 'table', table);
  return g.node('gather', [table, indices], {}, [[indices.shape[0], c]]).outputs[0];
}

export function gatherGrad(g: GraphBuilder, dy: Value, indices: Value, rows: Dimension): Value {
  const [, c] = matrix('gatherGrad', 'dy', dy);
  return g.node('gatherGrad', [dy, indices], { rows }, [[rows, c]]).outputs[0];
}

export function linear(g: GraphBuilder, x: Value, weight: Value, bias: Value): Value {
  const [m, i] = matrix('linear', 'x', x);
  const [, o] = matrix('linear', 'weight', weight);
  expectShape('linear', 'weight', weight, [i, o]);
  expectShape('linear', 'bias', bias, [o]);
  return g.node('linear', [x, weight, bias], {}, [[m, o]]).outputs[0];
}

export function matmul(g: GraphBuilder, a: Value, b: Value, transposeA = false, transposeB = false): Value {
  const [m, k] = transposeA ? [a.shape[1], a.shape[0]] : [a.shape[0], a.shape[1]];
  const [k2, n] = transposeB ? [b.shape[1], b.shape[0]] : [b.shape[0], b.shape[1]];
  if (k !== k2) throw new Error(`matmul: inner dimensions ${k} and ${k2} differ`);
  return g.node('matmul', [a, b], { transposeA, transposeB }, [[m, n]]).outputs[0];
}

export function sumRows(g: GraphBuilder, x: Value): Value {
  const [, c] = matrix('sumRows', 'x', x);
  return g.node('sumRows', [x], {}, [[c]]).outputs[0];
}

export function layerNorm(g: GraphBuilder, x: Value, weight: Value, bias: Value, epsilon: number): Value {
  const [, c] = matrix('layerNorm', 'x', x);
  expectShape('layerNorm', 'weight', weight, [c]);
  expectShape('layerNorm', 'bias', bias, [c]);
  return g.node('layerNorm', [x, weight, bias], { epsilon }, [x.shape]).outputs[0];
}

export function layerNormGrad(g: GraphBuilder, dy: Value, forward: Node<'layerNorm'>): readonly Value[] {
  const [x, weight] = forward.inputs;
  return g.node('layerNormGrad', [dy, x, weight], { forward }, [x.shape, weight.shape, weight.shape]).outputs;
}

export function gelu(g: GraphBuilder, x: Value): Value {
  return g.node('gelu', [x], {}, [x.shape]).outputs[0];
}

export function geluGrad(g: GraphBuilder, dy: Value, forward: Node<'gelu'>): Value {
  return g.node('geluGrad', [dy, forward.inputs[0]], { forward }, [dy.shape]).outputs[0];
}

/** `site` absent: no dropout, and no node. */
export function dropout(g: GraphBuilder, x: Value, site: DropoutSite | undefined): Value {
  return site ? g.node('dropout', [x], site, [x.shape]).outputs[0] : x;
}

export function attention(g: GraphBuilder, qkv: Value, attributes: AttentionAttributes): Value {
  const [m, width] = matrix('attention', 'qkv', qkv);
  if (m !== 'tokens' || width % (3 * attributes.heads) !== 0)
    throw new Error(`attention: ${width} columns do not divide into 3 x ${attributes.heads} heads`);
  return g.node('attention', [qkv], attributes, [[m, width / 3]]).outputs[0];
}

export function attentionGrad(g: GraphBuilder, dcontext: Value, forward: Node<'attention'>): Value {
  const qkv = forward.inputs[0];
  return g.node('attentionGrad', [dcontext, qkv], { forward }, [qkv.shape]).outputs[0];
}

export function pooledAttention(
  g: GraphBuilder,
  q: Value,
  kv: Value,
  attributes: AttentionAttributes,
): Value {
  const [, c] = matrix('pooledAttention', 'q', q);
  expectShape('pooledAttention', 'q', q, ['rows', c]);
  expectShape('pooledAttention', 'kv', kv, ['tokens', 2 * c]);
  return g.node('pooledAttention', [q, kv], attributes, [q.shape]).outputs[0];
}

export function pooledAttentionGrad(
  g: GraphBuilder,
  dcontext: Value,
  forward: Node<'pooledAttention'>,
): readonly Value[] {
  const [q, kv] = forward.inputs;
  return g.node('pooledAttentionGrad', [dcontext, q, kv], { forward }, [q.shape, kv.shape]).outputs;
}

export function splitColumns(g: GraphBuilder, x: Value, widths: readonly number[]): readonly Value[] {
  const leading = x.shape.slice(0, -1);
  const total = widths.reduce((sum, width) => sum + width, 0);
  if (x.shape.at(-1) !== total)
    throw new Error(`splitColumns: widths sum to ${total}, x has ${x.shape.at(-1) ?? 0} columns`);
  return g.node(
    'splitColumns',
    [x],
    { widths },
    widths.map((width) => [...leading, width]),
  ).outputs;
}

export function joinColumns(g: GraphBuilder, parts: readonly Value[]): Value {
  const total = parts.reduce((sum, part) => sum + (part.shape.at(-1) as number), 0);
  return g.node('joinColumns', parts, {}, [[...parts[0].shape.slice(0, -1), total]]).outputs[0];
}

export function crossEntropy(g: GraphBuilder, logits: Value, labels: Value, lossWeight: Value): Value {
  expectShape('crossEntropy', 'labels', labels, [logits.shape[0]]);
  return g.node('crossEntropy', [logits, labels, lossWeight], {}, [[]]).outputs[0];
}

export function crossEntropyGrad(g: GraphBuilder, forward: Node<'crossEntropy'>): Value {
  return g.node('crossEntropyGrad', forward.inputs, {}, [forward.inputs[0].shape]).outputs[0];
}
