import type { DATA_FILES_ERRORS } from '#attune/errors/codes/data-files-errors.js';
import type { Examples } from './examples.js';

export const DATA_FILES_EXAMPLES: Examples<typeof DATA_FILES_ERRORS> = {};
