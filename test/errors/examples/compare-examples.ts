import type { COMPARE_ERRORS } from '#attune/errors/codes/compare-errors.js';
import type { Examples } from './examples.js';

export const COMPARE_EXAMPLES: Examples<typeof COMPARE_ERRORS> = {};
