/**
 * attune: fine-tune GPT-2 for text classification. Names are those of Hugging Face's transformers and datasets, in camelCase.
 *
 * @packageDocumentation
 */
export { AttuneError, DataError, InterruptedError, ModelError, TrainingError, UsageError } from './errors.js';

export { Dataset } from './data/dataset.js';
export type { Row } from './data/dataset.js';
export { loadSplits as loadDataset, loadTestSplit } from './data/splits.js';
export type { LoadSplitsOptions as LoadDatasetOptions, LoadTestOptions, Splits } from './data/splits.js';
export { inspectSplits } from './data/inspect.js';
export type { Inspection } from './data/inspect.js';

export { Tokenizer } from './text/tokenizer.js';

export { fromPretrained } from './model/pretrained.js';
export type { FromPretrainedOptions, PretrainedModel } from './model/pretrained.js';
export { embeddedModelFolder } from './model/embedded.js';
export type { Gpt2Config } from './model/config.js';
export { printStructure } from './model/structure.js';

export type { Engine, EngineSession, SessionOptions } from './engine/engine.js';
export { DEVICES, engineFor } from './engine/device.js';
export type { Device } from './engine/device.js';
export { packRows } from './engine/batch.js';
export type { EncodedRow, PackedBatch } from './engine/batch.js';

export { resolveArguments } from './train/arguments.js';
export type { TrainingArguments, TrainingArgumentsInput } from './train/arguments.js';
export { PRESETS } from './train/presets.js';
export { encodeDataset, fineTune, prepareFineTune } from './train/fine-tune.js';
export type { FineTuneOptions, FineTuneResult, FineTuneRun } from './train/fine-tune.js';
export { reproduce } from './train/reproduce.js';
export type { ReproduceOptions, Reproduction } from './train/reproduce.js';
export { readManifest } from './train/manifest.js';
export type { Manifest } from './train/manifest.js';
export { Trainer } from './train/trainer.js';
export type { Evaluation, LabelledRows, TrainerCallback, TrainerOptions, TrainOutput } from './train/trainer.js';
export type { EvalRecord, FinalRecord, LogRecord, TrainRecord } from './train/records.js';
export type { TrainerState } from './train/state.js';
export { TextClassifier } from './train/classifier.js';
export type { ClassifierOptions, Prediction, PredictOptions } from './train/classifier.js';

export { classificationMetrics } from './metrics/classification.js';
export type { ClassificationMetrics, NamedClassScores } from './metrics/classification.js';
export { TensorBoardWriter } from './report/tensorboard.js';
