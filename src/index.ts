/**
 * attune: fine-tune GPT-2 for text classification. Names are those of Hugging Face's transformers and
 * datasets, in camelCase.
 *
 * @packageDocumentation
 */
export {
  AttuneError,
  DataError,
  InterruptedError,
  ModelError,
  TrainingError,
  UsageError,
} from './errors/attune-error.js';

export { Dataset } from './data/dataset.js';
export type { Row, TrainTestSplitOptions } from './data/dataset.js';
export { loadDataset } from './data/load.js';
export type { DatasetDict, LoadDatasetOptions } from './data/load.js';
export { loadTestSplit } from './data/splits.js';
export type { HeldOut, PlannedParts } from './data/held-out.js';
export type { LoadSplitsOptions, LoadTestOptions, Splits } from './data/splits.js';
export { inspectSplits } from './data/inspect.js';
export type { Inspection } from './data/inspect.js';

export { errorHint, LIBRARY, errorSentence } from './errors/shell.js';
export type { Described, Shell } from './errors/shell.js';
export { noticeSentence } from './errors/notices.js';
export type { Notice, NoticeCode } from './errors/notices.js';
export type { ErrorCode, FactsOf } from './errors/catalogue.js';
export type { Facts } from './errors/wording.js';
export { HubError } from './hub/hub-error.js';
export type { HubErrorKind } from './hub/hub-error.js';
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
export { fineTune, prepareFineTune } from './train/fine-tune.js';
export { encodeDataset } from './train/encode-splits.js';
export type { FineTuneOptions, FineTuneResult, FineTuneRun, MeasuredRun } from './train/fine-tune.js';
export { planArguments } from './train/plan.js';
export type { Plan, PlanFacts, PlanLine, TrainingChoice } from './train/plan.js';
export { reproduce } from './train/reproduce.js';
export type { ReproduceOptions, Reproduction } from './train/reproduce.js';
export { readManifest } from './train/manifest.js';
export type { Manifest } from './train/manifest.js';
export type { ModelMemory, TrainedOn } from './train/model-memory.js';
export type { SeedRun } from './train/seeds.js';
export { Trainer } from './train/trainer.js';
export type { TrainerOptions } from './train/trainer.js';
export type { TrainerCallback, TrainOutput } from './train/callbacks.js';
export type { Evaluation, LabelledRows } from './train/evaluate.js';
export type { EvalRecord, FinalRecord, LogRecord, TrainRecord } from './train/records.js';
export type { TrainerState } from './train/state.js';
export { TextClassifier } from './train/classifier.js';
export type {
  Attribution,
  Classified,
  ClassifierOptions,
  EvaluateOptions,
  ExplainedPrediction,
  Prediction,
  PredictOptions,
  TextModel,
} from './train/classifier.js';

export { classificationMetrics } from './metrics/classification.js';
export type { ClassificationMetrics, NamedClassScores, PredictedClasses } from './metrics/classification.js';
export { TensorBoardWriter } from './report/tensorboard.js';
export { writeReport, writeRunReport } from './report/page.js';
export { checkComparison, readComparison } from './report/comparison-file.js';

export { studyWords } from './compare/word-study.js';
export type { HiddenStates, StaticVectors, TextStates, WordStudyOptions } from './compare/word-study.js';

export type {
  Classifier,
  DenseMatrix,
  EstimatorState,
  Matrix,
  SparseMatrix,
  Transformer,
} from './baselines/estimator.js';
export { LogisticRegression } from './baselines/logistic-regression.js';
export { makePipeline } from './baselines/pipeline.js';
export { RandomForestClassifier } from './baselines/random-forest.js';
export { bytesOnDisk, loadEstimator, saveEstimator } from './baselines/saved.js';
export type { SaveOptions } from './baselines/saved.js';
export { StandardScaler } from './baselines/standard-scaler.js';
export { SVC } from './baselines/svc.js';
export { Word2VecVectorizer } from './baselines/word2vec/vectorizer.js';
export { Word2Vec } from './baselines/word2vec/word2vec.js';
export { splitWords } from './baselines/word2vec/words.js';

export { compare } from './compare/compare.js';
export { compareModels } from './compare/compare-models.js';
export type { CompareOptions } from './compare/compare.js';
export type { CompareCallbacks, CompareModelsOptions } from './compare/compare-models.js';
export type {
  AgainstBest,
  Choice,
  Comparison,
  Estimate,
  Finding,
  ModelResult,
  SeedResult,
  SeedSpread,
  Verdict,
  WordStudy,
} from './compare/comparison.js';
export { AfinnClassifier } from './baselines/lexicon.js';
export { HiddenStateModel } from './baselines/hidden-states.js';
export { MajorityClassifier } from './baselines/majority.js';
export { BaselineModel } from './baselines/text-model.js';
export type { BaselineOrigin } from './baselines/text-model.js';
export { TfidfVectorizer } from './baselines/tfidf.js';
export { calibration } from './metrics/calibration.js';
export { mcnemar } from './metrics/paired.js';
export { rocCurve } from './metrics/roc-curve.js';
