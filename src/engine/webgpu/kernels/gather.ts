/**
 * Embedding look-up and its gradient. The gradient adds rows of dy up by index without atomics, so that runs
 * repeat bit for bit: the batch says which tokens gathered each row of the table (batch-arrays.ts), and one
 * workgroup adds up one row, in the tokens' order.
 */
import type { InputName, Node, Value } from '../../../graph/graph.js';
import { elementLoop, elementWorkgroups, elementsOf, header, labelWith, wgslElements } from '../dispatch.js';
import type { BatchArray, Dispatch, Finish } from '../dispatch.js';

const inputOf = (indices: Value): InputName => {
  if ('input' in indices.source) return indices.source.input;
  throw new Error('gather by a computed index is not supported');
};

const SCATTERS: Partial<Record<InputName, BatchArray>> = {
  inputIds: 'inputIdsScatter',
  positionIds: 'positionIdsScatter',
  pooledTokens: 'pooledTokensScatter',
};

export function gather(node: Node<'gather'>, finish: Finish): Dispatch[] {
  const [table, indices] = node.inputs;
  const { shape } = node.outputs[0];
  const columns = shape[1] as number;
  return [
    {
      label: labelWith('gather', finish),
      code:
        header([
          { name: 'x', type: 'array<f32>' },
          { name: 'indices', type: 'array<i32>' },
          ...finish.declarations,
        ]) +
        finish.code +
        elementLoop(
          wgslElements(shape),
          `finish(i, x[u32(indices[i / ${columns}u]) * ${columns}u + i % ${columns}u]);`,
        ),
      bindings: [{ value: table }, { value: indices }, ...finish.bindings],
      workgroups: (size) => elementWorkgroups(elementsOf(shape, size)),
    },
  ];
}

const THREADS = 64;

/**
 * Rows of a table that nothing gathered are not written: those of the batch before are cleared first
 * (`clearRows`).
 */
export function gatherGrad(node: Node<'gatherGrad'>): Dispatch[] {
  const [dy, indices] = node.inputs;
  const [y] = node.outputs;
  const columns = y.shape[1] as number;
  const scatter = SCATTERS[inputOf(indices)];
  if (!scatter) throw new Error(`gather by ${inputOf(indices)} has no gradient`);
  return [
    {
      label: 'gatherGrad',
      code: `${header([
        { name: 'scatter', type: 'array<u32>' },
        { name: 'dy', type: 'array<f32>' },
        { name: 'y', type: 'array<f32>', access: 'read_write' },
      ])}
// scatter: row, first and one past the last of its tokens, for each row; then the tokens
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = scatter[3u * group.x];
  let begin = scatter[3u * group.x + 1u];
  let end = scatter[3u * group.x + 2u];
  for (var c = thread; c < ${columns}u; c += ${THREADS}u) {
    var sum = 0.0;
    for (var i = begin; i < end; i++) { sum += dy[scatter[i] * ${columns}u + c]; }
    y[row * ${columns}u + c] = sum;
  }
}
`,
      bindings: [{ batch: scatter }, { value: dy }, { value: y }],
      // Every token of a packed batch is named in its scatter; rows of a table that no text uses are not.
      writesRowsOf: typeof node.attributes.rows === 'number' ? { value: y, by: scatter } : undefined,
      workgroups: (_size, batch) => [batch.scatterRows(scatter), 1, 1],
    },
  ];
}

/**
 * Sets the rows of `value` that the batch in the buffer names to zero: what is left of it when the next one
 * comes.
 */
export function clearRows(value: Value, by: BatchArray): Dispatch {
  const columns = value.shape[1] as number;
  return {
    label: 'clear rows',
    code: `${header([
      { name: 'scatter', type: 'array<u32>' },
      { name: 'y', type: 'array<f32>', access: 'read_write' },
    ])}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = scatter[3u * group.x];
  for (var c = thread; c < ${columns}u; c += ${THREADS}u) { y[row * ${columns}u + c] = 0.0; }
}
`,
    bindings: [{ batch: by }, { value }],
    workgroups: (_size, batch) => [batch.scatterRows(by), 1, 1],
  };
}
