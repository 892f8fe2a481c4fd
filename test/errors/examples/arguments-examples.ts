import type { ARGUMENTS_ERRORS } from '#attune/errors/codes/arguments-errors.js';
import type { Examples } from './examples.js';

export const ARGUMENTS_EXAMPLES: Examples<typeof ARGUMENTS_ERRORS> = {
  'argument-given-twice': [
    { arguments: ['epochs', 'numTrainEpochs'] },
    { arguments: ['learning_rate', 'learningRate'], file: 'run.json' },
  ],
  'argument-invalid': [
    { argument: 'learningRate', accepts: { kind: 'number', min: 0 }, given: '5e-5' },
    { argument: 'learning_rate', file: 'run.json', accepts: { kind: 'number', min: 0 }, given: 'fast' },
    { argument: 'loggingSteps', accepts: { kind: 'steps', zero: false }, given: 'often' },
    { argument: 'adamBeta2', accepts: { kind: 'number', min: 0, below: 1 }, given: 1 },
    { argument: 'testSize', accepts: { kind: 'number', above: 0 }, given: 'NaN' },
    { argument: 'seed', accepts: { kind: 'integer', min: 0, max: 4294967295 }, given: -1 },
    { argument: 'count', accepts: { kind: 'integer' }, given: 0.5 },
    { argument: 'loggingSteps', accepts: { kind: 'steps', zero: false }, given: 0 },
    { argument: 'warmupSteps', accepts: { kind: 'steps', zero: true }, given: -1 },
    { argument: 'loadBestModelAtEnd', accepts: { kind: 'boolean' }, given: null },
    { argument: 'outputDir', accepts: { kind: 'string' }, given: '' },
    { argument: 'configFile', accepts: { kind: 'string' }, given: '' },
    {
      argument: 'resumeFromCheckpoint',
      accepts: { kind: 'string', bare: true },
      given: ['run/checkpoint-100', 'run/checkpoint-200', 'run/checkpoint-300'],
    },
    {
      argument: 'evalStrategy',
      accepts: { kind: 'enum', choices: ['no', 'steps', 'epoch'] },
      given: 'epochs',
    },
    {
      argument: 'evalStrategy',
      accepts: { kind: 'enum', choices: ['no', 'steps', 'epoch'] },
      given: 'daily',
    },
  ],
  'argument-unknown': [
    { argument: 'lerning_rate', known: ['learning_rate', 'lr', 'seed'] },
    { argument: 'lerning_rate', file: 'run.json', known: ['learning_rate', 'lr', 'seed'] },
    { argument: 'bf16', known: ['learningRate', 'lr', 'seed'] },
  ],
  'arguments-beside-args': [{ argument: 'numTrainEpochs' }],
  'best-epoch-without-rows': [{}],
  'best-model-needs-checkpoints': [{ evalStrategy: 'epoch', saveStrategy: 'steps' }],
  'best-model-needs-evaluations': [{}],
  'best-model-save-steps': [{ saveSteps: 10, evalSteps: 3 }],
  'config-file-nested': [{ file: 'run.json' }],
  'config-file-not-an-object': [{ file: 'run.json' }],
  'config-file-syntax': [
    { file: 'run.json', line: 2, column: 20, reason: 'a comma before "}" is not allowed' },
  ],
  'config-file-unreadable': [
    { file: 'run.json', reason: "ENOENT: no such file or directory, open 'run.json'" },
  ],
  'dataset-missing': [{}],
  'early-stopping-needs-evaluations': [{}],
  'evaluation-without-rows': [{ evalStrategy: 'epoch' }],
  'max-length-exceeds-positions': [{ given: 65, limit: 64 }],
  'metric-for-best-model-unknown': [
    { given: 'eval_acuracy', known: ['loss', 'accuracy', 'f1', 'auc'] },
    { given: 'bleu', known: ['loss', 'accuracy', 'f1', 'auc'] },
  ],
  'model-missing': [{}],
  'seeds-out-of-range': [{ given: 0, limit: 100 }],
};
