import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lowerGraph } from '#attune/engine/onnx/lowering.js';
import { GraphBuilder } from '#attune/graph/graph.js';
import type { Graph } from '#attune/graph/graph.js';
import { gradients } from '#attune/graph/gradients.js';
import { add, crossEntropy, dropout, gather, linear } from '#attune/graph/operations.js';
import { gpt2Graphs, gradientName } from '#attune/model/gpt2.js';
import { tinyConfig } from '../../support/models.js';
import { decodeOnnx } from './onnx-reader.js';

/** The smallest model that trains: logits = dropout(table[ids])[pooled] weight + bias. */
function tinyGraph(): Graph {
  const g = new GraphBuilder();
  const table = g.parameter('table', [9, 4]);
  const weight = g.parameter('weight', [4, 2]);
  const bias = g.parameter('bias', [2]);
  const x = dropout(g, gather(g, table, g.input('inputIds', ['tokens'], 'int32')), {
    site: 5,
    probability: 0.25,
  });
  const logits = linear(g, gather(g, x, g.input('pooledTokens', ['rows'], 'int32')), weight, bias);
  const loss = crossEntropy(
    g,
    logits,
    g.input('labels', ['rows'], 'int32'),
    g.input('lossWeight', [], 'float32'),
  );
  const [dTable, dWeight, dBias] = gradients(g, loss, [table, weight, bias]);
  return g.finish({
    loss,
    [gradientName('table')]: dTable,
    [gradientName('weight')]: dWeight,
    [gradientName('bias')]: dBias,
  });
}

describe('lowerGraph', () => {
  it('lowers a small training graph to exactly these ONNX nodes, inputs and outputs', () => {
    const lowered = lowerGraph(tinyGraph());
    const { irVersion, opsets, nodes, inputs, outputs, constants } = decodeOnnx(lowered.model);
    assert.equal(irVersion, 10);
    assert.deepEqual(opsets, { '': 21, 'com.microsoft': 1 });
    assert.deepEqual(
      nodes.map(({ op }) => op),
      [
        'Gather',
        'Mul', // table rows, dropout
        'Gather',
        'Gemm', // pooling, linear
        'LogSoftmax',
        'Unsqueeze',
        'GatherElements',
        'ReduceSum',
        'Mul',
        'Neg', // cross entropy
        'Unsqueeze',
        'Equal',
        'Cast',
        'Softmax',
        'Sub',
        'Mul', // its gradient
        'Gemm',
        'Gemm',
        'ReduceSum', // gradients of pooled x, weight, bias
        'Shape',
        'Concat',
        'ConstantOfShape',
        'Cast',
        'Unsqueeze',
        'ScatterND', // gradient of pooling
        'Mul', // gradient of dropout; the table's own is its rows, added up by the engine
      ],
    );
    assert.deepEqual(inputs, [
      { name: 'table', type: 1, shape: [9, 4] },
      { name: 'weight', type: 1, shape: [4, 2] },
      { name: 'bias', type: 1, shape: [2] },
      { name: 'inputIds', type: 6, shape: ['N'] },
      { name: 'pooledTokens', type: 7, shape: ['B'] },
      { name: 'labels', type: 7, shape: ['B'] },
      { name: 'lossWeight', type: 1, shape: [] },
      { name: 'dropout.5', type: 1, shape: ['N', 4] },
    ]);
    assert.deepEqual(outputs, [
      { name: 'loss', type: 1, shape: [] },
      { name: 'gradient of table', type: 1, shape: ['N', 4] },
      { name: 'gradient of weight', type: 1, shape: [4, 2] },
      { name: 'gradient of bias', type: 1, shape: [2] },
    ]);
    assert.deepEqual(lowered.parameters, ['table', 'weight', 'bias']);
    assert.deepEqual([...lowered.feeds].sort(), ['inputIds', 'labels', 'lossWeight', 'pooledTokens']);
    assert.deepEqual(lowered.dropout, [
      { site: 5, probability: 0.25, name: 'dropout.5', covers: { rows: 'tokens', columns: 4 } },
    ]);
    assert.deepEqual(lowered.outputs.get('gradient of table'), {
      name: 'gradient of table',
      kind: 'rows',
      indices: 'inputIds',
      columns: 4,
    });
    assert.deepEqual(lowered.outputs.get('gradient of bias'), {
      name: 'gradient of bias',
      kind: 'dense',
      shape: [2],
    });
    assert.equal(new Set(constants).size, constants.length);
    const [weightGradient] = nodes.filter(({ outputs: [name] }) => name === 'gradient of weight');
    assert.deepEqual(weightGradient.attributes, { transA: 1, transB: 0 });
  });

  it('writes every name of a whole GPT-2 once, and before it is read', () => {
    const config = tinyConfig({ embd_pdrop: 0.1, attn_pdrop: 0.1, resid_pdrop: 0.1, n_layer: 3 });
    const { inference, training } = gpt2Graphs(config);
    for (const graph of [inference, training]) {
      const { nodes, inputs, outputs, constants } = decodeOnnx(lowerGraph(graph).model);
      const known = new Set([...inputs.map(({ name }) => name), ...constants]);
      assert.equal(known.size, inputs.length + constants.length);
      for (const node of nodes) {
        for (const input of node.inputs) assert.ok(known.has(input), `${node.op} reads ${input}`);
        for (const output of node.outputs) {
          assert.ok(!known.has(output), `${output} is written twice`);
          known.add(output);
        }
      }
      for (const { name } of outputs) assert.ok(known.has(name), name);
    }
  });

  it('feeds inference neither labels nor masks, and training one mask per dropout site', () => {
    const { inference, training } = gpt2Graphs(tinyConfig({ embd_pdrop: 0.1, attn_pdrop: 0.2, n_layer: 2 }));
    const forward = lowerGraph(inference);
    assert.deepEqual(forward.dropout, []);
    assert.ok(!forward.feeds.includes('labels') && !forward.feeds.includes('lossWeight'));
    const masks = decodeOnnx(lowerGraph(training).model).inputs.filter(({ name }) =>
      name.startsWith('dropout.'),
    );
    assert.deepEqual(
      masks.map(({ shape }) => shape),
      [
        ['N', 8],
        ['B', 2, 'T', 'T'],
        ['B', 2, 1, 'T'],
      ],
    );
  });

  it('copies a value that is output under a second name', () => {
    const g = new GraphBuilder();
    const x = g.parameter('x', [2, 2]);
    const y = add(g, x, x);
    const { nodes, outputs } = decodeOnnx(lowerGraph(g.finish({ a: y, b: y })).model);
    assert.deepEqual(
      nodes.map(({ op, inputs, outputs: written }) => [op, ...inputs, ...written]),
      [
        ['Add', 'x', 'x', 'a'],
        ['Identity', 'a', 'b'],
      ],
    );
    assert.deepEqual(
      outputs.map(({ name }) => name),
      ['a', 'b'],
    );
  });
});
