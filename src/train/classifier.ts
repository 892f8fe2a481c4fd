/**
 * A trained classifier as most people use it, whatever its kind: texts in, classes with probabilities out.
 */
import { isClass } from '../data/classes.js';
import type { Dataset } from '../data/dataset.js';
import type { Device } from '../engine/device-names.js';
import { ModelError, UsageError } from '../errors/attune-error.js';
import { classRange } from '../errors/phrases/classes.js';
import { factNumber } from '../errors/phrases/values.js';
import type { HubOptions } from '../hub/settings.js';
import type { ClassificationMetrics, PredictedClasses } from '../metrics/classification.js';
import { isClassical } from '../model/config.js';
import { openGpt2 } from './gpt2-model.js';
import type { ModelMemory } from './model-memory.js';

export interface Prediction {
  readonly text: string;
  /** Name of the predicted class. */
  readonly label: string;
  readonly label_id: number;
  /** Probability of the predicted class. */
  readonly score: number;
  /** Probability of each class by its name. */
  readonly scores: Readonly<Record<string, number>>;
  /** [K], where they were asked for. */
  readonly logits?: readonly number[];
}

/**
 * A piece of a text, mostly one token, and what it added to the logit of the predicted class
 * (attribution.ts).
 */
export interface Attribution {
  readonly token: string;
  readonly score: number;
}

export interface ExplainedPrediction extends Prediction {
  /** In the order of the text, up to where it was cut. */
  readonly attributions: readonly Attribution[];
}

export interface ClassifierOptions extends HubOptions {
  /** Tokens a text is cut to; absent: as in its training, else the model's positions. */
  readonly maxLength?: number | undefined;
  readonly device?: Device | undefined;
}

export interface PredictOptions {
  /** Add the logits to each prediction. */
  readonly logits?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface EvaluateOptions {
  /** Rows a batch at most, of a model that computes batches. Default 32. */
  readonly batchRows?: number | undefined;
  /** Called after each batch with the rows done so far. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Classes of n texts; of a GPT-2, with the logits [n, K] that their probabilities come from. */
export interface Classified extends PredictedClasses {
  readonly logits?: Float32Array;
}

/** What classifies: a fine-tuned GPT-2 (gpt2-model.ts) or a classical model (baselines/text-model.ts). */
export interface TextModel {
  /** What it is, for messages. */
  readonly kind: string;
  /** Names of the classes by their index. */
  readonly labels: readonly string[];
  /** Tokens a text is cut to; undefined where texts are taken whole. */
  readonly maxLength: number | undefined;
  /** What attune remembers of its training; undefined where others trained it. */
  readonly memory: ModelMemory | undefined;
  /** Where its files are; undefined where it was never saved. */
  readonly folder: string | undefined;
  /** What computes. */
  readonly device: string;
  /** Whether `classify` gives logits. */
  readonly hasLogits: boolean;
  classify(texts: readonly string[], signal?: AbortSignal): Promise<Classified>;
  evaluate(rows: Dataset, options: EvaluateOptions): Promise<ClassificationMetrics>;
  /** What each piece of each text did for the class `labels` names of it; absent where nothing can say. */
  attribute?(
    texts: readonly string[],
    labels: readonly number[],
    signal?: AbortSignal,
  ): Promise<Attribution[][]>;
  close(): Promise<void>;
}

/** Texts held at a time: memory does not grow with the input. */
const CHUNK_TEXTS = 512;

export class TextClassifier {
  readonly #model: TextModel;

  /** Of a model that is open already; `close` closes it. */
  constructor(model: TextModel) {
    this.#model = model;
  }

  /**
   * Opens the output folder of a training run, any GPT-2 classifier in Hugging Face's layout, or one of the
   * Hub by its id; or the folder of a classical model that `compare` saved under `baselines/`, or
   * `saveEstimator` with the names of its classes.
   *
   * @throws ModelError and HubError as the function `fromPretrained`, ModelError `classifier-not-loaded`,
   *   `estimator-without-label-names`; UsageError `max-length-exceeds-positions`,
   *   `baseline-takes-whole-texts`, `baseline-without-device`, `device-unknown`
   */
  static async fromPretrained(idOrPath: string, options: ClassifierOptions = {}): Promise<TextClassifier> {
    // Loaded when it is asked for: whoever classifies with a GPT-2 needs none of it.
    const model = (await isClassical(idOrPath))
      ? await (await import('../baselines/text-model.js')).openBaseline(idOrPath, options)
      : await openGpt2(idOrPath, options);
    return new TextClassifier(model);
  }

  /** Names of the classes by their index. */
  get labels(): readonly string[] {
    return this.#model.labels;
  }

  /** Tokens a text is cut to; undefined where texts are taken whole. */
  get maxLength(): number | undefined {
    return this.#model.maxLength;
  }

  /** What attune remembers of its training; undefined where others trained it. */
  get memory(): ModelMemory | undefined {
    return this.#model.memory;
  }

  /** Where its files are; undefined where it was never saved. */
  get folder(): string | undefined {
    return this.#model.folder;
  }

  /** What computes. */
  get device(): string {
    return this.#model.device;
  }

  /**
   * @throws UsageError `logits-unavailable`, `attribution-unavailable`: only a GPT-2 has logits, and can say
   *   which tokens spoke for a class
   */
  requireAble({
    logits = false,
    explain = false,
  }: {
    readonly logits?: boolean;
    readonly explain?: boolean;
  }): void {
    const model = this.#model;
    if (logits && !model.hasLogits) throw new UsageError('logits-unavailable', { model: model.kind });
    if (explain && !model.attribute) throw new UsageError('attribution-unavailable', { model: model.kind });
  }

  /**
   * Classifies all texts, in their order.
   *
   * @throws UsageError `logits-unavailable`; ModelError `model-answer-count`, `model-answer-size`,
   *   `model-answer-class`, `values-not-finite`; the signal's reason if it is aborted
   */
  async predict(texts: readonly string[], options: PredictOptions = {}): Promise<Prediction[]> {
    const predictions: Prediction[] = [];
    for await (const prediction of this.predictStream(texts, options)) predictions.push(prediction);
    return predictions;
  }

  /**
   * Classifies all texts and says which tokens spoke for the predicted class: gradient times input.
   *
   * @throws UsageError `attribution-unavailable`, `device-without-graphs`; ModelError as `predict`; the
   *   signal's reason if it is aborted
   */
  async explain(texts: readonly string[], options: PredictOptions = {}): Promise<ExplainedPrediction[]> {
    const explained: ExplainedPrediction[] = [];
    for await (const prediction of this.explainStream(texts, options)) explained.push(prediction);
    return explained;
  }

  /** As `explain`, of texts as they come. @throws as `explain` */
  async *explainStream(
    texts: Iterable<string> | AsyncIterable<string>,
    options: PredictOptions = {},
  ): AsyncGenerator<ExplainedPrediction> {
    const model = this.#model;
    this.requireAble({ explain: true });
    for await (const chunk of chunksOf(texts, CHUNK_TEXTS)) {
      const predictions = await this.predict(chunk, options);
      const attributions = await model.attribute!(
        chunk,
        predictions.map(({ label_id }) => label_id),
        options.signal,
      );
      requireOne('attribution', attributions.length, chunk.length, model);
      for (const [i, prediction] of predictions.entries())
        yield { ...prediction, attributions: attributions[i] };
    }
  }

  /**
   * Classifies texts as they come, in their order, a few hundred at a time. A text that occurs twice in a
   * chunk is computed once.
   *
   * @throws as `predict`
   */
  async *predictStream(
    texts: Iterable<string> | AsyncIterable<string>,
    { logits: withLogits = false, signal }: PredictOptions = {},
  ): AsyncGenerator<Prediction> {
    const { labels } = this.#model;
    this.requireAble({ logits: withLogits });
    const classes = labels.length;
    for await (const chunk of chunksOf(texts, CHUNK_TEXTS)) {
      const distinct = [...new Set(chunk)];
      const place = new Map(distinct.map((text, i) => [text, i]));
      const classified = await this.#model.classify(distinct, signal);
      requireComplete(classified, distinct.length, withLogits, this.#model);
      const { labels: predicted, probabilities, logits } = classified;
      for (const text of chunk) {
        const i = place.get(text)!;
        const of = (values: Float32Array | Float64Array): number[] => [
          ...values.subarray(i * classes, (i + 1) * classes),
        ];
        const scores = of(probabilities);
        const prediction = {
          text,
          label: labels[predicted[i]],
          label_id: predicted[i],
          score: scores[predicted[i]],
          scores: Object.fromEntries(labels.map((name, k) => [name, scores[k]])),
        };
        yield withLogits && logits ? { ...prediction, logits: of(logits) } : prediction;
      }
    }
  }

  /**
   * Every metric on labelled rows, whose classes are the model's.
   *
   * @throws RangeError if there are no rows or one is of a class that the model does not have; ModelError
   *   `values-not-finite`; the signal's reason if it is aborted
   */
  async evaluate(dataset: Dataset, options: EvaluateOptions = {}): Promise<ClassificationMetrics> {
    const classes = this.labels.length;
    const wrong = dataset.rows.findIndex(({ label }) => !isClass(label, classes));
    if (wrong >= 0)
      throw new RangeError(
        `row ${wrong} of ${dataset.source} has the label ${dataset.rows[wrong].label}; ` +
          `of the model, ${classRange(classes)}`,
      );
    return this.#model.evaluate(dataset, options);
  }

  async close(): Promise<void> {
    await this.#model.close();
  }
}

type Answering = Pick<TextModel, 'kind' | 'labels'>;

/** @throws ModelError unless there is one of `what` per text */
function requireOne(
  what: 'label' | 'attribution',
  given: number,
  texts: number,
  { kind: model }: Answering,
): void {
  if (given !== texts) throw new ModelError('model-answer-count', { model, what, given, texts });
}

/** A model of the caller's own may leave something out. @throws ModelError */
function requireComplete(
  { labels: predicted, probabilities, logits }: Classified,
  texts: number,
  withLogits: boolean,
  answering: Answering,
): void {
  const model = answering.kind;
  const classes = answering.labels.length;
  requireOne('label', predicted.length, texts, answering);
  const requireSize = (what: 'probabilities' | 'logits', given = 0): void => {
    if (given !== texts * classes)
      throw new ModelError('model-answer-size', { model, what, given, texts, classes });
  };
  requireSize('probabilities', probabilities?.length);
  if (withLogits) requireSize('logits', logits?.length);
  const wrong = predicted.findIndex((label) => !isClass(label, classes));
  if (wrong >= 0)
    throw new ModelError('model-answer-class', { model, label: factNumber(predicted[wrong]), classes });
}

async function* chunksOf<T>(items: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
