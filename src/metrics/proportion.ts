/**
 * Intervals that hold for few rows and near 0 and 1, where the bootstrap's collapse: 96 right of 96 leave
 * room for a share of 0.962.
 *
 * `tail` is the probability left out on one side: 0.025 on both sides make a 95 % interval.
 */
import { betaQuantile } from './distributions.js';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Counts nearer to 0 or to all rows than this are there. */
const ROUNDING = 1e-9;

/**
 * The exact interval of a share (Clopper and Pearson 1934). Counts need not be integers.
 *
 * @param count 0 to `rows`
 */
export function clopperPearson(count: number, rows: number, lowTail: number, highTail = lowTail): Interval {
  const rest = rows - count;
  return {
    low: count < ROUNDING * rows ? 0 : betaQuantile(lowTail, count, rest + 1),
    high: rest < ROUNDING * rows ? 1 : betaQuantile(1 - highTail, count + 1, rest),
  };
}

/**
 * Of a metric between 0 and 1 that is no share of rows, such as weighted F1: Clopper and Pearson's interval
 * of a share with the same standard error, as of a survey's effective sample (Korn and Graubard 1998), which
 * is never taken to be larger than the sample. In the upper half it is the share of errors, of which each
 * costs `weight`; in the lower half that of successes.
 *
 * @param standardError of the value, from resamples; 0 where all are equal
 * @param weight by how much one row can change the metric, times the rows; 1 for accuracy
 */
export function effectiveInterval(
  value: number,
  standardError: number,
  rows: number,
  weight: number,
  lowTail: number,
  highTail = lowTail,
): Interval {
  if (value > 0.5) {
    const { low, high } = effectiveInterval(
      1 - Math.min(1, value),
      standardError,
      rows,
      weight,
      highTail,
      lowTail,
    );
    return { low: Math.min(value, 1 - high), high: Math.max(value, 1 - low) };
  }
  const share = Math.max(0, value) / weight;
  const effective = Math.min(rows, (share * (1 - share)) / (standardError / weight) ** 2 || rows);
  const { low, high } = clopperPearson(share * effective, effective, lowTail, highTail);
  return { low: Math.min(value, weight * low), high: Math.min(1, Math.max(value, weight * high)) };
}

/**
 * How far a difference of two such metrics on the same rows may lie below and above what was measured. It is
 * taken for `weight` times a difference of two shares: of the rows that speak for the first, and of those
 * that speak for the second. Both get exact intervals, which are joined by the method of variance estimates
 * recovery (Zou and Donner 2008, with the correlation of two shares of a multinomial sample). For accuracy
 * these are the rows that only one has right; for another metric, as many as give its standard error.
 *
 * @returns distances, 0 or more
 */
export function differenceReach(
  difference: number,
  standardError: number,
  rows: number,
  weight: number,
  lowTail: number,
  highTail = lowTail,
): { readonly below: number; readonly above: number } {
  const shares = difference / weight;
  const either = Math.min(1, Math.max(Math.abs(shares), rows * (standardError / weight) ** 2 + shares ** 2));
  const forFirst = (either + shares) / 2;
  const forSecond = (either - shares) / 2;
  const correlation = -Math.sqrt((forFirst * forSecond) / ((1 - forFirst) * (1 - forSecond)) || 0);
  const joined = (first: number, second: number): number =>
    weight * Math.sqrt(first ** 2 + second ** 2 - 2 * correlation * first * second);
  const first = clopperPearson(forFirst * rows, rows, lowTail, highTail);
  const second = clopperPearson(forSecond * rows, rows, highTail, lowTail);
  return {
    below: joined(forFirst - first.low, second.high - forSecond),
    above: joined(first.high - forFirst, forSecond - second.low),
  };
}
