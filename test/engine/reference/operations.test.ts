/** Values of single operations. "As PyTorch" means PyTorch 2.13 in float64. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import type { PackedBatch } from '#attune/engine/batch.js';
import { execute } from '#attune/engine/reference/execute.js';
import type { ExecuteOptions } from '#attune/engine/reference/execute.js';
import { dropoutFactor, dropoutKey } from '#attune/graph/dropout-mask.js';
import { GraphBuilder } from '#attune/graph/graph.js';
import type { Shape, Value } from '#attune/graph/graph.js';
import * as ops from '#attune/graph/operations.js';
import { assertClose } from '../../support/numbers.js';

/** Rows of 2 and 1 tokens. */
const BATCH = packRows(
  [
    { ids: Int32Array.of(1, 0), blind: false },
    { ids: Int32Array.of(2), blind: false },
  ],
  [2, 0],
);

type Leaves = Readonly<Record<string, { readonly shape: Shape; readonly values: readonly number[] }>>;

function compute(
  leaves: Leaves,
  build: (g: GraphBuilder, value: (name: string) => Value) => Value,
  batch: PackedBatch = BATCH,
  options?: ExecuteOptions,
): Float64Array {
  const g = new GraphBuilder();
  const parameters = new Map<string, Float64Array>();
  for (const [name, { shape, values }] of Object.entries(leaves)) {
    g.parameter(name, shape);
    parameters.set(name, Float64Array.from(values));
  }
  const graph = g.finish({ y: build(g, (name) => g.parameters.get(name)!) });
  return execute(graph, parameters, batch, options).get('y')!;
}

describe('execute', () => {
  it('computes gelu in its tanh form, as PyTorch computes gelu_new', () => {
    const y = compute({ x: { shape: [6, 1], values: [-3, -1, -0.25, 0, 0.5, 2] } }, (g, v) =>
      ops.gelu(g, v('x')),
    );
    assertClose(
      y,
      [
        -0.0036373920817729943, -0.1588080093917233, -0.100324649298315, 0, 0.34571400982514394,
        1.954597694087775,
      ],
      1e-15,
    );
  });

  it('computes layerNorm with biased variance and epsilon inside the root, as PyTorch', () => {
    const leaves = {
      x: { shape: [2, 3], values: [1, 2, 4, -0.001, 0.002, 0.0005] },
      weight: { shape: [3], values: [1.5, -0.5, 2] },
      bias: { shape: [3], values: [0.1, 0.2, 0.3] },
    };
    const y = compute(leaves, (g, v) => ops.layerNorm(g, v('x'), v('weight'), v('bias'), 1e-5));
    assertClose(
      y,
      [
        -1.5035622971754465, 0.33363019143128725, 2.9726038286257435, -0.563488802697037,
        -0.021162934232345693, 0.3,
      ],
      1e-14,
    );
  });

  it('computes crossEntropy as a sum over rows times the loss weight, as PyTorch', () => {
    const loss = compute(
      { logits: { shape: ['rows', 3], values: [1, 2, -1, 0.5, -0.5, 3] } },
      (g, v) =>
        ops.crossEntropy(
          g,
          v('logits'),
          g.input('labels', ['rows'], 'int32'),
          g.input('lossWeight', [], 'float32'),
        ),
      BATCH,
      { lossWeight: 0.25 },
    );
    assertClose(loss, [1.4888565802620355], 1e-15);
  });

  it('computes crossEntropy of huge logits without overflow', () => {
    const loss = compute(
      { logits: { shape: ['rows', 3], values: [1e4, 0, 0, 0, -1e4, -1e4] } },
      (g, v) =>
        ops.crossEntropy(
          g,
          v('logits'),
          g.input('labels', ['rows'], 'int32'),
          g.input('lossWeight', [], 'float32'),
        ),
      BATCH,
      { lossWeight: 1 },
    );
    assertClose(loss, [1e4], 1e-9);
  });

  it('computes linear, matmul, gather and the operations on columns', () => {
    const leaves = {
      x: { shape: [2, 3], values: [1, 2, 3, 4, 5, 6] },
      w: { shape: [3, 2], values: [1, 0, 0, 10, 100, -1] },
      b: { shape: [2], values: [0.5, 0.25] },
    } as const;
    assert.deepEqual(
      [...compute(leaves, (g, v) => ops.linear(g, v('x'), v('w'), v('b')))],
      [301.5, 17.25, 604.5, 44.25],
    );
    assert.deepEqual(
      [...compute(leaves, (g, v) => ops.matmul(g, v('x'), v('w'), true, true))],
      [1, 40, 96, 2, 50, 195, 3, 60, 294],
    );
    assert.deepEqual(
      [...compute(leaves, (g, v) => ops.gather(g, v('w'), g.input('inputIds', ['tokens'], 'int32')))],
      [0, 10, 1, 0, 100, -1],
    );
    assert.deepEqual(
      [...compute(leaves, (g, v) => ops.gather(g, v('w'), g.input('pooledTokens', ['rows'], 'int32')))],
      [0, 10, 100, -1],
    );
    assert.deepEqual([...compute(leaves, (g, v) => ops.splitColumns(g, v('x'), [1, 2])[1])], [2, 3, 5, 6]);
    assert.deepEqual(
      [
        ...compute(leaves, (g, v) =>
          ops.joinColumns(g, [v('x'), ops.gather(g, v('w'), g.input('pooledTokens', ['rows'], 'int32'))]),
        ),
      ],
      [1, 2, 3, 0, 10, 4, 5, 6, 100, -1],
    );
    assert.deepEqual([...compute(leaves, (g, v) => ops.sumRows(g, v('x')))], [5, 7, 9]);
  });

  it('computes gatherGrad as a sum per index, zero for indices that do not occur', () => {
    const batch = packRows([{ ids: Int32Array.of(2, 0, 2), blind: false }]);
    const leaves = { dy: { shape: ['tokens', 2], values: [1, 2, 3, 4, 10, 20] } } as const;
    const y = compute(
      leaves,
      (g, v) => ops.gatherGrad(g, v('dy'), g.input('inputIds', ['tokens'], 'int32'), 4),
      batch,
    );
    assert.deepEqual([...y], [3, 4, 0, 0, 11, 22, 0, 0]);
    const pooled = compute(
      { dy: { shape: ['rows', 2], values: [1, 2] } },
      (g, v) => ops.gatherGrad(g, v('dy'), g.input('pooledTokens', ['rows'], 'int32'), 'tokens'),
      batch,
    );
    assert.deepEqual([...pooled], [0, 0, 0, 0, 1, 2]);
  });

  it('draws the factors of dropout from seed, forward pass, site and element', () => {
    const values = Array.from({ length: 40 }, (_, i) => i + 1);
    const y = compute(
      { x: { shape: [10, 4], values } },
      (g, v) => ops.dropout(g, v('x'), { site: 2, probability: 0.3 }),
      BATCH,
      { dropout: { seed: 9, pass: 5 } },
    );
    assert.deepEqual(
      [...y],
      values.map((x, i) => x * dropoutFactor(dropoutKey(9, 5, 2), i, 0.3)),
    );
    const dropped = y.filter((value) => value === 0).length;
    assert.ok(dropped > 0 && dropped < 40);
  });

  it('names the parameter, seed, loss weight or label that is missing or wrong', () => {
    const g = new GraphBuilder();
    const x = g.parameter('x', ['rows', 2]);
    const loss = ops.crossEntropy(
      g,
      ops.dropout(g, x, { site: 0, probability: 0.5 }),
      g.input('labels', ['rows'], 'int32'),
      g.input('lossWeight', [], 'float32'),
    );
    const graph = g.finish({ loss });
    const dropout = { seed: 1, pass: 0 };
    const x4 = new Map([['x', new Float64Array(4)]]);
    const unlabeled = packRows([
      { ids: Int32Array.of(1, 0), blind: false },
      { ids: Int32Array.of(2), blind: false },
    ]);
    assert.throws(
      () => execute(graph, new Map(), BATCH, { lossWeight: 1, dropout }),
      /parameter x has no value/,
    );
    assert.throws(
      () => execute(graph, new Map([['x', new Float64Array(3)]]), BATCH, { lossWeight: 1, dropout }),
      /parameter x has 3 elements, its shape \[2, 2\] has 4/,
    );
    assert.throws(() => execute(graph, x4, BATCH, { lossWeight: 1 }), /dropout \(site 0\), and no seed/);
    assert.throws(() => execute(graph, x4, BATCH, { dropout }), /needs lossWeight/);
    assert.throws(() => execute(graph, x4, unlabeled, { lossWeight: 1, dropout }), /needs labels/);
    assert.throws(
      () => execute(graph, x4, BATCH, { lossWeight: 1, dropout }),
      /label 2 of row 0 is not one of 2 classes/,
    );
  });

  it('refuses an index outside the table, forward and backward', () => {
    const ids = (g: GraphBuilder): Value => g.input('inputIds', ['tokens'], 'int32');
    assert.throws(
      () =>
        compute({ table: { shape: [2, 1], values: [1, 2] } }, (g, v) => ops.gather(g, v('table'), ids(g))),
      /index 2 at position 2 is outside of a table of 2 rows/,
    );
    assert.throws(
      () =>
        compute({ dy: { shape: ['tokens', 1], values: [1, 2, 3] } }, (g, v) =>
          ops.gatherGrad(g, v('dy'), ids(g), 2),
        ),
      /index 2 at position 2/,
    );
  });
});
