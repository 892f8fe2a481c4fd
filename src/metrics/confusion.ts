/** Metrics of predicted classes, as scikit-learn defines them. n = rows, K = classes. */

/** [K][K]: rows of class i that were predicted as class j. @param labels, predicted [n] class indices */
export function confusionMatrix(
  labels: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number,
): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let row = 0; row < labels.length; row++) matrix[labels[row]][predicted[row]]++;
  return matrix;
}

/** Share of rows predicted right. */
export function accuracy(confusion: readonly (readonly number[])[]): number {
  const right = confusion.reduce((sum, row, i) => sum + row[i], 0);
  return right / total(confusion);
}

export interface ClassScores {
  /** Of the rows predicted as this class, the share that is of it; 0 where none was predicted. */
  readonly precision: number;
  /** Of the rows of this class, the share predicted as it; 0 where there are none. */
  readonly recall: number;
  /** Harmonic mean of both; 0 where both are 0. */
  readonly f1: number;
  /** Rows of this class. */
  readonly support: number;
}

/** [K] */
export function classScores(confusion: readonly (readonly number[])[]): ClassScores[] {
  return confusion.map((row, k) => {
    const right = row[k];
    const support = row.reduce((sum, count) => sum + count, 0);
    const predicted = confusion.reduce((sum, other) => sum + other[k], 0);
    return {
      precision: predicted === 0 ? 0 : right / predicted,
      recall: support === 0 ? 0 : right / support,
      f1: support + predicted === 0 ? 0 : (2 * right) / (support + predicted),
      support,
    };
  });
}

/** F1 of each class, weighted by its support. */
export function weightedF1(scores: readonly ClassScores[]): number {
  const rows = scores.reduce((sum, { support }) => sum + support, 0);
  return scores.reduce((sum, { f1, support }) => sum + f1 * support, 0) / rows;
}

/**
 * Of a class that the test rows may lack altogether: each of its rows costs its own F1, and half as much that
 * of the class it is taken for.
 */
const WEIGHT_OF_UNSEEN = 1.5;

/**
 * By how much weighted F1 changes where one row is answered right instead of wrong, times the rows, for the
 * row where that is most (the largest difference of partial derivatives by the entries of the confusion
 * matrix). 1 for a perfect model, up to 2.5 for one that never finds a class.
 */
export function f1RowWeight(confusion: readonly (readonly number[])[]): number {
  const classes = classScores(confusion).map(({ f1, support }, k) => ({
    f1,
    support,
    answered: confusion.reduce((sum, row) => sum + row[k], 0),
  }));
  const seen = classes.filter(({ support }) => support > 0);
  const gained = ({ f1, support, answered }: (typeof seen)[number]): number =>
    (support * (2 - f1)) / (support + answered);
  const spared = ({ f1, support, answered }: (typeof seen)[number]): number =>
    (support * f1) / (support + answered);
  const most = Math.max(
    ...seen.map((own) => gained(own) + Math.max(0, ...seen.filter((other) => other !== own).map(spared))),
  );
  return Math.max(1, most, seen.length < classes.length ? WEIGHT_OF_UNSEEN : 0);
}

function total(confusion: readonly (readonly number[])[]): number {
  return confusion.flat().reduce((sum, count) => sum + count, 0);
}
