import type { Kernel, Tensor } from './kernel.js';
import { matrixSize } from './kernel.js';

/** y[m, n] = sum over k of op(a)[m, k] op(b)[k, n], where op transposes or not */
export const matmul: Kernel<'matmul'> = (node, [a, b]) => {
  const { transposeA, transposeB } = node.attributes;
  return [product(a, transposeA, b, transposeB)];
};

/** y[m, o] = bias[o] + sum over i of x[m, i] weight[i, o]. Its gradient is made of matmul and sumRows. */
export const linear: Kernel<'linear'> = (_node, [x, weight, bias]) => {
  const y = product(x, false, weight, false);
  const [, columns] = matrixSize(weight);
  return [y.map((value, i) => value + bias.data[i % columns])];
};

/** y[c] = sum over m of x[m, c] */
export const sumRows: Kernel<'sumRows'> = (_node, [x]) => {
  const [rows, columns] = matrixSize(x);
  const y = new Float64Array(columns);
  for (let m = 0; m < rows; m++) {
    for (let c = 0; c < columns; c++) y[c] += x.data[m * columns + c];
  }
  return [y];
};

function product(a: Tensor, transposeA: boolean, b: Tensor, transposeB: boolean): Float64Array {
  const [aRows, aColumns] = matrixSize(a);
  const [bRows, bColumns] = matrixSize(b);
  const [rows, inner] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const columns = transposeB ? bRows : bColumns;
  const [aStep, aInnerStep] = transposeA ? [1, aColumns] : [aColumns, 1];
  const [bInnerStep, bStep] = transposeB ? [1, bColumns] : [bColumns, 1];
  const y = new Float64Array(rows * columns);
  for (let m = 0; m < rows; m++) {
    for (let k = 0; k < inner; k++) {
      const factor = a.data[m * aStep + k * aInnerStep];
      for (let n = 0; n < columns; n++) y[m * columns + n] += factor * b.data[k * bInnerStep + n * bStep];
    }
  }
  return y;
}
