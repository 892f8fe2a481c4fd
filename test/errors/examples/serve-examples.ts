import type { SERVE_ERRORS } from '#attune/errors/codes/serve-errors.js';
import type { Examples } from './examples.js';

export const SERVE_EXAMPLES: Examples<typeof SERVE_ERRORS> = {};
