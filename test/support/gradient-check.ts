/**
 * Central finite differences in float64. A function of a graph is checked by making a loss of it: `mix` [B, M]
 * (random, a parameter like any other) times its output y [M, K] gives logits, so that every element of y counts
 * with a weight of its own.
 */
import assert from 'node:assert/strict';
import type { PackedBatch } from '#attune/engine/batch.js';
import { execute } from '#attune/engine/reference/execute.js';
import type { ExecuteOptions } from '#attune/engine/reference/execute.js';
import { resolveShape } from '#attune/engine/reference/kernel.js';
import { GraphBuilder } from '#attune/graph/graph.js';
import type { Graph, OperationName, Value } from '#attune/graph/graph.js';
import { gradients } from '#attune/graph/gradients.js';
import { crossEntropy, matmul } from '#attune/graph/operations.js';
import { gradientName } from '#attune/model/gpt2.js';
import { elementCount } from '#attune/model/parameters.js';
import { Random } from './random.js';

/** The loss of logits [B, K] and its gradients by every parameter declared so far. */
export function lossGraph(g: GraphBuilder, logits: Value): Graph {
  const loss = crossEntropy(
    g,
    logits,
    g.input('labels', ['rows'], 'int32'),
    g.input('lossWeight', [], 'float32'),
  );
  const names = [...g.parameters.keys()];
  const outputs: Record<string, Value> = { loss };
  gradients(
    g,
    loss,
    names.map((name) => g.parameters.get(name)!),
  ).forEach((gradient, i) => {
    outputs[gradientName(names[i])] = gradient;
  });
  return g.finish(outputs);
}

export interface GradientCheckOptions extends ExecuteOptions {
  readonly seed: number;
  /** How many random entries of each parameter are checked; absent: all. */
  readonly entries?: number;
}

/**
 * Builds y [M, K] with `build`, and checks the gradients of a loss made of it by every parameter. Returns the
 * operations that took part.
 */
export function checkFunction(
  build: (g: GraphBuilder) => Value,
  batch: PackedBatch,
  options: GradientCheckOptions,
): Set<OperationName> {
  const g = new GraphBuilder();
  const y = build(g);
  const logits = matmul(g, g.parameter('mix', ['rows', y.shape[0]]), y);
  const random = new Random(options.seed);
  const graph = lossGraph(g, logits);
  const parameters = new Map(
    Array.from(g.parameters, ([name, { shape }]) => [
      name,
      random.normals(elementCount(resolveShape(shape, batch))),
    ]),
  );
  checkGraph(graph, parameters, batch, options);
  return new Set(graph.nodes.map(({ op }) => op));
}

const STEP = 1e-4;

/** Compares each output `gradient of P` with the differences of the output `loss`. */
export function checkGraph(
  graph: Graph,
  parameters: ReadonlyMap<string, Float64Array>,
  batch: PackedBatch,
  options: GradientCheckOptions,
): void {
  const loss = graph.outputs.get('loss')!;
  const end = graph.nodes.findIndex(({ outputs }) => outputs.includes(loss)) + 1;
  const lossOnly: Graph = { nodes: graph.nodes.slice(0, end), outputs: new Map([['loss', loss]]) };
  const lossOf = (name: string, k: number, delta: number): number => {
    const moved = Float64Array.from(parameters.get(name)!);
    moved[k] += delta;
    return execute(lossOnly, new Map(parameters).set(name, moved), batch, options).get('loss')![0];
  };
  const analytic = execute(graph, parameters, batch, options);
  const random = new Random(options.seed + 1);
  for (const [name, values] of parameters) {
    const gradient = analytic.get(gradientName(name))!;
    assert.ok(
      gradient.some((value) => Math.abs(value) > 1e-6),
      `${name}: its gradient is zero, so nothing is checked`,
    );
    const count = Math.min(values.length, options.entries ?? values.length);
    for (let i = 0; i < count; i++) {
      const k = count === values.length ? i : random.integer(0, values.length - 1);
      // Five points: the error of the formula falls with STEP^4, that of rounding stays near 1e-16 / STEP.
      const numeric =
        (8 * (lossOf(name, k, STEP) - lossOf(name, k, -STEP)) -
          (lossOf(name, k, 2 * STEP) - lossOf(name, k, -2 * STEP))) /
        (12 * STEP);
      const difference = Math.abs(numeric - gradient[k]);
      assert.ok(
        difference <= 1e-9 + 1e-7 * Math.abs(numeric),
        `${name}[${k}]: gradient ${gradient[k]}, finite differences ${numeric}`,
      );
    }
  }
}
