/** Every operation of the graph and the loops that define it; exhaustive by type. */
import type { OperationName } from '../../graph/graph.js';
import { add } from './add.js';
import { attention, attentionGrad, pooledAttention, pooledAttentionGrad } from './attention.js';
import { joinColumns, splitColumns } from './columns.js';
import { crossEntropy, crossEntropyGrad } from './cross-entropy.js';
import { dropout } from './dropout.js';
import { gather, gatherGrad } from './gather.js';
import { gelu, geluGrad } from './gelu.js';
import type { Kernel } from './kernel.js';
import { layerNorm, layerNormGrad } from './layer-norm.js';
import { linear, matmul, sumRows } from './matmul.js';

export const kernels: { readonly [Op in OperationName]: Kernel<Op> } = {
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
