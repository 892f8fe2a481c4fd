/** What is wrong with arguments of a run, and what ends a run. */
import { worded } from '../wording.js';

export const TRAIN_ERRORS = {
  'max-length-exceeds-positions': worded<{ given: number; limit: number }>({
    says: ({ given, limit }, { argument }) =>
      `${argument('maxLength')} is ${given}, but the model has only ${limit} positions`,
    hint: ({ limit }, shell) => `Use ${shell.given('maxLength', limit)} or less.`,
  }),
};
