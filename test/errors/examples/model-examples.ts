import type { MODEL_ERRORS } from '#attune/errors/codes/model-errors.js';
import type { Examples } from './examples.js';

export const MODEL_EXAMPLES: Examples<typeof MODEL_ERRORS> = {};
