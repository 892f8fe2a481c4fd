/** Weighted F1 and weighted one-vs-rest AUC, as scikit-learn computes them. */
import { classScores, confusionMatrix, weightedF1 } from '#attune/metrics/confusion.js';
import { binaryRocAuc } from '#attune/metrics/roc-auc.js';

export function f1Of(labels: Int32Array, predicted: Int32Array, classes: number): number {
  return weightedF1(classScores(confusionMatrix(labels, predicted, classes)));
}

/** @param probabilities [n, classes], float64: rounding them would make ties */
export function aucOf(labels: Int32Array, probabilities: Float64Array, classes: number): number {
  const ofClass = (k: number): number =>
    binaryRocAuc(
      Float64Array.from(labels, (_, row) => probabilities[row * classes + k]),
      (row) => labels[row] === k,
    )!;
  if (classes === 2) return ofClass(1);
  const support = Array.from({ length: classes }, (_, k) => labels.filter((label) => label === k).length);
  return support.reduce((sum, rows, k) => sum + rows * ofClass(k), 0) / labels.length;
}
