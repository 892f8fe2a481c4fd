/**
 * Several models against the best of them, on the same test rows: which may be the best, which is shown to be
 * as good but for a margin, and what the best one's own metric is worth, having been chosen for it. K =
 * models, R = resamples.
 *
 * Multiple comparisons with the best (Hsu 1981): an interval for how far each model lies above the best of
 * the others. All upper bounds hold together with 95 %, and all lower bounds: their width is the largest of
 * the studentised differences within resamples, over all pairs (Romano and Wolf 2005) for the upper ones,
 * because any of equal models may come out last; over the pairs with one model for the lower ones, because
 * only the true best counts.
 */
import { standardError } from './bootstrap.js';
import { normalTail } from './distributions.js';
import { differenceReach, effectiveInterval } from './proportion.js';
import type { Interval } from './proportion.js';

export interface Difference extends Interval {
  readonly value: number;
}

/** Its metric minus the highest of the others. */
export interface AgainstBest extends Difference {
  /** Not shown to be worse than any other. */
  readonly mayBeBest: boolean;
}

export interface BestOf {
  /** Index of the highest metric; the first of equals. */
  readonly best: number;
  /** [K] */
  readonly models: readonly AgainstBest[];
  /** [K][K]: the first's metric minus the second's, with simultaneous bounds. */
  readonly pairs: readonly (readonly Difference[])[];
  /** [K][K]: standard errors of the differences. */
  readonly errors: readonly (readonly number[])[];
  /**
   * By how much the best's metric is too high because it was chosen on the rows that it is measured on: the
   * mean over resamples (Tibshirani and Tibshirani 2009).
   */
  readonly optimism: number;
  /** 95 % interval of the best's metric that allows for the choice. */
  readonly interval: Interval;
  /** The first's metric minus the second's, two models named beforehand, with its 95 % interval. */
  readonly difference: (first: number, second: number) => Difference;
}

/** What all upper bounds together leave out. */
const ALPHA = 0.05;
/**
 * What all lower bounds together leave out: less, because with 0.05 up to 5.9 % of simulated comparisons had
 * one that did not hold (docs/verdict.md).
 */
const LOW_ALPHA = 0.035;

/**
 * With one model, its bounds are infinite: there is nothing to compare it with.
 *
 * @param values [K] the metric of each model on the test rows, 0 to 1
 * @param resampled [K] of [R]: the same in resamples of the rows, the same ones for every model
 * @param rows of the test set
 * @param weights [K] by how much one row can change each model's metric, times the rows; 1 for accuracy
 */
export function compareWithBest(
  values: readonly number[],
  resampled: readonly Float64Array[],
  rows: number,
  weights: readonly number[],
): BestOf {
  const indices = values.map((_, i) => i);
  const best = values.indexOf(Math.max(...values));
  const { errors, highTail, lowTails } = differencesOf(
    resampled.map((each, i) => each.map((value) => value - values[i])),
  );
  const between = (i: number, j: number, lowTail: number, highTail: number): Difference => {
    const value = values[i] - values[j];
    const { below, above } = differenceReach(
      value,
      errors[i][j],
      rows,
      Math.max(weights[i], weights[j]),
      lowTail,
      highTail,
    );
    return { value, low: Math.max(-1, value - below), high: Math.min(1, value + above) };
  };
  const pairs = indices.map((i) => indices.map((j) => between(i, j, lowTails[j], highTail)));
  const models = pairs.map((own, i) => {
    const others = own.filter((_, j) => j !== i);
    const least = (of: keyof Difference): number => Math.min(...others.map((pair) => pair[of]));
    const high = least('high');
    return { value: least('value'), low: least('low'), high, mayBeBest: high >= 0 };
  });
  const contenders = models.filter(({ mayBeBest }) => mayBeBest).length;
  const interval = effectiveInterval(
    values[best],
    standardError(resampled[best]),
    rows,
    weights[best],
    ALPHA / 2 / contenders,
    ALPHA / 2,
  );
  return {
    best,
    models,
    pairs,
    errors,
    optimism: optimism(values, resampled),
    interval,
    difference: (first, second) => between(first, second, ALPHA / 2, ALPHA / 2),
  };
}

/**
 * How differences between models vary over resamples, and what each bound leaves out of its side so that all
 * of them hold together: from the largest studentised difference within each resample, and never more than a
 * single comparison may.
 *
 * @param centred [K] of [R]: each model's metric in the resamples minus that on the test rows
 * @returns [K][K] standard errors, 0 between models that no resample tells apart; the tail of upper bounds;
 *   [K] those of lower bounds of differences to each model
 */
function differencesOf(centred: readonly Float64Array[]): {
  readonly errors: readonly (readonly number[])[];
  readonly highTail: number;
  readonly lowTails: readonly number[];
} {
  const size = centred[0].length;
  const errors = centred.map(() => centred.map(() => 0));
  const overOne = centred.map(() => new Float64Array(size));
  const overAll = new Float64Array(size);
  for (const [i, first] of centred.entries()) {
    for (let j = 0; j < i; j++) {
      const second = centred[j];
      const differences = first.map((value, r) => value - second[r]);
      const error = standardError(differences);
      errors[i][j] = error;
      errors[j][i] = error;
      if (error === 0) continue;
      const [overFirst, overSecond] = [overOne[i], overOne[j]];
      for (let r = 0; r < size; r++) {
        const studentised = differences[r] / error;
        if (studentised > overSecond[r]) overSecond[r] = studentised;
        if (-studentised > overFirst[r]) overFirst[r] = -studentised;
        overAll[r] = Math.max(overAll[r], Math.abs(studentised));
      }
    }
  }
  return {
    errors,
    highTail: Math.min(ALPHA / 2, normalTail(quantile(overAll, 1 - ALPHA))),
    lowTails: overOne.map((largest) => Math.min(LOW_ALPHA, normalTail(quantile(largest, 1 - LOW_ALPHA)))),
  };
}

/** Mean over resamples of how far the highest metric there lies above that model's own on the test rows. */
function optimism(values: readonly number[], resampled: readonly Float64Array[]): number {
  let sum = 0;
  for (let r = 0; r < resampled[0].length; r++) {
    let winner = 0;
    for (let i = 1; i < values.length; i++) if (resampled[i][r] > resampled[winner][r]) winner = i;
    sum += resampled[winner][r] - values[winner];
  }
  return sum / resampled[0].length;
}

/** The order statistic that no more than a share of `1 - share` of the values exceed. */
function quantile(values: Float64Array, share: number): number {
  const sorted = values.slice().sort();
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * (sorted.length + 1)) - 1)];
}
