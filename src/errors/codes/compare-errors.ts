/** What is wrong with a comparison, its metrics and its report. */

export const COMPARE_ERRORS = {};
