import { accuracy, classScores, confusionMatrix, weightedF1 } from './confusion.js';
import type { ClassScores } from './confusion.js';
import { argmax, crossEntropy, softmax } from './probabilities.js';
import { rocAuc } from './roc-auc.js';

export interface NamedClassScores extends ClassScores {
  readonly label: string;
}

/** n = rows, K = classes. */
export interface ClassificationMetrics {
  /** Mean cross-entropy over rows. */
  readonly loss: number;
  readonly accuracy: number;
  /** F1 of each class, weighted by how many rows are of it; a class never predicted counts 0. */
  readonly f1: number;
  /** ROC-AUC: of class 1 where there are two, else one against the rest, weighted as F1. null where a class has no rows. */
  readonly auc: number | null;
  /** [K] */
  readonly perClass: readonly NamedClassScores[];
  /** [K][K]: rows of class i that were predicted as class j. */
  readonly confusion: readonly (readonly number[])[];
  /** [n, K] softmax of the logits, row-major. */
  readonly probabilities: Float32Array;
  /** [n] class of the largest probability. */
  readonly predicted: Int32Array;
  /** Why a metric is undefined; one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Every metric of a classifier's logits at once, as scikit-learn computes them from their softmax.
 *
 * @param logits [n, K] row-major
 * @param labels [n] class indices
 * @param labelNames [K]
 * @throws RangeError where there are no rows, the lengths do not fit, a label is no class, or a logit is not finite
 */
export function classificationMetrics(logits: Float32Array, labels: ArrayLike<number>, labelNames: readonly string[]): ClassificationMetrics {
  const classes = labelNames.length;
  check(logits, labels, classes);
  const probabilities = softmax(logits, classes);
  const predicted = argmax(probabilities, classes);
  const confusion = confusionMatrix(labels, predicted, classes);
  const scores = classScores(confusion);
  const auc = rocAuc(probabilities, labels, labelNames);
  return {
    loss: crossEntropy(logits, labels, classes),
    accuracy: accuracy(confusion),
    f1: weightedF1(scores),
    auc: auc.value,
    perClass: scores.map((score, k) => ({ label: labelNames[k], ...score })),
    confusion,
    probabilities,
    predicted,
    warnings: auc.value === null ? [auc.warning] : [],
  };
}

function check(logits: Float32Array, labels: ArrayLike<number>, classes: number): void {
  if (labels.length === 0) throw new RangeError('metrics of no rows');
  if (classes < 2) throw new RangeError(`metrics of ${classes} classes`);
  if (logits.length !== labels.length * classes) throw new RangeError(`${logits.length} logits for ${labels.length} rows of ${classes} classes`);
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row];
    if (!Number.isInteger(label) || label < 0 || label >= classes) throw new RangeError(`row ${row} has the label ${label}, not 0 to ${classes - 1}`);
  }
  const bad = logits.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(`row ${Math.floor(bad / classes)} has the logit ${logits[bad]}`);
}
