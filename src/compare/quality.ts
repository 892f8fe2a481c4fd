/** How well models predict the test rows, with how far that may be trusted. n = rows, K = classes. */
import { bootstrapAccuracy, bootstrapAuc, bootstrapF1, interval95, Resamples } from '../metrics/bootstrap.js';
import { calibration } from '../metrics/calibration.js';
import { accuracy, classScores, confusionMatrix, weightedF1 } from '../metrics/confusion.js';
import { mcnemar, pairedDifference } from '../metrics/paired.js';
import { binaryRocAuc, rocAuc } from '../metrics/roc-auc.js';
import { rocCurve, thinCurve } from '../metrics/roc-curve.js';
import { Pace } from '../pace.js';
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
  /** [R] by predictions, computed once. */
  private readonly f1 = new WeakMap<Predictions, Float64Array>();

  private constructor(
    readonly labels: Int32Array,
    readonly labelNames: readonly string[],
    readonly resamples: Resamples,
    private readonly pace: Pace,
  ) {}

  /** @param signal ends whatever the bench is at */
  static async create(labels: Int32Array, labelNames: readonly string[], seed: number, signal?: AbortSignal): Promise<TestBench> {
    const size = Math.max(100, Math.min(RESAMPLES, Math.floor(MOST_COUNTS / labels.length)));
    const pace = new Pace(signal);
    return new TestBench(labels, labelNames, await Resamples.draw(labels.length, size, seed, pace), pace);
  }

  async quality(predictions: Predictions): Promise<Quality> {
    const { labels, labelNames, resamples, pace } = this;
    const { labels: predicted, probabilities } = predictions;
    const K = labelNames.length;
    const confusion = confusionMatrix(labels, predicted, K);
    const scores = classScores(confusion);
    const auc = rocAuc(probabilities, labels, labelNames).value;
    const accuracies = await bootstrapAccuracy(resamples, labels, predicted, pace);
    const f1 = await this.f1Of(predictions);
    const aucs = auc === null ? new Float64Array(0) : await bootstrapAuc(resamples, labels, probabilities, K, pace);
    const classes: ClassRow[] = [];
    for (const [k, score] of scores.entries()) {
      if (pace.due) await pace.rest();
      classes.push({ label: labelNames[k], ...score, ...this.curve(probabilities, k) });
    }
    return {
      accuracy: estimate(accuracy(confusion), accuracies),
      f1: estimate(weightedF1(scores), f1),
      auc: estimate(auc, aucs),
      classes,
      confusion,
      calibration: calibration(probabilities, labels, K),
      predictions: { labels: [...predicted], probabilities: Array.from({ length: labels.length }, (_, row) => [...probabilities.subarray(row * K, (row + 1) * K)]) },
    };
  }

  /** `first` against `second`. */
  async compare(first: Predictions, second: Predictions): Promise<PairedTest> {
    const { onlyFirst, onlySecond, p } = mcnemar(this.labels, first.labels, second.labels);
    const value = this.f1Value(first) - this.f1Value(second);
    const f1Difference = pairedDifference(value, await this.f1Of(first), await this.f1Of(second));
    return { mcnemar: { onlyThis: onlyFirst, onlyBest: onlySecond, p }, f1Difference };
  }

  private f1Value({ labels }: Predictions): number {
    return weightedF1(classScores(confusionMatrix(this.labels, labels, this.labelNames.length)));
  }

  private async f1Of(predictions: Predictions): Promise<Float64Array> {
    const known = this.f1.get(predictions);
    if (known) return known;
    const { resamples, labels, labelNames, pace } = this;
    const values = await bootstrapF1(resamples, labels, predictions.labels, labelNames.length, pace);
    this.f1.set(predictions, values);
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

function estimate(value: number | null, resampled: Float64Array): Estimate {
  const interval = interval95(resampled);
  return { value, low: interval?.low ?? null, high: interval?.high ?? null };
}
