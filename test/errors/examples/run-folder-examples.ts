import type { RUN_FOLDER_ERRORS } from '#attune/errors/codes/run-folder-errors.js';
import type { Examples } from './examples.js';

export const RUN_FOLDER_EXAMPLES: Examples<typeof RUN_FOLDER_ERRORS> = {};
