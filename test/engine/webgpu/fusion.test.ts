/** Which operations share a kernel, and which results are written. kernels.slow.test.ts checks the numbers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MOST_STORAGE_BUFFERS, groupsOf } from '#attune/engine/webgpu/fusion.js';
import { lowerToWgsl } from '#attune/engine/webgpu/lowering.js';
import { GraphBuilder } from '#attune/graph/graph.js';
import type { Graph, Node, Value } from '#attune/graph/graph.js';
import * as ops from '#attune/graph/operations.js';
import { gpt2Graphs } from '#attune/model/gpt2.js';
import { tinyConfig } from '../../support/models.js';

const SIZE = { tokens: 80, rows: 8 };
const nodeOf = <Op extends Node['op']>(value: Value): Node<Op> =>
  (value.source as { readonly node: unknown }).node as Node<Op>;
const operationsOf = (graph: Graph): string[] =>
  groupsOf(graph).map(({ root, steps }) => [root.op, ...steps.map(({ op }) => op)].join(' '));

/** x [N, 4] through a linear layer of width 4 with parameters of its own. */
const linear = (g: GraphBuilder, x: Value, name: string): Value =>
  ops.linear(g, x, g.parameter(`${name} weight`, [4, 4]), g.parameter(`${name} bias`, [4]));

describe('groupsOf', () => {
  it('writes a value only if something outside its group reads it', () => {
    const g = new GraphBuilder();
    const x = g.parameter('x', ['tokens', 4]);
    const before = linear(g, x, 'a');
    const hidden = ops.gelu(g, before);
    const y = ops.add(g, x, ops.dropout(g, linear(g, hidden, 'b'), { site: 0, probability: 0.5 }));
    const inference = g.finish({ y });
    assert.deepEqual(operationsOf(inference), ['linear gelu', 'linear dropout add']);
    assert.deepEqual(
      groupsOf(inference).map(({ written }) => written),
      [[hidden], [y]],
    );

    const dx = ops.geluGrad(
      g,
      ops.matmul(g, g.parameter('dy', ['tokens', 4]), g.parameters.get('b weight')!, false, true),
      nodeOf<'gelu'>(hidden),
    );
    const training = g.finish({ y, dx });
    assert.deepEqual(operationsOf(training), ['linear gelu', 'linear dropout add', 'matmul geluGrad']);
    assert.deepEqual(
      groupsOf(training).map(({ written }) => written),
      [[before, hidden], [y], [dx]],
    );
  });

  it('adds a step to the last of the groups whose results it reads', () => {
    const g = new GraphBuilder();
    const x = g.parameter('x', ['tokens', 4]);
    const [a, b] = [linear(g, x, 'a'), linear(g, x, 'b')];
    const sum = ops.add(g, a, b);
    assert.deepEqual(
      groupsOf(g.finish({ sum })).map(({ root, written }) => [root.outputs[0], written]),
      [
        [a, [a]],
        [b, [sum]],
      ],
    );
  });

  it('computes the gradient of a bias with that of its weight, once', () => {
    const g = new GraphBuilder();
    const [x, dy] = [g.parameter('x', ['tokens', 4]), g.parameter('dy', ['tokens', 6])];
    const dweight = ops.matmul(g, x, dy, true, false);
    const [dbias, again, other] = [ops.sumRows(g, dy), ops.sumRows(g, dy), ops.sumRows(g, x)];
    const groups = groupsOf(g.finish({ dweight, dbias, again, other }));
    assert.deepEqual(
      groups.map(({ root, sums }) => [root.outputs[0], sums?.outputs[0]]),
      [
        [dweight, dbias],
        [again, undefined],
        [other, undefined],
      ],
    );
  });

  it('binds no more storage buffers than WebGPU guarantees, whatever follows a product', () => {
    // Each step reads a value made before and, some of them, a parameter.
    const step = fc.record({
      op: fc.constantFrom('add', 'gelu', 'dropout', 'linear'),
      from: fc.nat(),
      other: fc.option(fc.nat()),
      kept: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const g = new GraphBuilder();
        const values = [linear(g, g.parameter('x', ['tokens', 4]), 'first')];
        const outputs: Record<string, Value> = {};
        for (const [i, { op, from, other, kept }] of steps.entries()) {
          const value = values[from % values.length];
          const second =
            other === null ? g.parameter(`term ${i}`, ['tokens', 4]) : values[other % values.length];
          const make = {
            add: () => ops.add(g, value, second),
            gelu: () => ops.gelu(g, value),
            dropout: () => ops.dropout(g, value, { site: i, probability: 0.5 }),
            linear: () => linear(g, value, `${i}`),
          };
          const made = make[op]();
          values.push(made);
          if (kept) outputs[`${i}`] = made;
        }
        outputs['last'] = values.at(-1)!;
        const graph = g.finish(outputs);

        const groups = groupsOf(graph);
        assert.equal(
          groups.reduce((sum, group) => sum + 1 + group.steps.length + (group.sums ? 1 : 0), 0),
          graph.nodes.length,
        );
        const there = new Set<Value>();
        for (const { root, steps: folded, written } of groups) {
          const inside = new Set<Value>();
          for (const node of [root, ...folded]) {
            for (const input of node.inputs)
              assert.ok(
                !('node' in input.source) || there.has(input) || inside.has(input),
                'a value is read that was not written before',
              );
            inside.add(node.outputs[0]);
          }
          for (const value of written) there.add(value);
        }
        for (const value of graph.outputs.values()) assert.ok(there.has(value));
        for (const { code, label } of lowerToWgsl(graph))
          assert.ok((code.match(/var<storage/g) ?? []).length <= MOST_STORAGE_BUFFERS, label);
      }),
    );
  });
});

describe('lowerToWgsl', () => {
  it('leaves no element-wise dispatch in a training step, and compiles the blocks once', () => {
    const dropout = { embd_pdrop: 0.1, attn_pdrop: 0.1, resid_pdrop: 0.1 };
    const dispatches = [3, 6].map((n_layer) =>
      lowerToWgsl(gpt2Graphs(tinyConfig({ n_layer, ...dropout })).training).filter(
        ({ when }) => !when || when(SIZE),
      ),
    );
    assert.ok(dispatches[0].length > 0);
    for (const { label } of dispatches[0]) assert.doesNotMatch(label, /^(add|gelu|geluGrad|dropout)\b/);
    const [sources, more] = dispatches.map((each) => new Set(each.map(({ code }) => code)).size);
    assert.equal(more, sources);
  });
});
