import type { COMMAND_LINE_ERRORS } from '#attune/errors/codes/command-line-errors.js';
import type { Examples } from './examples.js';

export const COMMAND_LINE_EXAMPLES: Examples<typeof COMMAND_LINE_ERRORS> = {};
