import type { DATA_ERRORS } from '#attune/errors/codes/data-errors.js';
import type { Examples } from './examples.js';

export const DATA_EXAMPLES: Examples<typeof DATA_ERRORS> = {};
