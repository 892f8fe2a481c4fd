/**
 * Named sets of arguments: what a run starts from before the config file and the command line change it. Of a
 * run that names one, nothing is planned.
 */
import type { TrainingArgumentsInput } from './arguments.js';

export interface Preset {
  readonly description: string;
  readonly arguments: TrainingArgumentsInput;
  /** Rows taken from the beginning of the training and evaluation sets. */
  readonly data: { readonly trainRows?: number; readonly evalRows?: number };
}

export const PRESETS = {
  notebook: {
    description: 'the notebook: 1,000 rows, 3 epochs in batches of 4, 500 warmup steps, 128 tokens',
    arguments: {
      numTrainEpochs: 3,
      perDeviceTrainBatchSize: 4,
      perDeviceEvalBatchSize: 4,
      learningRate: 5e-5,
      warmupSteps: 500,
      weightDecay: 0.01,
      loggingSteps: 10,
      evalStrategy: 'epoch',
      saveStrategy: 'epoch',
      maxLength: 128,
    },
    data: { trainRows: 1000, evalRows: 200 },
  },
  transformers: {
    description: "the defaults of transformers' TrainingArguments, nothing planned",
    arguments: {},
    data: {},
  },
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES: readonly PresetName[] = Object.keys(PRESETS) as PresetName[]; // keys of a constant
