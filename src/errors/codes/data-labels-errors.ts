/** What is wrong with labels, and with the classes of data and model. */
import { didYouMean } from '../../nearest.js';
import type { ClassOrigin } from '../phrases/class-origins.js';
import { originPlace } from '../phrases/class-origins.js';
import { listed } from '../phrases/lists.js';
import { lookAlikeHint } from '../phrases/look-alikes.js';
import type { RecordPlace } from '../phrases/places.js';
import { recordPlace } from '../phrases/places.js';
import { shown } from '../phrases/values.js';
import type { Plain } from '../wording.js';
import { worded } from '../wording.js';

const NAME_EVERY_CLASS = 'Name every class of the data.';

const kind = (label: number | string): string => (typeof label === 'number' ? 'an integer' : 'a name');

export const DATA_LABELS_ERRORS = {
  'label-unknown': worded<RecordPlace & { label: number | string; classes: readonly string[] }>({
    says: ({ label, classes, ...place }) => {
      const named = typeof label === 'number' ? `named: ${listed(classes)}` : listed(classes);
      return `${recordPlace(place)}: unknown label ${shown(label)}; the classes are ${named}`;
    },
    hint: ({ label, classes }) => {
      if (typeof label === 'number') return 'Write the name of a class in place of its number.';
      return (
        lookAlikeHint(label, classes) ??
        didYouMean(label, classes) ??
        'Use the name of one of these classes, or leave the row out.'
      );
    },
  }),
  'label-out-of-range': worded<
    RecordPlace & { label: number; classes: number; names?: readonly string[] | undefined }
  >({
    says: ({ label, classes, names, ...place }) => {
      const called = names === undefined ? '' : ` (${listed(names)})`;
      return `${recordPlace(place)}: unknown label ${label}; the classes are 0 to ${classes - 1}${called}`;
    },
    hint: () => 'Use the number of one of these classes, or leave the row out.',
  }),
  'labels-mixed': worded<
    RecordPlace & { label: number | string; other: RecordPlace & { readonly label: number | string } }
  >({
    says: ({ label, other, ...place }) => {
      const within = other.row === undefined ? `line ${other.line}` : `row ${other.row}`;
      const otherPlace = other.file === place.file ? within : recordPlace(other);
      return (
        `${recordPlace(place)}: the label ${shown(label)} is ${kind(label)}, ` +
        `but ${shown(other.label)} in ${otherPlace} is ${kind(other.label)}`
      );
    },
    hint: () => 'Write all labels as integers, or all as names.',
  }),
  'labels-of-one-class': worded<{
    source: string;
    rows: number;
    /** How many of the rows are taken, if that is not all. */
    taken?: number | undefined;
    label: number | string;
    /** Of the class, if the label is its index. */
    name?: string | undefined;
  }>({
    says: ({ source, rows, taken, label, name }) => {
      const which = taken === undefined ? `all ${rows} rows` : `the first ${taken} of its ${rows} rows`;
      const called = name === undefined ? '' : ` (${name})`;
      return `${source}: ${which} have the label ${shown(label)}${called}; a classifier needs two classes or more`;
    },
    hint: ({ taken }, { argument }) =>
      taken === undefined
        ? `Add rows of another class, or choose another column of labels with ${argument('labelColumn')}.`
        : 'The file may be sorted by label: shuffle its lines, or take more rows.',
  }),
  'labels-with-gaps': worded<
    RecordPlace & {
      highest: number;
      /** The first of the labels that no row has. */
      missing: readonly number[];
      missingCount: number;
    }
  >({
    says: ({ highest, missing, missingCount, ...place }) => {
      const more = missingCount - missing.length;
      const others = more > 0 ? ` (and ${more} more)` : '';
      const absent = missing.join(', ') + others;
      return `${recordPlace(place)}: the highest label is ${highest}, but no row has label ${absent}`;
    },
    hint: () => 'Labels must be 0 to K - 1 without gaps. Renumber them, or write names in place of numbers.',
  }),
  'class-with-two-names': worded<
    RecordPlace & {
      label: number;
      name: string;
      other: { readonly name: string; readonly place: ClassOrigin };
    }
  >({
    says: ({ label, name, other, ...place }) =>
      `${recordPlace(place)}: class ${label} is called ${shown(name)}, ` +
      `but ${shown(other.name)} in ${originPlace(other.place)}`,
    hint: () => 'Write the same name for a class everywhere.',
  }),
  'class-name-shared': worded<
    RecordPlace & {
      label: number;
      name: string;
      other: { readonly label: number; readonly place: RecordPlace };
    }
  >({
    says: ({ label, name, other, ...place }) =>
      `${recordPlace(place)}: class ${label} is called ${shown(name)}, ` +
      `but so is class ${other.label} in ${recordPlace(other.place)}`,
    hint: () => 'Give each class a name of its own.',
  }),
  'class-names-invalid': worded<{
    file: string;
    /** What in the file declares the names. */
    declaration: 'dataset_info' | 'metadata';
    column: string;
    found: Plain;
  }>({
    says: ({ file, declaration, column, found }) => {
      const where = declaration === 'metadata' ? 'metadata of column' : 'dataset_info: column';
      const place = `${file}: ${where} ${JSON.stringify(column)}`;
      return `${place}: the names of the classes are not a list of different names: ${shown(found)}`;
    },
    hint: () => 'Correct the names there: one per class, in the order of the classes, each different.',
  }),
  'classes-differ': worded<{ train: readonly string[]; test: readonly string[] }>({
    says: ({ train, test }) =>
      `the training rows have the classes ${listed(train)}, but the test rows have ${listed(test)}`,
    hint: () => 'Both must have the same class names in the same order.',
  }),
  'classes-exceed-model': worded<{
    classes: readonly string[];
    modelClasses: readonly string[];
    /** Those of the data's classes that it names. */
    named: readonly string[];
    use: 'train' | 'measure';
  }>({
    says: ({ classes, modelClasses }) =>
      `the data has ${classes.length} classes (${listed(classes)}), ` +
      `but the model has ${modelClasses.length} (${listed(modelClasses)})`,
    hint: ({ named, use }) => {
      if (use === 'measure') return 'Evaluate on data that has no other classes than the model.';
      return named.length === 0 ? 'Start from a model without a classification head.' : NAME_EVERY_CLASS;
    },
  }),
  'classes-partly-named': worded<{ named: readonly string[]; modelClasses: readonly string[] }>({
    says: ({ named, modelClasses }) =>
      `the data names only some of its classes (${listed(named)}), ` +
      `so it is not clear which of the model’s ${listed(modelClasses)} the others are`,
    hint: () => NAME_EVERY_CLASS,
  }),
  'class-unknown-to-model': worded<{
    /** What named the class. */
    place: ClassOrigin;
    name: string;
    modelClasses: readonly string[];
    /** Names that the data has in common with the model. */
    shared: readonly string[];
    use: 'train' | 'measure';
  }>({
    says: ({ place, name, modelClasses }) =>
      `${originPlace(place)}: unknown label ${shown(name)}; the classes are ${listed(modelClasses)}`,
    hint: ({ name, modelClasses, shared, use }) => {
      const alike = lookAlikeHint(name, modelClasses);
      if (alike !== undefined) return alike;
      if (shared.length === 0)
        return 'The model was trained on other classes: use data that has its classes.';
      const remedy =
        use === 'train'
          ? 'Start from a model without these classes, or name the data’s classes as the model does.'
          : 'Name the data’s classes as the model does, or leave the rows of other classes out.';
      return `The data shares only ${listed(shared)} with the model. ${remedy}`;
    },
  }),
  'sample-classes-differ': worded<{ classes: readonly string[]; modelClasses: number }>({
    says: ({ classes, modelClasses }) =>
      `the bundled sample has ${classes.length} classes (${classes.join(', ')}), ` +
      `but the model has ${modelClasses}`,
    hint: () => 'Choose a dataset that has the classes of the model.',
  }),
  'sample-label-names-missing': worded<{ classes: number; given: number }>({
    says: ({ classes, given }) =>
      `the bundled sample has ${classes} classes, ` +
      `but ${given} label ${given === 1 ? 'name is' : 'names are'} given`,
    hint: ({ classes }) => `Give ${classes} names, or none.`,
  }),
};
