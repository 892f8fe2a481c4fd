/**
 * Rows of made-up token ids with the lengths of the notebook's: speed does not depend on what the tokens say.
 */
import type { LabelledRows } from '#attune/train/evaluate.js';
import { MT19937 } from '#attune/random/mt19937.js';

/** How many of the notebook's 1,000 rows have 1, 2, 3 ... tokens of GPT-2's vocabulary (18.5 on average). */
const ROWS_OF_LENGTH = [
  4, 17, 18, 24, 24, 30, 31, 39, 34, 41, 44, 27, 42, 39, 32, 42, 34, 27, 28, 20, 32, 32, 22, 32, 27, 26, 32,
  21, 24, 14, 20, 19, 18, 16, 14, 15, 6, 9, 7, 1, 4, 3, 2, 1, 1, 1, 0, 1, 0, 2, 1,
];

/** @param length tokens of every row; absent: the notebook's lengths, in an order that the seed draws */
export function syntheticRows(
  count: number,
  vocabulary: number,
  classes: number,
  seed: number,
  length?: number,
): LabelledRows {
  const lengths = ROWS_OF_LENGTH.flatMap((rows, i) => Array.from({ length: rows }, () => i + 1));
  const draw = generator(seed);
  const rows = Array.from({ length: count }, () => {
    const tokens = length ?? lengths[draw(lengths.length)];
    return { ids: Int32Array.from({ length: tokens }, () => draw(vocabulary - 1)), blind: false };
  });
  return { rows, labels: Int32Array.from(rows, () => draw(classes)) };
}

/** Whole numbers below a bound. */
export function generator(seed: number): (below: number) => number {
  const twister = new MT19937(seed);
  return (below) => twister.nextUint32() % below;
}
