/**
 * attune in the browser: the engine (WebGPU), tokenizer, model, data reading and trainer as one ES module
 * without Node's APIs. It is the same code that runs in Node, over files in memory: put a model's files and
 * the rows into `files`, train into a folder there, take the result out.
 *
 * What it does without: the Hub, parquet, the bundled sample, baselines, the CPU engine. Use it in a worker,
 * or long steps hold up the page.
 *
 * @packageDocumentation
 */
export { files } from './memory-files.js';
export { packageVersion, whyNoWebGpu } from './instead.js';
export { findAdapter } from '../engine/webgpu/node.js';
export type { AdapterReport } from '../engine/webgpu/node.js';

export {
  AttuneError,
  DataError,
  InterruptedError,
  ModelError,
  TrainingError,
  UsageError,
} from '../errors/attune-error.js';
export { errorHint, LIBRARY, errorSentence } from '../errors/shell.js';
export type { Described, Shell } from '../errors/shell.js';
export { noticeSentence } from '../errors/notices.js';
export type { Notice, NoticeCode } from '../errors/notices.js';
export type { ErrorCode, FactsOf } from '../errors/catalogue.js';
export type { Facts } from '../errors/wording.js';

export { Dataset } from '../data/dataset.js';
export type { Row, TrainTestSplitOptions } from '../data/dataset.js';
export { loadDataset } from '../data/load.js';
export type { DatasetDict, LoadDatasetOptions } from '../data/load.js';
export { loadSplits, loadTestSplit } from '../data/splits.js';
export type { HeldOut, PlannedParts } from '../data/held-out.js';
export type { LoadSplitsOptions, LoadTestOptions, Splits } from '../data/splits.js';
export { inspectSplits } from '../data/inspect.js';
export type { Inspection } from '../data/inspect.js';

export { Tokenizer } from '../text/tokenizer.js';

export { fromPretrained } from '../model/pretrained.js';
export type { FromPretrainedOptions, PretrainedModel } from '../model/pretrained.js';
export type { Gpt2Config } from '../model/config.js';
export { printStructure } from '../model/structure.js';

export type { Engine, EngineSession, SessionOptions } from '../engine/engine.js';
export { engineFor } from '../engine/device.js';
export { packRows } from '../engine/batch.js';
export type { EncodedRow, PackedBatch } from '../engine/batch.js';

export { resolveArguments } from '../train/arguments.js';
export type { TrainingArguments, TrainingArgumentsInput } from '../train/arguments.js';
export { PRESETS } from '../train/presets.js';
export { fineTune, prepareFineTune } from '../train/fine-tune.js';
export { encodeDataset } from '../train/encode-splits.js';
export type { FineTuneOptions, FineTuneResult, FineTuneRun, MeasuredRun } from '../train/fine-tune.js';
export { planArguments } from '../train/plan.js';
export type { Plan, PlanFacts, PlanLine, TrainingChoice } from '../train/plan.js';
export { Trainer } from '../train/trainer.js';
export type { TrainerOptions } from '../train/trainer.js';
export type { TrainerCallback, TrainOutput } from '../train/callbacks.js';
export type { Evaluation, LabelledRows } from '../train/evaluate.js';
export type { EvalRecord, FinalRecord, LogRecord, TrainRecord } from '../train/records.js';
export type { StepPlan } from '../train/schedule.js';
export type { TrainerState } from '../train/state.js';
export { TextClassifier } from '../train/classifier.js';
export type {
  Attribution,
  Classified,
  ClassifierOptions,
  EvaluateOptions,
  ExplainedPrediction,
  Prediction,
  PredictOptions,
  TextModel,
} from '../train/classifier.js';

export { classificationMetrics } from '../metrics/classification.js';
export type { ClassificationMetrics, NamedClassScores } from '../metrics/classification.js';
