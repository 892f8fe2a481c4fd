/** What is wrong with a tokenizer's files. */

export const TOKENIZER_ERRORS = {};
