import type { TOKENIZER_ERRORS } from '#attune/errors/codes/tokenizer-errors.js';
import type { Examples } from './examples.js';

export const TOKENIZER_EXAMPLES: Examples<typeof TOKENIZER_ERRORS> = {};
