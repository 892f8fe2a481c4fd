/** Parts of the catalogue whose errors cannot happen in the browser: scripts/build-browser.mjs leaves them out. */
export const BASELINES_ERRORS = {};
export const SAVED_ESTIMATOR_ERRORS = {};
export const WORD2VEC_ERRORS = {};
export const COMPARE_ERRORS = {};
export const COMMAND_LINE_ERRORS = {};
