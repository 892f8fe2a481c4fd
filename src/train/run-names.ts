/** What attune puts into an output folder, by name. */
import { TOKENIZER_FILES } from '../text/tokenizer-files.js';
import { checkpointStep } from './best.js';
import { CHECKSUMS_FILE } from './checksums.js';
import { MANIFEST_FILE } from './manifest.js';
import { MEMORY_FILE } from './model-memory.js';
import { ROWS_FILE } from './trained-rows.js';

const MODEL_FILES = ['config.json', 'model.safetensors', MEMORY_FILE, ROWS_FILE, ...TOKENIZER_FILES] as const;
/** What tells how a model was trained, in a run's folder and in a checkpoint. */
const TRAINING_FILES = ['training_args.json', 'trainer_state.json'] as const;

/**
 * What a training run makes beside its checkpoints. A tokenizer's file of the user's would change the model
 * that is saved beside it.
 */
export const RUN_FILES: readonly string[] = [MANIFEST_FILE, ...MODEL_FILES, ...TRAINING_FILES];
export const CHECKPOINT_FILES: readonly string[] = [
  ...MODEL_FILES,
  ...TRAINING_FILES,
  'optimizer.safetensors',
  'attune_state.json',
  CHECKSUMS_FILE,
];

export const COMPARISON_FILE = 'comparison.json';
export const REPORT_FILE = 'report.html';
export const BASELINES_FOLDER = 'baselines';

/** Where a comparison saves a baseline, seen from its output folder. */
export const baselineFolder = (id: string): string => `${BASELINES_FOLDER}/${id}`;

const BROKEN = 'broken-';

/** What a broken checkpoint is called when it is set aside. */
export const brokenName = (name: string): string => `${BROKEN}${name}`;

/** Whether a name is that of a checkpoint, or of a broken one set aside. */
export const isCheckpoint = (name: string): boolean =>
  checkpointStep(name.startsWith(BROKEN) ? name.slice(BROKEN.length) : name) !== undefined;

/** The name in a folder itself under which a path from it lies. */
export const topOf = (path: string): string => path.split('/', 1)[0];

/**
 * Whether a run puts something of that name into its folder.
 *
 * @param alsoMakes paths from the folder of what is put there after it
 */
export const isOfRun = (name: string, alsoMakes: readonly string[] = []): boolean =>
  RUN_FILES.includes(name) || isCheckpoint(name) || alsoMakes.some((path) => topOf(path) === name);
