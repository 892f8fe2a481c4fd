import type { COMPARE_ERRORS } from '#attune/errors/codes/compare-errors.js';
import type { Examples } from './examples.js';

export const COMPARE_EXAMPLES: Examples<typeof COMPARE_ERRORS> = {
  'comparison-without-test-rows': [
    { finetuned: false, obstacle: undefined },
    { finetuned: true, obstacle: undefined },
    { finetuned: false, obstacle: { kind: 'too-few-rows', rows: 8 } },
  ],
};
