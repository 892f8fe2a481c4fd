/** Checks of rows and labels that a caller put together, before anything is computed with them. */
import { classRange, isClass } from '../data/classes.js';
import { UsageError } from '../errors/attune-error.js';
import type { LabelledRows } from './evaluate.js';

/**
 * Requires rows, and one class index per row.
 *
 * @param name what the caller calls them
 * @param classes K
 * @throws UsageError naming the row
 */
export function requireLabels(name: string, { rows, labels }: LabelledRows, classes: number): void {
  if (rows.length === 0) throw new UsageError(`${name}: there are no rows`);
  if (labels.length !== rows.length)
    throw new UsageError(`${name}: labels has length ${labels.length}, but rows has length ${rows.length}`);
  const wrong = labels.findIndex((label) => !isClass(label, classes));
  if (wrong >= 0)
    throw new UsageError(`${name}: row ${wrong} has the label ${labels[wrong]}; ${classRange(classes)}`);
}
