import type { DATA_ERRORS } from '#attune/errors/codes/data-errors.js';
import type { Examples } from './examples.js';

const readable = ['.jsonl', '.csv'];

export const DATA_EXAMPLES: Examples<typeof DATA_ERRORS> = {
  'dataset-not-found': [{ dataset: 'data/rows.csv', readable }],
  'dataset-empty': [{ dataset: 'owner/rows', readable }],
  'dataset-has-no-revisions': [{ dataset: 'data' }],
  'dataset-has-no-configs': [{ dataset: 'rows.csv' }],
  'dataset-config-needed': [
    { dataset: 'owner/rows', known: ['en', 'de'] },
    { dataset: 'owner/rows', known: Array.from({ length: 12 }, (_, i) => `config-${i}`) },
  ],
  'dataset-config-unknown': [
    { dataset: 'owner/rows', config: 'smal', known: ['small', 'whole'] },
    { dataset: 'owner/rows', config: 'fr', known: ['small', 'whole'] },
    { dataset: 'owner/rows', config: 'fr', known: [] },
  ],
  'dataset-has-only-script': [{ dataset: 'owner/rows', script: 'rows.py', readable }],
  'dataset-path-outside': [{ dataset: 'owner/rows', path: '../rows.csv' }],
  'dataset-folder-too-large': [{ folder: '/home/me', limit: 100_000 }],
  'dataset-folder-unreadable': [{ folder: 'data', reason: "EACCES: permission denied, scandir 'data/a'" }],
  'file-pattern-without-folder': [{ pattern: 'data/none/*.csv', folder: 'data/none' }],
  'file-pattern-unmatched': [{ pattern: 'data/z-*.csv', folder: '/home/me/data' }],

  'split-unknown': [
    { dataset: 'owner/rows', split: 'tset', known: ['train', 'test'] },
    { dataset: 'owner/rows', split: 'test', known: ['train', 'validation'] },
    { dataset: 'owner/rows', split: 'test', known: ['train'] },
  ],
  'split-file-missing': [
    { dataset: 'data', split: 'train', entries: [], known: [], readable },
    { dataset: 'data', split: 'dve', entries: ['dev.csv', 'train.csv'], known: ['train', 'dev'], readable },
    { dataset: 'data', split: 'test', entries: ['train.csv'], known: ['train'], readable },
  ],
  'split-files-ambiguous': [{ dataset: 'data', split: 'train', files: ['train.csv', 'train.jsonl'] }],
  'files-have-no-split': [
    { files: ['rows.csv'], split: 'dev' },
    { files: ['a.csv', 'b.csv', 'c.csv'], split: 'dev' },
  ],
  'split-empty': [
    { source: 'rows.csv', use: 'train' },
    { source: 'rows.csv', use: 'test' },
  ],
  'eval-dataset-not-found': [{ path: 'held.csv', readable }],
  'eval-dataset-is-folder': [{ path: 'held' }],
  'eval-split-is-training-split': [{ split: 'train' }],
  'validation-split-in-use': [
    { split: 'dev', use: 'train' },
    { split: 'dev', use: 'test' },
  ],
  'held-out-twice': [
    { one: 'testSize', other: 'evalSplit' },
    { one: 'testSize', other: 'evalDataset' },
    { one: 'evalDataset', other: 'evalSplit' },
    { one: 'validationSize', other: 'validationSplit' },
  ],
  'row-count-invalid': [
    { name: 'trainRows', given: 0 },
    { name: 'evalRows', given: 1.5 },
  ],

  'part-size-invalid': [
    { name: 'testSize', given: 1.5 },
    { name: 'validationSize', given: -1 },
  ],
  'part-takes-all-rows': [{ name: 'testSize', given: 0.99, taken: 10, rows: 10 }],
  'part-class-too-small': [{ label: 2 }],
  'part-too-small': [
    { rows: 1, classes: 2 },
    { rows: 3, classes: 4 },
  ],

  'row-text-invalid': [
    { source: 'rows.jsonl', row: 3, type: 'number', mapped: false },
    { source: 'rows.jsonl', row: 3, type: 'object', mapped: true },
  ],
  'row-label-invalid': [
    { source: 'rows.jsonl', row: 3, label: 2, classes: 2, mapped: false },
    { source: 'rows.jsonl', row: 3, label: '1', classes: 2, mapped: true },
    { source: 'rows.jsonl', row: 0, label: undefined, classes: 0, mapped: false },
  ],

  'card-yaml-broken': [{ file: 'README.md', line: 3, reason: 'Flow sequence must end with a ]' }],
  'card-config-invalid': [{ file: 'README.md', config: 0, found: 7 }],
  'card-config-field-invalid': [
    { file: 'README.md', config: 0, field: 'config_name', found: true },
    { file: 'README.md', config: 1, field: 'data_dir', found: ['data'] },
  ],
  'card-data-files-invalid': [
    { file: 'README.md', config: 0, found: 5, expected: 'path' },
    { file: 'README.md', config: 0, found: null, expected: 'splitName' },
    { file: 'README.md', config: 0, found: 'a.csv', expected: 'splitWithPath' },
  ],
  'card-split-repeated': [{ file: 'README.md', config: 0, split: 'train' }],
  'card-path-foreign': [
    { dataset: 'owner/rows', config: 'default', split: 'train', path: 'https://example.org/rows.csv' },
  ],
  'card-path-unmatched': [
    { dataset: 'owner/rows', config: 'default', split: 'train', patterns: ['a/*.csv', 'b.csv'], readable },
  ],

  'sample-package-missing': [{}],
  'sample-file-missing': [{ file: 'node_modules/sentiment/test/fixtures/imdb.json' }],
  'sample-file-invalid': [{ file: 'node_modules/sentiment/test/fixtures/imdb.json' }],
};
