import type { BASELINES_ERRORS } from '#attune/errors/codes/baselines-errors.js';
import type { Examples } from './examples.js';

export const BASELINES_EXAMPLES: Examples<typeof BASELINES_ERRORS> = {};
