import type { RUN_FOLDER_ERRORS } from '#attune/errors/codes/run-folder-errors.js';
import type { Examples } from './examples.js';

const HOLDER = { pid: 4711, host: 'workstation', since: '2026-01-02T03:04:05.000Z' };

export const RUN_FOLDER_EXAMPLES: Examples<typeof RUN_FOLDER_ERRORS> = {
  'run-folder-locked': [
    { dir: 'out', holder: HOLDER },
    { dir: 'out', holder: HOLDER, lock: 'out/.attune.lock' },
  ],
  'run-lock-foreign': [{ dir: 'out', lock: 'out/.attune.lock' }],
  'run-lock-unreadable': [
    { dir: 'out', lock: 'out/.attune.lock', reason: "EACCES: permission denied, open 'out/.attune.lock'" },
  ],
  'run-lock-unremovable': [
    { dir: 'out', lock: 'out/.attune.lock', reason: 'EPERM: operation not permitted' },
  ],
  'run-lock-lost': [{ dir: 'out', takenBy: HOLDER }, { dir: 'out' }],
  'output-dir-unwritable': [{ dir: 'out', reason: "EACCES: permission denied, mkdir 'out'" }],
  'output-dir-is-file': [{ dir: 'out' }],
  'output-dir-holds-run': [
    { dir: 'out', made: ['checkpoint-1', 'checkpoint-2', 'config.json', 'merges.txt'], resumable: true },
    { dir: 'out', made: ['attune.json'], resumable: false },
  ],
  'output-dir-purpose': [{ dir: 'out', found: 'page', wanted: 'run' }],
  'output-dir-holds-foreign': [
    { dir: 'out', foreign: ['config.json', 'vocab.json'], resuming: false },
    {
      dir: 'out',
      foreign: ['checkpoint-1/a.txt', 'checkpoint-1/b.txt', 'config.json', 'vocab.json'],
      resuming: true,
    },
  ],
  'output-file-foreign': [{ path: 'out/config.json' }],
  'output-rename-foreign': [{ path: 'out/checkpoint-3', foreign: 'out/checkpoint-3/letter.txt' }],
  'output-rename-failed': [{ path: 'out/checkpoint-3', reason: 'EPERM: operation not permitted, rename' }],
  'output-unremovable': [{ dir: 'out', reason: "EACCES: permission denied, rename 'out/config.json'" }],
  'output-leftovers-unremovable': [{ dir: 'out', reason: 'EACCES: permission denied, rm' }],
  'output-record-foreign': [{ file: 'out/.attune-files.json' }],
  'manifest-unreadable': [{ file: 'run/attune.json', reason: 'EACCES: permission denied' }],
  'manifest-not-json': [{ file: 'run/attune.json' }],
  'manifest-foreign': [{ file: 'run/attune.json' }],
  'manifest-format': [{ file: 'run/attune.json', found: 9, known: 1 }],
  'manifest-damaged': [{ file: 'run/attune.json' }],
  'manifest-arguments-invalid': [
    { file: 'run/attune.json', error: { code: 'best-model-needs-evaluations', facts: {} } },
  ],
  'model-memory-unreadable': [{ file: 'run/attune_model.json', reason: 'EACCES: permission denied' }],
  'model-memory-not-json': [{ file: 'run/attune_model.json' }],
  'model-memory-foreign': [{ file: 'run/attune_model.json' }],
  'model-memory-format': [{ file: 'run/attune_model.json', found: '2', known: 1 }],
  'model-memory-field-unknown': [{ file: 'run/attune_model.json', field: 'temperature' }],
  'model-memory-problem-type': [{ file: 'run/attune_model.json', problemType: 'regression' }],
  'model-memory-damaged': [{ file: 'run/attune_model.json' }],
  'trained-rows-format': [{ file: 'run/attune_rows.json', found: 2 }],
  'trained-rows-damaged': [{ file: 'run/attune_rows.json' }],
  'run-unfinished': [{ dir: 'run' }],
  'run-origin-missing': [{ dir: 'run', checkpoint: '/data/teacher/checkpoint-3' }],
  'run-origin-changed': [{ dir: 'run', checkpoint: '/data/teacher/checkpoint-3' }],
};
