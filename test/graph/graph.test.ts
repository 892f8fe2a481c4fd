import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GraphBuilder, parameterName, shapesEqual } from '#attune/graph/graph.js';
import { add, gelu, linear, splitColumns } from '#attune/graph/operations.js';

describe('GraphBuilder', () => {
  it('keeps the nodes that the outputs need, in the order they were built, when it finishes', () => {
    const g = new GraphBuilder();
    const x = g.parameter('x', [2, 4]);
    const used = gelu(g, x);
    const unused = add(g, used, x);
    gelu(g, unused);
    const [left, right] = splitColumns(g, used, [2, 2]);
    const y = add(g, left, right);
    const graph = g.finish({ y, x });
    assert.deepEqual(
      graph.nodes.map(({ op }) => op),
      ['gelu', 'splitColumns', 'add'],
    );
    assert.equal(graph.outputs.get('y'), y);
    assert.equal(graph.outputs.get('x'), x);
    assert.equal(g.nodes.length, 5, 'the builder itself keeps all');
  });

  it('puts nodes behind the nodes that they use', () => {
    const g = new GraphBuilder();
    let x = g.parameter('x', ['tokens', 3]);
    for (let i = 0; i < 4; i++)
      x = add(g, gelu(g, x), linear(g, x, g.parameter(`w${i}`, [3, 3]), g.parameter(`b${i}`, [3])));
    const seen = new Set<number>();
    for (const node of g.finish({ x }).nodes) {
      for (const { source, id } of node.inputs) if ('node' in source) assert.ok(seen.has(id));
      for (const { id } of node.outputs) seen.add(id);
    }
  });

  it('refuses to declare a parameter twice, and returns the same input each time', () => {
    const g = new GraphBuilder();
    g.parameter('x', [2]);
    assert.throws(() => g.parameter('x', [2]), /parameter x is declared twice/);
    assert.equal(g.input('labels', ['rows'], 'int32'), g.input('labels', ['rows'], 'int32'));
  });
});

describe('parameterName', () => {
  it('is undefined for an input', () => {
    const g = new GraphBuilder();
    assert.equal(parameterName(g.parameter('x', [2])), 'x');
    assert.equal(parameterName(g.input('labels', ['rows'], 'int32')), undefined);
  });
});

describe('shapesEqual', () => {
  it('compares the number of dimensions and each dimension', () => {
    assert.ok(shapesEqual(['tokens', 3], ['tokens', 3]));
    assert.ok(!shapesEqual(['tokens', 3], ['rows', 3]));
    assert.ok(!shapesEqual([3], [3, 1]));
    assert.ok(shapesEqual([], []));
  });
});
