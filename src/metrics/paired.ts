/** Whether two models differ by more than the luck of the test rows. Both have predicted the same rows. */
import { interval95 } from './bootstrap.js';
import type { Interval } from './bootstrap.js';

export interface McNemar {
  /** Rows that only the first had right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Two-sided, exact: of the rows that only one had right, each is as likely the one's as the other's. */
  readonly p: number;
}

/** McNemar's exact test (1947): a binomial test of the rows that only one of two models had right. All [n]. */
export function mcnemar(labels: ArrayLike<number>, first: ArrayLike<number>, second: ArrayLike<number>): McNemar {
  let onlyFirst = 0;
  let onlySecond = 0;
  for (let row = 0; row < labels.length; row++) {
    const [a, b] = [first[row] === labels[row], second[row] === labels[row]];
    if (a && !b) onlyFirst++;
    if (b && !a) onlySecond++;
  }
  return { onlyFirst, onlySecond, p: fairCoinP(Math.min(onlyFirst, onlySecond), onlyFirst + onlySecond) };
}

/** The probability that n throws of a fair coin are at least as uneven as `fewer` to n - `fewer`. */
function fairCoinP(fewer: number, n: number): number {
  if (2 * fewer === n) return 1;
  // log of n choose k, times 2^-n, from k = 0 up
  let logTerm = -n * Math.LN2;
  let sum = Math.exp(logTerm);
  for (let k = 1; k <= fewer; k++) {
    logTerm += Math.log((n - k + 1) / k);
    sum += Math.exp(logTerm);
  }
  return Math.min(1, 2 * sum);
}

export interface PairedDifference extends Interval {
  /** On the test rows themselves. */
  readonly value: number;
  /** Two-sided: twice the share of resamples in which the sign is the other one (at least 2 / (R + 1), as far as R resamples can tell). */
  readonly p: number;
}

/**
 * Paired bootstrap (Efron and Tibshirani 1993; Koehn 2004) of a figure's difference.
 *
 * @param value the difference on the test rows
 * @param first, second [R] the figure of each model in the same resamples
 */
export function pairedDifference(value: number, first: Float64Array, second: Float64Array): PairedDifference {
  const differences = first.map((figure, r) => figure - second[r]).filter((difference) => !Number.isNaN(difference));
  let [atMost, atLeast] = [0, 0];
  for (const difference of differences) {
    if (difference <= 0) atMost++;
    if (difference >= 0) atLeast++;
  }
  const { low, high } = interval95(differences) ?? { low: NaN, high: NaN };
  return { value, low, high, p: Math.min(1, (2 * (Math.min(atMost, atLeast) + 1)) / (differences.length + 1)) };
}
