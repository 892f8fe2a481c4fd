/** ROC curves with scikit-learn's points. */

export interface RocCurve {
  /** From 0 to 1, not descending. */
  readonly falsePositiveRate: readonly number[];
  readonly truePositiveRate: readonly number[];
  /**
   * The score from which on a row counts as positive at each point; Infinity at the first, where none does.
   */
  readonly thresholds: readonly number[];
}

/**
 * scikit-learn's `roc_curve`: a point for each distinct score, without those in the middle of a straight
 * line.
 *
 * @param scores [n], finite
 * @param isPositive of each row
 * @returns undefined where all rows are positive, or none is
 * @throws RangeError if a score is not finite
 */
export function rocCurve(
  scores: ArrayLike<number>,
  isPositive: (row: number) => boolean,
): RocCurve | undefined {
  for (let row = 0; row < scores.length; row++)
    if (!Number.isFinite(scores[row])) throw new RangeError(`row ${row} has the score ${scores[row]}`);
  const order = Array.from({ length: scores.length }, (_, row) => row).sort((a, b) => scores[b] - scores[a]);
  const falses: number[] = [];
  const trues: number[] = [];
  const thresholds: number[] = [];
  let positives = 0;
  for (const [i, row] of order.entries()) {
    if (isPositive(row)) positives++;
    if (i + 1 < order.length && scores[order[i + 1]] === scores[row]) continue;
    falses.push(i + 1 - positives);
    trues.push(positives);
    thresholds.push(scores[row]);
  }
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) return undefined;
  const bends = (i: number): boolean =>
    falses[i + 1] - falses[i] !== falses[i] - falses[i - 1] ||
    trues[i + 1] - trues[i] !== trues[i] - trues[i - 1];
  const kept = falses.map((_, i) => i).filter((i) => i === 0 || i === falses.length - 1 || bends(i));
  return {
    falsePositiveRate: [0, ...kept.map((i) => falses[i] / negatives)],
    truePositiveRate: [0, ...kept.map((i) => trues[i] / positives)],
    thresholds: [Infinity, ...kept.map((i) => thresholds[i])],
  };
}

/**
 * At most `most` points of a curve (3 or more), its ends among them, evenly along the way: no point of the
 * full curve lies farther from the thinned one than 2 / (most - 2) in either direction.
 */
export function thinCurve(
  { falsePositiveRate, truePositiveRate, thresholds }: RocCurve,
  most: number,
): RocCurve {
  const last = falsePositiveRate.length - 1;
  if (last + 1 <= most) return { falsePositiveRate, truePositiveRate, thresholds };
  // The sum of both rates goes from 0 to 2 and never falls.
  const step = 2 / (most - 2);
  const kept: number[] = [];
  let slot = -1;
  for (let i = 0; i < last; i++) {
    const at = Math.floor((falsePositiveRate[i] + truePositiveRate[i]) / step);
    if (at <= slot) continue;
    slot = at;
    kept.push(i);
  }
  kept.push(last);
  const pick = (values: readonly number[]): number[] => kept.map((i) => values[i]);
  return {
    falsePositiveRate: pick(falsePositiveRate),
    truePositiveRate: pick(truePositiveRate),
    thresholds: pick(thresholds),
  };
}
