/** Every operation of the graph and the kernels that compute it; exhaustive by type. */
import type { AnyNode, DropoutSite, Graph, Node, OperationName, Value } from '../../graph/graph.js';
import type { Dispatch, Finish } from './dispatch.js';
import { groupsOf, isElementwise } from './fusion.js';
import type { ElementwiseNode } from './fusion.js';
import { attention, attentionGrad, pooledAttention, pooledAttentionGrad } from './kernels/attention.js';
import { joinColumns, splitColumns } from './kernels/columns.js';
import { crossEntropy, crossEntropyGrad } from './kernels/cross-entropy.js';
import { elementwise, finishWith } from './kernels/elementwise.js';
import { gather, gatherGrad } from './kernels/gather.js';
import { layerNorm, layerNormGrad } from './kernels/layer-norm.js';
import { linear, matmul } from './kernels/matmul.js';
import type { Units } from './kernels/matmul.js';
import { sumRows } from './kernels/sums.js';
import type { MatrixUnit } from './matrix-unit.js';

type Root = Exclude<OperationName, ElementwiseNode['op']>;

/**
 * How the elements of the first output end, and what only products ask for. Kernels of operations that
 * fusion.ts folds nothing into take none of it.
 */
type Rest = [finish: Finish, units: Units | undefined, sums: Node<'sumRows'> | undefined];

const kernels: { readonly [Op in Root]: (node: Node<Op>, ...rest: Rest) => Dispatch[] } = {
  gather,
  gatherGrad,
  linear,
  matmul,
  sumRows,
  layerNorm,
  layerNormGrad,
  attention,
  attentionGrad,
  pooledAttention,
  pooledAttentionGrad,
  splitColumns,
  joinColumns,
  crossEntropy,
  crossEntropyGrad,
};

/**
 * The dispatches of a graph, in order. `unit`: what multiplies; absent: the GPU's ordinary arithmetic in
 * float32.
 */
export function lowerToWgsl(graph: Graph, unit?: MatrixUnit): Dispatch[] {
  const units = unit && { unit, gradients: gradientsIn(graph) };
  return groupsOf(graph).flatMap(({ root, steps, sums, written }) => {
    if (isElementwise(root)) return written.length > 0 ? elementwise([root, ...steps], written) : [];
    // `kernels[root.op]` is the kernel of this very kind of node; TypeScript cannot correlate the two sides
    // of the union.
    return (kernels[root.op] as (node: AnyNode, ...rest: Rest) => Dispatch[])(
      root,
      finishWith(root.outputs[0], steps, written),
      units,
      sums,
    );
  });
}

/** What comes of the gradient of the loss. */
function gradientsIn(graph: Graph): Set<Value> {
  const gradients = new Set<Value>();
  for (const { op, inputs, outputs } of graph.nodes) {
    if (op === 'crossEntropyGrad' || inputs.some((input) => gradients.has(input)))
      for (const output of outputs) gradients.add(output);
  }
  return gradients;
}

/** Dropout sites are numbered from 0; how many the graph has. */
export function dropoutSites(graph: Graph): number {
  let sites = 0;
  for (const node of graph.nodes) {
    const site = siteOf(node);
    if (site) sites = Math.max(sites, site.site + 1);
  }
  return sites;
}

function siteOf(node: AnyNode): DropoutSite | undefined {
  if (node.op === 'dropout') return node.attributes;
  if (node.op === 'attention' || node.op === 'pooledAttention') return node.attributes.dropout;
  return undefined;
}
