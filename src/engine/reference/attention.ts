/**
 * Multi-head attention (Vaswani et al. 2017) within the rows of a packed batch.
 *
 *   C = columns of q, k and v, cut into heads of width D = C / heads
 *
 * A query is a token i of a row. Visible to it are the keys j of the same row with j <= i that the attention
 * mask allows; none, if the row is blind. Per head: p = softmax over the visible j of scale * q·k[j]; context
 * = sum of factor[j] p[j] v[j], where factor is dropout's. A query that sees no key has context zero: what
 * scaled_dot_product_attention gives for a row that is masked as a whole.
 */
import { ATTENTION_STRIDE } from '../../graph/dropout-mask.js';
import type { AttentionAttributes } from '../../graph/graph.js';
import type { PackedBatch } from '../batch.js';
import { pooledTokensOf } from './batch-inputs.js';
import { dropoutFactors } from './dropout.js';
import type { Kernel, KernelContext } from './kernel.js';
import { matrixSize } from './kernel.js';

/** C columns of a matrix that is `stride` columns wide, from column `left`. */
interface Columns {
  readonly data: Float64Array;
  readonly stride: number;
  readonly left: number;
}

interface Operands {
  readonly q: Columns;
  readonly k: Columns;
  readonly v: Columns;
}

interface Query {
  /**
   * Where its q and context lie: the token's number, or the row's in pooled attention. Dropout counts by it,
   * too.
   */
  readonly index: number;
  readonly row: number;
  readonly token: number;
}

/** qkv [N, 3C] -> context [N, C] */
export const attention: Kernel<'attention'> = (node, [qkv], context) => {
  const width = matrixSize(qkv)[1] / 3;
  return [attend(everyToken(context.batch), ofTokens(qkv.data, width), width, node.attributes, context)];
};

/** dcontext [N, C], qkv [N, 3C] -> dqkv [N, 3C] */
export const attentionGrad: Kernel<'attentionGrad'> = (node, [dcontext, qkv], context) => {
  const width = matrixSize(qkv)[1] / 3;
  const dqkv = new Float64Array(qkv.data.length);
  const operands = ofTokens(qkv.data, width);
  attendGrad(
    everyToken(context.batch),
    dcontext.data,
    operands,
    ofTokens(dqkv, width),
    width,
    node.attributes.forward.attributes,
    context,
  );
  return [dqkv];
};

/** q [B, C], kv [N, 2C] -> context [B, C] */
export const pooledAttention: Kernel<'pooledAttention'> = (node, [q, kv], context) => {
  const [, width] = matrixSize(q);
  return [
    attend(pooledTokens(context.batch), ofRows(q.data, kv.data, width), width, node.attributes, context),
  ];
};

/** dcontext [B, C], q [B, C], kv [N, 2C] -> dq [B, C], dkv [N, 2C] */
export const pooledAttentionGrad: Kernel<'pooledAttentionGrad'> = (node, [dcontext, q, kv], context) => {
  const [, width] = matrixSize(q);
  const dq = new Float64Array(q.data.length);
  const dkv = new Float64Array(kv.data.length);
  const operands = ofRows(q.data, kv.data, width);
  attendGrad(
    pooledTokens(context.batch),
    dcontext.data,
    operands,
    ofRows(dq, dkv, width),
    width,
    node.attributes.forward.attributes,
    context,
  );
  return [dq, dkv];
};

function ofTokens(qkv: Float64Array, width: number): Operands {
  const stride = 3 * width;
  return {
    q: { data: qkv, stride, left: 0 },
    k: { data: qkv, stride, left: width },
    v: { data: qkv, stride, left: 2 * width },
  };
}

function ofRows(q: Float64Array, kv: Float64Array, width: number): Operands {
  const stride = 2 * width;
  return {
    q: { data: q, stride: width, left: 0 },
    k: { data: kv, stride, left: 0 },
    v: { data: kv, stride, left: width },
  };
}

function everyToken(batch: PackedBatch): Query[] {
  const queries: Query[] = [];
  for (let row = 0; row < batch.rows; row++) {
    for (let token = batch.rowOffsets[row]; token < batch.rowOffsets[row + 1]; token++)
      queries.push({ index: token, row, token });
  }
  return queries;
}

function pooledTokens(batch: PackedBatch): Query[] {
  return Array.from(pooledTokensOf(batch), (token, row) => ({ index: row, row, token }));
}

function visibleKeys({ row, token }: Query, batch: PackedBatch): number[] {
  const keys: number[] = [];
  if (batch.blindRows[row]) return keys;
  for (let j = batch.rowOffsets[row]; j <= token; j++) {
    if (!batch.attentionMask || batch.attentionMask[j]) keys.push(j);
  }
  return keys;
}

function attend(
  queries: readonly Query[],
  { q, k, v }: Operands,
  width: number,
  attributes: AttentionAttributes,
  context: KernelContext,
): Float64Array {
  const y = new Float64Array(queries.length * width);
  const factor = probabilityFactors(attributes, context);
  const headWidth = width / attributes.heads;
  for (const query of queries) {
    const keys = visibleKeys(query, context.batch);
    for (let head = 0; head < attributes.heads; head++) {
      const first = head * headWidth;
      const p = probabilities(q, k, query, keys, first, headWidth, attributes.scale);
      keys.forEach((key, n) => {
        const weight = p[n] * factor(query, head, key);
        for (let c = first; c < first + headWidth; c++) y[query.index * width + c] += weight * at(v, key, c);
      });
    }
  }
  return y;
}

/**
 * With dp[j] = factor[j] * dcontext·v[j] and ds[j] = p[j] * (dp[j] - sum of p dp):
 * dq += scale * ds[j] k[j];  dk[j] += scale * ds[j] q;  dv[j] += factor[j] p[j] dcontext. Adds into
 * `gradient`.
 */
function attendGrad(
  queries: readonly Query[],
  dcontext: Float64Array,
  { q, k, v }: Operands,
  gradient: Operands,
  width: number,
  attributes: AttentionAttributes,
  context: KernelContext,
): void {
  const factor = probabilityFactors(attributes, context);
  const headWidth = width / attributes.heads;
  for (const query of queries) {
    const keys = visibleKeys(query, context.batch);
    for (let head = 0; head < attributes.heads; head++) {
      const first = head * headWidth;
      const p = probabilities(q, k, query, keys, first, headWidth, attributes.scale);
      const factors = keys.map((key) => factor(query, head, key));
      const dy = (c: number): number => dcontext[query.index * width + c];
      const dp = keys.map((key, n) => {
        let dot = 0;
        for (let c = first; c < first + headWidth; c++) dot += dy(c) * at(v, key, c);
        return factors[n] * dot;
      });
      const mean = p.reduce((sum, probability, n) => sum + probability * dp[n], 0);
      keys.forEach((key, n) => {
        const dscore = attributes.scale * p[n] * (dp[n] - mean);
        for (let c = first; c < first + headWidth; c++) {
          addAt(gradient.q, query.index, c, dscore * at(k, key, c));
          addAt(gradient.k, key, c, dscore * at(q, query.index, c));
          addAt(gradient.v, key, c, factors[n] * p[n] * dy(c));
        }
      });
    }
  }
}

/** Softmax over the keys of one query in one head. */
function probabilities(
  q: Columns,
  k: Columns,
  query: Query,
  keys: readonly number[],
  first: number,
  headWidth: number,
  scale: number,
): number[] {
  const scores = keys.map((key) => {
    let dot = 0;
    for (let c = first; c < first + headWidth; c++) dot += at(q, query.index, c) * at(k, key, c);
    return scale * dot;
  });
  const largest = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

/**
 * Dropout's factor of the probability of a key (a token of the batch), by the counters that
 * graph/dropout-mask.ts sets.
 */
function probabilityFactors(
  { heads, dropout }: AttentionAttributes,
  context: KernelContext,
): (query: Query, head: number, key: number) => number {
  const factor = dropoutFactors(dropout, context);
  return (query, head, key) =>
    factor((query.index * heads + head) * ATTENTION_STRIDE + key - context.batch.rowOffsets[query.row]);
}

function at(columns: Columns, row: number, c: number): number {
  return columns.data[row * columns.stride + columns.left + c];
}

function addAt(columns: Columns, row: number, c: number, value: number): void {
  columns.data[row * columns.stride + columns.left + c] += value;
}
