/** What is wrong with a dataset: its name, files, configurations, splits and sizes. */
import { didYouMean } from '../../nearest.js';
import { classRange } from '../phrases/classes.js';
import { shortList } from '../phrases/lists.js';
import type { FactNumber } from '../phrases/values.js';
import { shown, shownNumber } from '../phrases/values.js';
import type { Plain } from '../wording.js';
import { worded } from '../wording.js';

const INSTALL_AGAIN =
  'Install attune again with its dependencies (npm install), without tools that strip tests out of packages.';

/** What an entry of a card's `data_files` is to be. */
const DATA_FILES_PARTS = {
  path: 'a path',
  splitName: 'the name of a split',
  splitWithPath: 'a split with a path',
};

const USES = { train: 'training', test: 'test' };

export const DATA_ERRORS = {
  'dataset-not-found': worded<{ dataset: string; readable: readonly string[] }>({
    says: ({ dataset }) => `${dataset}: no such file or folder`,
    hint: ({ readable }) =>
      `A dataset is a file that ends in ${readable.join(', ')}; a pattern of such files; a folder of them; ` +
      'owner/name on the Hugging Face Hub; or sample.',
  }),
  'dataset-empty': worded<{ dataset: string; readable: readonly string[] }>({
    says: ({ dataset }) => `${dataset}: holds no data that attune reads`,
    hint: ({ readable }) => `attune reads files that end in ${readable.join(', ')}.`,
  }),
  'dataset-has-no-revisions': worded<{ dataset: string }>({
    says: ({ dataset }) => `${dataset}: is on this machine and has no revisions`,
    hint: () => 'Only a dataset on the Hub, owner/name, has revisions.',
  }),
  'dataset-has-no-configs': worded<{ dataset: string }>({
    says: ({ dataset }) => `${dataset}: has no configurations`,
    hint: (_, { argument }) => `Leave ${argument('config')} out.`,
  }),
  'dataset-config-needed': worded<{ dataset: string; known: readonly string[] }>({
    says: ({ dataset, known }) => `${dataset}: has several configurations: ${shortList(known)}`,
    hint: (_, { argument }) => `Choose one with ${argument('config')}.`,
  }),
  'dataset-config-unknown': worded<{ dataset: string; config: string; known: readonly string[] }>({
    says: ({ dataset, config, known }) =>
      `${dataset}: has no configuration ${config}; it has ${known.length === 0 ? 'none' : shortList(known)}`,
    hint: ({ config, known }, { argument }) => {
      if (known.length === 0) return `Leave ${argument('config')} out.`;
      return didYouMean(config, known) ?? `Choose one of these with ${argument('config')}.`;
    },
  }),
  'dataset-has-only-script': worded<{ dataset: string; script: string; readable: readonly string[] }>({
    says: ({ dataset, script }) =>
      `${dataset}: has no data files, only a loading script (${script}), which attune does not run`,
    hint: ({ readable }) => `Write the data to a file that ends in ${readable.join(', ')}, and give that.`,
  }),
  'dataset-path-outside': worded<{ dataset: string; path: string }>({
    says: ({ dataset, path }) =>
      `${dataset}: names the file ${JSON.stringify(path)}, which may lie outside it`,
    hint: () => 'Paths in a dataset must be relative and without "..".',
  }),
  'dataset-folder-too-large': worded<{ folder: string; limit: number }>({
    says: ({ folder, limit }) => `${folder}: holds more than ${limit} files, too many for a dataset`,
    hint: () => 'Give the folder with the data itself, or a pattern such as "data/*.csv".',
  }),
  'dataset-folder-unreadable': worded<{ folder: string; reason: string }>({
    says: ({ folder, reason }) => `${folder}: the folder cannot be read (${reason})`,
    hint: () => 'Check the permissions of the folder and of those in it, or give the data files themselves.',
  }),
  'file-pattern-without-folder': worded<{ pattern: string; folder: string }>({
    says: ({ pattern, folder }) => `${pattern}: there is no folder ${folder}`,
    hint: () =>
      'Check the folders at the beginning of the pattern; a relative one starts at the current folder.',
  }),
  'file-pattern-unmatched': worded<{ pattern: string; folder: string }>({
    says: ({ pattern }) => `${pattern}: no file matches`,
    hint: ({ folder }) => `Files were looked for in ${folder}.`,
  }),

  'split-unknown': worded<{ dataset: string; split: string; known: readonly string[] }>({
    says: ({ dataset, split, known }) => `${dataset}: has no split ${split}; it has ${shortList(known)}`,
    hint: ({ split, known }, { given }) => {
      const near = didYouMean(split, known);
      if (near !== undefined) return near;
      const other = known.find((name) => name !== 'train');
      const holdOut = `old out some of the training rows with ${given('testSize', 0.2)}.`;
      return other === undefined
        ? `H${holdOut}`
        : `Evaluate on ${other} with ${given('evalSplit', other)}, or h${holdOut}`;
    },
  }),
  'split-file-missing': worded<{
    dataset: string;
    split: string;
    /** What lies at the top of the folder. */
    entries: readonly string[];
    known: readonly string[];
    readable: readonly string[];
  }>({
    says: ({ dataset, split, entries }) =>
      `${dataset}: holds no ${split}.* that attune reads; it holds ${shortList(entries) || 'nothing'}`,
    hint: ({ split, known, readable }) => {
      const its = known.length > 0 ? `Its splits are ${known.join(', ')}. ` : '';
      const advice =
        didYouMean(split, known) ??
        `Name the file ${split} with one of these endings: ${readable.join(', ')}.`;
      return its + advice;
    },
  }),
  'split-files-ambiguous': worded<{ dataset: string; split: string; files: readonly string[] }>({
    says: ({ dataset, split, files }) => `${dataset}: holds several ${split} files: ${files.join(', ')}`,
    hint: () => 'Keep one of them, or give the file itself as the dataset.',
  }),
  'files-have-no-split': worded<{ files: readonly string[]; split: string }>({
    says: ({ files, split }) => {
      const which = files.length === 1 ? `${files[0]}: is` : `the ${files.length} files are`;
      return `${which} a single split, without ${split}`;
    },
    hint: (_, { argument }) =>
      `Give the folder that has this split, or another file with ${argument('evalDataset')}.`,
  }),
  'split-empty': worded<{ source: string; use: 'train' | 'test' }>({
    says: ({ source, use }) => `${source}: the ${USES[use]} split has no rows to inspect`,
    hint: ({ use }) =>
      use === 'test' ? 'Add at least one row, or inspect only the training split.' : 'Add at least one row.',
  }),
  'eval-dataset-not-found': worded<{ path: string; readable: readonly string[] }>({
    says: ({ path }) => `${path}: no such file or folder`,
    hint: ({ readable }) =>
      `An evaluation dataset is a file that ends in ${readable.join(', ')}, or a pattern of such files.`,
  }),
  'eval-dataset-is-folder': worded<{ path: string }>({
    says: ({ path }) => `${path}: is a folder; the evaluation dataset must be a file`,
    hint: () => 'Give the file in it, or a pattern of files.',
  }),
  'eval-split-is-training-split': worded<{ split: string }>({
    says: ({ split }) => `the split ${split} cannot be both trained and evaluated on`,
    hint: (_, { argument }) =>
      `Choose another ${argument('evalSplit')}, or hold out some of the rows with ${argument('testSize')}.`,
  }),
  'validation-split-in-use': worded<{ split: string; use: 'train' | 'test' }>({
    says: ({ split, use }) =>
      `the split ${split} is ${use === 'train' ? 'trained' : 'tested'} on, so it cannot choose the best epoch`,
    hint: (_, { argument }) =>
      `Choose another split, or hold out some of the training rows with ${argument('validationSize')}.`,
  }),
  'held-out-twice': worded<{
    one: 'testSize' | 'evalDataset' | 'validationSize';
    other: 'evalDataset' | 'evalSplit' | 'validationSplit';
  }>({
    says: ({ one, other }, { argument }) => `${argument(one)} and ${argument(other)} exclude each other`,
    hint: ({ one }) => {
      if (one === 'evalDataset') return 'The evaluation dataset is one split already. Give one of them.';
      const purpose = one === 'testSize' ? 'evaluate on' : 'choose an epoch by';
      return `Both say which rows to ${purpose}. Give one of them.`;
    },
  }),
  'row-count-invalid': worded<{ name: 'trainRows' | 'evalRows'; given: FactNumber }>({
    says: ({ name, given }, { argument }) =>
      `${argument(name)} must be a whole number, at least 1; got ${given}`,
    hint: ({ name }, { argument }) => `Leave ${argument(name)} out to take all rows.`,
  }),

  'part-size-invalid': worded<{ name: 'testSize' | 'validationSize'; given: FactNumber }>({
    says: ({ name, given }, { argument }) =>
      `${argument(name)} must be a share above 0 and below 1, or a whole number of rows; got ${given}`,
    hint: ({ name }, { given }) => `For example, ${given(name, 0.2)} takes a fifth of the rows.`,
  }),
  'part-takes-all-rows': worded<{
    name: 'testSize' | 'validationSize';
    given: number;
    taken: number;
    rows: number;
  }>({
    says: ({ name, given, taken, rows }, { argument }) =>
      `${argument(name)} ${given} takes ${taken} of ${rows} rows, which leaves none to train on`,
    hint: () => 'Choose a smaller size, or give more rows.',
  }),
  'part-class-too-small': worded<{ label: number }>({
    says: ({ label }) =>
      `class ${label} has only one row, which cannot be in both the training and the test split`,
    hint: () => 'Add rows of that class, or split the rows without stratifying by class.',
  }),
  'part-too-small': worded<{ rows: number; classes: number }>({
    says: ({ rows, classes }) =>
      `a split of ${rows} ${rows === 1 ? 'row' : 'rows'} is too small for one of each of ${classes} classes`,
    hint: () => 'Choose another size: each split must have a row of each class.',
  }),

  'row-text-invalid': worded<{ source: string; row: number; type: string; mapped: boolean }>({
    says: ({ source, row, type, mapped }) =>
      `row ${row} of ${source}: the text ${mapped ? 'became' : 'is'} a value of type ${type}, not a string`,
    hint: ({ mapped }) =>
      mapped ? 'The function given to map must return texts that are strings.' : 'An empty text is "".',
  }),
  'row-label-invalid': worded<{
    source: string;
    row: number;
    label: Plain;
    classes: number;
    mapped: boolean;
  }>({
    says: ({ source, row, label, classes, mapped }) =>
      `row ${row} of ${source}: the label ${mapped ? 'became' : 'is'} ${shownNumber(label)}; ${classRange(classes)}`,
    hint: ({ mapped }) =>
      mapped
        ? 'The function given to map must return labels that are indices of classes, as numbers.'
        : 'A label is the index of a class, as a number.',
  }),

  'card-yaml-broken': worded<{ file: string; line: number; reason: string }>({
    says: ({ file, line, reason }) => `${file}:${line}: the YAML of the card is broken: ${reason}`,
    hint: () => 'Correct it, or give the data files themselves.',
  }),
  'card-config-invalid': worded<{ file: string; config: number; found: Plain }>({
    says: ({ file, config, found }) => `${file}: configs[${config}]: is ${shown(found)}, not a configuration`,
    hint: () => 'A configuration has the keys config_name and data_files, or data_dir.',
  }),
  'card-config-field-invalid': worded<{
    file: string;
    config: number;
    field: 'config_name' | 'data_dir';
    found: Plain;
  }>({
    says: ({ file, config, field, found }) => {
      const expected = field === 'config_name' ? 'a name' : 'a folder';
      return `${file}: configs[${config}]: ${field} is ${shown(found)}, not ${expected}`;
    },
    hint: ({ field }) => `Write ${field} as a string in the card, or give the data files themselves.`,
  }),
  'card-data-files-invalid': worded<{
    file: string;
    config: number;
    found: Plain;
    expected: keyof typeof DATA_FILES_PARTS;
  }>({
    says: ({ file, config, found, expected }) =>
      `${file}: configs[${config}]: data_files: ${shown(found)} is not ${DATA_FILES_PARTS[expected]}`,
    hint: () =>
      'data_files holds a path, a list of paths, or a list of entries such as {split: test, path: a.csv}.',
  }),
  'card-split-repeated': worded<{ file: string; config: number; split: string | number }>({
    says: ({ file, config, split }) =>
      `${file}: configs[${config}]: data_files: the split ${shown(split)} appears twice`,
    hint: () => 'Give all paths of a split in one list.',
  }),
  'card-path-foreign': worded<{ dataset: string; config: string; split: string; path: string }>({
    says: ({ dataset, config, split, path }) =>
      `${dataset}: the card’s configuration ${config}, split ${split}: names ${JSON.stringify(path)}; ` +
      'attune takes only files of the repository',
    hint: () => 'Download that file and give it as the dataset.',
  }),
  'card-path-unmatched': worded<{
    dataset: string;
    config: string;
    split: string;
    patterns: readonly string[];
    readable: readonly string[];
  }>({
    says: ({ dataset, config, split, patterns }) =>
      `${dataset}: the card’s configuration ${config}, split ${split}: no file that attune reads matches ` +
      patterns.map((pattern) => JSON.stringify(pattern)).join(', '),
    hint: ({ readable }) => `attune reads files that end in ${readable.join(', ')}.`,
  }),

  'sample-package-missing': worded<Record<string, never>>({
    says: () =>
      'the bundled sample cannot be read: the npm package sentiment, which carries it, is not installed',
    hint: () => INSTALL_AGAIN,
  }),
  'sample-file-missing': worded<{ file: string }>({
    says: ({ file }) => `the bundled sample cannot be read: ${file} is missing`,
    hint: () => INSTALL_AGAIN,
  }),
  'sample-file-invalid': worded<{ file: string }>({
    says: ({ file }) => `${file}: is not the list of sentences it should be`,
    hint: () => INSTALL_AGAIN,
  }),
};
