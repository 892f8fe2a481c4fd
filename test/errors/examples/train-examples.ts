import type { TRAIN_ERRORS } from '#attune/errors/codes/train-errors.js';
import type { Examples } from './examples.js';

export const TRAIN_EXAMPLES: Examples<typeof TRAIN_ERRORS> = {
  'max-length-exceeds-positions': [{ given: 65, limit: 64 }],
};
