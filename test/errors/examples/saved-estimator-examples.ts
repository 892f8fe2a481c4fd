import type { SAVED_ESTIMATOR_ERRORS } from '#attune/errors/codes/saved-estimator-errors.js';
import type { Examples } from './examples.js';

const file = 'model/estimator.json';
const folder = 'model';

export const SAVED_ESTIMATOR_EXAMPLES: Examples<typeof SAVED_ESTIMATOR_ERRORS> = {
  'estimator-label-names-count': [
    { names: 2, classes: 3 },
    { names: 2, classes: undefined },
  ],
  'estimator-label-names-repeated': [{ name: 'good' }],
  'estimator-folder-occupied': [{ path: 'model/notes.txt' }],
  'estimator-file-unreadable': [{ file, reason: 'ENOENT: no such file or directory' }],
  'estimator-file-format': [{ file, format: 1 }],
  'estimator-file-field': [
    { file, field: '', expected: 'object' },
    { file, field: 'labelNames', expected: 'names' },
    { file, field: 'steps.0.steps', expected: 'list' },
  ],
  'estimator-file-incomplete': [{ file, fields: ['steps.0.kind', 'steps.0.settings'] }],
  'estimator-file-label-names-count': [
    { file, names: 2, classes: 3 },
    { file, names: 2, classes: undefined },
  ],
  'estimator-file-label-names-repeated': [{ file, name: 'good' }],
  'estimator-kind-unknown': [
    { kind: 'logistic-regresion', known: ['logistic-regression', 'svc'] },
    { kind: 'bayes', known: ['logistic-regression', 'svc'] },
  ],
  'pipeline-state-empty': [{}],
  'estimator-state-unsound': [
    { estimator: 'svc', fault: 'classes-descend' },
    { estimator: 'afinn', fault: 'classes-none' },
    { estimator: 'majority', fault: 'shares-unusable' },
    { estimator: 'random-forest', fault: 'trees-none' },
    { estimator: 'afinn', fault: 'lexicon-label-names' },
    { estimator: 'afinn', fault: 'lexicon-settings' },
    { estimator: 'tfidf', fault: 'tfidf-settings' },
    { estimator: 'tfidf', fault: 'tfidf-part' },
    { estimator: 'word2vec', fault: 'word2vec-words' },
    { estimator: 'word2vec', fault: 'word2vec-vectors' },
    { estimator: 'gpt2-hidden-states', fault: 'hidden-states-model' },
  ],
  'estimator-setting-not-number': [
    { estimator: 'svc', setting: 'C', found: '1' },
    { estimator: 'svc', setting: 'C', found: undefined },
  ],
  'estimator-setting-not-whole': [{ estimator: 'svc', setting: 'columns', found: 0.5, min: 1 }],
  'estimator-setting-not-positive': [{ estimator: 'svc', setting: 'gamma', found: 0 }],
  'estimator-array-missing': [{ estimator: 'svc', array: 'rho' }],
  'estimator-array-type': [{ estimator: 'svc', array: 'rho', expected: 'float64' }],
  'estimator-array-length': [{ estimator: 'svc', array: 'rho', found: 2, expected: 3 }],
  'estimator-array-ragged': [{ estimator: 'svc', array: 'support', found: 7, columns: 2 }],
  'estimator-array-not-finite': [{ estimator: 'svc', array: 'rho' }],
  'estimator-array-not-positive': [{ estimator: 'standard-scaler', array: 'scale' }],
  'estimator-array-value': [{ estimator: 'svc', array: 'present', index: 2, found: 5, min: 0, max: 2 }],
  'forest-node-target': [{ estimator: 'random-forest', tree: 4, node: 1, target: 0 }],
  'estimator-takes-other': [
    { folder, found: 'features', expected: 'texts' },
    { folder, found: 'texts', expected: 'features' },
  ],
  'estimator-needs-hidden-states': [{ folder }],
  'estimator-without-label-names': [{ folder }],
  'baseline-takes-whole-texts': [{ folder, maxLength: 64 }],
  'baseline-without-device': [{ folder, device: 'webgpu' }],
  'hidden-states-model-unavailable': [
    { error: { code: 'max-length-exceeds-positions', facts: { given: 65, limit: 64 } } },
  ],
  'hidden-states-model-differs': [{ model: 'gpt2' }],
};
