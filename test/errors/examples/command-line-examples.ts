import type { COMMAND_LINE_ERRORS } from '#attune/errors/codes/command-line-errors.js';
import type { Examples } from './examples.js';

const COMMAND = 'attune compare --finetuned out --margin 0.05';

export const COMMAND_LINE_EXAMPLES: Examples<typeof COMMAND_LINE_ERRORS> = {
  'option-unknown': [
    { option: '--learnig-rate=1', known: ['--learning-rate', '--seed'], within: 'attune train' },
    { option: '--colour', known: ['--seed'], within: 'attune train' },
  ],
  'command-unknown': [
    { name: 'trian', known: ['train', 'predict'], within: 'attune' },
    { name: 'fly', known: ['train', 'predict'], within: 'attune' },
  ],
  'option-value-missing': [{ option: '--seed', within: 'attune train' }],
  'command-missing': [{ within: 'attune' }],
  'command-argument-missing': [{ argument: 'dir', within: 'attune reproduce' }],
  'command-argument-unexpected': [{ argument: 'extra', within: 'attune train' }],
  'command-line-invalid': [
    { reason: "option '--a' cannot be used with option '--b'", within: 'attune train' },
  ],
  'finetuned-excludes-resuming': [{}],
  'prediction-input-ambiguous': [{}],
  'prediction-input-missing': [{}],
  'reproduced-folder-missing': [{}],
  'run-not-reproduced': [
    { folder: 'out', startDiffers: true },
    { folder: 'out', startDiffers: false },
  ],
  'demo-not-given': [{}],
  'page-written-not-served': [{}],
  'logging-dir-of-run': [{ loggingDir: 'out/checkpoint-10' }],
  'logging-dir-blocked': [{ loggingDir: 'logs/run', blocking: '/home/user/logs' }],
  'report-source-missing': [{ folder: 'out', files: ['comparison.json', 'trainer_state.json'] }],
  'report-source-damaged': [
    {
      file: 'out/trainer_state.json',
      error: { code: 'refused-by-system', facts: { reason: 'EIO: i/o error, read' } },
    },
  ],
  'log-history-empty': [{ file: 'out/trainer_state.json' }],
  'results-unwritable': [{ reason: 'ENOSPC: no space left on device, write' }],
  'installation-unusable': [{ parts: ['CPU engine'] }, { parts: ['CPU engine', 'embedded model'] }],
  'training-step-inaccurate': [{ difference: 0.25 }],
  'confirmation-impossible': [{}],
  interrupted: [{}],
  'evaluation-interrupted': [{ folder: 'out', command: 'attune evaluate --model out' }],
  'other-seed-interrupted': [{ command: COMMAND }],
  'comparison-interrupted': [{ command: COMMAND }],
};
