/**
 * How much of the fine-tuned model's result is the luck of its seed, beside how much is that of the test
 * rows.
 */
import type { ModelResult, SeedResult, SeedSpread } from './comparison.js';
import { fixed, listed } from './wording.js';

/** Standard deviations that a 95 % interval of a normal variable spans. */
const SPANNED = 3.92;
/** More are told by their range. */
const MOST_NAMED = 6;

/**
 * @param runs that of `tuned` first; at least two
 * @param others the other models
 */
export function spreadOf(
  runs: readonly SeedResult[],
  tuned: Pick<ModelResult, 'f1'>,
  others: readonly Pick<ModelResult, 'f1'>[],
): SeedSpread {
  const values = runs.map(({ f1 }) => f1);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const highest = values.filter((value) => others.every(({ f1 }) => value >= f1.value!)).length;
  return {
    runs,
    mean,
    deviation: Math.sqrt(squares / (values.length - 1)),
    rowDeviation: (tuned.f1.high! - tuned.f1.low!) / SPANNED,
    highest,
  };
}

/** @param others how many other models there are */
export function seedSentence(
  { runs, mean, deviation, rowDeviation, highest }: SeedSpread,
  name: string,
  others: number,
): string {
  const isShort = runs.length <= MOST_NAMED;
  const values = runs.map(({ f1 }) => f1);
  const seeds = isShort
    ? listed(runs.map(({ seed }) => String(seed)))
    : `${runs[0].seed} to ${runs[runs.length - 1].seed}`;
  const told = isShort
    ? listed(values.map((value) => fixed(value)))
    : `${fixed(Math.min(...values))} to ${fixed(Math.max(...values))}`;
  const rank =
    others === 0 ? '' : `; no other model is measured higher under ${highest} of the ${runs.length}`;
  return (
    `${name} has F1 ${told} under the seeds ${seeds} (mean ${fixed(mean)})${rank}. ` +
    `F1 varies by ${fixed(deviation)} from seed to seed and by ${fixed(rowDeviation)} from one set of ` +
    'test rows to another (standard deviations).'
  );
}
