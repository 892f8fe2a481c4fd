/** What is wrong with a file of rows: CSV, JSON, JSON lines, parquet. */

export const DATA_FILES_ERRORS = {};
