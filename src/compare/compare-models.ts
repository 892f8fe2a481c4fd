/**
 * Measures a fine-tuned model beside the baselines: all learn from the same rows and are tested on the same rows.
 * Baselines come after the fine-tuning, so that nothing takes cores away from it.
 */
import { cpus, platform, arch, totalmem } from 'node:os';
import { basename } from 'node:path';
import { HiddenStateModel } from '../baselines/hidden-states.js';
import { BaselineModel } from '../baselines/text-model.js';
import { Word2VecVectorizer } from '../baselines/word2vec/vectorizer.js';
import type { Dataset } from '../data/dataset.js';
import { requireSameClasses } from '../data/labels.js';
import { usableCores } from '../engine/cores.js';
import type { Device } from '../engine/device-names.js';
import {
  AttuneError,
  InterruptedError,
  ModelError,
  ThreadDeath,
  UsageError,
} from '../errors/attune-error.js';
import type { HubOptions } from '../hub/settings.js';
import { EMBEDDED_MODEL, embeddedModelFolder } from '../model/embedded.js';
import { resolveModel } from '../model/resolve.js';
import { realPath, refuseOverlap } from '../overlap.js';
import { Pace, pacedMap } from '../pace.js';
import { Tokenizer } from '../text/tokenizer.js';
import { TextClassifier } from '../train/classifier.js';
import type { Prediction } from '../train/classifier.js';
import { openGpt2 } from '../train/gpt2-model.js';
import { readManifest } from '../train/manifest.js';
import type { RunInputs } from '../train/manifest.js';
import { OutputFolder } from '../train/output-folder.js';
import type { Preparation } from '../train/output-folder.js';
import { isFinalRecord } from '../train/records.js';
import { baselineFolder, COMPARISON_FILE, REPORT_FILE } from '../train/run-names.js';
import type { SeedRun } from '../train/seeds.js';
import { countLeaked, hashesToJson, hashTexts, readTrainedTexts } from '../train/trained-rows.js';
import type { TextHashes } from '../train/trained-rows.js';
import type { TrainerCallback } from '../train/callbacks.js';
import { packageVersion } from '../version.js';
import { baselines, SIMPLEST_FIRST, tfidfModel } from './baselines.js';
import { FINE_TUNED } from './comparison.js';
import type { Comparison, ModelResult, SeedResult } from './comparison.js';
import { diagnose } from './diagnosis.js';
import type { Evidence } from './diagnosis.js';
import { logHistory } from './log-history.js';
import { MARGIN } from './margin.js';
import { measured, predictionSpeed } from './measure.js';
import type { Measured } from './measure.js';
import { topNgrams } from './ngrams.js';
import { TestBench } from './quality.js';
import type { Predictions } from './quality.js';
import { memoryOfBaselines, modelBytes, saveBaseline } from './save-baseline.js';
import { judge, requireMargin } from './verdict.js';
import type { Contestant } from './verdict.js';
import { studyWords } from './word-study.js';
import { worstErrors } from './worst-errors.js';

/** What a comparison puts into the output folder, by its path there, the page that is made of it included. */
export const COMPARISON_MAKES: readonly string[] = [
  COMPARISON_FILE,
  REPORT_FILE,
  ...SIMPLEST_FIRST.filter((id) => id !== FINE_TUNED).map(baselineFolder),
];

const COMPARISON: Preparation = { mode: 'add', makes: COMPARISON_MAKES };

export interface CompareCallbacks {
  /** Before a model is trained and measured. */
  onModelBegin?(model: { readonly id: string; readonly name: string }): void;
  /** Its figures; what compares it with the best is not known yet. */
  onModel?(result: Omit<ModelResult, 'againstBest'>): void;
  /** The metrics of the fine-tuning under another seed. */
  onSeed?(result: SeedResult): void;
  /** Told of the training under another seed, which goes on from a checkpoint where there is one. */
  ofSeed?(run: SeedRun, checkpoint: string | undefined): readonly TrainerCallback[];
  /** A model that cannot learn from these rows is left out. @param reason the error's message */
  onSkip?(model: { readonly id: string; readonly name: string }, reason: string, error: AttuneError): void;
  /** What is done when all models are measured. */
  onStage?(stage: 'worst errors' | 'words in context'): void;
}

export interface CompareModelsOptions {
  /** Folder of the fine-tuned model. */
  readonly finetuned: string;
  /** What it was fine-tuned from: folder, or id on the Hub. */
  readonly base: string;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly datasetName: string;
  /**
   * How the rows were loaded: a saved baseline remembers it, so that `evaluate` finds the rows that were held
   * out.
   */
  readonly inputs?: RunInputs | undefined;
  /** Gets `baselines/` with every baseline, and comparison.json. */
  readonly outputDir: string;
  /** Tokens a text is cut to; absent: the model's positions. */
  readonly maxLength?: number | undefined;
  readonly seed: number;
  /** The loss of weighted F1 that is accepted for a simpler model; absent: 0.02. */
  readonly margin?: number | undefined;
  readonly device?: Device | undefined;
  readonly hub?: HubOptions | undefined;
  /**
   * Models that were fine-tuned in the same way under other seeds: their metrics show how much of the
   * fine-tuned model's is luck.
   */
  readonly otherSeeds?: readonly SeedRun[] | undefined;
  /** Of the fine-tuning; null where it was not measured. */
  readonly trainPeakMemoryBytes: number | null;
  readonly callbacks?: CompareCallbacks | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Measures a fine-tuned model beside the baselines.
 *
 * @throws UsageError `comparison-split-empty`, `margin-out-of-range`, `classes-differ`,
 *   `output-dir-holds-foreign`; ModelError `comparison-classes-differ`, and as `fromPretrained`; the signal's
 *   reason if it is aborted, at once but for what the system is asked for (reading weights, writing files),
 *   which is waited for
 */
export async function compareModels(options: CompareModelsOptions): Promise<Comparison> {
  requireMargin(options.margin ?? MARGIN);
  for (const name of ['train', 'test'] as const)
    if (options[name].length === 0) throw new UsageError('comparison-split-empty', { split: name });
  requireSameClasses(options.train, options.test);
  await refuseBase(options);
  const output = await OutputFolder.open(options.outputDir);
  try {
    await output.prepare(COMPARISON);
    return await compareInto(output, options);
  } finally {
    await output.close();
  }
}

type ComparisonPlace = Pick<CompareModelsOptions, 'base' | 'finetuned' | 'outputDir'>;

/**
 * The page goes beside the model that it is about; the one that this began as is not the place for it.
 * @throws UsageError
 */
async function refuseBase({ base, finetuned, outputDir }: ComparisonPlace): Promise<void> {
  if ((await realPath(base)) !== (await realPath(finetuned)))
    await refuseOverlap(outputDir, [{ what: 'the model', path: base }], () => false);
}

/**
 * Sees, where much is to be done before `compareModels`, that it will not refuse the output folder. @throws
 * as it does
 */
export async function requireComparisonFolder(place: ComparisonPlace): Promise<void> {
  await refuseBase(place);
  const output = await OutputFolder.open(place.outputDir);
  try {
    await output.check(COMPARISON);
  } finally {
    await output.close();
  }
}

async function compareInto(output: OutputFolder, options: CompareModelsOptions): Promise<Comparison> {
  const { train, test, seed, signal, callbacks = {}, maxLength, margin = MARGIN } = options;
  const { labelNames } = test;
  const [trainTexts, testTexts] = [train, test].map(({ rows }) => rows.map(({ text }) => text));
  const [trainLabels, testLabels] = [train, test].map(({ rows }) =>
    Int32Array.from(rows, ({ label }) => label),
  );
  const pace = new Pace(signal);
  await pace.rest();
  const bench = await TestBench.create(testLabels, labelNames, seed, signal);
  const base = baseName(options.base);
  const baseDir = await resolveModel(options.base, options.hub);
  const results: Contestant[] = [];
  const take = (result: Omit<ModelResult, 'againstBest'>, predictions: Predictions): void => {
    results.push({ result, predictions });
    callbacks.onModel?.(result);
  };

  const history = await logHistory(options.finetuned);
  const trainCounts = countsOf(trainLabels, labelNames.length);
  const trainHashes = await hashTexts(train, signal);
  const evidence = {
    history,
    trainCounts,
    args: await argumentsOfRun(options.finetuned),
    testRows: test.length,
    leaked: await leakedRows(options, trainHashes),
  };
  const tuned = { id: FINE_TUNED, name: `Fine-tuned ${base}` };
  // Before anything is open that takes memory.
  const others = await measureOtherSeeds(tuned, bench, testTexts, options);
  callbacks.onModelBegin?.(tuned);
  await pace.rest();
  const gpt2 = await openGpt2(options.finetuned, { maxLength, device: options.device, signal });
  const classifier = new TextClassifier(gpt2);
  try {
    if (classifier.labels.length !== labelNames.length)
      throw otherClasses(options.finetuned, classifier.labels, labelNames);
    const predictions = predictionsOf(await classifier.predict(testTexts, { signal }), classifier.labels);
    const speed = await predictionSpeed(testTexts, (texts) => classifier.predict(texts, { signal }), signal);
    const seconds = history.filter(isFinalRecord).at(-1)?.train_runtime;
    const cost = {
      trainSeconds: seconds ?? 0,
      ...speed,
      bytesOnDisk: await modelBytes(options.finetuned),
      peakMemoryBytes: options.trainPeakMemoryBytes,
    };
    const unknown = seconds === undefined ? ' Its folder holds no record of how long that took.' : '';
    const description = `${base} with all its weights trained on the task.${unknown}`;
    const interpretability = {
      level: 'medium',
      why: 'token attributions by gradient: a first-order picture',
    } as const;
    const quality = await bench.quality(predictions);
    take({ ...tuned, description, ...quality, cost, interpretability }, predictions);
    const { accuracy, f1, auc } = quality;
    const own = { accuracy: accuracy.value!, f1: f1.value!, auc: auc.value };
    const seeds =
      others.length === 0 ? [] : [{ seed: (await readManifest(options.finetuned)).seed, ...own }, ...others];

    await pace.rest();
    const word2vec = new Word2VecVectorizer({ seed });
    const fitted = await attempt(() => measured(() => word2vec.fit(trainTexts, signal)), signal);
    const tfidf = tfidfModel();
    const hiddenStates = await HiddenStateModel.open(options.base, {
      labelNames,
      maxLength: gpt2.maxLength,
      device: options.device,
      ...options.hub,
    });
    try {
      const saving = {
        baseDir,
        labelNames,
        memory: memoryOfBaselines(options, gpt2.maxLength),
        trainedTexts: hashesToJson(trainHashes),
      };
      const parts = {
        labelNames,
        seed,
        word2vec,
        word2vecSeconds: fitted.seconds,
        tfidf,
        hiddenStates,
        base,
      };
      const trained = new Set<string>();
      for (const baseline of baselines(parts)) {
        const { id, name } = baseline;
        await pace.rest();
        callbacks.onModelBegin?.({ id, name });
        await pace.rest();
        const fit = (): Promise<void> =>
          baseline.estimator.fit(trainTexts, trainLabels, labelNames.length, signal);
        const refused = id.startsWith('word2vec') && fitted.refusal !== undefined;
        const outcome = refused ? fitted : await attempt(() => measured(fit), signal);
        if (outcome.refusal !== undefined) {
          callbacks.onSkip?.({ id, name }, outcome.refusal.message, outcome.refusal);
          continue;
        }
        trained.add(id);
        // As whoever loads it will have them: the same texts together, to the same bits.
        const predicted = predictionsOf(
          await new TextClassifier(new BaselineModel(baseline.estimator, labelNames)).predict(testTexts, {
            signal,
          }),
          labelNames,
        );
        const cost = {
          trainSeconds: baseline.secondsBefore + outcome.seconds,
          ...(await predictionSpeed(testTexts, (texts) => baseline.estimator.predict(texts, signal), signal)),
          bytesOnDisk: await saveBaseline(baseline, output, saving),
          peakMemoryBytes: outcome.peakMemoryBytes,
        };
        take(
          {
            id,
            name,
            description: baseline.description(),
            ...(await bench.quality(predicted)),
            cost,
            interpretability: baseline.interpretability,
          },
          predicted,
        );
      }
      await pace.rest();

      const { models, verdict } = await judge(results, bench, {
        margin,
        labelledRows: train.length + test.length,
        findings: diagnose(evidence),
        seeds,
      });
      callbacks.onStage?.('worst errors');
      await pace.rest();
      const worst = await worstErrors(classifier, testTexts, testLabels, results, tuned.id, signal);
      callbacks.onStage?.('words in context');
      await pace.rest();
      const words =
        fitted.refusal !== undefined
          ? []
          : await studyWords({
              texts: trainTexts,
              labels: trainLabels,
              word2vec: {
                has: (word) => word2vec.model.has(word),
                mostSimilar: (word, n) => word2vec.model.mostSimilar(word, { topN: n }),
              },
              hiddenStates: (texts) => hiddenStates.tokenStates(texts, signal),
              signal,
            });
      const tokenizer = await Tokenizer.fromDirectory(options.finetuned);
      const trainLengths = await pacedMap(trainTexts, (text) => tokenizer.encodeIds(text).length, signal);
      const comparison: Comparison = {
        version: 2,
        created: new Date().toISOString(),
        attuneVersion: packageVersion(),
        machine: {
          processor: cpus()[0]?.model.trim() ?? 'unknown',
          cores: usableCores(),
          memoryBytes: totalmem(),
          platform: `${platform()} ${arch()}`,
          node: process.version,
        },
        dataset: {
          name: options.datasetName,
          labelNames,
          trainRows: train.length,
          testRows: test.length,
          trainCounts,
          testCounts: countsOf(testLabels, labelNames.length),
          trainLengths,
          maxLength: gpt2.maxLength,
          testLabels: [...testLabels],
        },
        seed,
        models,
        verdict,
        logHistory: history,
        worstErrors: worst,
        topNgrams: trained.has('tfidf-logistic')
          ? await topNgrams(
              tfidf,
              labelNames,
              trainCounts.map((count) => count > 0),
              { signal },
            )
          : [],
        words,
      };
      await pace.rest();
      await output.write(COMPARISON_FILE, jsonPieces(comparison));
      return comparison;
    } finally {
      await hiddenStates.close();
    }
  } finally {
    await classifier.close();
  }
}

/** Metrics of the fine-tuning under other seeds. @throws ModelError `comparison-classes-differ` */
async function measureOtherSeeds(
  tuned: { readonly id: string; readonly name: string },
  bench: TestBench,
  texts: readonly string[],
  options: CompareModelsOptions,
): Promise<SeedResult[]> {
  const { otherSeeds = [], maxLength, device, signal, callbacks = {} } = options;
  const measured: SeedResult[] = [];
  for (const { seed, folder } of otherSeeds) {
    callbacks.onModelBegin?.({ id: tuned.id, name: `${tuned.name}, seed ${seed}` });
    const classifier = await TextClassifier.fromPretrained(folder, { maxLength, device, signal });
    try {
      const { labels } = classifier;
      const { labelNames } = bench;
      if (labels.length !== labelNames.length || labels.some((name, i) => name !== labelNames[i]))
        throw otherClasses(folder, labels, labelNames);
      const result = {
        seed,
        ...bench.measure(predictionsOf(await classifier.predict(texts, { signal }), labels)),
      };
      measured.push(result);
      callbacks.onSeed?.(result);
    } finally {
      await classifier.close();
    }
  }
  return measured;
}

const otherClasses = (
  folder: string,
  modelClasses: readonly string[],
  dataClasses: readonly string[],
): ModelError => new ModelError('comparison-classes-differ', { folder, modelClasses, dataClasses });

/** What a model is called: the last part of its folder or id. */
function baseName(model: string): string {
  return model === embeddedModelFolder() ? EMBEDDED_MODEL : basename(model.replace(/@[^/]*$/, '')) || model;
}

/**
 * `JSON.stringify(comparison)` and a line feed, in pieces: predictions of many rows take long, and the event
 * loop turns while a piece is written.
 */
function* jsonPieces(comparison: Comparison): Generator<Uint8Array> {
  const { models } = comparison;
  for (const [i, [key, value]] of Object.entries(comparison).entries()) {
    const name = `${i === 0 ? '{' : ','}${JSON.stringify(key)}:`;
    if (value !== models) {
      yield Buffer.from(name + JSON.stringify(value));
      continue;
    }
    yield Buffer.from(`${name}[`);
    for (const [m, model] of models.entries())
      yield Buffer.from((m === 0 ? '' : ',') + JSON.stringify(model));
    yield Buffer.from(']');
  }
  yield Buffer.from('}\n');
}

/**
 * Rows that a model cannot learn from are no reason to give up the others. @throws the signal's reason if it
 * is aborted
 */
async function attempt<T>(
  work: () => Promise<Measured<T>>,
  signal: AbortSignal | undefined,
): Promise<{ readonly seconds: number; readonly peakMemoryBytes: number; readonly refusal?: AttuneError }> {
  try {
    const { seconds, peakMemoryBytes } = await work();
    return { seconds, peakMemoryBytes };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof AttuneError) || error instanceof InterruptedError || error instanceof ThreadDeath)
      throw error;
    return { seconds: 0, peakMemoryBytes: 0, refusal: error };
  }
}

function predictionsOf(predictions: readonly Prediction[], labelNames: readonly string[]): Predictions {
  return {
    labels: Int32Array.from(predictions, ({ label_id }) => label_id),
    probabilities: Float64Array.from(
      predictions.flatMap(({ scores }) => labelNames.map((name) => scores[name])),
    ),
  };
}

/** Rows of each class, [K]. */
function countsOf(labels: Int32Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const label of labels) counts[label]++;
  return counts;
}

async function leakedRows(
  { finetuned, test, signal }: CompareModelsOptions,
  trainHashes: TextHashes,
): Promise<Evidence['leaked']> {
  const seen = await readTrainedTexts(finetuned);
  return {
    model: seen ? await countLeaked(test, seen, signal) : null,
    baselines: await countLeaked(test, trainHashes, signal),
  };
}

/** Of the run that made a model; undefined where its folder does not say. */
async function argumentsOfRun(dir: string): Promise<Evidence['args']> {
  const manifest = await readManifest(dir).catch(() => undefined);
  const { learningRate, gradientAccumulationSteps, loadBestModelAtEnd } = manifest?.arguments ?? {};
  if (typeof learningRate !== 'number' || typeof gradientAccumulationSteps !== 'number') return undefined;
  return { learningRate, gradientAccumulationSteps, loadBestModelAtEnd: loadBestModelAtEnd === true };
}
