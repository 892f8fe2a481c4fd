import type { FILES_ERRORS } from '#attune/errors/codes/files-errors.js';
import type { Examples } from './examples.js';

export const FILES_EXAMPLES: Examples<typeof FILES_ERRORS> = {
  'refused-by-system': [{ reason: "ENOSPC: no space left on device, write 'out/config.json'" }],
  'file-unreadable': [
    { file: 'model/tokenizer.json', reason: "EACCES: permission denied, open 'model/tokenizer.json'" },
  ],
  'file-unwritable': [{ path: 'out/results.csv', reason: 'EROFS: read-only file system' }],
  'output-file-is-folder': [{ path: 'out' }],
  'output-file-is-input': [{ path: 'rows.csv' }],
  'output-file-link-circular': [{ path: 'out/latest.csv' }],
  'output-file-name-of-folder': [{ path: 'out/' }],
  'output-file-read-only': [{ path: 'out/results.csv' }],
  'output-file-without-folder': [{ path: 'results/out.jsonl', folder: 'results' }],
  'output-overlaps-input': [
    { outputDir: 'run', what: 'the model', path: 'run', isFolder: true },
    { outputDir: 'run', what: 'the dataset', path: 'run/data', isFolder: false },
  ],
};
