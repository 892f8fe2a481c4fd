// Parting rows into two groups, as Hugging Face's datasets does it (`Dataset.train_test_split`; the
// stratified way is scikit-learn's StratifiedShuffleSplit, src/datasets/utils/stratify.py): the same seed
// takes the same rows.
import { UsageError } from '../errors/attune-error.js';
import { factNumber } from '../errors/phrases/values.js';
import type { Pieces } from '../pace.js';
import { NumpyGenerator } from '../random/numpy-generator.js';

export interface Parting {
  readonly train: Int32Array;
  readonly test: Int32Array;
}

/**
 * How many rows a size takes: a share of all, rounded up, or a number.
 *
 * @param name what the size is called
 * @throws UsageError `part-size-invalid`, `part-takes-all-rows`
 */
export function testRows(
  rows: number,
  size: number,
  name: 'testSize' | 'validationSize' = 'testSize',
): number {
  const share = size > 0 && size < 1;
  if (!share && !(Number.isSafeInteger(size) && size >= 1))
    throw new UsageError('part-size-invalid', { name, given: factNumber(size) });
  const count = share ? Math.ceil(size * rows) : size;
  if (count >= rows) throw new UsageError('part-takes-all-rows', { name, given: size, taken: count, rows });
  return count;
}

/** Row numbers of both groups, in random order. */
export function* partRandomly(rows: number, testCount: number, seed: number): Pieces<Parting> {
  const order = yield* new NumpyGenerator(seed).permuting(rows);
  return { train: order.slice(testCount), test: order.slice(0, testCount) };
}

/**
 * Row numbers of both groups, each class in both by its share.
 *
 * @param labels class of each row
 * @throws UsageError `part-class-too-small`, `part-too-small`
 */
export function* partByClass(labels: readonly number[], testCount: number, seed: number): Pieces<Parting> {
  const generator = new NumpyGenerator(seed);
  const classes = [...new Set(labels)].sort((a, b) => a - b);
  const rowsOf = new Map(classes.map((label) => [label, [] as number[]]));
  for (const [row, label] of labels.entries()) rowsOf.get(label)!.push(row);
  const counts = classes.map((label) => rowsOf.get(label)!.length);
  const trainCount = labels.length - testCount;
  const lonely = counts.findIndex((count) => count < 2);
  if (lonely >= 0) throw new UsageError('part-class-too-small', { label: classes[lonely] });
  const smaller = Math.min(trainCount, testCount);
  if (smaller < classes.length)
    throw new UsageError('part-too-small', { rows: smaller, classes: classes.length });
  const forTrain = approximateMode(counts, trainCount, generator);
  const forTest = approximateMode(
    counts.map((count, i) => count - forTrain[i]),
    testCount,
    generator,
  );
  const train: number[] = [];
  const test: number[] = [];
  for (const [i, label] of classes.entries()) {
    const rows = rowsOf.get(label)!;
    const order = yield* generator.permuting(rows.length);
    for (let k = 0; k < forTrain[i]; k++) train.push(rows[order[k]]);
    for (let k = 0; k < forTest[i]; k++) test.push(rows[order[forTrain[i] + k]]);
  }
  return { train: yield* generator.permuting(train), test: yield* generator.permuting(test) };
}

/**
 * The most likely numbers of each class among `draws` rows (the mode of the multivariate hypergeometric
 * distribution, ties drawn).
 */
function approximateMode(counts: readonly number[], draws: number, generator: NumpyGenerator): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const exact = counts.map((count) => (count / total) * draws);
  const floored = exact.map(Math.floor);
  let needed = Math.trunc(draws - floored.reduce((sum, count) => sum + count, 0));
  if (needed <= 0) return floored;
  const remainders = exact.map((value, i) => value - floored[i]);
  for (const value of [...new Set(remainders)].sort((a, b) => b - a)) {
    let tied = [...remainders.keys()].filter((i) => remainders[i] === value);
    const adding = Math.min(tied.length, needed);
    tied = generator.choice(tied, adding);
    for (const i of tied) floored[i]++;
    needed -= adding;
    if (needed === 0) break;
  }
  return floored;
}
