/**
 * Which class of a model each class of the data is. Names decide where both sides have some, as in
 * transformers' run_glue; numbers do where one side has none. A model whose classes nobody named calls them
 * LABEL_0, LABEL_1, …
 */
import { DataError } from '../errors/attune-error.js';
import type { Notice } from '../errors/notices.js';
import { notice } from '../errors/notices.js';
import { Dataset } from './dataset.js';
import { isPlaceholder } from './labels.js';
import type { LabelMap } from './labels.js';

export interface Alignment {
  /** [K] the names of the classes from now on. */
  readonly names: readonly string[];
  /** The new index of each class of the data. */
  readonly to: readonly number[];
  /** What the user should know of it. */
  readonly note?: Notice | undefined;
}

export type AlignmentUse =
  /**
   * The model is trained: where its names and the data's have nothing in common, the data's take their place.
   */
  | 'train'
  /** The model is measured: its classes are what they are. */
  | 'measure';

/**
 * @param labels the classes of the data
 * @param names the model's, by index
 * @throws DataError `class-unknown-to-model`, `classes-partly-named`, `classes-exceed-model`
 */
export function alignClasses(labels: LabelMap, names: readonly string[], use: AlignmentUse): Alignment {
  const own = labels.names;
  const identity = own.map((_, i) => i);
  const named = own.filter((_, i) => labels.placeOf(i) !== undefined);
  const isModelNamed = !names.every(isPlaceholder);
  const refuseMore = (): void => {
    if (own.length > names.length)
      throw new DataError('classes-exceed-model', { classes: own, modelClasses: names, named, use });
  };
  if (named.length === 0) {
    refuseMore();
    return { names, to: identity };
  }
  if (use === 'measure') refuseMore();
  if (!isModelNamed && !(labels.areNames && use === 'measure'))
    return { names: use === 'train' ? own : names, to: identity };
  const found = own.map((name, i) => (labels.placeOf(i) === undefined ? i : names.indexOf(name)));
  const known = named.filter((name) => names.includes(name));
  if (use === 'train' && known.length === 0) {
    const note =
      own.length === names.length ? notice('classes-renamed', { from: names, to: own }) : undefined;
    return { names: own, to: identity, note };
  }
  const unknown = found.indexOf(-1);
  if (unknown >= 0)
    throw new DataError('class-unknown-to-model', {
      place: labels.placeOf(unknown)!,
      name: own[unknown],
      modelClasses: names,
      shared: known,
      use,
    });
  const used = found.filter((_, i) => !labels.isGap(i));
  if (new Set(used).size < used.length)
    throw new DataError('classes-partly-named', { named, modelClasses: names });
  refuseMore();
  const moved = labels.areNames ? -1 : found.findIndex((to, i) => to !== i);
  const note =
    moved < 0
      ? undefined
      : notice('classes-taken-by-name', { inData: moved, name: own[moved], inModel: found[moved] });
  return { names, to: found, note };
}

/** A dataset under the classes of the model. */
export function alignDataset(dataset: Dataset, { names, to }: Alignment): Dataset {
  const { name, source, rows, labelNames } = dataset;
  if (
    names === labelNames ||
    (names.length === labelNames.length && names.every((each, i) => each === labelNames[i] && to[i] === i))
  )
    return dataset;
  const aligned = rows.map((row) => {
    const label = to[row.label];
    return row.labelText === undefined ? { ...row, label } : { ...row, label, labelText: names[label] };
  });
  return new Dataset(name, source, aligned, names);
}
