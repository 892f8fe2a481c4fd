import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import { execute } from '#attune/engine/reference/execute.js';
import { GraphBuilder } from '#attune/graph/graph.js';
import type { Value } from '#attune/graph/graph.js';
import { gradients } from '#attune/graph/gradients.js';
import { add, crossEntropy, gelu, layerNorm, matmul, splitColumns } from '#attune/graph/operations.js';
import { assertClose } from '../support/numbers.js';
import { Random } from '../support/random.js';

const BATCH = packRows(
  [
    { ids: Int32Array.of(0), blind: false },
    { ids: Int32Array.of(0), blind: false },
  ],
  [1, 0],
);

const lossOf = (g: GraphBuilder, logits: Value): Value =>
  crossEntropy(g, logits, g.input('labels', ['rows'], 'int32'), g.input('lossWeight', [], 'float32'));

/** Loss of x a + gelu(x) b, and its gradients by x, a and b. If `shared`, a and b are one parameter. */
function twoUses(shared: boolean): Map<string, Float64Array> {
  const g = new GraphBuilder();
  const x = g.parameter('x', ['rows', 2]);
  const a = g.parameter('a', [2, 3]);
  const b = shared ? a : g.parameter('b', [2, 3]);
  const loss = lossOf(g, add(g, matmul(g, x, a), matmul(g, gelu(g, x), b)));
  const [dx, da, db] = gradients(g, loss, [x, a, b]);
  const random = new Random(4);
  const parameters = new Map([
    ['x', random.normals(4)],
    ['a', random.normals(6)],
  ]);
  parameters.set('b', parameters.get('a')!);
  return execute(g.finish({ loss, dx: dx, da: da, db: db }), parameters, BATCH, { lossWeight: 1 });
}

describe('gradients', () => {
  it('adds up the gradients of all uses of a parameter', () => {
    const one = twoUses(true);
    const two = twoUses(false);
    assertClose(
      one.get('da')!,
      two.get('da')!.map((value, i) => value + two.get('db')![i]),
      1e-15,
    );
    assertClose(one.get('dx')!, two.get('dx')!, 1e-15);
    assert.ok(two.get('da')!.some((value) => Math.abs(value) > 0.01));
    assert.ok(two.get('db')!.some((value) => Math.abs(value) > 0.01));
  });

  it('differentiates nothing that no target needs', () => {
    const g = new GraphBuilder();
    const frozen = layerNorm(
      g,
      gelu(g, g.parameter('x', ['rows', 2])),
      g.parameter('weight', [2]),
      g.parameter('bias', [2]),
      1e-5,
    );
    const head = g.parameter('head', [2, 3]);
    const loss = lossOf(g, matmul(g, frozen, head));
    const [dhead] = gradients(g, loss, [head]);
    assert.deepEqual(
      g.finish({ dhead: dhead }).nodes.map(({ op }) => op),
      ['gelu', 'layerNorm', 'matmul', 'crossEntropyGrad', 'matmul'],
    );
  });

  it('refuses a loss not from crossEntropy, or one that does not depend on the target', () => {
    const g = new GraphBuilder();
    const x = g.parameter('x', ['rows', 2]);
    const other = g.parameter('other', [2]);
    assert.throws(() => gradients(g, gelu(g, x), [x]), /the loss must come from crossEntropy/);
    assert.throws(() => gradients(g, x, [x]), /the loss must come from crossEntropy/);
    assert.throws(() => gradients(g, lossOf(g, x), [other]), /the loss does not depend on .*other/);
  });

  it('refuses splitColumns if the loss does not use all of its parts', () => {
    const g = new GraphBuilder();
    const x = g.parameter('x', ['rows', 5]);
    const loss = lossOf(g, splitColumns(g, x, [2, 3])[0]);
    assert.throws(() => gradients(g, loss, [x]), /splitColumns of 2 parts: a part is not used by the loss/);
  });

  it('refuses second derivatives, and names the operation', () => {
    const g = new GraphBuilder();
    const x = g.parameter('x', ['rows', 2]);
    const [dx] = gradients(g, lossOf(g, gelu(g, x)), [x]);
    const outer = lossOf(g, dx);
    assert.throws(() => gradients(g, outer, [x]), /no gradient rule for geluGrad/);
  });
});
