/**
 * Which model to take. The best set holds the models that may be the best; the recommendation is the simplest
 * model that is shown to lose at most the margin to the best (non-inferiority), and there is none where the
 * test rows do not show it. How often that is wrong: docs/verdict.md.
 */
import { UsageError } from '../errors/attune-error.js';
import { factNumber } from '../errors/phrases/values.js';
import { compareWithBest } from '../metrics/best-set.js';
import type { BestOf } from '../metrics/best-set.js';
import { f1RowWeight } from '../metrics/confusion.js';
import { mcnemar } from '../metrics/paired.js';
import type { Interval } from '../metrics/proportion.js';
import { SIMPLEST_FIRST } from './baselines.js';
import { choicesAmong, isFloor, isWithinMargin, mayBeBest, undominated } from './choices.js';
import { FINE_TUNED } from './comparison.js';
import type { AgainstBest, Finding, ModelResult, SeedResult, Verdict } from './comparison.js';
import { LEAST_MARGIN, MARGIN } from './margin.js';
import type { Predictions, TestBench } from './quality.js';
import { seedSentence, spreadOf } from './seeds.js';
import {
  about,
  bytes,
  counted,
  duration,
  fixed,
  grouped,
  LEAST_OPTIMISM,
  listed,
  signed,
} from './wording.js';

export interface Contestant {
  readonly result: Omit<ModelResult, 'againstBest'>;
  readonly predictions: Predictions;
}

/** @throws UsageError `margin-out-of-range` for a margin that is too small to be shown, or no share */
export function requireMargin(margin: number): void {
  if (margin >= LEAST_MARGIN && margin < 1) return;
  throw new UsageError('margin-out-of-range', {
    margin: factNumber(margin),
    least: LEAST_MARGIN,
    usual: MARGIN,
  });
}

const placeOf = ({ id }: Pick<ModelResult, 'id'>): number => {
  const place = (SIMPLEST_FIRST as readonly string[]).indexOf(id);
  return place < 0 ? SIMPLEST_FIRST.length : place;
};

export interface Circumstances {
  /** The loss of weighted F1 that is accepted for a simpler model. */
  readonly margin: number;
  /** Training and test rows together. */
  readonly labelledRows: number;
  /** Of the diagnosis. */
  readonly findings: readonly Finding[];
  /** The fine-tuning under its own seed and others; empty where it was not repeated. */
  readonly seeds: readonly SeedResult[];
}

/** Standard deviations by which a normal variable lies above its mean in one case of five. */
const ONE_IN_FIVE = 0.8416;

/**
 * Judges models by their predictions of the bench's rows.
 *
 * @returns the models, highest F1 first and of equals the smaller, then the simpler; and what follows from
 *   them
 * @throws the bench's signal's reason if it is aborted
 */
export async function judge(
  contestants: readonly Contestant[],
  bench: TestBench,
  { margin, labelledRows, findings, seeds }: Circumstances,
): Promise<{ readonly models: ModelResult[]; readonly verdict: Verdict }> {
  const sorted = [...contestants].sort(
    ({ result: a }, { result: b }) =>
      b.f1.value! - a.f1.value! || a.cost.bytesOnDisk - b.cost.bytesOnDisk || placeOf(a) - placeOf(b),
  );
  const { models, against } = await comparedWithBest(sorted, bench, margin);
  const simplestFirst = [...models].sort((a, b) => placeOf(a) - placeOf(b));
  const recommended = recommendedOf(models, simplestFirst);
  const tuned = models.find(({ id }) => id === FINE_TUNED);
  const figures = {
    margin,
    best: models[0].id,
    optimism: against.optimism,
    low: against.interval.low,
    high: against.interval.high,
    bestSet: models.filter(mayBeBest).map(({ id }) => id),
    recommended: recommended?.id ?? null,
    simplestFirst: simplestFirst.map(({ id }) => id),
    tuning: tuningOf(models, against),
    findings,
    seeds:
      tuned && seeds.length > 1
        ? spreadOf(
            seeds,
            tuned,
            models.filter((model) => model !== tuned),
          )
        : null,
    choices: choicesAmong(models, recommended, margin),
  };
  return {
    models,
    verdict: { ...figures, sentences: sentencesOf(figures, models, bench.labels.length, labelledRows) },
  };
}

async function comparedWithBest(
  sorted: readonly Contestant[],
  bench: TestBench,
  margin: number,
): Promise<{ readonly models: ModelResult[]; readonly against: BestOf }> {
  const rows = bench.labels.length;
  const resampled: Float64Array[] = [];
  for (const { predictions } of sorted) resampled.push(await bench.resampledF1(predictions));
  const values = sorted.map(({ result }) => result.f1.value!);
  const against = compareWithBest(
    values,
    resampled,
    rows,
    sorted.map(({ result }) => f1RowWeight(result.confusion)),
  );
  const models = sorted.map(({ result, predictions }, i): ModelResult => {
    const other = i === 0 ? sorted[1] : sorted[0];
    if (other === undefined) return { ...result, againstBest: null };
    const { value: difference, low, high, mayBeBest: inBestSet } = against.models[i];
    const { onlyFirst: onlyThis, onlySecond: onlyBest } = mcnemar(
      bench.labels,
      predictions.labels,
      other.predictions.labels,
    );
    // Of two models that are truly equal, the measured difference lies below this in one case of five.
    const reach = against.pairs[i][0].value - against.pairs[i][0].low + ONE_IN_FIVE * against.errors[i][0];
    const rowsToShow = i === 0 ? null : Math.ceil(rows * (reach / margin) ** 2);
    return {
      ...result,
      againstBest: {
        difference,
        low,
        high,
        mayBeBest: inBestSet,
        withinMargin: low >= -margin,
        onlyThis,
        onlyBest,
        rowsToShow,
      },
    };
  });
  return { models, against };
}

/**
 * The simplest model within the margin that no other one there dominates. None where not even the floor,
 * which does not look at the text, is measured to be worse.
 */
function recommendedOf(
  models: readonly ModelResult[],
  simplestFirst: readonly ModelResult[],
): ModelResult | undefined {
  if (isFloor(models[0])) return undefined;
  const shown = undominated(models.filter((model) => !isFloor(model) && isWithinMargin(model)));
  return simplestFirst.find((model) => shown.includes(model));
}

/** One difference named beforehand: its interval is not simultaneous with others. */
function tuningOf(models: readonly ModelResult[], { difference }: BestOf): Verdict['tuning'] {
  const [tuned, probe] = [FINE_TUNED, 'gpt2-probe'].map((id) => models.findIndex((model) => model.id === id));
  if (tuned < 0 || probe < 0) return null;
  const { value, low, high } = difference(tuned, probe);
  return { difference: value, low, high };
}

function sentencesOf(
  verdict: Omit<Verdict, 'sentences'>,
  models: readonly ModelResult[],
  rows: number,
  labelledRows: number,
): string[] {
  const { margin, optimism, low, high, simplestFirst, tuning, findings, seeds } = verdict;
  const [best] = models;
  const interval = `${fixed(low)} to ${fixed(high)}`;
  const spread = seeds
    ? [seedSentence(seeds, models.find(({ id }) => id === FINE_TUNED)!.name, models.length - 1)]
    : [];
  const reasons = findings.map(({ sentence }) => sentence);
  if (models.length === 1)
    return [
      `${best.name} has a weighted F1 of ${fixed(best.f1.value)} on ${counted(rows, 'test row')} ` +
        `(95 % interval ${interval}). There is no other model to compare it with.`,
      ...spread,
      ...reasons,
    ];
  const nameOf = (id: string): string => models.find((model) => model.id === id)!.name;
  const recommended = models.find(({ id }) => id === verdict.recommended);
  const contenders = models.filter((model) => model !== best && mayBeBest(model));
  const standing =
    contenders.length > 0
      ? `not shown to be better than ${listed(
          contenders.map(({ name }) => name),
          'or',
        )}`
      : 'shown to be better than every other model';
  const flattered =
    optimism >= LEAST_OPTIMISM ? `, which is measured about ${fixed(optimism)} too high,` : '';
  const sentences = [
    `Highest measured: ${best.name}, weighted F1 ${fixed(best.f1.value)} on ${counted(rows, 'test row')}, ${standing}.`,
    `The 95 % interval of the highest of ${models.length}${flattered} allows for the choice: ${interval}.`,
    ...recommendation(recommended, models, margin, simplestFirst),
  ];
  if (!isFloor(best) && (recommended === undefined || recommended === best))
    sentences.push(...candidates(best, contenders, rows, labelledRows));
  sentences.push(`Simplest first, by what has to be kept and run: ${simplestFirst.map(nameOf).join(', ')}.`);
  if (tuning) {
    sentences.push(
      `Fine-tuning changes F1 by ${signed(tuning.difference)} against a linear probe of the same model untuned ` +
        `(95 % interval ${signed(tuning.low)} to ${signed(tuning.high)}): ${meaningOf(tuning)}.`,
    );
  }
  sentences.push(...spread, ...reasons);
  if (contenders.some(isFloor))
    sentences.push(
      'Beware: not even the best is shown to be better than always answering the most frequent class. ' +
        'More test rows, or better data, are needed before any of them is deployed.',
    );
  sentences.push(
    'The bounds against the best hold for all models at once, with 95 %. ' +
      'They say how other test rows would change the metrics of these very models; ' +
      'fine-tuning under another seed would change them as well, and no interval counts that.',
  );
  return sentences;
}

function meaningOf({ low, high }: Interval): string {
  if (low > 0) return 'fine-tuning makes the difference';
  return high < 0 ? 'on these rows fine-tuning made it worse' : 'these rows do not show whether it helps';
}

function recommendation(
  recommended: ModelResult | undefined,
  models: readonly ModelResult[],
  margin: number,
  simplestFirst: readonly string[],
): string[] {
  const [best] = models;
  if (isFloor(best))
    return [
      'None is recommended: no model is measured to be better than always answering the most frequent class.',
    ];
  if (recommended === undefined)
    return [
      `None is recommended over it: no model is shown to lose at most ${margin} F1 (the margin) to the best.`,
    ];
  const sentences = [
    `Recommended: ${recommended.name}, which is shown to lose at most ${margin} F1 (the margin) ` +
      (recommended === best ? 'to any other model.' : inPlaceOfBest(recommended, best)),
  ];
  const place = (id: string): number => simplestFirst.indexOf(id);
  const simpler = models.filter(
    (model) => !isFloor(model) && isWithinMargin(model) && place(model.id) < place(recommended.id),
  );
  if (simpler.length === 0) sentences.push('No simpler model is shown to be within the margin.');
  else
    sentences.push(
      `${listed(simpler.map(({ name }) => name))} ${simpler.length === 1 ? 'is' : 'are'} simpler and ` +
        'within the margin as well, ' +
        'but another model there is at least as good in F1, latency and size.',
    );
  return sentences;
}

/** The end of the sentence that recommends a model other than the best. */
function inPlaceOfBest({ againstBest, cost }: ModelResult, best: ModelResult): string {
  const { difference, low } = againstBest as AgainstBest;
  return (
    `to the best: measured ${signed(difference)}, and no less than ${signed(low)}. ` +
    `It answers a text in ${latencyOf(cost)} and takes ${bytes(cost.bytesOnDisk)}; ` +
    `${best.name} needs ${latencyOf(best.cost)} and ${bytes(best.cost.bytesOnDisk)}.`
  );
}

const latencyOf = ({ latencyMs }: ModelResult['cost']): string => duration(latencyMs / 1000);

/**
 * What would be saved with each simpler model that may be as good, and how many rows would show that it is.
 */
function candidates(
  best: ModelResult,
  contenders: readonly ModelResult[],
  rows: number,
  labelledRows: number,
): string[] {
  const simpler = undominated([best, ...contenders]).filter(
    (model) => !isFloor(model) && placeOf(model) < placeOf(best),
  );
  const sentences = simpler.map(({ name, cost, againstBest }) => {
    const { difference, low } = againstBest as AgainstBest;
    return (
      `${name} may be as good: F1 ${signed(difference)}, and no less than ${signed(low)}. ` +
      `It would answer in ${latencyOf(cost)} instead of ${latencyOf(best.cost)}, ` +
      `and take ${bytes(cost.bytesOnDisk)} instead of ${bytes(best.cost.bytesOnDisk)}.`
    );
  });
  const needed = Math.max(
    0,
    ...(simpler.length > 0 ? simpler : contenders).map(({ againstBest }) => againstBest?.rowsToShow ?? 0),
  );
  if (needed > rows)
    sentences.push(
      `With about ${about(needed)} test rows, a model that is truly as good would be shown to be ` +
        `within the margin in four cases of five; ${sourceOf(needed, rows, labelledRows)}.`,
    );
  return sentences;
}

function sourceOf(needed: number, rows: number, labelledRows: number): string {
  const labelled = counted(labelledRows, 'labelled row');
  if (needed > labelledRows) return `there are ${labelled} in all`;
  const folds = Math.ceil(labelledRows / rows);
  return `cross-validation over the ${labelled}, in ${folds} folds of about ${grouped(rows)}, would give as many`;
}
