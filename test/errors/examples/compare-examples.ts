import type { COMPARE_ERRORS } from '#attune/errors/codes/compare-errors.js';
import type { Examples } from './examples.js';

export const COMPARE_EXAMPLES: Examples<typeof COMPARE_ERRORS> = {
  'comparison-without-test-rows': [
    { finetuned: false, obstacle: undefined },
    { finetuned: true, obstacle: undefined },
    { finetuned: false, obstacle: { kind: 'too-few-rows', rows: 8 } },
  ],
  'comparison-split-empty': [{ split: 'test' }],
  'comparison-classes-differ': [
    { folder: 'out', modelClasses: ['cat', 'dog'], dataClasses: ['cat', 'dog', 'hen'] },
    { folder: 'out', modelClasses: ['cat', 'dog'], dataClasses: ['cat', 'hen'] },
  ],
  'margin-out-of-range': [{ margin: 1.5, least: 0.001, usual: 0.02 }],
  'word-study-labels-length': [{ labels: 2, texts: 3 }],
  'hidden-states-count': [{ results: 2, texts: 3 }],
  'hidden-states-width': [{ result: 1, width: 8, expected: 16 }],
  'hidden-states-length': [{ result: 1, values: 20, tokens: 3, width: 8 }],
  'comparison-file-syntax': [
    { file: 'out/comparison.json', line: 1, column: 40, reason: 'expected a value, found "]"' },
  ],
  'comparison-file-invalid': [
    { file: 'out/comparison.json', field: 'models[2].f1.value', problem: 'expected a number, found "high"' },
    { file: 'out/comparison.json', field: '', problem: 'expected an object, found a list' },
  ],
  'report-source-unreadable': [
    { file: 'out/comparison.json', reason: "EACCES: permission denied, open 'out/comparison.json'" },
  ],
  'tensorboard-unwritable': [{ path: 'out/runs', reason: "EROFS: read-only file system, mkdir 'out/runs'" }],
};
