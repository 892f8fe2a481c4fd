/** A fine-tuned model as most people use it: texts in, classes with probabilities out. */
import type { Device } from '../engine/device-names.js';
import type { EngineSession } from '../engine/engine.js';
import type { HubOptions } from '../hub/settings.js';
import { argmax, softmax } from '../metrics/probabilities.js';
import type { Graph } from '../graph/graph.js';
import { attributionGraph } from '../model/gpt2.js';
import type { PretrainedModel } from '../model/pretrained.js';
import { encodeTexts, encodeTextsWithSpans } from '../text/encode-texts.js';
import type { Span } from '../text/token-spans.js';
import { attributeTokens } from './attribution.js';
import { lengthLimit, openClassifier } from './fine-tune.js';
import type { ModelMemory } from './model-memory.js';
import { PREDICTION_BATCH, predictLogits } from './prediction.js';

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

/** A piece of a text, mostly one token, and what it added to the logit of the predicted class (attribution.ts). */
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

/** Texts held at a time: memory does not grow with the input. */
const CHUNK_TEXTS = 512;

export class TextClassifier {
  private attributionGraph: Graph | undefined;

  private constructor(
    private readonly model: PretrainedModel,
    private readonly session: EngineSession,
    /** Tokens a text is cut to. */
    readonly maxLength: number,
    /** What attune remembers of its training; undefined where others trained it. */
    readonly memory: ModelMemory | undefined,
  ) {}

  /**
   * Opens the output folder of a training run, any GPT-2 classifier in Hugging Face's layout, or one of the Hub by its id.
   *
   * @throws ModelError where the folder holds none, UsageError where `maxLength` exceeds the model's positions
   */
  static async fromPretrained(idOrPath: string, { maxLength, device, ...hub }: ClassifierOptions = {}): Promise<TextClassifier> {
    const { model, session, memory } = await openClassifier(idOrPath, device, hub);
    try {
      return new TextClassifier(model, session, lengthLimit(maxLength ?? memory?.maxLength, model.config), memory);
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Names of the classes by their index. */
  get labels(): readonly string[] {
    return this.model.config.labelNames;
  }

  /** Whether the device can `explain`. */
  get explains(): boolean {
    return this.session.evaluate !== undefined;
  }

  /** Classifies all texts, in their order. */
  async predict(texts: readonly string[], options: PredictOptions = {}): Promise<Prediction[]> {
    const predictions: Prediction[] = [];
    for await (const prediction of this.predictStream(texts, options)) predictions.push(prediction);
    return predictions;
  }

  /**
   * Classifies all texts and says which tokens spoke for the predicted class: gradient times input.
   *
   * @throws UsageError where the device cannot do it
   */
  async explain(texts: readonly string[], options: PredictOptions = {}): Promise<ExplainedPrediction[]> {
    const explained: ExplainedPrediction[] = [];
    for await (const prediction of this.explainStream(texts, options)) explained.push(prediction);
    return explained;
  }

  /** As `explain`, of texts as they come. */
  async *explainStream(texts: Iterable<string> | AsyncIterable<string>, options: PredictOptions = {}): AsyncGenerator<ExplainedPrediction> {
    for await (const chunk of chunksOf(texts, CHUNK_TEXTS)) {
      const predictions = await this.predict(chunk, options);
      const attributions = await this.attributionsOf(chunk, predictions.map(({ label_id }) => label_id), options.signal);
      for (const [i, prediction] of predictions.entries()) yield { ...prediction, attributions: attributions[i] };
    }
  }

  private async attributionsOf(texts: readonly string[], labels: readonly number[], signal: AbortSignal | undefined): Promise<Attribution[][]> {
    this.attributionGraph ??= attributionGraph(this.model.config);
    const encoded = await encodeTextsWithSpans(texts, this.model.tokenizer, this.maxLength, signal);
    const rows = encoded.map(({ row }) => row);
    const scores = await attributeTokens(this.session, this.attributionGraph, rows, labels, { ...PREDICTION_BATCH, signal });
    return texts.map((text, i) => pieces(text, encoded[i].spans, scores[i]));
  }

  /** Classifies texts as they come, in their order, a few hundred at a time. A text that occurs twice in a chunk is computed once. */
  async *predictStream(texts: Iterable<string> | AsyncIterable<string>, { logits: withLogits = false, signal }: PredictOptions = {}): AsyncGenerator<Prediction> {
    const { labels } = this;
    const classes = labels.length;
    for await (const chunk of chunksOf(texts, CHUNK_TEXTS)) {
      const distinct = [...new Set(chunk)];
      const place = new Map(distinct.map((text, i) => [text, i]));
      const rows = await encodeTexts(distinct, this.model.tokenizer, this.maxLength, signal);
      const logits = await predictLogits(this.session, rows, classes, { ...PREDICTION_BATCH, signal });
      const probabilities = softmax(logits, classes);
      const predicted = argmax(probabilities, classes);
      for (const text of chunk) {
        const i = place.get(text)!;
        const of = (values: Float32Array): number[] => [...values.subarray(i * classes, (i + 1) * classes)];
        const scores = of(probabilities);
        yield {
          text,
          label: labels[predicted[i]],
          label_id: predicted[i],
          score: scores[predicted[i]],
          scores: Object.fromEntries(labels.map((name, k) => [name, scores[k]])),
          ...(withLogits && { logits: of(logits) }),
        };
      }
    }
  }

  async close(): Promise<void> {
    await this.session.close();
  }
}

/** Tokens that share a character cannot be shown apart: their scores are added up. */
function pieces(text: string, spans: readonly Span[], scores: Float64Array): Attribution[] {
  const found: { start: number; end: number; score: number }[] = [];
  for (const [t, { start, end }] of spans.entries()) {
    const last = found.at(-1);
    if (last && (start < last.end || start === end)) {
      last.end = Math.max(last.end, end);
      last.score += scores[t];
    } else found.push({ start, end, score: scores[t] });
  }
  return found.map(({ start, end, score }) => ({ token: text.slice(start, end), score }));
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
