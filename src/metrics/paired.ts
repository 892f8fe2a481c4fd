/** Two models on the same rows. */

export interface McNemar {
  /** Rows that only the first had right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /**
   * Two-sided, exact, of two models named beforehand: of the rows that only one had right, each is as likely
   * the one's as the other's.
   */
  readonly p: number;
}

/**
 * McNemar's exact test (1947): a binomial test of the rows that only one of two models had right. All [n].
 *
 * @throws RangeError if they are not of one length
 */
export function mcnemar(
  labels: ArrayLike<number>,
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): McNemar {
  if (first.length !== labels.length || second.length !== labels.length)
    throw new RangeError(`${first.length} and ${second.length} predictions for ${labels.length} rows`);
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
