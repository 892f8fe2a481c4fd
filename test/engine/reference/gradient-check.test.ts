import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { PackedBatch } from '#attune/engine/batch.js';
import { kernels } from '#attune/engine/reference/operations.js';
import { GraphBuilder } from '#attune/graph/graph.js';
import type { DropoutSite, OperationName, Shape, Value } from '#attune/graph/graph.js';
import * as ops from '#attune/graph/operations.js';
import { checkFunction, checkGraph, lossGraph } from '../../support/gradient-check.js';
import type { GradientCheckOptions } from '../../support/gradient-check.js';
import { Random } from '../../support/random.js';

/** Rows of 3, 1, 4 and 1 tokens, the last fully masked. Ids 0 and 6 do not occur, 2 occurs three times. */
const BATCH: PackedBatch = packRows(
  [
    { ids: Int32Array.of(2, 1, 2), blind: false },
    { ids: Int32Array.of(3), blind: false },
    { ids: Int32Array.of(4, 2, 5, 1), blind: false },
    { ids: Int32Array.of(5), blind: true },
  ],
  [0, 2, 1, 0],
);
const MASKED: PackedBatch = {
  ...BATCH,
  attentionMask: Uint8Array.of(1, 0, 1, 1, 0, 1, 1, 0, 1),
  pooledTokens: Int32Array.of(1, 3, 6, 8),
};

const SITE: DropoutSite = { site: 3, probability: 0.4 };
const OPTIONS: GradientCheckOptions = { seed: 5, lossWeight: 0.3, dropout: { seed: 42, pass: 7 } };

const p = (g: GraphBuilder, name: string, ...shape: Shape): Value => g.parameter(name, shape);
const ids = (g: GraphBuilder): Value => g.input('inputIds', ['tokens'], 'int32');
const pooled = (g: GraphBuilder): Value => g.input('pooledTokens', ['rows'], 'int32');

function splitMatrix(g: GraphBuilder): Value {
  const [left, middle, right] = ops.splitColumns(g, p(g, 'x', 'tokens', 7), [2, 3, 2]);
  return ops.add(
    g,
    ops.gelu(g, middle),
    ops.linear(g, ops.add(g, left, right), p(g, 'weight', 2, 3), p(g, 'bias', 3)),
  );
}

function splitVector(g: GraphBuilder): Value {
  const [first, second] = ops.splitColumns(g, p(g, 'biases', 7), [4, 3]);
  const hidden = ops.gelu(g, ops.linear(g, p(g, 'x', 'tokens', 3), p(g, 'weight1', 3, 4), first));
  return ops.linear(g, hidden, p(g, 'weight2', 4, 3), second);
}

interface Check {
  readonly name: string;
  readonly build: (g: GraphBuilder) => Value;
  readonly batch?: PackedBatch;
}

const addTwice = (g: GraphBuilder, a: Value): Value => ops.add(g, a, a);
const attention = (dropout?: DropoutSite) => (g: GraphBuilder) =>
  ops.attention(g, p(g, 'qkv', 'tokens', 12), { heads: 2, scale: 0.6, dropout });
const pooledAttention = (dropout?: DropoutSite) => (g: GraphBuilder) =>
  ops.pooledAttention(g, p(g, 'q', 'rows', 4), p(g, 'kv', 'tokens', 8), {
    heads: 2,
    scale: 0.6,
    dropout,
  });

const CHECKS: readonly Check[] = [
  { name: 'add', build: (g) => ops.add(g, p(g, 'a', 'tokens', 3), p(g, 'b', 'tokens', 3)) },
  { name: 'add of a value to itself', build: (g) => addTwice(g, p(g, 'a', 4, 3)) },
  { name: 'gather from a table', build: (g) => ops.gather(g, p(g, 'table', 7, 3), ids(g)) },
  { name: 'gather of pooled tokens', build: (g) => ops.gather(g, p(g, 'x', 'tokens', 3), pooled(g)) },
  {
    name: 'linear',
    build: (g) => ops.linear(g, p(g, 'x', 'tokens', 4), p(g, 'weight', 4, 3), p(g, 'bias', 3)),
  },
  { name: 'matmul', build: (g) => ops.matmul(g, p(g, 'a', 5, 4), p(g, 'b', 4, 3)) },
  {
    name: 'matmul, a transposed',
    build: (g) => ops.matmul(g, p(g, 'a', 4, 5), p(g, 'b', 4, 3), true, false),
  },
  {
    name: 'matmul, b transposed',
    build: (g) => ops.matmul(g, p(g, 'a', 5, 4), p(g, 'b', 3, 4), false, true),
  },
  {
    name: 'matmul, both transposed',
    build: (g) => ops.matmul(g, p(g, 'a', 4, 5), p(g, 'b', 3, 4), true, true),
  },
  {
    name: 'layerNorm',
    build: (g) => ops.layerNorm(g, p(g, 'x', 'tokens', 5), p(g, 'weight', 5), p(g, 'bias', 5), 1e-5),
  },
  {
    name: 'layerNorm, large epsilon',
    build: (g) => ops.layerNorm(g, p(g, 'x', 'rows', 5), p(g, 'weight', 5), p(g, 'bias', 5), 0.7),
  },
  { name: 'gelu', build: (g) => ops.gelu(g, p(g, 'x', 'tokens', 4)) },
  { name: 'dropout', build: (g) => ops.dropout(g, p(g, 'x', 'tokens', 4), SITE) },
  { name: 'splitColumns of a matrix', build: splitMatrix },
  { name: 'splitColumns of vectors', build: splitVector },
  { name: 'attention', build: attention() },
  { name: 'attention with dropout', build: attention(SITE) },
  { name: 'attention with masked keys', build: attention(SITE), batch: MASKED },
  { name: 'pooledAttention', build: pooledAttention() },
  { name: 'pooledAttention with dropout', build: pooledAttention(SITE) },
  {
    name: 'pooledAttention with masked keys and other pooled tokens',
    build: pooledAttention(SITE),
    batch: MASKED,
  },
];

describe('gradients, against finite differences', () => {
  const checked = new Set<OperationName>();

  for (const { name, build, batch } of CHECKS) {
    it(`differentiate ${name}`, () => {
      for (const op of checkFunction(build, batch ?? BATCH, OPTIONS)) checked.add(op);
    });
  }

  it('differentiate crossEntropy', () => {
    const g = new GraphBuilder();
    const graph = lossGraph(g, g.parameter('logits', ['rows', 3]));
    checkGraph(graph, new Map([['logits', new Random(1).normals(BATCH.rows * 3, 2)]]), BATCH, OPTIONS);
    for (const { op } of graph.nodes) checked.add(op);
  });

  it('cover every operation', () => {
    assert.deepEqual([...checked].sort(), Object.keys(kernels).sort());
  });
});
