/**
 * Reverse-mode differentiation of a graph: appends to the builder the nodes that compute the gradient of a
 * loss with respect to its parameters. Each rule takes a node and the gradients of its outputs, and gives the
 * gradients of its inputs (undefined: not differentiable, such as indices).
 */
import { shapesEqual } from './graph.js';
import type { AnyNode, GraphBuilder, Node, OperationName, Value } from './graph.js';
import {
  add,
  attentionGrad,
  crossEntropyGrad,
  dropout,
  gatherGrad,
  geluGrad,
  joinColumns,
  layerNormGrad,
  matmul,
  pooledAttentionGrad,
  sumRows,
} from './operations.js';

type Rule<Op extends OperationName> = (
  g: GraphBuilder,
  node: Node<Op>,
  outputGradients: readonly (Value | undefined)[],
) => readonly (Value | undefined)[];

const notDifferentiable = (_: GraphBuilder, node: Node): never => {
  throw new Error(`no gradient rule for ${node.op}: second derivatives are not supported`);
};

const rules: { readonly [Op in OperationName]: Rule<Op> } = {
  add: (_g, _node, [dy]) => [dy, dy],
  gather: (g, node, [dy]) => [gatherGrad(g, dy!, node.inputs[1], node.inputs[0].shape[0]), undefined],
  linear: (g, node, [dy]) => {
    const [x, weight] = node.inputs;
    return [matmul(g, dy!, weight, false, true), matmul(g, x, dy!, true, false), sumRows(g, dy!)];
  },
  matmul: (g, node, [dy]) => {
    const [a, b] = node.inputs;
    const { transposeA, transposeB } = node.attributes;
    return [
      transposeA ? matmul(g, b, dy!, transposeB, true) : matmul(g, dy!, b, false, !transposeB),
      transposeB ? matmul(g, dy!, a, true, transposeA) : matmul(g, a, dy!, !transposeA, false),
    ];
  },
  layerNorm: (g, node, [dy]) => layerNormGrad(g, dy!, node),
  gelu: (g, node, [dy]) => [geluGrad(g, dy!, node)],
  dropout: (g, node, [dy]) => [dropout(g, dy!, node.attributes)],
  attention: (g, node, [dy]) => [attentionGrad(g, dy!, node)],
  pooledAttention: (g, node, [dy]) => pooledAttentionGrad(g, dy!, node),
  splitColumns: (g, node, gradients) => {
    const present = gradients.filter((gradient) => gradient !== undefined);
    if (present.length !== gradients.length)
      throw new Error(`splitColumns of ${node.outputs.length} parts: a part is not used by the loss`);
    return [joinColumns(g, present)];
  },
  crossEntropy: (g, node) => [crossEntropyGrad(g, node), undefined, undefined],
  gatherGrad: notDifferentiable,
  sumRows: notDifferentiable,
  layerNormGrad: notDifferentiable,
  geluGrad: notDifferentiable,
  attentionGrad: notDifferentiable,
  pooledAttentionGrad: notDifferentiable,
  joinColumns: notDifferentiable,
  crossEntropyGrad: notDifferentiable,
};

/**
 * Gradients of `loss` (the output of a crossEntropy node) with respect to `targets`, in their order.
 * @throws if a target does not influence the loss
 */
export function gradients(g: GraphBuilder, loss: Value, targets: readonly Value[]): Value[] {
  if (!('node' in loss.source) || loss.source.node.op !== 'crossEntropy')
    throw new Error('the loss must come from crossEntropy');
  return backward(g, loss, undefined, targets);
}

/**
 * Gradients with respect to `targets` of the sum of `output` times `outputGradient`, elementwise; both have
 * the same shape.
 * @throws if a target does not influence the output
 */
export function gradientsFrom(
  g: GraphBuilder,
  output: Value,
  outputGradient: Value,
  targets: readonly Value[],
): Value[] {
  if (!shapesEqual(output.shape, outputGradient.shape))
    throw new Error(
      `an output of shape [${output.shape.join(', ')}] with a gradient of [${outputGradient.shape.join(', ')}]`,
    );
  return backward(g, output, outputGradient, targets);
}

/** `seed` absent: `output` is a loss, whose rule starts by itself. */
function backward(
  g: GraphBuilder,
  output: Value,
  seed: Value | undefined,
  targets: readonly Value[],
): Value[] {
  const forward = g.nodes.slice();
  const depends = valuesThatDependOn(forward, targets);
  const gradientOf = new Map<Value, Value>();
  if (seed) gradientOf.set(output, seed);

  for (let i = forward.length - 1; i >= 0; i--) {
    const node = forward[i];
    const isLoss = !seed && node.outputs.includes(output);
    const outputGradients = node.outputs.map((value) => gradientOf.get(value));
    if (!isLoss && outputGradients.every((gradient) => gradient === undefined)) continue;
    if (!node.inputs.some((input) => depends.has(input))) continue;
    for (const [k, gradient] of applyRule(g, node, outputGradients).entries()) {
      const input = node.inputs[k];
      if (!gradient || !depends.has(input)) continue;
      const sum = gradientOf.get(input);
      gradientOf.set(input, sum ? add(g, sum, gradient) : gradient);
    }
  }
  return targets.map((target) => {
    const gradient = gradientOf.get(target);
    if (!gradient) {
      const what = JSON.stringify('parameter' in target.source ? target.source : target.id);
      throw new Error(`the ${seed ? 'output' : 'loss'} does not depend on ${what}`);
    }
    return gradient;
  });
}

function applyRule(
  g: GraphBuilder,
  node: AnyNode,
  outputGradients: readonly (Value | undefined)[],
): readonly (Value | undefined)[] {
  // `rules[node.op]` is the rule of this very kind of node; TypeScript cannot correlate the two sides of the
  // union.
  const rule = rules[node.op] as Rule<OperationName>;
  return rule(g, node, outputGradients);
}

function valuesThatDependOn(nodes: readonly AnyNode[], targets: readonly Value[]): Set<Value> {
  const depends = new Set<Value>(targets);
  for (const node of nodes) {
    if (node.inputs.some((input) => depends.has(input)))
      for (const output of node.outputs) depends.add(output);
  }
  return depends;
}
