/** Sums over rows, column by column. */
import type { Dimension, Node } from '../../../graph/graph.js';
import { header, wgslLength } from '../dispatch.js';
import type { Dispatch } from '../dispatch.js';

/** Columns that a workgroup adds up, and the threads that share the rows of each. */
const COLUMNS = 32;
const SHARES = 8;

/**
 * A kernel that adds up terms over rows `m` for column `c`: each thread takes every eighth row, and the eight
 * sums are added in a fixed order.
 *
 * @param sums names of the outputs with the term of each, in `m`, `c` and `i` = m * columns + c
 */
export function columnSums(
  rows: Dimension,
  columns: number,
  sums: readonly { readonly output: string; readonly term: string }[],
): string {
  return `
${sums.map((_, s) => `var<workgroup> shares${s}: array<f32, ${COLUMNS * SHARES}>;`).join('\n')}
@compute @workgroup_size(${COLUMNS}, ${SHARES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) id: vec3u) {
  let rows = ${wgslLength(rows)};
  let c = group.x * ${COLUMNS}u + id.x;
${sums.map((_, s) => `  var sum${s} = 0.0;`).join('\n')}
  if (c < ${columns}u) {
    for (var m = id.y; m < rows; m += ${SHARES}u) {
      let i = m * ${columns}u + c;
${sums.map(({ term }, s) => `      sum${s} += ${term};`).join('\n')}
    }
  }
${sums.map((_, s) => `  shares${s}[id.y * ${COLUMNS}u + id.x] = sum${s};`).join('\n')}
  workgroupBarrier();
  if (id.y == 0u && c < ${columns}u) {
${sums
  .map(
    ({ output }, s) => `    var total${s} = 0.0;
    for (var share = 0u; share < ${SHARES}u; share++) { total${s} += shares${s}[share * ${COLUMNS}u + id.x]; }
    ${output}[c] = total${s};`,
  )
  .join('\n')}
  }
}
`;
}

export const columnWorkgroups = (columns: number): readonly [number, number, number] => [
  Math.ceil(columns / COLUMNS),
  1,
  1,
];

export function sumRows(node: Node<'sumRows'>): Dispatch[] {
  const [x] = node.inputs;
  const columns = x.shape[1] as number;
  return [
    {
      label: 'sumRows',
      code:
        header([
          { name: 'x', type: 'array<f32>' },
          { name: 'y', type: 'array<f32>', access: 'read_write' },
        ]) + columnSums(x.shape[0], columns, [{ output: 'y', term: 'x[i]' }]),
      bindings: [{ value: x }, { value: node.outputs[0] }],
      workgroups: () => columnWorkgroups(columns),
    },
  ];
}
