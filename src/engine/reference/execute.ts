/** Runs a graph node by node in float64. */
import type { AnyNode, Graph, OperationName, Value } from '../../graph/graph.js';
import { elementCount } from '../../model/parameters.js';
import { atOnce } from '../../pace.js';
import type { Pieces } from '../../pace.js';
import type { PackedBatch } from '../batch.js';
import { batchInput } from './batch-inputs.js';
import type { DropoutPass, Kernel, KernelContext, Tensor } from './kernel.js';
import { resolveShape } from './kernel.js';
import { kernels } from './operations.js';

export interface ExecuteOptions {
  /** What the sum of row losses is multiplied by; needed by graphs with a loss. */
  readonly lossWeight?: number;
  /** Needed by graphs with dropout. */
  readonly dropout?: DropoutPass;
}

/**
 * The outputs of a graph, row-major, under their names.
 * @param parameters values by name, in the shapes that the graph declares (its parameters may have the
 *   batch's dimensions, too)
 * @throws if a parameter, label, loss weight or dropout seed is missing, a length does not fit its shape,
 *   or an index is out of range
 */
export function execute(
  graph: Graph,
  parameters: ReadonlyMap<string, Float64Array>,
  batch: PackedBatch,
  options: ExecuteOptions = {},
): Map<string, Float64Array> {
  return atOnce(executing(graph, parameters, batch, options));
}

/** `execute` in pieces, one a node. */
export function* executing(
  graph: Graph,
  parameters: ReadonlyMap<string, Float64Array>,
  batch: PackedBatch,
  options: ExecuteOptions = {},
): Pieces<Map<string, Float64Array>> {
  const context: KernelContext = { batch, dropout: options.dropout };
  const tensors = new Map<Value, Tensor>();

  const tensorOf = (value: Value): Tensor => {
    let tensor = tensors.get(value);
    if (!tensor) {
      tensor = {
        shape: resolveShape(value.shape, batch),
        data: leafData(value, parameters, batch, options.lossWeight),
      };
      expectLength(describe(value), tensor);
      tensors.set(value, tensor);
    }
    return tensor;
  };

  for (const node of graph.nodes) {
    yield;
    const outputs = run(node, node.inputs.map(tensorOf), context);
    node.outputs.forEach((value, i) => {
      const tensor = { shape: resolveShape(value.shape, batch), data: outputs[i] };
      expectLength(node.op, tensor);
      tensors.set(value, tensor);
    });
  }
  return new Map(Array.from(graph.outputs, ([name, value]) => [name, tensorOf(value).data]));
}

function run(node: AnyNode, inputs: readonly Tensor[], context: KernelContext): readonly Float64Array[] {
  // `kernels[node.op]` is the kernel of this very kind of node; TypeScript cannot correlate the two sides of
  // the union.
  const kernel = kernels[node.op] as Kernel<OperationName>;
  return kernel(node, inputs, context);
}

function leafData(
  value: Value,
  parameters: ReadonlyMap<string, Float64Array>,
  batch: PackedBatch,
  lossWeight: number | undefined,
): Float64Array {
  const { source } = value;
  if ('input' in source) return batchInput(source.input, batch, lossWeight);
  const data = 'parameter' in source ? parameters.get(source.parameter) : undefined;
  if (!data) throw new Error(`${describe(value)} has no value`);
  return data;
}

function describe({ source }: Value): string {
  if ('parameter' in source) return `parameter ${source.parameter}`;
  if ('input' in source) return `input ${source.input}`;
  return `output of ${source.node.op}`;
}

function expectLength(what: string, { shape, data }: Tensor): void {
  if (data.length !== elementCount(shape)) {
    throw new Error(
      `${what} has ${data.length} elements, its shape [${shape.join(', ')}] has ${elementCount(shape)}`,
    );
  }
}
