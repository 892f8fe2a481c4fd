/**
 * attune: fine-tune GPT-2 for text classification. Names are those of Hugging Face's transformers and datasets, in camelCase.
 *
 * @packageDocumentation
 */
export { AttuneError, DataError, InterruptedError, ModelError, TrainingError, UsageError } from './errors.js';

export { Dataset } from './data/dataset.js';
export type { Row, TrainTestSplitOptions } from './data/dataset.js';
export { loadDataset } from './data/load.js';
export type { DatasetDict, LoadDatasetOptions } from './data/load.js';
export { loadTestSplit } from './data/splits.js';
export type { LoadSplitsOptions, LoadTestOptions, Splits } from './data/splits.js';
export { inspectSplits } from './data/inspect.js';
export type { Inspection } from './data/inspect.js';

export { HubError } from './hub/errors.js';
export type { HubErrorCode } from './hub/errors.js';
export { hubCacheDir } from './hub/settings.js';
export type { HubOptions, HubProgress } from './hub/settings.js';
export { hubDataset } from './hub/dataset.js';
export type { DataRepository } from './data/repository.js';
export { pruneHubCache, scanHubCache } from './hub/cache.js';
export type { CachedRepositoryInfo, HubCacheInfo, PruneOptions, Pruned } from './hub/cache.js';

export { Tokenizer } from './text/tokenizer.js';

export { fromPretrained } from './model/pretrained.js';
export type { FromPretrainedOptions, PretrainedModel } from './model/pretrained.js';
export { resolveModel } from './model/resolve.js';
export type { ResolveModelOptions } from './model/resolve.js';
export { embeddedModelFolder } from './model/embedded.js';
export type { Gpt2Config } from './model/config.js';
export { printStructure } from './model/structure.js';

export type { Engine, EngineSession, SessionOptions } from './engine/engine.js';
export { engineFor } from './engine/device.js';
export { DEVICES } from './engine/device-names.js';
export type { Device } from './engine/device-names.js';
export { packRows } from './engine/batch.js';
export type { EncodedRow, PackedBatch } from './engine/batch.js';

export { resolveArguments } from './train/arguments.js';
export type { TrainingArguments, TrainingArgumentsInput } from './train/arguments.js';
export { PRESETS } from './train/presets.js';
export { encodeDataset, fineTune, prepareFineTune } from './train/fine-tune.js';
export type { FineTuneOptions, FineTuneResult, FineTuneRun } from './train/fine-tune.js';
export { Trainer } from './train/trainer.js';
export type { Evaluation, LabelledRows, TrainerCallback, TrainerOptions, TrainOutput } from './train/trainer.js';
export type { EvalRecord, FinalRecord, LogRecord, TrainRecord } from './train/records.js';
export type { TrainerState } from './train/state.js';
export { TextClassifier } from './train/classifier.js';
export type { Attribution, ClassifierOptions, ExplainedPrediction, Prediction, PredictOptions } from './train/classifier.js';

export { classificationMetrics } from './metrics/classification.js';
export type { ClassificationMetrics, NamedClassScores } from './metrics/classification.js';
export { TensorBoardWriter } from './report/tensorboard.js';
