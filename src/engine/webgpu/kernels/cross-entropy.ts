/**
 * Cross-entropy of a softmax over K classes, and its gradient. Batches have few rows, so one workgroup does.
 */
import type { Node } from '../../../graph/graph.js';
import { header } from '../dispatch.js';
import type { Dispatch } from '../dispatch.js';

const THREADS = 64;

/** The logarithm of the sum of the exponentials of row r, less overflow. */
const LOG_SUM = (classes: number): string => `
const K = ${classes}u;
fn logSum(r: u32) -> f32 {
  var largest = logits[r * K];
  for (var k = 1u; k < K; k++) { largest = max(largest, logits[r * K + k]); }
  var sum = 0.0;
  for (var k = 0u; k < K; k++) { sum += exp(logits[r * K + k] - largest); }
  return largest + log(sum);
}
`;

const INPUTS = [
  { name: 'logits', type: 'array<f32>' },
  { name: 'labels', type: 'array<i32>' },
  { name: 'lossWeight', type: 'array<f32>' },
];

export function crossEntropy(node: Node<'crossEntropy'>): Dispatch[] {
  const [logits, labels, lossWeight] = node.inputs;
  const declared = header([...INPUTS, { name: 'loss', type: 'array<f32>', access: 'read_write' }]);
  return [
    {
      label: 'crossEntropy',
      code: `${declared}${LOG_SUM(logits.shape[1] as number)}
var<workgroup> partial: array<f32, ${THREADS}>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var r = thread; r < sizes.rows; r += ${THREADS}u) { sum += logSum(r) - logits[r * K + u32(labels[r])]; }
  partial[thread] = sum;
  workgroupBarrier();
  if (thread == 0u) {
    var total = 0.0;
    for (var t = 0u; t < ${THREADS}u; t++) { total += partial[t]; }
    loss[0] = lossWeight[0] * total;
  }
}
`,
      bindings: [{ value: logits }, { value: labels }, { value: lossWeight }, { value: node.outputs[0] }],
      workgroups: () => [1, 1, 1],
    },
  ];
}

export function crossEntropyGrad(node: Node<'crossEntropyGrad'>): Dispatch[] {
  const [logits, labels, lossWeight] = node.inputs;
  const declared = header([...INPUTS, { name: 'dlogits', type: 'array<f32>', access: 'read_write' }]);
  return [
    {
      label: 'crossEntropyGrad',
      code: `${declared}${LOG_SUM(logits.shape[1] as number)}
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let r = id.x;
  if (r >= sizes.rows) { return; }
  let whole = logSum(r);
  for (var k = 0u; k < K; k++) {
    dlogits[r * K + k] = lossWeight[0] * (exp(logits[r * K + k] - whole) - select(0.0, 1.0, k == u32(labels[r])));
  }
}
`,
      bindings: [{ value: logits }, { value: labels }, { value: lossWeight }, { value: node.outputs[0] }],
      workgroups: (size) => [Math.ceil(size.rows / THREADS), 1, 1],
    },
  ];
}
