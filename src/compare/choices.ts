/**
 * Which model for which need: only models that may be the best or are shown to lose at most the margin, with
 * what each would cost in quality.
 */
import type { AgainstBest, Choice, ModelResult } from './comparison.js';
import { bytes, duration, fixed, signed } from './wording.js';

/**
 * Nobody who waits for one answer notices less, and a busy machine makes up to twice as much of the same
 * work: smaller differences are none.
 */
const NOTICED_MS = 1;
const NOTICED_RATIO = 2;

/** The majority class does not look at the text: it is the floor, and never an answer. */
export const isFloor = ({ id }: Pick<ModelResult, 'id'>): boolean => id === 'majority';

/** A model without another one may be the best, and loses nothing to it. */
export const mayBeBest = ({ againstBest }: Pick<ModelResult, 'againstBest'>): boolean =>
  againstBest === null || againstBest.mayBeBest;
export const isWithinMargin = ({ againstBest }: Pick<ModelResult, 'againstBest'>): boolean =>
  againstBest === null || againstBest.withinMargin;

type Measure = (model: ModelResult) => number;

const faster = (a: ModelResult, b: ModelResult): boolean =>
  Math.max(NOTICED_MS, a.cost.latencyMs) * NOTICED_RATIO < b.cost.latencyMs;

/**
 * Whether `a` is as good as `b` in F1, latency and size, and better in one of them.
 *
 * @param also what else it must be as good in, the lower the better
 */
export function dominates(a: ModelResult, b: ModelResult, also: Measure = () => 0): boolean {
  const noWorse =
    a.f1.value! >= b.f1.value! &&
    !faster(b, a) &&
    a.cost.bytesOnDisk <= b.cost.bytesOnDisk &&
    also(a) <= also(b);
  return (
    noWorse &&
    (a.f1.value! > b.f1.value! ||
      faster(a, b) ||
      a.cost.bytesOnDisk < b.cost.bytesOnDisk ||
      also(a) < also(b))
  );
}

/**
 * The models but those that one of the rest dominates.
 *
 * @param models highest F1 first, of equals the smaller: so what dominates a model stands before it
 */
export function undominated(models: readonly ModelResult[], also?: Measure): ModelResult[] {
  const kept: ModelResult[] = [];
  for (const model of models) if (!kept.some((other) => dominates(other, model, also))) kept.push(model);
  return kept;
}

/**
 * @param models highest F1 first, of equals the smaller
 * @param recommended the verdict's
 */
export function choicesAmong(
  models: readonly ModelResult[],
  recommended: ModelResult | undefined,
  margin: number,
): Choice[] {
  const [best] = models;
  // Where the floor is the highest, there is nothing to choose.
  if (isFloor(best)) return [];
  const eligible = models.filter((model) => !isFloor(model) && (mayBeBest(model) || isWithinMargin(model)));
  const choices: Choice[] = [];
  const take = (aim: string, model: ModelResult, reason: string): void => {
    choices.push({
      aim,
      model: model.id,
      reason: model === best ? reason : `${reason} ${lossOf(model, margin)}`,
    });
  };
  const takeLeast = (aim: string, of: Measure, show: (value: number) => string): void => {
    const offered = undominated(eligible, of);
    const least = Math.min(...offered.map(of));
    // Of models that look the same, the better: the list begins with it.
    const model = offered.find((each) => show(of(each)) === show(least))!;
    take(
      aim,
      model,
      model === best
        ? `${show(of(model))}.`
        : `${show(of(model))}, against ${show(of(best))} of ${best.name}.`,
    );
  };
  take('the highest measured quality', best, `Weighted F1 ${fixed(best.f1.value)}.`);
  if (recommended && recommended !== best)
    take('the least effort within the margin', recommended, 'The recommended model.');
  takeLeast('answers at once', ({ cost }) => cost.latencyMs / 1000, duration);
  takeLeast('a small download', ({ cost }) => cost.bytesOnDisk, bytes);
  takeLeast('training often', ({ cost }) => cost.trainSeconds, duration);
  const readable = eligible.find(({ interpretability }) => interpretability.level === 'high');
  if (readable) take('a reason for every decision', readable, `${readable.interpretability.why}.`);
  takeLeast(
    'probabilities one can rely on',
    ({ calibration }) => calibration.ece,
    (ece) => `ECE ${fixed(ece)}`,
  );
  return choices;
}

/** What one accepts in F1 with a model that is not the highest. */
function lossOf({ againstBest }: ModelResult, margin: number): string {
  const { difference, low, withinMargin } = againstBest as AgainstBest;
  return withinMargin
    ? `F1 ${signed(difference)}, shown to lose at most ${margin}.`
    : `F1 ${signed(difference)}, and it may lose up to ${fixed(-low)}.`;
}
