/** The examples of every part of the catalogue, by the name of its golden file. */
import type { Facts } from '#attune/errors/wording.js';
import { DATA_EXAMPLES } from './data-examples.js';
import { DATA_LABELS_EXAMPLES } from './data-labels-examples.js';
import { DATA_FILES_EXAMPLES } from './data-files-examples.js';
import { TOKENIZER_EXAMPLES } from './tokenizer-examples.js';
import { MODEL_EXAMPLES } from './model-examples.js';
import { WEIGHTS_EXAMPLES } from './weights-examples.js';
import { HUB_EXAMPLES } from './hub-examples.js';
import { FILES_EXAMPLES } from './files-examples.js';
import { BASELINES_EXAMPLES } from './baselines-examples.js';
import { SAVED_ESTIMATOR_EXAMPLES } from './saved-estimator-examples.js';
import { WORD2VEC_EXAMPLES } from './word2vec-examples.js';
import { ARGUMENTS_EXAMPLES } from './arguments-examples.js';
import { TRAIN_EXAMPLES } from './train-examples.js';
import { RUN_FOLDER_EXAMPLES } from './run-folder-examples.js';
import { CHECKPOINT_EXAMPLES } from './checkpoint-examples.js';
import { ENGINE_EXAMPLES } from './engine-examples.js';
import { COMPARE_EXAMPLES } from './compare-examples.js';
import { SERVE_EXAMPLES } from './serve-examples.js';
import { COMMAND_LINE_EXAMPLES } from './command-line-examples.js';

export const EXAMPLES: Readonly<Record<string, Readonly<Record<string, readonly Facts[]>>>> = {
  data: DATA_EXAMPLES,
  'data-labels': DATA_LABELS_EXAMPLES,
  'data-files': DATA_FILES_EXAMPLES,
  tokenizer: TOKENIZER_EXAMPLES,
  model: MODEL_EXAMPLES,
  weights: WEIGHTS_EXAMPLES,
  hub: HUB_EXAMPLES,
  files: FILES_EXAMPLES,
  baselines: BASELINES_EXAMPLES,
  'saved-estimator': SAVED_ESTIMATOR_EXAMPLES,
  word2vec: WORD2VEC_EXAMPLES,
  arguments: ARGUMENTS_EXAMPLES,
  train: TRAIN_EXAMPLES,
  'run-folder': RUN_FOLDER_EXAMPLES,
  checkpoint: CHECKPOINT_EXAMPLES,
  engine: ENGINE_EXAMPLES,
  compare: COMPARE_EXAMPLES,
  serve: SERVE_EXAMPLES,
  'command-line': COMMAND_LINE_EXAMPLES,
};
