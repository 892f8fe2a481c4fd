/** Area under the ROC curve, as scikit-learn's roc_auc_score gives it. n = rows, K = classes. */

/** An AUC, or null with the reason where it is undefined. */
export type RocAuc = { readonly value: number } | { readonly value: null; readonly warning: string };

/**
 * The probability that a positive row scores above a negative one, half of it where they are equal (the
 * trapezoid rule). The U statistic of Mann and Whitney (1947).
 *
 * @param scores [n], finite
 * @param isPositive of each row
 * @returns undefined where all rows are positive, or none is
 */
export function binaryRocAuc(
  scores: ArrayLike<number>,
  isPositive: (row: number) => boolean,
): number | undefined {
  // Two sorts of plain numbers and one walk through both: sorting row numbers by a comparison takes ten times
  // as long.
  const sides: readonly [number[], number[]] = [[], []];
  for (let row = 0; row < scores.length; row++) sides[isPositive(row) ? 0 : 1].push(scores[row]);
  const [positive, negative] = sides.map((side) => Float64Array.from(side).sort());
  if (positive.length === 0 || negative.length === 0) return undefined;
  let below = 0;
  let upTo = 0;
  let wins = 0;
  for (const score of positive) {
    while (below < negative.length && negative[below] < score) below++;
    upTo = Math.max(upTo, below);
    while (upTo < negative.length && negative[upTo] === score) upTo++;
    // Whole and half numbers, which are exact.
    wins += (below + upTo) / 2;
  }
  return wins / (positive.length * negative.length);
}

/**
 * For two classes, the AUC of class 1. For more, the mean over classes of each against the rest, weighted by
 * how many rows are of it.
 *
 * @param probabilities [n, K] row-major
 * @param labels [n]
 * @param labelNames [K] for the warning where a class has no rows, which leaves the AUC undefined
 */
export function rocAuc(
  probabilities: Float32Array | Float64Array,
  labels: ArrayLike<number>,
  labelNames: readonly string[],
): RocAuc {
  const classes = labelNames.length;
  const support = new Array<number>(classes).fill(0);
  for (let row = 0; row < labels.length; row++) support[labels[row]]++;
  const absent = labelNames.filter((_, k) => support[k] === 0);
  if (absent.length > 0) {
    const names = absent.map((name) => JSON.stringify(name)).join(' or ');
    return {
      value: null,
      warning: `ROC-AUC is undefined: none of the ${labels.length} rows is labelled ${names}`,
    };
  }
  const ofClass = (k: number): number => {
    const scores = Float64Array.from({ length: labels.length }, (_, row) => probabilities[row * classes + k]);
    return binaryRocAuc(scores, (row) => labels[row] === k)!;
  };
  if (classes === 2) return { value: ofClass(1) };
  return { value: support.reduce((sum, rows, k) => sum + rows * ofClass(k), 0) / labels.length };
}
