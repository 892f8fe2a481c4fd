import type { Kernel, Tensor } from './kernel.js';
import { matrixSize, resolveShape } from './kernel.js';

/** y[m] = table[indices[m]] */
export const gather: Kernel<'gather'> = (_node, [table, indices]) => {
  const [rows, columns] = matrixSize(table);
  const y = new Float64Array(indices.data.length * columns);
  for (let m = 0; m < indices.data.length; m++) {
    const v = checkedIndex(indices, m, rows);
    for (let c = 0; c < columns; c++) y[m * columns + c] = table.data[v * columns + c]!;
  }
  return [y];
};

/** dtable[v] = sum of dy[m] over the m with indices[m] = v */
export const gatherGrad: Kernel<'gatherGrad'> = (node, [dy, indices], { batch }) => {
  const [, columns] = matrixSize(dy);
  const [rows] = resolveShape([node.attributes.rows], batch);
  const dtable = new Float64Array(rows * columns);
  for (let m = 0; m < indices.data.length; m++) {
    const v = checkedIndex(indices, m, rows);
    for (let c = 0; c < columns; c++) dtable[v * columns + c] += dy.data[m * columns + c];
  }
  return [dtable];
};

function checkedIndex(indices: Tensor, m: number, rows: number): number {
  const v = indices.data[m];
  if (v < 0 || v >= rows)
    throw new RangeError(`index ${v} at position ${m} is outside of a table of ${rows} rows`);
  return v;
}
