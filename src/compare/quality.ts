/** How well models predict the test rows, with how far that may be trusted. n = rows, K = classes. */
import { bootstrapAccuracy, bootstrapAuc, bootstrapF1, interval95, Resamples } from '../metrics/bootstrap.js';
import { calibration } from '../metrics/calibration.js';
import { accuracy, classScores, confusionMatrix, weightedF1 } from '../metrics/confusion.js';
import { mcnemar, pairedDifference } from '../metrics/paired.js';
import { binaryRocAuc, rocAuc } from '../metrics/roc-auc.js';
import { rocCurve, thinCurve } from '../metrics/roc-curve.js';
import type { ClassRow, Estimate, ModelResult, PairedTest } from './comparison.js';

export interface Predictions {
  /** [n] */
  readonly labels: Int32Array;
  /** [n, K] */
  readonly probabilities: Float64Array;
}

export type Quality = Pick<ModelResult, 'accuracy' | 'f1' | 'auc' | 'classes' | 'confusion' | 'calibration' | 'predictions'>;

const RESAMPLES = 2000;
/** With more rows, fewer resamples: their counts lie in memory, and the intervals are narrow anyway. */
const MOST_COUNTS = 2 ** 28;
const CURVE_POINTS = 200;

/** The test rows, with the resamples that all models share. */
export class TestBench {
  readonly resamples: Resamples;
  /** [R] by predictions, computed once. */
  private readonly f1 = new WeakMap<Predictions, Float64Array>();

  constructor(readonly labels: Int32Array, readonly labelNames: readonly string[], seed: number) {
    this.resamples = new Resamples(labels.length, Math.max(100, Math.min(RESAMPLES, Math.floor(MOST_COUNTS / labels.length))), seed);
  }

  quality(predictions: Predictions): Quality {
    const { labels, labelNames, resamples } = this;
    const { labels: predicted, probabilities } = predictions;
    const K = labelNames.length;
    const confusion = confusionMatrix(labels, predicted, K);
    const scores = classScores(confusion);
    const auc = rocAuc(probabilities, labels, labelNames).value;
    return {
      accuracy: estimate(accuracy(confusion), bootstrapAccuracy(resamples, labels, predicted)),
      f1: estimate(weightedF1(scores), this.f1Of(predictions)),
      auc: auc === null ? { value: null, low: null, high: null } : estimate(auc, bootstrapAuc(resamples, labels, probabilities, K)),
      classes: scores.map((score, k) => ({ label: labelNames[k], ...score, ...this.curve(probabilities, k) })),
      confusion,
      calibration: calibration(probabilities, labels, K),
      predictions: { labels: [...predicted], probabilities: Array.from({ length: labels.length }, (_, row) => [...probabilities.subarray(row * K, (row + 1) * K)]) },
    };
  }

  /** `first` against `second`. */
  compare(first: Predictions, second: Predictions): PairedTest {
    const { onlyFirst, onlySecond, p } = mcnemar(this.labels, first.labels, second.labels);
    const value = this.f1Value(first) - this.f1Value(second);
    return { mcnemar: { onlyThis: onlyFirst, onlyBest: onlySecond, p }, f1Difference: pairedDifference(value, this.f1Of(first), this.f1Of(second)) };
  }

  private f1Value({ labels }: Predictions): number {
    return weightedF1(classScores(confusionMatrix(this.labels, labels, this.labelNames.length)));
  }

  private f1Of(predictions: Predictions): Float64Array {
    let values = this.f1.get(predictions);
    if (!values) this.f1.set(predictions, (values = bootstrapF1(this.resamples, this.labels, predictions.labels, this.labelNames.length)));
    return values;
  }

  private curve(probabilities: Float64Array, k: number): Pick<ClassRow, 'auc' | 'roc'> {
    const K = this.labelNames.length;
    const scores = Float64Array.from(this.labels, (_, row) => probabilities[row * K + k]);
    const isPositive = (row: number): boolean => this.labels[row] === k;
    const curve = rocCurve(scores, isPositive);
    if (!curve) return { auc: null, roc: { falsePositiveRate: [], truePositiveRate: [] } };
    const { falsePositiveRate, truePositiveRate } = thinCurve(curve, CURVE_POINTS);
    return { auc: binaryRocAuc(scores, isPositive)!, roc: { falsePositiveRate, truePositiveRate } };
  }
}

function estimate(value: number, resampled: Float64Array): Estimate {
  const interval = interval95(resampled);
  return { value, low: interval?.low ?? null, high: interval?.high ?? null };
}
