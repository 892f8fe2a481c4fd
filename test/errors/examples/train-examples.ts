import type { TRAIN_ERRORS } from '#attune/errors/codes/train-errors.js';
import type { Examples } from './examples.js';

export const TRAIN_EXAMPLES: Examples<typeof TRAIN_ERRORS> = {
  'attribution-unavailable': [{ model: 'a classical model' }],
  'best-metric-unreported': [{ metric: 'eval_f2', step: 7, reported: ['eval_loss', 'eval_f1'] }],
  'classifier-not-loaded': [{ model: 'my-model', reason: 'EIO: i/o error, read' }],
  'device-without-graphs': [{ device: 'a GPU' }],
  'evaluation-rows-missing': [{}],
  'held-out-rows-none': [{}],
  'held-out-rows-unknown': [{}],
  'labeled-rows-class': [{ name: 'train', row: 2, label: 5, classes: 3 }],
  'labeled-rows-empty': [{ name: 'evaluation' }],
  'labeled-rows-length': [{ name: 'train', labels: 8, rows: 9 }],
  'logits-unavailable': [{ model: 'a classical model' }],
  'model-answer-class': [{ model: 'my model', label: 2, classes: 2 }],
  'model-answer-count': [
    { model: 'my model', what: 'label', given: 1, texts: 2 },
    { model: 'my model', what: 'attribution', given: 1, texts: 2 },
  ],
  'model-answer-size': [{ model: 'my model', what: 'logits', given: 3, texts: 2, classes: 2 }],
  'run-interrupted': [
    { during: 'training', step: 5, totalSteps: 9, checkpoint: 'out/checkpoint-5' },
    { during: 'evaluation', step: 5, totalSteps: 9, checkpoint: 'out/checkpoint-5' },
  ],
  'run-interrupted-at-start': [{ step: 1, totalSteps: 9 }],
  'run-origin-unknown': [
    { run: 'out', error: { code: 'manifest-damaged', facts: { file: 'out/attune.json' } } },
  ],
  'seed-folder-taken': [
    { folder: 'out-seed-43', run: 'out', seed: 43, change: 'learningRate was 0.02, then 0.01' },
    { folder: 'out-seed-43', run: 'out', seed: 43, change: undefined },
  ],
  'seeds-after-change': [
    { run: 'out', change: 'learningRate was 0.02, then 0.01', when: 'earlier' },
    { run: 'out', change: 'learningRate was 0.02, then 0.01', when: 'now' },
    { run: 'out', change: 'the training rows were others', when: 'since' },
  ],
  'seeds-from-checkpoint': [{ checkpoint: 'other/checkpoint-100' }],
  'seeds-of-another-model': [{ run: 'out', model: 'my-model' }],
  'seeds-of-another-start': [{ run: 'out' }],
  'training-diverged': [
    { step: 3, what: 'loss', values: ['NaN', '0.5'], checkpoint: 'out/checkpoint-2' },
    { step: 3, what: 'gradient', values: ['Infinity'], checkpoint: undefined },
  ],
  'training-rows-unknown': [{}],
  'values-not-finite': [
    { output: undefined, value: 'NaN' },
    { output: 'hidden', value: '-Infinity' },
  ],
};
