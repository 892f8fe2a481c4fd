/**
 * Which class of a model each class of the data is. Names decide where both sides have some, as in
 * transformers' run_glue; numbers do where one side has none. A model whose classes nobody named calls them
 * LABEL_0, LABEL_1, …
 */
import { DataError } from '../errors/attune-error.js';
import type { Notice } from '../errors/notices.js';
import { notice } from '../errors/notices.js';
import { Dataset } from './dataset.js';
import { isPlaceholder, listed } from './labels.js';
import type { LabelMap } from './labels.js';
import { lookAlikeHint } from './look-alikes.js';
import { shown } from './records.js';

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
 * @throws DataError naming the classes, and a row, where names contradict
 */
export function alignClasses(labels: LabelMap, names: readonly string[], use: AlignmentUse): Alignment {
  const own = labels.names;
  const identity = own.map((_, i) => i);
  const named = own.filter((_, i) => labels.placeOf(i) !== undefined);
  const isModelNamed = !names.every(isPlaceholder);
  const refuseMore = (hint?: string): void => {
    if (own.length <= names.length) return;
    throw new DataError(
      `the data has ${own.length} classes (${listed(own)}), the model ${names.length} (${listed(names)})`,
      { hint },
    );
  };
  if (named.length === 0) {
    refuseMore(use === 'train' ? 'Start from a model without a classification head.' : undefined);
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
    throw new DataError(
      `${labels.placeOf(unknown)!}: unknown label ${shown(own[unknown])}; the classes are ${listed(names)}`,
      { hint: hintOf(use, known, lookAlikeHint(own[unknown], names)) },
    );
  const used = found.filter((_, i) => !labels.isGap(i));
  if (new Set(used).size < used.length) {
    throw new DataError(
      `the data names only some of its classes (${listed(named)}), ` +
        `and the others are taken already in the model’s ${listed(names)}`,
      { hint: 'Name every class of the data.' },
    );
  }
  refuseMore('Name every class of the data.');
  const moved = labels.areNames ? -1 : found.findIndex((to, i) => to !== i);
  const note =
    moved < 0
      ? undefined
      : notice('classes-taken-by-name', { inData: moved, name: own[moved], inModel: found[moved] });
  return { names, to: found, note };
}

function hintOf(use: AlignmentUse, known: readonly string[], alike: string | undefined): string | undefined {
  if (alike !== undefined) return alike;
  if (known.length === 0) return 'The model was trained on other classes.';
  if (use === 'measure') return undefined;
  return (
    `Only ${listed(known)} are the model’s. ` +
    'Start from a model without these classes, or name the data’s as the model’s are.'
  );
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
