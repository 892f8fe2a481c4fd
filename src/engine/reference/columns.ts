import type { Kernel } from './kernel.js';
import { matrixSize } from './kernel.js';

/** Cuts the last dimension into parts of the given widths, from the left. */
export const splitColumns: Kernel<'splitColumns'> = (node, [x]) => {
  const [rows, columns] = matrixSize(x);
  let left = 0;
  return node.attributes.widths.map((width) => {
    const part = new Float64Array(rows * width);
    for (let m = 0; m < rows; m++)
      part.set(x.data.subarray(m * columns + left, m * columns + left + width), m * width);
    left += width;
    return part;
  });
};

/** Lays the parts side by side along the last dimension. */
export const joinColumns: Kernel<'joinColumns'> = (_node, parts) => {
  const columns = parts.reduce((sum, part) => sum + matrixSize(part)[1], 0);
  const [rows] = matrixSize(parts[0]);
  const joined = new Float64Array(rows * columns);
  let left = 0;
  for (const part of parts) {
    const [, width] = matrixSize(part);
    for (let m = 0; m < rows; m++)
      joined.set(part.data.subarray(m * width, (m + 1) * width), m * columns + left);
    left += width;
  }
  return [joined];
};
