import type { ENGINE_ERRORS } from '#attune/errors/codes/engine-errors.js';
import type { Examples } from './examples.js';

export const ENGINE_EXAMPLES: Examples<typeof ENGINE_ERRORS> = {};
