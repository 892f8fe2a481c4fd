import type { HUB_ERRORS } from '#attune/errors/codes/hub-errors.js';
import type { Examples } from './examples.js';

export const HUB_EXAMPLES: Examples<typeof HUB_ERRORS> = {};
