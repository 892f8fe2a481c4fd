/** What is wrong with a model folder: its config, weights, optimizer state. */

export const MODEL_ERRORS = {};
