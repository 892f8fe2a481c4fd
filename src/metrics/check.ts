/** What metrics of rows and their classes need of what they are given. n = rows, K = classes. */

/**
 * @param values [n, K] row-major
 * @param labels [n] class indices
 * @throws RangeError if there are no rows, fewer than two classes, the lengths do not fit, a label is no class,
 *   or a value is not finite
 */
export function checkRows(
  values: ArrayLike<number>,
  what: 'logits' | 'probabilities',
  labels: ArrayLike<number>,
  classes: number,
): void {
  if (labels.length === 0) throw new RangeError('metrics of no rows');
  if (!(classes >= 2)) throw new RangeError(`metrics of ${classes} classes`);
  if (values.length !== labels.length * classes)
    throw new RangeError(`${values.length} ${what} for ${labels.length} rows of ${classes} classes`);
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row];
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw new RangeError(`row ${row} has the label ${label}, not 0 to ${classes - 1}`);
  }
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]))
      throw new RangeError(
        `row ${Math.floor(i / classes)} has the ${what === 'logits' ? 'logit' : 'probability'} ${values[i]}`,
      );
  }
}
