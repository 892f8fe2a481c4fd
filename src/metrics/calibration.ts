/** Whether probabilities can be taken at their word. n = rows, K = classes. */
import { checkRows } from './check.js';

export interface ConfidenceBin {
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  /** Mean of the largest probability of each row; 0 where the bin is empty. */
  readonly meanConfidence: number;
  /** Share of rows whose class with the largest probability is the true one; 0 where the bin is empty. */
  readonly accuracy: number;
}

export interface Calibration {
  /** Empty bins included. */
  readonly bins: readonly ConfidenceBin[];
  /**
   * Expected calibration error (Guo et al. 2017): the mean distance between confidence and accuracy, bins
   * weighted by their rows.
   */
  readonly ece: number;
}

/**
 * The reliability of the largest probabilities, in bins of equal width. A bin holds what is above its lower
 * bound and up to its upper bound, as scikit-learn's `calibration_curve` bins; the first holds 0 as well.
 *
 * @param probabilities [n, K] row-major
 * @param labels [n]
 * @throws RangeError if there are no rows, the lengths do not fit, a label is no class, a probability is not
 *   finite, or the number of bins is not a whole number from 1
 */
export function calibration(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  bins = 10,
): Calibration {
  checkRows(probabilities, 'probabilities', labels, classes);
  if (!Number.isSafeInteger(bins) || bins < 1)
    throw new RangeError(`calibration in ${bins} bins; the number of bins must be a whole number from 1`);
  const rows = new Array<number>(bins).fill(0);
  const confidence = new Array<number>(bins).fill(0);
  const right = new Array<number>(bins).fill(0);
  const bounds = Array.from({ length: bins + 1 }, (_, i) => i / bins);
  for (let row = 0; row < labels.length; row++) {
    let best = 0;
    for (let k = 1; k < classes; k++)
      if (probabilities[row * classes + k] > probabilities[row * classes + best]) best = k;
    const value = probabilities[row * classes + best];
    let bin = 0;
    while (bin < bins - 1 && value > bounds[bin + 1]) bin++;
    rows[bin]++;
    confidence[bin] += value;
    if (best === labels[row]) right[bin]++;
  }
  const all = rows.map((count, i) => ({
    from: bounds[i],
    to: bounds[i + 1],
    rows: count,
    meanConfidence: count === 0 ? 0 : confidence[i] / count,
    accuracy: count === 0 ? 0 : right[i] / count,
  }));
  const ece = all.reduce(
    (sum, bin) => sum + (bin.rows / labels.length) * Math.abs(bin.meanConfidence - bin.accuracy),
    0,
  );
  return { bins: all, ece };
}
