/** What is wrong with the folder of a run: its lock, its checkpoints, its records. */

export const RUN_FOLDER_ERRORS = {};
