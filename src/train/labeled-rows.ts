/** Checks of rows and labels that a caller put together, before anything is computed with them. */
import { isClass } from '../data/classes.js';
import { UsageError } from '../errors/attune-error.js';
import { factNumber } from '../errors/phrases/values.js';
import type { LabelledRows } from './evaluate.js';

/**
 * Requires rows, and one class index per row.
 *
 * @param name what the caller calls them
 * @param classes K
 * @throws UsageError `labeled-rows-empty`, `labeled-rows-length`, `labeled-rows-class`
 */
export function requireLabels(name: string, { rows, labels }: LabelledRows, classes: number): void {
  if (rows.length === 0) throw new UsageError('labeled-rows-empty', { name });
  if (labels.length !== rows.length)
    throw new UsageError('labeled-rows-length', { name, labels: labels.length, rows: rows.length });
  const row = labels.findIndex((label) => !isClass(label, classes));
  if (row >= 0)
    throw new UsageError('labeled-rows-class', { name, row, label: factNumber(labels[row]), classes });
}
