/** How well models predict the test rows, with how far that may be trusted. n = rows, K = classes. */
import {
  bootstrapAuc,
  bootstrapClassCounts,
  bootstrapF1,
  interval95,
  Resamples,
  standardError,
} from '../metrics/bootstrap.js';
import { calibration } from '../metrics/calibration.js';
import { accuracy, classScores, confusionMatrix, f1RowWeight, weightedF1 } from '../metrics/confusion.js';
import { clopperPearson, effectiveInterval } from '../metrics/proportion.js';
import { binaryRocAuc, rocAuc } from '../metrics/roc-auc.js';
import { rocCurve, thinCurve } from '../metrics/roc-curve.js';
import { Pace } from '../pace.js';
import type { ClassRow, Estimate, ModelResult, SeedResult } from './comparison.js';

export interface Predictions {
  /** [n] */
  readonly labels: Int32Array;
  /** [n, K] */
  readonly probabilities: Float64Array;
}

export type Quality = Pick<
  ModelResult,
  'accuracy' | 'f1' | 'auc' | 'classes' | 'confusion' | 'calibration' | 'predictions'
>;

const RESAMPLES = 2000;
/** With more rows, fewer resamples: their counts lie in memory, and the intervals are narrow anyway. */
const MOST_COUNTS = 2 ** 28;
const CURVE_POINTS = 200;
/** Left out on either side of an interval. */
const TAIL = 0.025;

/** The test rows, with the resamples that all models share. */
export class TestBench {
  /** [R] by predictions, computed once. */
  readonly #f1 = new WeakMap<Predictions, Float64Array>();

  readonly #classCounts: Float64Array;
  readonly #pace: Pace;

  private constructor(
    readonly labels: Int32Array,
    readonly labelNames: readonly string[],
    readonly resamples: Resamples,
    /** [R, K] */
    classCounts: Float64Array,
    pace: Pace,
  ) {
    this.#classCounts = classCounts;
    this.#pace = pace;
  }

  /** @param signal ends whatever the bench is at */
  static async create(
    labels: Int32Array,
    labelNames: readonly string[],
    seed: number,
    signal?: AbortSignal,
  ): Promise<TestBench> {
    const size = Math.max(100, Math.min(RESAMPLES, Math.floor(MOST_COUNTS / labels.length)));
    const pace = new Pace(signal);
    const resamples = await Resamples.draw(labels.length, size, seed, pace);
    return new TestBench(
      labels,
      labelNames,
      resamples,
      await bootstrapClassCounts(resamples, labels, labelNames.length, pace),
      pace,
    );
  }

  async quality(predictions: Predictions): Promise<Quality> {
    const pace = this.#pace;
    const { labels, labelNames, resamples } = this;
    const { labels: predicted, probabilities } = predictions;
    const K = labelNames.length;
    const confusion = confusionMatrix(labels, predicted, K);
    const scores = classScores(confusion);
    const auc = rocAuc(probabilities, labels, labelNames).value;
    const f1 = weightedF1(scores);
    const right = accuracy(confusion);
    const aucs =
      auc === null ? new Float64Array(0) : await bootstrapAuc(resamples, labels, probabilities, K, pace);
    const classes: ClassRow[] = [];
    for (const [k, score] of scores.entries()) {
      if (pace.due) await pace.rest();
      classes.push({ label: labelNames[k], ...score, ...this.#curve(probabilities, k) });
    }
    return {
      accuracy: { value: right, ...clopperPearson(right * labels.length, labels.length, TAIL) },
      f1: {
        value: f1,
        ...effectiveInterval(
          f1,
          standardError(await this.resampledF1(predictions)),
          labels.length,
          f1RowWeight(confusion),
          TAIL,
        ),
      },
      auc: aucEstimate(
        auc,
        aucs,
        scores.map(({ support }) => support),
      ),
      classes,
      confusion,
      calibration: calibration(probabilities, labels, K),
      predictions: {
        labels: [...predicted],
        probabilities: Array.from({ length: labels.length }, (_, row) => [
          ...probabilities.subarray(row * K, (row + 1) * K),
        ]),
      },
    };
  }

  /** Metrics alone, without how far they may be trusted. */
  measure({ labels: predicted, probabilities }: Predictions): Omit<SeedResult, 'seed'> {
    const { labels, labelNames } = this;
    const confusion = confusionMatrix(labels, predicted, labelNames.length);
    return {
      accuracy: accuracy(confusion),
      f1: weightedF1(classScores(confusion)),
      auc: rocAuc(probabilities, labels, labelNames).value,
    };
  }

  /** [R] weighted F1 in each resample. */
  async resampledF1(predictions: Predictions): Promise<Float64Array> {
    const known = this.#f1.get(predictions);
    if (known) return known;
    const classCounts = this.#classCounts;
    const pace = this.#pace;
    const { resamples, labels } = this;
    const values = await bootstrapF1(resamples, labels, predictions.labels, classCounts, pace);
    this.#f1.set(predictions, values);
    return values;
  }

  #curve(probabilities: Float64Array, k: number): Pick<ClassRow, 'auc' | 'roc'> {
    const K = this.labelNames.length;
    const scores = Float64Array.from(this.labels, (_, row) => probabilities[row * K + k]);
    const isPositive = (row: number): boolean => this.labels[row] === k;
    const curve = rocCurve(scores, isPositive);
    if (!curve) return { auc: null, roc: { falsePositiveRate: [], truePositiveRate: [] } };
    const { falsePositiveRate, truePositiveRate } = thinCurve(curve, CURVE_POINTS);
    return { auc: binaryRocAuc(scores, isPositive)!, roc: { falsePositiveRate, truePositiveRate } };
  }
}

/**
 * Bootstrap percentiles. Where classes are told apart without an error, all resamples agree and say nothing
 * of other rows: then the bound is that of a share among as many rows as the rarer side of each class against
 * the rest has, which bounds the AUC's variance (Birnbaum and Klose 1957).
 */
function aucEstimate(value: number | null, resampled: Float64Array, support: readonly number[]): Estimate {
  const interval = interval95(resampled);
  if (value === null || interval === undefined) return { value, low: null, high: null };
  const perfect = Math.round(value);
  // Weighted means of ones are ones but for rounding.
  if (Math.abs(value - perfect) > 1e-12 || interval.high - interval.low > 1e-12)
    return { value, low: interval.low, high: interval.high };
  const rows = support.reduce((sum, count) => sum + count, 0);
  const deviation = support.reduce(
    (sum, count) => sum + (count === 0 ? 0 : count / rows / Math.sqrt(Math.min(count, rows - count))),
    0,
  );
  const effective = 1 / deviation ** 2;
  return { value: perfect, ...clopperPearson(perfect * effective, effective, TAIL) };
}
