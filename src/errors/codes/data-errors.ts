/** What is wrong with a dataset: its splits, classes, columns, layout. */

export const DATA_ERRORS = {};
