/**
 * Layer normalisation. One workgroup takes one row; mean and inverse deviation of each row are kept for the
 * gradient.
 *
 *   statistics [M, 2]
 */
import type { Node, Value } from '../../../graph/graph.js';
import { header, labelWith, lengthOf, wgslFloat } from '../dispatch.js';
import type { Dispatch, Finish, SideBuffer } from '../dispatch.js';
import { reductions } from './reductions.js';
import { columnSums, columnWorkgroups } from './sums.js';

const THREADS = 64;

const statisticsOf = (y: Value): SideBuffer => ({
  name: 'statistics',
  of: y,
  floats: (size) => 2 * lengthOf(y.shape[0], size),
});

export function layerNorm(node: Node<'layerNorm'>): Dispatch[] {
  const [x, weight, bias] = node.inputs;
  const [y] = node.outputs;
  const columns = x.shape[1] as number;
  return [
    {
      label: 'layerNorm',
      code: `${header([
        { name: 'x', type: 'array<f32>' },
        { name: 'weight', type: 'array<f32>' },
        { name: 'bias', type: 'array<f32>' },
        { name: 'y', type: 'array<f32>', access: 'read_write' },
        { name: 'statistics', type: 'array<f32>', access: 'read_write' },
      ])}${reductions(THREADS)}
const C = ${columns}u;
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = group.x * C;
  var sum = 0.0;
  for (var c = thread; c < C; c += ${THREADS}u) { sum += x[row + c]; }
  let mean = reduceSum(sum, thread) / f32(C);
  var squares = 0.0;
  for (var c = thread; c < C; c += ${THREADS}u) { let d = x[row + c] - mean; squares += d * d; }
  let inverse = 1.0 / sqrt(reduceSum(squares, thread) / f32(C) + ${wgslFloat(node.attributes.epsilon)});
  for (var c = thread; c < C; c += ${THREADS}u) { y[row + c] = (x[row + c] - mean) * inverse * weight[c] + bias[c]; }
  if (thread == 0u) {
    statistics[2u * group.x] = mean;
    statistics[2u * group.x + 1u] = inverse;
  }
}
`,
      bindings: [{ value: x }, { value: weight }, { value: bias }, { value: y }, { side: statisticsOf(y) }],
      workgroups: (size) => [lengthOf(x.shape[0], size), 1, 1],
    },
  ];
}

export function layerNormGrad(node: Node<'layerNormGrad'>, finish: Finish): Dispatch[] {
  const [dy, x, weight] = node.inputs;
  const [, dweight, dbias] = node.outputs;
  const columns = x.shape[1] as number;
  const statistics = { side: statisticsOf(node.attributes.forward.outputs[0]) };
  const inputs = [
    { name: 'dy', type: 'array<f32>' },
    { name: 'x', type: 'array<f32>' },
    { name: 'statistics', type: 'array<f32>' },
  ];
  const declared = header([...inputs, { name: 'weight', type: 'array<f32>' }, ...finish.declarations]);
  const xhat = '(x[i] - statistics[2u * m]) * statistics[2u * m + 1u]';
  return [
    {
      label: labelWith('layerNormGrad: dx', finish),
      code: `${declared}${finish.code}${reductions(THREADS)}
const C = ${columns}u;
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let m = group.x;
  var sum = 0.0;
  var product = 0.0;
  for (var c = thread; c < C; c += ${THREADS}u) {
    let i = m * C + c;
    let g = weight[c] * dy[i];
    sum += g;
    product += g * ${xhat};
  }
  let meanG = reduceSum(sum, thread) / f32(C);
  let meanGXhat = reduceSum(product, thread) / f32(C);
  for (var c = thread; c < C; c += ${THREADS}u) {
    let i = m * C + c;
    finish(i, (weight[c] * dy[i] - meanG - ${xhat} * meanGXhat) * statistics[2u * m + 1u]);
  }
}
`,
      bindings: [{ value: dy }, { value: x }, statistics, { value: weight }, ...finish.bindings],
      workgroups: (size) => [lengthOf(x.shape[0], size), 1, 1],
    },
    {
      label: 'layerNormGrad: dweight, dbias',
      code:
        header([
          ...inputs,
          { name: 'dweight', type: 'array<f32>', access: 'read_write' },
          { name: 'dbias', type: 'array<f32>', access: 'read_write' },
        ]) +
        columnSums(x.shape[0], columns, [
          { output: 'dweight', term: `dy[i] * ${xhat}` },
          { output: 'dbias', term: 'dy[i]' },
        ]),
      bindings: [{ value: dy }, { value: x }, statistics, { value: dweight }, { value: dbias }],
      workgroups: () => columnWorkgroups(columns),
    },
  ];
}
