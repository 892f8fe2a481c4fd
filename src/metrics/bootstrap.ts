/**
 * How far figures of a test set may be trusted: bootstrap over its rows (Efron 1979). A resample is a count
 * for each row, drawn once and used for every model, so that differences between models are differences on
 * the same rows.
 *
 *   n = rows, K = classes, R = resamples
 */
import { Pace } from '../pace.js';
import { MT19937 } from '../random/mt19937.js';
import type { Interval } from './proportion.js';

export class Resamples {
  private constructor(
    readonly rows: number,
    readonly size: number,
    /** [R, n] how often each row was drawn. */
    readonly counts: Uint8Array,
  ) {}

  /** R times n draws of n rows with replacement; the same for the same seed. */
  static async draw(rows: number, size: number, seed: number, pace = new Pace()): Promise<Resamples> {
    if (rows < 1 || size < 1) throw new RangeError(`${size} resamples of ${rows} rows`);
    const generator = new MT19937(seed);
    const resamples = new Resamples(rows, size, new Uint8Array(size * rows));
    for (let r = 0; r < size; r++) {
      if (pace.due) await pace.rest();
      drawRows(resamples.of(r), generator);
    }
    return resamples;
  }

  of(resample: number): Uint8Array {
    return this.counts.subarray(resample * this.rows, (resample + 1) * this.rows);
  }
}

function drawRows(counts: Uint8Array, generator: MT19937): void {
  const rows = counts.length;
  for (let i = 0; i < rows; i++) counts[Math.floor((generator.nextUint32() / 2 ** 32) * rows)]++;
}

/** The figure of each resample [R]. */
async function eachResample(
  resamples: Resamples,
  pace: Pace,
  figure: (counts: Uint8Array, resample: number) => number,
): Promise<Float64Array> {
  const figures = new Float64Array(resamples.size);
  for (let r = 0; r < resamples.size; r++) {
    if (pace.due) await pace.rest();
    figures[r] = figure(resamples.of(r), r);
  }
  return figures;
}

/** [R, K] rows of each class in each resample. */
export async function bootstrapClassCounts(
  resamples: Resamples,
  labels: ArrayLike<number>,
  classes: number,
  pace = new Pace(),
): Promise<Float64Array> {
  const counts = new Float64Array(resamples.size * classes);
  for (let r = 0; r < resamples.size; r++) {
    if (pace.due) await pace.rest();
    const drawn = resamples.of(r);
    for (let row = 0; row < drawn.length; row++) counts[r * classes + labels[row]] += drawn[row];
  }
  return counts;
}

/**
 * Weighted F1 of each resample [R].
 *
 * @param classCounts of `bootstrapClassCounts`, which all models share: only the rows that a model has wrong
 *   are counted for it
 */
export function bootstrapF1(
  resamples: Resamples,
  labels: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classCounts: Float64Array,
  pace = new Pace(),
): Promise<Float64Array> {
  const classes = classCounts.length / resamples.size;
  const wrong = Array.from({ length: resamples.rows }, (_, row) => row).filter(
    (row) => labels[row] !== predicted[row],
  );
  const missed = new Float64Array(classes);
  const falselyTaken = new Float64Array(classes);
  return eachResample(resamples, pace, (drawn, r) => {
    for (const values of [missed, falselyTaken]) values.fill(0);
    for (const row of wrong) {
      missed[labels[row]] += drawn[row];
      falselyTaken[predicted[row]] += drawn[row];
    }
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      const support = classCounts[r * classes + k];
      const right = support - missed[k];
      if (support > 0) sum += (support * 2 * right) / (support + right + falselyTaken[k]);
    }
    return sum / resamples.rows;
  });
}

/**
 * Weighted one-vs-rest AUC of each resample [R] (of class 1 where there are two), NaN where a resample lacks
 * a class. Rows are sorted once; a resample is one pass over them.
 *
 * @param probabilities [n, K] row-major
 */
export async function bootstrapAuc(
  resamples: Resamples,
  labels: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  classes: number,
  pace = new Pace(),
): Promise<Float64Array> {
  const result = new Float64Array(resamples.size);
  for (const k of classes === 2 ? [1] : Array.from({ length: classes }, (_, i) => i)) {
    const score = (row: number): number => probabilities[row * classes + k];
    const order = Int32Array.from({ length: resamples.rows }, (_, row) => row).sort(
      (a, b) => score(a) - score(b),
    );
    const tiesWithNext = order.map((row, i) =>
      i + 1 < order.length && score(order[i + 1]) === score(row) ? 1 : 0,
    );
    const positive = order.map((row) => (labels[row] === k ? 1 : 0));
    const weighted = await eachResample(resamples, pace, (counts) => {
      let [below, wins, positives, tiedPositives, tiedNegatives] = [0, 0, 0, 0, 0];
      for (let i = 0; i < order.length; i++) {
        const count = counts[order[i]];
        if (positive[i]) tiedPositives += count;
        else tiedNegatives += count;
        if (tiesWithNext[i]) continue;
        wins += tiedPositives * (below + tiedNegatives / 2);
        positives += tiedPositives;
        below += tiedNegatives;
        tiedPositives = 0;
        tiedNegatives = 0;
      }
      const auc = wins / (positives * below);
      return classes === 2 ? auc : (auc * positives) / resamples.rows;
    });
    for (let r = 0; r < resamples.size; r++) result[r] += weighted[r];
  }
  return result;
}

/**
 * The middle 95 % of values, linear between neighbours as numpy's percentile; NaN is left out. Undefined
 * where nothing is left.
 */
export function interval95(values: Float64Array): Interval | undefined {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  if (sorted.length === 0) return undefined;
  const quantile = (share: number): number => {
    const at = share * (sorted.length - 1);
    const low = Math.floor(at);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
  };
  return { low: quantile(0.025), high: quantile(0.975) };
}

/** Standard deviation of a metric over resamples; rounding is no deviation. */
export function standardError(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  const variance = squares / values.length;
  return variance < 1e-24 ? 0 : Math.sqrt(variance);
}
