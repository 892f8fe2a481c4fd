/**
 * Layer normalisation (Ba et al. 2016) over the last dimension, C wide:
 *
 *   xhat = (x - mean) / sqrt(variance + epsilon), the variance biased;   y = weight * xhat + bias
 */
import type { Kernel, Tensor } from './kernel.js';
import { matrixSize } from './kernel.js';

export const layerNorm: Kernel<'layerNorm'> = (node, [x, weight, bias]) => {
  const [rows, columns] = matrixSize(x);
  const { xhat } = normalize(x, node.attributes.epsilon);
  const y = new Float64Array(rows * columns);
  for (let i = 0; i < y.length; i++) y[i] = weight.data[i % columns] * xhat[i] + bias.data[i % columns];
  return [y];
};

/**
 * With g = weight * dy: dx = (g - mean(g) - xhat * mean(g * xhat)) / deviation; dweight = sum of dy * xhat;
 * dbias = sum of dy.
 */
export const layerNormGrad: Kernel<'layerNormGrad'> = (node, [dy, x, weight]) => {
  const [rows, columns] = matrixSize(x);
  const { xhat, inverseDeviation } = normalize(x, node.attributes.forward.attributes.epsilon);
  const dx = new Float64Array(rows * columns);
  const dweight = new Float64Array(columns);
  const dbias = new Float64Array(columns);
  for (let m = 0; m < rows; m++) {
    let meanG = 0;
    let meanGXhat = 0;
    for (let c = 0; c < columns; c++) {
      const i = m * columns + c;
      const g = weight.data[c] * dy.data[i];
      meanG += g / columns;
      meanGXhat += (g * xhat[i]) / columns;
      dweight[c] += dy.data[i] * xhat[i];
      dbias[c] += dy.data[i];
    }
    for (let c = 0; c < columns; c++) {
      const i = m * columns + c;
      dx[i] = (weight.data[c] * dy.data[i] - meanG - xhat[i] * meanGXhat) * inverseDeviation[m];
    }
  }
  return [dx, dweight, dbias];
};

function normalize(x: Tensor, epsilon: number): { xhat: Float64Array; inverseDeviation: Float64Array } {
  const [rows, columns] = matrixSize(x);
  const xhat = new Float64Array(rows * columns);
  const inverseDeviation = new Float64Array(rows);
  for (let m = 0; m < rows; m++) {
    const row = x.data.subarray(m * columns, (m + 1) * columns);
    let mean = 0;
    for (const value of row) mean += value / columns;
    let variance = 0;
    for (const value of row) variance += (value - mean) ** 2 / columns;
    inverseDeviation[m] = 1 / Math.sqrt(variance + epsilon);
    for (let c = 0; c < columns; c++) xhat[m * columns + c] = (row[c] - mean) * inverseDeviation[m];
  }
  return { xhat, inverseDeviation };
}
