/** What is wrong with classical models, their input and their saved state. */

export const BASELINES_ERRORS = {};
