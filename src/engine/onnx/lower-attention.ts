/**
 * Attention over packed rows in ONNX: gather to [B, T], T the longest row, compute per head, gather back.
 *
 *   B rows, T longest row, H heads, D head width, C = H D
 *
 * Padding slots hold copies of token 0. Keys beyond a row's end lie after all its queries, so the causal bias
 * hides them; what the padding queries compute is never gathered back, and their incoming gradient is zeroed.
 */
import type { AttentionAttributes, Node } from '../../graph/graph.js';
import type { Emitter } from './lowering.js';

function shapeOf(node: Node<'attention'> | Node<'pooledAttention'>): {
  c: number;
  heads: number;
  width: number;
} {
  const c = node.outputs[0].shape[1] as number;
  return { c, heads: node.attributes.heads, width: c / node.attributes.heads };
}

/** softmax, and dropout of the probabilities where the graph has it */
function probabilitiesOf(
  e: Emitter,
  scores: string,
  { heads, dropout }: AttentionAttributes,
  queries: 'tokens' | 'rows',
): { exact: string; used: string } {
  const exact = e.op('Softmax', [scores], { axis: -1 });
  return { exact, used: dropout ? e.op('Mul', [exact, e.dropoutMask(dropout, { queries, heads })]) : exact };
}

/** Gradient of softmax's input, from that of the (dropped) probabilities. */
function scoresGradient(
  e: Emitter,
  dUsed: string,
  exact: string,
  { heads, dropout }: AttentionAttributes,
  queries: 'tokens' | 'rows',
): string {
  const d = dropout ? e.op('Mul', [dUsed, e.dropoutMask(dropout, { queries, heads })]) : dUsed;
  const weighted = e.op('Mul', [d, exact]);
  return e.op('Sub', [weighted, e.op('Mul', [exact, e.op('ReduceSum', [weighted, e.integers(-1)])])]);
}

/** [N, k C] of tokens -> k tensors [B, H, T, D] */
function toHeads(e: Emitter, packed: string, parts: number, heads: number, width: number): string[] {
  const padded = e.op('Gather', [packed, e.feed('padIndex')], { axis: 0 });
  const split = e.op('Reshape', [padded, e.integers(0, 0, parts, heads, width)]);
  const byPart = e.op('Transpose', [split], { perm: [2, 0, 3, 1, 4] });
  return e
    .ops('Split', [byPart], parts, { axis: 0, num_outputs: parts })
    .map((part) => e.op('Squeeze', [part, e.integers(0)]));
}

/** [B, H, T, D] -> [B T, C], one row a slot */
function fromHeads(e: Emitter, x: string, c: number): string {
  return e.op('Reshape', [e.op('Transpose', [x], { perm: [0, 2, 1, 3] }), e.integers(-1, c)]);
}

const unpad = (e: Emitter, slots: string): string =>
  e.op('Gather', [slots, e.feed('unpadIndex')], { axis: 0 });

export function lowerAttention(e: Emitter, node: Node<'attention'>, qkv: string): string {
  const { c, heads, width } = shapeOf(node);
  const [q, k, v] = toHeads(e, qkv, 3, heads, width) as [string, string, string];
  const scores = e.batchedMatmul(q, k, { transposeB: true, alpha: node.attributes.scale });
  const { exact, used } = probabilitiesOf(
    e,
    e.op('Add', [scores, e.feed('causalBias')]),
    node.attributes,
    'tokens',
  );
  e.keep(node, { q, k, v, exact, used });
  const context = unpad(e, fromHeads(e, e.batchedMatmul(used, v), c));
  return e.op('Mul', [context, e.feed('tokenAlive')]);
}

export function lowerAttentionGrad(e: Emitter, node: Node<'attentionGrad'>, dContextPacked: string): string {
  const { forward } = node.attributes;
  const { c, heads, width } = shapeOf(forward);
  const kept = (what: string): string => e.keptOf(forward, what);
  const alpha = forward.attributes.scale;
  const padded = e.op('Mul', [
    e.op('Gather', [dContextPacked, e.feed('padIndex')], { axis: 0 }),
    e.feed('slotAlive'),
  ]);
  const dContext = e.op('Transpose', [e.op('Reshape', [padded, e.integers(0, 0, heads, width)])], {
    perm: [0, 2, 1, 3],
  });
  const dUsed = e.batchedMatmul(dContext, kept('v'), { transposeB: true });
  const dv = e.batchedMatmul(kept('used'), dContext, { transposeA: true });
  const dScores = scoresGradient(e, dUsed, kept('exact'), forward.attributes, 'tokens');
  const dq = e.batchedMatmul(dScores, kept('k'), { alpha });
  const dk = e.batchedMatmul(dScores, kept('q'), { transposeA: true, alpha });
  return unpad(
    e,
    e.op('Concat', [fromHeads(e, dq, c), fromHeads(e, dk, c), fromHeads(e, dv, c)], { axis: 1 }),
  );
}

export function lowerPooledAttention(
  e: Emitter,
  node: Node<'pooledAttention'>,
  q: string,
  kv: string,
): string {
  const { c, heads, width } = shapeOf(node);
  const [k, v] = toHeads(e, kv, 2, heads, width) as [string, string];
  const query = e.op('Reshape', [q, e.integers(-1, heads, 1, width)]);
  const scores = e.batchedMatmul(query, k, { transposeB: true, alpha: node.attributes.scale });
  const { exact, used } = probabilitiesOf(
    e,
    e.op('Add', [scores, e.feed('keyBias')]),
    node.attributes,
    'rows',
  );
  e.keep(node, { query, k, v, exact, used });
  const context = e.op('Reshape', [e.batchedMatmul(used, v), e.integers(-1, c)]);
  return e.op('Mul', [context, e.feed('rowAlive')]);
}

export function lowerPooledAttentionGrad(
  e: Emitter,
  node: Node<'pooledAttentionGrad'>,
  dContextRows: string,
): string[] {
  const { forward } = node.attributes;
  const { c, heads, width } = shapeOf(forward);
  const kept = (what: string): string => e.keptOf(forward, what);
  const alpha = forward.attributes.scale;
  const alive = e.op('Mul', [dContextRows, e.feed('rowAlive')]);
  const dContext = e.op('Reshape', [alive, e.integers(-1, heads, 1, width)]);
  const dUsed = e.batchedMatmul(dContext, kept('v'), { transposeB: true });
  const dv = e.batchedMatmul(kept('used'), dContext, { transposeA: true });
  const dScores = scoresGradient(e, dUsed, kept('exact'), forward.attributes, 'rows');
  const dq = e.batchedMatmul(dScores, kept('k'), { alpha });
  const dk = e.batchedMatmul(dScores, kept('query'), { transposeA: true, alpha });
  const dkv = unpad(e, e.op('Concat', [fromHeads(e, dk, c), fromHeads(e, dv, c)], { axis: 1 }));
  return [e.op('Reshape', [dq, e.integers(-1, c)]), dkv];
}
