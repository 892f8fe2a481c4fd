import type { DATA_LABELS_ERRORS } from '#attune/errors/codes/data-labels-errors.js';
import type { Examples } from './examples.js';

const many = Array.from({ length: 14 }, (_, i) => `class ${i}`);

export const DATA_LABELS_EXAMPLES: Examples<typeof DATA_LABELS_ERRORS> = {
  'label-unknown': [
    { file: 'test.csv', line: 4, label: 'ugly', classes: ['bad', 'good'] },
    { file: 'test.csv', line: 4, label: 'goood', classes: ['bad', 'good'] },
    { file: 'test.csv', line: 4, label: 'Good\u200b', classes: ['bad', 'good'] },
    { file: 'test.parquet', row: 4, label: 'ugly', classes: many },
    { file: 'test.csv', line: 4, label: 1, classes: ['bad', 'good'] },
  ],
  'label-out-of-range': [
    { file: 'test.csv', line: 4, label: 2, classes: 2, names: ['bad', 'good'] },
    { file: 'test.csv', line: 4, label: 3, classes: 3 },
  ],
  'labels-mixed': [
    { file: 'a.csv', line: 3, label: 'bad', other: { file: 'a.csv', line: 1, label: 0 } },
    {
      file: 'a.parquet',
      row: 3,
      label: 1,
      other: { file: 'a.parquet', row: 1, label: 'bad' },
    },
    { file: 'b.csv', line: 2, label: 1, other: { file: 'a.csv', line: 2, label: 'bad' } },
  ],
  'labels-of-one-class': [
    { source: 'rows.csv', rows: 3, label: 'bad' },
    { source: 'rows.csv', rows: 3, label: 0, name: 'bad' },
    { source: 'rows.csv', rows: 5, taken: 3, label: 0, name: 'bad' },
  ],
  'labels-with-gaps': [
    { file: 'rows.csv', line: 2, highest: 2, missing: [0], missingCount: 1 },
    { file: 'rows.csv', line: 2, highest: 20, missing: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], missingCount: 19 },
  ],
  'class-with-two-names': [
    {
      file: 'rows.csv',
      line: 5,
      label: 1,
      name: 'bad',
      other: { name: 'good', place: { file: 'rows.csv', line: 2 } },
    },
    { file: 'rows.csv', line: 5, label: 1, name: 'bad', other: { name: 'good', place: 'model' } },
    { file: 'rows.csv', line: 5, label: 1, name: 'bad', other: { name: 'good', place: 'sample' } },
    { file: 'rows.csv', line: 5, label: 1, name: 'bad', other: { name: 'good', place: 'labelNames' } },
    {
      file: 'rows.csv',
      line: 5,
      label: 1,
      name: 'bad',
      other: { name: 'good', place: { declaredBy: 'rows.parquet' } },
    },
  ],
  'class-name-shared': [
    {
      file: 'rows.csv',
      line: 5,
      label: 1,
      name: 'bad',
      other: { label: 0, place: { file: 'rows.csv', line: 2 } },
    },
  ],
  'class-names-invalid': [
    { file: 'README.md', declaration: 'dataset_info', column: 'label', found: ['bad', 'bad'] },
    { file: 'rows.parquet', declaration: 'metadata', column: 'label', found: 'bad' },
  ],
  'classes-differ': [{ train: ['bad', 'good'], test: ['good', 'bad'] }],
  'classes-exceed-model': [
    { classes: ['a', 'b', 'c'], modelClasses: ['a', 'b'], named: ['a', 'b', 'c'], use: 'measure' },
    { classes: ['LABEL_0', 'LABEL_1', 'LABEL_2'], modelClasses: ['a', 'b'], named: [], use: 'train' },
    { classes: ['a', 'b', 'LABEL_2'], modelClasses: ['a', 'b'], named: ['a', 'b'], use: 'train' },
  ],
  'classes-partly-named': [{ named: ['good'], modelClasses: ['bad', 'good'] }],
  'class-unknown-to-model': [
    {
      place: { file: 'rows.csv', line: 2 },
      name: 'Good',
      modelClasses: ['bad', 'good'],
      shared: [],
      use: 'measure',
    },
    {
      place: { declaredBy: 'rows.parquet' },
      name: 'happy',
      modelClasses: ['bad', 'good'],
      shared: [],
      use: 'measure',
    },
    {
      place: { file: 'rows.csv', line: 2 },
      name: 'great',
      modelClasses: ['bad', 'good'],
      shared: ['bad'],
      use: 'measure',
    },
    {
      place: { file: 'rows.csv', line: 2 },
      name: 'great',
      modelClasses: ['bad', 'good'],
      shared: ['bad'],
      use: 'train',
    },
  ],
  'sample-classes-differ': [{ classes: ['negative', 'positive'], modelClasses: 3 }],
  'sample-label-names-missing': [
    { classes: 2, given: 1 },
    { classes: 2, given: 0 },
  ],
};
