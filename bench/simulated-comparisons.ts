/**
 * Simulated comparisons: test sets of correlated errors by models whose true metrics are known, judged by the
 * code that `attune compare` uses. A row's difficulty is shared by all models (correlation 0.5 of the latent
 * normal variables), wrong answers agree in 0.7 of the rows, classes are unequal, and not equally hard for
 * different models unless these are equal in all. Accuracies, confusions and F1 of the population are
 * computed, not estimated.
 */
import { compareWithBest } from '#attune/metrics/best-set.js';
import { bootstrapClassCounts, bootstrapF1, Resamples } from '#attune/metrics/bootstrap.js';
import {
  accuracy,
  classScores,
  confusionMatrix,
  f1RowWeight,
  weightedF1,
} from '#attune/metrics/confusion.js';
import { normalTail } from '#attune/metrics/distributions.js';
import { MT19937 } from '#attune/random/mt19937.js';

export const METRICS = ['F1', 'accuracy'] as const;
const PRIORS: Readonly<Record<number, readonly number[]>> = {
  2: [0.6, 0.4],
  5: [0.35, 0.25, 0.2, 0.12, 0.08],
};
const SHARED_DIFFICULTY = 0.5;
const SHARED_ANSWER = 0.7;
const RESAMPLES = 2000;

export interface Cell {
  readonly what: string;
  readonly rows: number;
  readonly classes: number;
  /** True accuracies, simplest model first; in their place, what share of each class each model finds. */
  readonly accuracies: readonly number[] | readonly (readonly number[])[];
  /** Shares of the classes; absent: those of PRIORS. */
  readonly prior?: readonly number[];
  /**
   * Absent: the true loss of the simplest model, so that a claim about it is false by the smallest amount.
   */
  readonly margin?: number;
  /** The same classes are hard for all of them, so that equal accuracies are equal F1. */
  readonly alike?: boolean;
}

/** Sums over the simulated comparisons. */
export interface Rates {
  excluded: number;
  falseClaim: number;
  covered: number;
  recommended: number;
  simpler: number;
  regret: number;
  regretUnshown: number;
  unshown: number;
  bestSet: number;
  optimism: number;
  corrected: number;
}

const none = (): Rates => ({
  excluded: 0,
  falseClaim: 0,
  covered: 0,
  recommended: 0,
  simpler: 0,
  regret: 0,
  regretUnshown: 0,
  unshown: 0,
  bestSet: 0,
  optimism: 0,
  corrected: 0,
});

const equal = (models: number, value: number): Pick<Cell, 'what' | 'accuracies' | 'margin' | 'alike'> => ({
  what: `${models} equal at ${value}`,
  accuracies: new Array<number>(models).fill(value),
  margin: 0.02,
  alike: true,
});
const worse = (models: number, low: number, high: number): Pick<Cell, 'what' | 'accuracies'> => ({
  what: `${models - 1} worse by the margin, ${low} and ${high}`,
  accuracies: [...new Array<number>(models - 1).fill(low), high],
});

export const CELLS: readonly Cell[] = [2, 5].flatMap((classes) =>
  [50, 200, 1000, 2000].flatMap((rows) =>
    [
      equal(2, 0.85),
      equal(4, 0.85),
      equal(8, 0.85),
      worse(2, 0.83, 0.85),
      worse(8, 0.83, 0.85),
      equal(2, 0.98),
      worse(2, 0.97, 0.99),
      // Near 1, what is exact only for many rows is wrong for few.
      ...(rows <= 1000 ? [equal(8, 0.98), worse(8, 0.97, 0.99)] : []),
      ...(rows !== 1000
        ? [
            {
              what: '0.53, 0.79, 0.82, 0.62, 0.62, 0.62, 0.75, 0.87',
              accuracies: [0.53, 0.79, 0.82, 0.62, 0.62, 0.62, 0.75, 0.87],
              margin: 0.02,
            },
          ]
        : []),
      { what: '0.8, 0.84, 0.855, 0.86', accuracies: [0.8, 0.84, 0.855, 0.86], margin: 0.02 },
      // Where a class is missed, a row of it counts for more than one.
      ...(classes === 2
        ? [
            {
              what: 'a class of 1.5 % never found, and always',
              prior: [0.985, 0.015],
              accuracies: [
                [1, 0],
                [1, 1],
              ],
            },
            {
              what: 'half of all rows never found, and 2 % of them',
              prior: [0.5, 0.5],
              accuracies: [
                [1, 0],
                [1, 0.02],
              ],
            },
          ]
        : []),
    ].map((models): Cell => ({ ...models, rows, classes })),
  ),
);

class Source {
  readonly #generator: MT19937;

  constructor(seed: number) {
    this.#generator = new MT19937(seed);
  }

  uniform(): number {
    return (this.#generator.nextUint32() + 0.5) / 2 ** 32;
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  pick(weights: readonly number[], except = -1): number {
    let at = this.uniform() * weights.reduce((sum, weight, k) => sum + (k === except ? 0 : weight), 0);
    for (const [k, weight] of weights.entries()) {
      if (k === except) continue;
      at -= weight;
      if (at < 0) return k;
    }
    return except === weights.length - 1 ? weights.length - 2 : weights.length - 1;
  }
}

/** Share of normal variables below z. */
const below = (z: number): number => normalTail(-z);

/** The z between -6 and 6 at which a rising function comes to a target. */
function rootOf(rising: (z: number) => number, target: number): number {
  let [low, high] = [-6, 6];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (rising(middle) < target) low = middle;
    else high = middle;
  }
  return low;
}

/** What a normal variable stays below in this share of cases. */
function quantileOf(share: number): number {
  if (share === 0) return -Infinity;
  return share === 1 ? Infinity : rootOf(below, share);
}

/**
 * [K] what a row of each class must stay below for this model to be right, so that its accuracy is the one
 * asked for.
 */
function thresholds(target: number, model: number, prior: readonly number[]): number[] {
  const easier = (k: number): number => 0.3 * ((model + k) % 2 === 0 ? 1 : -1);
  const common = rootOf(
    (z) => prior.reduce((sum, share, k) => sum + share * below(z + easier(k)), 0),
    target,
  );
  return prior.map((_, k) => common + easier(k));
}

/** Accuracy and weighted F1 in the population. */
function truth(
  limits: readonly number[],
  prior: readonly number[],
): Readonly<Record<(typeof METRICS)[number], number>> {
  const confusion = prior.map((share, k) =>
    prior.map(
      (other, m) => share * (k === m ? below(limits[k]) : ((1 - below(limits[k])) * other) / (1 - share)),
    ),
  );
  return { F1: weightedF1(classScores(confusion)), accuracy: accuracy(confusion) };
}

export async function simulate(
  cell: Cell,
  simulations: number,
  seed: number,
): Promise<Readonly<Record<string, Rates>>> {
  const { rows, classes, accuracies, alike = false, prior = PRIORS[classes] } = cell;
  const source = new Source(seed);
  // As a run has them: of one seed, whatever the rows.
  const resamples = await Resamples.draw(rows, RESAMPLES, 42);
  const limits = accuracies.map((target, i) =>
    typeof target === 'number' ? thresholds(target, alike ? 0 : i, prior) : target.map(quantileOf),
  );
  const rates = { F1: none(), accuracy: none() };
  for (let done = 0; done < simulations; done++) {
    const labels = new Int32Array(rows);
    const predicted = limits.map(() => new Int32Array(rows));
    for (let row = 0; row < rows; row++) {
      const label = source.pick(prior);
      labels[row] = label;
      const difficulty = source.normal() * Math.sqrt(SHARED_DIFFICULTY);
      const common = source.pick(prior, label);
      for (const [i, limit] of limits.entries()) {
        const right = difficulty + source.normal() * Math.sqrt(1 - SHARED_DIFFICULTY) < limit[label];
        if (right) predicted[i][row] = label;
        else predicted[i][row] = source.uniform() < SHARED_ANSWER ? common : source.pick(prior, label);
      }
    }
    const classCounts = await bootstrapClassCounts(resamples, labels, classes);
    for (const metric of METRICS) {
      const resampled: Float64Array[] = [];
      const values: number[] = [];
      const weights: number[] = [];
      for (const own of predicted) {
        const confusion = confusionMatrix(labels, own, classes);
        weights.push(metric === 'F1' ? f1RowWeight(confusion) : 1);
        values.push(metric === 'F1' ? weightedF1(classScores(confusion)) : accuracy(confusion));
        resampled.push(
          metric === 'F1'
            ? await bootstrapF1(resamples, labels, own, classCounts)
            : bootstrapAccuracy(resamples, labels, own),
        );
      }
      count(
        rates[metric],
        compareWithBest(values, resampled, rows, weights),
        values,
        limits.map((limit) => truth(limit, prior)[metric]),
        cell.margin,
      );
    }
  }
  return rates;
}

/** [R] share of rows predicted right in each resample. */
function bootstrapAccuracy(resamples: Resamples, labels: Int32Array, predicted: Int32Array): Float64Array {
  const wrong = Array.from(labels.keys()).filter((row) => labels[row] !== predicted[row]);
  return Float64Array.from({ length: resamples.size }, (_, r) => {
    const counts = resamples.of(r);
    let sum = 0;
    for (const row of wrong) sum += counts[row];
    return 1 - sum / resamples.rows;
  });
}

function count(
  rates: Rates,
  { best, models, interval, optimism }: ReturnType<typeof compareWithBest>,
  values: readonly number[],
  trueValues: readonly number[],
  given: number | undefined,
): void {
  const most = Math.max(...trueValues);
  const margin = given ?? most - trueValues[0] - 1e-9;
  const shown = models.map(({ low }) => low >= -margin);
  const recommended = shown.indexOf(true);
  if (models.some(({ mayBeBest }, i) => !mayBeBest && trueValues[i] >= most - 1e-12)) rates.excluded++;
  if (shown.some((claimed, i) => claimed && trueValues[i] < most - margin)) rates.falseClaim++;
  if (interval.low <= trueValues[best] && trueValues[best] <= interval.high) rates.covered++;
  if (recommended >= 0) rates.recommended++;
  if (recommended >= 0 && recommended < best) rates.simpler++;
  if (recommended >= 0) rates.regret += most - trueValues[recommended];
  else {
    rates.unshown++;
    rates.regretUnshown += most - trueValues[best];
  }
  rates.bestSet += models.filter(({ mayBeBest }) => mayBeBest).length;
  rates.optimism += values[best] - trueValues[best];
  rates.corrected += values[best] - optimism - trueValues[best];
}
