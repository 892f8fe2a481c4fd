/** A fine-tuned model as most people use it: texts in, classes with probabilities out. */
import type { Device } from '../engine/device-names.js';
import type { EngineSession } from '../engine/engine.js';
import { argmax, softmax } from '../metrics/probabilities.js';
import type { PretrainedModel } from '../model/pretrained.js';
import { lengthLimit, openClassifier } from './fine-tune.js';
import { predictLogits } from './prediction.js';

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

export interface ClassifierOptions {
  /** Tokens a text is cut to; absent: the model's positions. */
  readonly maxLength?: number | undefined;
  readonly device?: Device | undefined;
}

export interface PredictOptions {
  /** Add the logits to each prediction. */
  readonly logits?: boolean;
  readonly signal?: AbortSignal;
}

/** Texts held at a time: memory does not grow with the input. */
const CHUNK_TEXTS = 512;
const BATCH = { batchRows: 32, batchTokens: 2048 };

export class TextClassifier {
  private constructor(
    private readonly model: PretrainedModel,
    private readonly session: EngineSession,
    private readonly maxLength: number,
  ) {}

  /**
   * Opens the output folder of a training run, or any GPT-2 classifier in Hugging Face's layout.
   *
   * @throws ModelError where the folder holds none, UsageError where `maxLength` exceeds the model's positions
   */
  static async fromPretrained(dir: string, { maxLength, device }: ClassifierOptions = {}): Promise<TextClassifier> {
    const { model, session } = await openClassifier(dir, device);
    try {
      return new TextClassifier(model, session, lengthLimit(maxLength, model.config));
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Names of the classes by their index. */
  get labels(): readonly string[] {
    return this.model.config.labelNames;
  }

  /** Classifies all texts, in their order. */
  async predict(texts: readonly string[], options: PredictOptions = {}): Promise<Prediction[]> {
    const predictions: Prediction[] = [];
    for await (const prediction of this.predictStream(texts, options)) predictions.push(prediction);
    return predictions;
  }

  /** Classifies texts as they come, in their order, a few hundred at a time. A text that occurs twice in a chunk is computed once. */
  async *predictStream(texts: Iterable<string> | AsyncIterable<string>, { logits: withLogits = false, signal }: PredictOptions = {}): AsyncGenerator<Prediction> {
    const { labels } = this;
    const classes = labels.length;
    for await (const chunk of chunksOf(texts, CHUNK_TEXTS)) {
      const distinct = [...new Set(chunk)];
      const place = new Map(distinct.map((text, i) => [text, i]));
      const rows = distinct.map((text) => this.model.tokenizer.encode(text, { maxLength: this.maxLength }));
      const logits = await predictLogits(this.session, rows, classes, { ...BATCH, ...(signal && { signal }) });
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
