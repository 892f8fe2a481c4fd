/**
 * Cross-entropy of a softmax over K classes: loss = lossWeight * sum over rows of -log p[label], p =
 * softmax(logits).
 */
import type { Kernel, Tensor } from './kernel.js';
import { matrixSize } from './kernel.js';

export const crossEntropy: Kernel<'crossEntropy'> = (_node, [logits, labels, lossWeight]) => {
  const [rows, classes] = matrixSize(logits);
  let sum = 0;
  for (let r = 0; r < rows; r++) sum -= logSoftmax(logits, r)[checkedLabel(labels, r, classes)];
  return [Float64Array.of(lossWeight.data[0] * sum)];
};

/** dlogits[r, k] = lossWeight * (p[k] - (1 where k is the label)) */
export const crossEntropyGrad: Kernel<'crossEntropyGrad'> = (_node, [logits, labels, lossWeight]) => {
  const [rows, classes] = matrixSize(logits);
  const dlogits = new Float64Array(rows * classes);
  for (let r = 0; r < rows; r++) {
    const label = checkedLabel(labels, r, classes);
    logSoftmax(logits, r).forEach((value, k) => {
      dlogits[r * classes + k] = lossWeight.data[0] * (Math.exp(value) - (k === label ? 1 : 0));
    });
  }
  return [dlogits];
};

function logSoftmax(logits: Tensor, r: number): Float64Array {
  const [, classes] = matrixSize(logits);
  const row = logits.data.subarray(r * classes, (r + 1) * classes);
  const largest = Math.max(...row);
  const logSum = Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  return row.map((value) => value - largest - logSum);
}

function checkedLabel(labels: Tensor, r: number, classes: number): number {
  const label = labels.data[r];
  if (label < 0 || label >= classes)
    throw new RangeError(`label ${label} of row ${r} is not one of ${classes} classes`);
  return label;
}
