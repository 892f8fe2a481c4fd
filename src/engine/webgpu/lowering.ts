/** Every operation of the graph and the kernels that compute it; exhaustive by type. */
import type { AnyNode, Graph, Node, OperationName } from '../../graph/graph.js';
import type { Dispatch } from './dispatch.js';
import { attention, attentionGrad, pooledAttention, pooledAttentionGrad } from './kernels/attention.js';
import { joinColumns, splitColumns } from './kernels/columns.js';
import { crossEntropy, crossEntropyGrad } from './kernels/cross-entropy.js';
import { dropout } from './kernels/dropout.js';
import { add, gelu, geluGrad } from './kernels/elementwise.js';
import { gather, gatherGrad } from './kernels/gather.js';
import { layerNorm, layerNormGrad } from './kernels/layer-norm.js';
import { linear, matmul } from './kernels/matmul.js';
import { sumRows } from './kernels/sums.js';

const kernels: { readonly [Op in OperationName]: (node: Node<Op>) => Dispatch[] } = {
  add,
  gather,
  gatherGrad,
  linear,
  matmul,
  sumRows,
  layerNorm,
  layerNormGrad,
  gelu,
  geluGrad,
  dropout,
  attention,
  attentionGrad,
  pooledAttention,
  pooledAttentionGrad,
  splitColumns,
  joinColumns,
  crossEntropy,
  crossEntropyGrad,
};

/** The dispatches of a graph, in order. */
export function lowerToWgsl(graph: Graph): Dispatch[] {
  // `kernels[node.op]` is the kernel of this very kind of node; TypeScript cannot correlate the two sides of the union.
  return graph.nodes.flatMap((node: AnyNode) => (kernels[node.op] as (node: AnyNode) => Dispatch[])(node));
}

/** Dropout sites are numbered from 0; how many the graph has. */
export function dropoutSites(graph: Graph): number {
  let sites = 0;
  for (const node of graph.nodes) {
    const site = node.op === 'dropout' ? node.attributes : node.op === 'attention' || node.op === 'pooledAttention' ? node.attributes.dropout : undefined;
    if (site) sites = Math.max(sites, site.site + 1);
  }
  return sites;
}
