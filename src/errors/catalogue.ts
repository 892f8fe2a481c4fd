/** Every error of attune by its code. A code has one meaning, and its facts one shape. */
import { DATA_ERRORS } from './codes/data-errors.js';
import { DATA_LABELS_ERRORS } from './codes/data-labels-errors.js';
import { DATA_FILES_ERRORS } from './codes/data-files-errors.js';
import { MODEL_ERRORS } from './codes/model-errors.js';
import { WEIGHTS_ERRORS } from './codes/weights-errors.js';
import { TOKENIZER_ERRORS } from './codes/tokenizer-errors.js';
import { HUB_ERRORS } from './codes/hub-errors.js';
import { FILES_ERRORS } from './codes/files-errors.js';
import { ARGUMENTS_ERRORS } from './codes/arguments-errors.js';
import { BASELINES_ERRORS } from './codes/baselines-errors.js';
import { SAVED_ESTIMATOR_ERRORS } from './codes/saved-estimator-errors.js';
import { WORD2VEC_ERRORS } from './codes/word2vec-errors.js';
import { TRAIN_ERRORS } from './codes/train-errors.js';
import { RUN_FOLDER_ERRORS } from './codes/run-folder-errors.js';
import { CHECKPOINT_ERRORS } from './codes/checkpoint-errors.js';
import { ENGINE_ERRORS } from './codes/engine-errors.js';
import { COMPARE_ERRORS } from './codes/compare-errors.js';
import { SERVE_ERRORS } from './codes/serve-errors.js';
import { COMMAND_LINE_ERRORS } from './codes/command-line-errors.js';

export const CATALOGUE = {
  ...DATA_ERRORS,
  ...DATA_LABELS_ERRORS,
  ...DATA_FILES_ERRORS,
  ...MODEL_ERRORS,
  ...WEIGHTS_ERRORS,
  ...TOKENIZER_ERRORS,
  ...HUB_ERRORS,
  ...FILES_ERRORS,
  ...BASELINES_ERRORS,
  ...SAVED_ESTIMATOR_ERRORS,
  ...WORD2VEC_ERRORS,
  ...ARGUMENTS_ERRORS,
  ...TRAIN_ERRORS,
  ...RUN_FOLDER_ERRORS,
  ...CHECKPOINT_ERRORS,
  ...ENGINE_ERRORS,
  ...COMPARE_ERRORS,
  ...SERVE_ERRORS,
  ...COMMAND_LINE_ERRORS,
} as const;

/** What went wrong, for programs. */
export type ErrorCode = keyof typeof CATALOGUE;

/** The facts of an error by its code. */
export type FactsOf<Code extends ErrorCode> = Parameters<(typeof CATALOGUE)[Code]['says']>[0];
