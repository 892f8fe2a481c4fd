import type { FILES_ERRORS } from '#attune/errors/codes/files-errors.js';
import type { Examples } from './examples.js';

export const FILES_EXAMPLES: Examples<typeof FILES_ERRORS> = {
  'refused-by-system': [{ reason: "ENOSPC: no space left on device, write 'out/config.json'" }],
  'file-unwritable': [{ path: 'out/results.csv', reason: 'EROFS: read-only file system' }],
};
