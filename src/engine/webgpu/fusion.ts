/**
 * Which operations of a graph one kernel computes together. What goes element by element through another
 * kernel's result is folded into that kernel: each element is finished before it is written, a dispatch and a
 * round through memory are saved, and what nobody else reads is never written at all.
 *
 *   root     the node whose kernel computes the elements
 *   steps    element-wise nodes after it, in order; each reads results of the group, and values that were
 *   there before the group sums     of a weight's gradient, x^T dy: the gradient of the bias, which are the
 *   sums of dy's columns that the product goes through anyway
 *
 * A group runs where its root stands, so a step may read only what groups before this one gave.
 */
import type { AnyNode, Graph, Node, OperationName, Value } from '../../graph/graph.js';
import { shapesEqual } from '../../graph/graph.js';

/** Operations whose element i needs only the elements i of their inputs. */
const ELEMENTWISE = ['add', 'gelu', 'geluGrad', 'dropout'] as const;
export type ElementwiseNode = {
  [Op in (typeof ELEMENTWISE)[number]]: Node<Op>;
}[(typeof ELEMENTWISE)[number]];

export const isElementwise = (node: AnyNode): node is ElementwiseNode =>
  (ELEMENTWISE as readonly OperationName[]).includes(node.op);

/**
 * Operations whose kernels finish the elements of their first output, with the storage buffers that they
 * read.
 */
const ROOTS: Partial<Record<OperationName, number>> = { linear: 3, matmul: 2, layerNormGrad: 4, gather: 2 };

/** Storage buffers of one kernel: what WebGPU promises everywhere. */
export const MOST_STORAGE_BUFFERS = 8;

export interface Group {
  readonly root: AnyNode;
  readonly steps: readonly ElementwiseNode[];
  readonly sums: Node<'sumRows'> | undefined;
  /**
   * Of the root's first output and of the results of the steps those that are read outside the group, in
   * order.
   */
  readonly written: readonly Value[];
}

/** The groups of a graph, in an order of execution; every node is in one. */
export function groupsOf(graph: Graph): Group[] {
  const readers = readersOf(graph);
  const outputs = new Set(graph.outputs.values());
  const writtenBy = (nodes: readonly AnyNode[]): Value[] =>
    nodes
      .map(({ outputs: [value] }) => value)
      .filter((value) => outputs.has(value) || readers.get(value)?.some((reader) => !nodes.includes(reader)));
  const groups: AnyNode[][] = [];
  /** Index of the group that computes a value. */
  const groupOf = new Map<Value, number>();
  const sums = new Map<AnyNode, Node<'sumRows'>>();
  /** Products x^T dy by dy. */
  const weightGradients = new Map<Value, AnyNode>();

  for (const node of graph.nodes) {
    if (node.op === 'matmul' && node.attributes.transposeA && !node.attributes.transposeB)
      weightGradients.set(node.inputs[1], node);
    const product = node.op === 'sumRows' ? weightGradients.get(node.inputs[0]) : undefined;
    if (
      node.op === 'sumRows' &&
      product &&
      !sums.has(product) &&
      hasRoom(groups[groupOf.get(product.outputs[0])!], 1)
    ) {
      sums.set(product, node);
      groupOf.set(node.outputs[0], groupOf.get(product.outputs[0])!);
      continue;
    }
    // A step belongs to the last group that it reads of: the others are then there already.
    const last = node.inputs.reduce((latest, input) => Math.max(latest, groupOf.get(input) ?? -1), -1);
    const joined =
      last >= 0 && isElementwise(node) && mayJoin(node, groups[last]) ? [...groups[last], node] : undefined;
    if (joined && hasRoom(joined, sums.has(joined[0]) ? 1 : 0)) groups[last] = joined;
    else groups.push([node]);
    const index = joined && groups[last] === joined ? last : groups.length - 1;
    for (const output of node.outputs) groupOf.set(output, index);
  }
  return groups.map((nodes) => ({
    root: nodes[0],
    steps: nodes.slice(1) as ElementwiseNode[],
    sums: sums.get(nodes[0]),
    written: writtenBy(nodes),
  }));

  function hasRoom(nodes: readonly AnyNode[], more: number): boolean {
    return storageBuffers(nodes, writtenBy(nodes)) + more <= MOST_STORAGE_BUFFERS;
  }

  function mayJoin(node: ElementwiseNode, group: readonly AnyNode[]): boolean {
    const [root] = group;
    if (
      !(root.op in ROOTS || isElementwise(root)) ||
      !shapesEqual(root.outputs[0].shape, node.outputs[0].shape)
    )
      return false;
    // Other outputs of the root are not there yet when its first is finished.
    const elements = new Set(group.map(({ outputs: [value] }) => value));
    return node.inputs.every(
      (input) => elements.has(input) || groupOf.get(input) !== groupOf.get(root.outputs[0]),
    );
  }
}

/**
 * Who reads each value. Kernels of gradients may read what their forward nodes read and gave; the
 * element-wise ones do not.
 */
function readersOf(graph: Graph): Map<Value, AnyNode[]> {
  const readers = new Map<Value, AnyNode[]>();
  for (const node of graph.nodes) {
    const forward =
      'forward' in node.attributes && !isElementwise(node)
        ? [...node.attributes.forward.inputs, ...node.attributes.forward.outputs]
        : [];
    for (const value of new Set([...node.inputs, ...forward]))
      readers.set(value, [...(readers.get(value) ?? []), node]);
  }
  return readers;
}

/** What the kernel of a group binds, the sizes and constants not counted. */
function storageBuffers(nodes: readonly AnyNode[], written: readonly Value[]): number {
  const [root] = nodes;
  const steps = isElementwise(root) ? nodes : nodes.slice(1);
  return (
    (ROOTS[root.op] ?? 0) +
    operandsOf(steps as ElementwiseNode[], root.outputs[0]).length +
    (steps.some(({ op }) => op === 'dropout') ? 1 : 0) +
    written.length
  );
}

/**
 * What steps read that is not a result of the group, each once, in the order of use. `first`: what the root
 * gives, where it is none of the steps.
 */
export function operandsOf(steps: readonly ElementwiseNode[], first?: Value): Value[] {
  const made = new Set<Value | undefined>([first, ...steps.map(({ outputs: [value] }) => value)]);
  return [...new Set(steps.flatMap(({ inputs }) => inputs))].filter((input) => !made.has(input));
}
