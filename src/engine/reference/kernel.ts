/**
 * What the plain-loop engine computes with. Every tensor is float64, the int32 inputs too: float64 holds each
 * of them exactly, and one kind of array keeps the definitions plain. This engine defines what each operation
 * means and is written to be read; tests, `attune doctor` and `train --verify-exact` compute with it.
 */
import type { Node, OperationName, Shape } from '../../graph/graph.js';
import type { PackedBatch } from '../batch.js';

export interface Tensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float64Array;
}

/** Which dropout masks to draw (graph/dropout-mask.ts). */
export interface DropoutPass {
  readonly seed: number;
  /** Count of training forward passes before this one. */
  readonly pass: number;
}

/** What a kernel may know beside its inputs: where the rows of the batch lie, and the dropout masks. */
export interface KernelContext {
  readonly batch: PackedBatch;
  /** Absent in a graph that is run without dropout. */
  readonly dropout?: DropoutPass | undefined;
}

/** Computes one operation: its inputs in the node's order, its outputs in the node's order. */
export type Kernel<Op extends OperationName> = (
  node: Node<Op>,
  inputs: readonly Tensor[],
  context: KernelContext,
) => readonly Float64Array[];

/** The numbers behind a symbolic shape. */
export function resolveShape(shape: Shape, batch: PackedBatch): number[] {
  return shape.map((dimension) => (typeof dimension === 'number' ? dimension : batch[dimension]));
}

/** Rows and columns of a matrix; a tensor of more dimensions counts as rows of its last one. */
export function matrixSize({ shape, data }: Tensor): [rows: number, columns: number] {
  const columns = shape.at(-1) ?? 1;
  return [columns === 0 ? 0 : data.length / columns, columns];
}
