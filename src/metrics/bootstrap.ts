/**
 * How far figures of a test set may be trusted: bootstrap over its rows (Efron 1979), percentile intervals. A resample is a count for each row, drawn
 * once and used for every model, so that differences between models are differences on the same rows.
 *
 *   n = rows, K = classes, R = resamples
 */
import { Pace } from '../pace.js';
import { MT19937 } from '../random/mt19937.js';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

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
async function eachResample(resamples: Resamples, pace: Pace, figure: (counts: Uint8Array) => number): Promise<Float64Array> {
  const figures = new Float64Array(resamples.size);
  for (let r = 0; r < resamples.size; r++) {
    if (pace.due) await pace.rest();
    figures[r] = figure(resamples.of(r));
  }
  return figures;
}

/** Share of rows predicted right in each resample [R]. */
export function bootstrapAccuracy(
  resamples: Resamples,
  labels: ArrayLike<number>,
  predicted: ArrayLike<number>,
  pace = new Pace(),
): Promise<Float64Array> {
  return eachResample(resamples, pace, (counts) => {
    let right = 0;
    for (let row = 0; row < counts.length; row++) if (labels[row] === predicted[row]) right += counts[row];
    return right / resamples.rows;
  });
}

/** Weighted F1 of each resample [R]. */
export function bootstrapF1(
  resamples: Resamples,
  labels: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number,
  pace = new Pace(),
): Promise<Float64Array> {
  const right = new Float64Array(classes);
  const support = new Float64Array(classes);
  const guessed = new Float64Array(classes);
  return eachResample(resamples, pace, (counts) => {
    for (const values of [right, support, guessed]) values.fill(0);
    for (let row = 0; row < counts.length; row++) {
      support[labels[row]] += counts[row];
      guessed[predicted[row]] += counts[row];
      if (labels[row] === predicted[row]) right[labels[row]] += counts[row];
    }
    let sum = 0;
    for (let k = 0; k < classes; k++) if (support[k] > 0) sum += (support[k] * 2 * right[k]) / (support[k] + guessed[k]);
    return sum / resamples.rows;
  });
}

/**
 * Weighted one-vs-rest AUC of each resample [R] (of class 1 where there are two), NaN where a resample lacks a class. Rows are sorted once; a
 * resample is one pass over them.
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
    const order = Int32Array.from({ length: resamples.rows }, (_, row) => row).sort((a, b) => score(a) - score(b));
    const tiesWithNext = order.map((row, i) => (i + 1 < order.length && score(order[i + 1]) === score(row) ? 1 : 0));
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
        tiedPositives = tiedNegatives = 0;
      }
      const auc = wins / (positives * below);
      return classes === 2 ? auc : (auc * positives) / resamples.rows;
    });
    for (let r = 0; r < resamples.size; r++) result[r] += weighted[r];
  }
  return result;
}

/** The middle 95 % of values, linear between neighbours as numpy's percentile; NaN is left out. Undefined where nothing is left. */
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
