import type { CHECKPOINT_ERRORS } from '#attune/errors/codes/checkpoint-errors.js';
import type { Examples } from './examples.js';

const MOMENT = {
  file: 'out/checkpoint-3/optimizer.pt',
  tensor: 'exp_avg',
  index: 2,
  parameter: 'transformer.h.0.mlp.c_fc.weight',
};

export const CHECKPOINT_EXAMPLES: Examples<typeof CHECKPOINT_ERRORS> = {
  'parameter-not-finite': [{ parameter: 'score.weight', value: 'Infinity' }],
  'checkpoint-file-unreadable': [
    { file: 'out/checkpoint-3/config.json', reason: 'EACCES: permission denied' },
  ],
  'checkpoint-file-missing': [{ file: 'out/checkpoint-3/model.safetensors' }],
  'checkpoint-file-size': [{ file: 'out/checkpoint-3/model.safetensors', found: 100, expected: 1024 }],
  'checkpoint-file-changed': [{ file: 'out/checkpoint-3/model.safetensors' }],
  'checksums-not-json': [{ file: 'out/checkpoint-3/checksums.json' }],
  'checksums-malformed': [{ file: 'out/checkpoint-3/checksums.json' }],
  'checksums-incomplete': [{ file: 'out/checkpoint-3/checksums.json', missing: 'model.safetensors' }],
  'checkpoint-unreadable': [{ file: 'out/checkpoint-3/trainer_state.json' }],
  'resume-state-damaged': [{ file: 'out/checkpoint-3/attune_state.json' }],
  'trainer-state-not-json': [
    { file: 'out/checkpoint-3/trainer_state.json', line: 12, column: 5, reason: 'expected a comma or }' },
  ],
  'trainer-state-not-object': [{ file: 'out/checkpoint-3/trainer_state.json' }],
  'trainer-state-field': [
    { file: 'out/checkpoint-3/trainer_state.json', field: 'max_steps', expected: 'a whole number' },
  ],
  'checkpoint-tensor-size': [
    {
      file: 'out/checkpoint-3/optimizer.safetensors',
      tensor: 'exp_avg.score.weight',
      numbers: 128,
      shape: [8, 32],
    },
  ],
  'torch-optimizer-foreign': [{ file: 'out/checkpoint-3/optimizer.pt' }],
  'torch-optimizer-parameters': [{ file: 'out/checkpoint-3/optimizer.pt', found: 29, expected: 28 }],
  'torch-optimizer-tensor-missing': [MOMENT],
  'torch-optimizer-tensor-shape': [{ ...MOMENT, found: [16, 64], expected: [16, 8] }],
  'torch-optimizer-tensor-not-finite': [MOMENT],
  'torch-optimizer-updates': [
    { file: 'out/checkpoint-3/optimizer.pt', index: 0, parameter: 'score.weight', updates: -1 },
    { file: 'out/checkpoint-3/optimizer.pt', index: 2, parameter: 'score.weight', updates: 5, others: 6 },
  ],
  'checkpoint-of-other-run': [
    { dir: 'out/checkpoint-3', field: 'rows', then: 100, now: 99 },
    { dir: 'out/checkpoint-3', field: 'seed', then: 42, now: 7 },
    { dir: 'out/checkpoint-3', field: 'perDeviceTrainBatchSize', then: 4, now: 8 },
    { dir: 'out/checkpoint-3', field: 'gradientAccumulationSteps', then: 1, now: 2 },
  ],
  'checkpoint-is-run-folder': [{ dir: 'out', newest: 'out/checkpoint-3' }, { dir: 'out' }],
  'checkpoint-not-found': [{ dir: 'out' }],
  'checkpoints-all-damaged': [
    {
      dir: 'out',
      damaged: [
        { name: 'checkpoint-6', reason: 'out/checkpoint-6/config.json is damaged: it is missing' },
        { name: 'checkpoint-3', reason: 'out/checkpoint-3/checksums.json is damaged: it is not JSON' },
      ],
    },
  ],
  'resume-data-changed': [{ checkpoint: 'out/checkpoint-3', rows: 'training' }],
};
