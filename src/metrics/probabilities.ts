/**
 * What logits say of each row.
 *
 *   n = rows, K = classes; logits and probabilities are [n, K], row-major
 */

/**
 * Softmax of each row, rounded to float32 after every step as PyTorch's kernel rounds it, because
 * probabilities that are equal or not decide about ties in ROC-AUC.
 */
export function softmax(logits: Float32Array, classes: number): Float32Array {
  const { fround } = Math;
  const probabilities = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const max = rowMax(logits, start, classes);
    let sum = 0;
    for (let k = start; k < start + classes; k++) {
      probabilities[k] = Math.exp(fround(logits[k] - max));
      sum = fround(sum + probabilities[k]);
    }
    const scale = fround(1 / sum);
    for (let k = start; k < start + classes; k++) probabilities[k] *= scale;
  }
  return probabilities;
}

/** The class of the largest value of each row [n], the first of them where several are equal. */
export function argmax(values: Float32Array, classes: number): Int32Array {
  return Int32Array.from({ length: values.length / classes }, (_, row) => {
    let best = 0;
    for (let k = 1; k < classes; k++) if (values[row * classes + k] > values[row * classes + best]) best = k;
    return best;
  });
}

/** Mean over rows of -log softmax(logits)[label]. @param labels [n] */
export function crossEntropy(logits: Float32Array, labels: ArrayLike<number>, classes: number): number {
  let total = 0;
  for (let row = 0; row < labels.length; row++) {
    const start = row * classes;
    const max = rowMax(logits, start, classes);
    let sum = 0;
    for (let k = start; k < start + classes; k++) sum += Math.exp(logits[k] - max);
    total += Math.log(sum) + max - logits[start + labels[row]];
  }
  return total / labels.length;
}

function rowMax(values: Float32Array, start: number, length: number): number {
  let max = values[start];
  for (let k = start + 1; k < start + length; k++) max = Math.max(max, values[k]);
  return max;
}

/**
 * Mean over rows of -log p of the true class, as scikit-learn's `log_loss`: a probability below float64's
 * epsilon counts as that, so that a model that was certain and wrong has a finite loss.
 *
 * @param probabilities [n, K] row-major
 * @param labels [n]
 */
export function logLoss(
  probabilities: Float32Array | Float64Array,
  labels: ArrayLike<number>,
  classes: number,
): number {
  let total = 0;
  for (let row = 0; row < labels.length; row++) {
    const probability = probabilities[row * classes + labels[row]];
    total -= Math.log(Math.min(Math.max(probability, Number.EPSILON), 1 - Number.EPSILON));
  }
  return total / labels.length;
}
