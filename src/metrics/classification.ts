import { accuracy, classScores, confusionMatrix, weightedF1 } from './confusion.js';
import type { ClassScores } from './confusion.js';
import { checkRows } from './check.js';
import { argmax, crossEntropy, logLoss, softmax } from './probabilities.js';
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
  /**
   * ROC-AUC: of class 1 where there are two, else one against the rest, weighted as F1. null where a class
   * has no rows.
   */
  readonly auc: number | null;
  /** [K] */
  readonly perClass: readonly NamedClassScores[];
  /** [K][K]: rows of class i that were predicted as class j. */
  readonly confusion: readonly (readonly number[])[];
  /** [n, K] row-major; of a GPT-2, the softmax of its logits. */
  readonly probabilities: Float32Array | Float64Array;
  /** [n] class of the largest probability; of a classical model, the class that it predicts. */
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
 * @throws RangeError if there are no rows, the lengths do not fit, a label is no class, or a logit is not
 *   finite
 */
export function classificationMetrics(
  logits: Float32Array,
  labels: ArrayLike<number>,
  labelNames: readonly string[],
): ClassificationMetrics {
  const classes = labelNames.length;
  checkRows(logits, 'logits', labels, classes);
  const probabilities = softmax(logits, classes);
  return metricsOf(
    { labels: argmax(probabilities, classes), probabilities },
    crossEntropy(logits, labels, classes),
    labels,
    labelNames,
  );
}

/** What a model says of n rows. */
export interface PredictedClasses {
  /** [n] class indices. */
  readonly labels: Int32Array;
  /** [n, K] row-major, each row adding up to 1. */
  readonly probabilities: Float32Array | Float64Array;
}

/**
 * The same metrics of classes and probabilities; the loss is scikit-learn's `log_loss`, which takes no
 * probability for less than what a float64 tells from 0.
 *
 * @throws RangeError as `classificationMetrics`
 */
export function predictionMetrics(
  predicted: PredictedClasses,
  labels: ArrayLike<number>,
  labelNames: readonly string[],
): ClassificationMetrics {
  checkRows(predicted.probabilities, 'probabilities', labels, labelNames.length);
  return metricsOf(
    predicted,
    logLoss(predicted.probabilities, labels, labelNames.length),
    labels,
    labelNames,
  );
}

function metricsOf(
  { labels: predicted, probabilities }: PredictedClasses,
  loss: number,
  labels: ArrayLike<number>,
  labelNames: readonly string[],
): ClassificationMetrics {
  const confusion = confusionMatrix(labels, predicted, labelNames.length);
  const scores = classScores(confusion);
  const auc = rocAuc(probabilities, labels, labelNames);
  return {
    loss,
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
