import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GraphBuilder } from '#attune/graph/graph.js';
import type { Shape, Value } from '#attune/graph/graph.js';
import * as ops from '#attune/graph/operations.js';

const g = new GraphBuilder();
let count = 0;
/** A new parameter of this shape. */
const of = (...shape: Shape): Value => g.parameter(`p${count++}`, shape);
const ids = g.input('inputIds', ['tokens'], 'int32');
const labels = g.input('labels', ['rows'], 'int32');
const lossWeight = g.input('lossWeight', [], 'float32');

describe('graph operations', () => {
  it('have the output shapes of their inputs and attributes', () => {
    assert.deepEqual(ops.add(g, of('rows', 3), of('rows', 3)).shape, ['rows', 3]);
    assert.deepEqual(ops.gather(g, of(9, 4), ids).shape, ['tokens', 4]);
    assert.deepEqual(ops.gatherGrad(g, of('tokens', 4), ids, 9).shape, [9, 4]);
    assert.deepEqual(ops.linear(g, of('tokens', 4), of(4, 7), of(7)).shape, ['tokens', 7]);
    assert.deepEqual(ops.matmul(g, of('tokens', 4), of('tokens', 7), true).shape, [4, 7]);
    assert.deepEqual(ops.matmul(g, of('rows', 4), of(3, 4), false, true).shape, ['rows', 3]);
    assert.deepEqual(ops.sumRows(g, of('tokens', 4)).shape, [4]);
    assert.deepEqual(ops.attention(g, of('tokens', 12), { heads: 2, scale: 1 }).shape, ['tokens', 4]);
    assert.deepEqual(ops.pooledAttention(g, of('rows', 4), of('tokens', 8), { heads: 2, scale: 1 }).shape, [
      'rows',
      4,
    ]);
    assert.deepEqual(
      ops.splitColumns(g, of(6), [1, 5]).map(({ shape }) => shape),
      [[1], [5]],
    );
    assert.deepEqual(ops.joinColumns(g, [of('tokens', 1), of('tokens', 5)]).shape, ['tokens', 6]);
    assert.deepEqual(ops.crossEntropy(g, of('rows', 3), labels, lossWeight).shape, []);
  });

  it('add no node for a dropout without a site', () => {
    const x = of('tokens', 3);
    const before = g.nodes.length;
    assert.equal(ops.dropout(g, x, undefined), x);
    assert.equal(g.nodes.length, before);
  });

  for (const [what, build, message] of [
    [
      'add of two shapes',
      () => ops.add(g, of('tokens', 3), of('rows', 3)),
      /add: b has shape \[rows, 3\], expected \[tokens, 3\]/,
    ],
    [
      'gather from a vector',
      () => ops.gather(g, of(3), ids),
      /gather: table has shape \[3\], expected a matrix/,
    ],
    [
      'linear with a weight that does not fit',
      () => ops.linear(g, of('tokens', 4), of(5, 7), of(7)),
      /linear: weight has shape \[5, 7\], expected \[4, 7\]/,
    ],
    [
      'linear with a bias that does not fit',
      () => ops.linear(g, of('tokens', 4), of(4, 7), of(4)),
      /linear: bias has shape \[4\], expected \[7\]/,
    ],
    [
      'matmul of different inner dimensions',
      () => ops.matmul(g, of(2, 3), of(2, 3)),
      /matmul: inner dimensions 3 and 2 differ/,
    ],
    [
      'matmul of rows with tokens',
      () => ops.matmul(g, of('rows', 3), of('tokens', 3), true),
      /matmul: inner dimensions rows and tokens differ/,
    ],
    [
      'layerNorm with a weight that does not fit',
      () => ops.layerNorm(g, of('tokens', 4), of(3), of(4), 1e-5),
      /layerNorm: weight has shape \[3\], expected \[4\]/,
    ],
    [
      'attention if the heads do not divide the columns',
      () => ops.attention(g, of('tokens', 12), { heads: 5, scale: 1 }),
      /attention: 12 columns do not divide into 3 x 5 heads/,
    ],
    [
      'pooledAttention of queries per token',
      () => ops.pooledAttention(g, of('tokens', 4), of('tokens', 8), { heads: 2, scale: 1 }),
      /pooledAttention: q has shape \[tokens, 4\], expected \[rows, 4\]/,
    ],
    [
      'pooledAttention with kv that does not fit',
      () => ops.pooledAttention(g, of('rows', 4), of('tokens', 12), { heads: 2, scale: 1 }),
      /pooledAttention: kv has shape \[tokens, 12\], expected \[tokens, 8\]/,
    ],
    [
      'splitColumns into widths that do not add up',
      () => ops.splitColumns(g, of('tokens', 6), [2, 3]),
      /splitColumns: widths sum to 5, x has 6 columns/,
    ],
    [
      'crossEntropy of logits per token',
      () => ops.crossEntropy(g, of('tokens', 3), labels, lossWeight),
      /crossEntropy: labels has shape \[rows\], expected \[tokens\]/,
    ],
  ] as const) {
    it(`refuse ${what}`, () => {
      assert.throws(build, message);
    });
  }
});
