/** A fine-tuned GPT-2, opened to classify. */
import type { Dataset } from '../data/dataset.js';
import { engineFor } from '../engine/device.js';
import { warmUp } from '../engine/engine.js';
import type { EngineSession } from '../engine/engine.js';
import { AttuneError, ModelError } from '../errors/attune-error.js';
import type { Graph } from '../graph/graph.js';
import { classificationMetrics } from '../metrics/classification.js';
import type { ClassificationMetrics } from '../metrics/classification.js';
import { argmax, softmax } from '../metrics/probabilities.js';
import { attributionGraph } from '../model/gpt2.js';
import { fromPretrained } from '../model/pretrained.js';
import type { PretrainedModel } from '../model/pretrained.js';
import { encodeTexts, encodeTextsWithSpans } from '../text/encode-texts.js';
import type { Span } from '../text/token-spans.js';
import { attributeTokens } from './attribution.js';
import type { Attribution, Classified, ClassifierOptions, EvaluateOptions, TextModel } from './classifier.js';
import { encodeDatasetCached, lengthLimit } from './encode-splits.js';
import { readMemory } from './model-memory.js';
import type { ModelMemory } from './model-memory.js';
import { PREDICTION_BATCH, predictLogits } from './prediction.js';

export class Gpt2Model implements TextModel {
  readonly kind = 'a GPT-2';
  readonly hasLogits = true;
  readonly #model: PretrainedModel;
  readonly #session: EngineSession;
  #attributionGraph: Graph | undefined;

  constructor(
    model: PretrainedModel,
    session: EngineSession,
    readonly maxLength: number,
    readonly memory: ModelMemory | undefined,
  ) {
    this.#model = model;
    this.#session = session;
  }

  get labels(): readonly string[] {
    return this.#model.config.labelNames;
  }

  get folder(): string {
    return this.#model.folder;
  }

  get device(): string {
    return this.#session.description;
  }

  async classify(texts: readonly string[], signal?: AbortSignal): Promise<Classified> {
    const rows = await encodeTexts(texts, this.#model.tokenizer, this.maxLength, signal);
    const classes = this.labels.length;
    const logits = await predictLogits(this.#session, rows, classes, { ...PREDICTION_BATCH, signal });
    const probabilities = softmax(logits, classes);
    return { labels: argmax(probabilities, classes), probabilities, logits };
  }

  async evaluate(
    dataset: Dataset,
    { batchRows = PREDICTION_BATCH.batchRows, onProgress, signal }: EvaluateOptions,
  ): Promise<ClassificationMetrics> {
    const { rows, labels } = await encodeDatasetCached(
      dataset,
      this.#model.tokenizer,
      this.maxLength,
      signal,
    );
    const logits = await predictLogits(this.#session, rows, this.labels.length, {
      batchRows,
      signal,
      onProgress,
    });
    return classificationMetrics(logits, labels, this.labels);
  }

  /** @throws UsageError `device-without-graphs` */
  async attribute(
    texts: readonly string[],
    labels: readonly number[],
    signal?: AbortSignal,
  ): Promise<Attribution[][]> {
    this.#attributionGraph ??= attributionGraph(this.#model.config);
    const encoded = await encodeTextsWithSpans(texts, this.#model.tokenizer, this.maxLength, signal);
    const rows = encoded.map(({ row }) => row);
    const scores = await attributeTokens(this.#session, this.#attributionGraph, rows, labels, {
      ...PREDICTION_BATCH,
      signal,
    });
    return texts.map((text, i) => pieces(text, encoded[i].spans, scores[i]));
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}

/**
 * Opens a folder with a GPT-2 classifier, or one of the Hub.
 *
 * @throws as `fromPretrained`; ModelError `classifier-not-loaded`; UsageError `max-length-exceeds-positions`
 */
export async function openGpt2(
  idOrPath: string,
  { maxLength, device = 'auto', ...hub }: ClassifierOptions = {},
): Promise<Gpt2Model> {
  const engine = warmUp(engineFor(device));
  try {
    const model = await fromPretrained(idOrPath, hub);
    let memory: ModelMemory | undefined;
    let session: EngineSession;
    try {
      memory = await readMemory(model.folder);
      session = await engine.open(model.graphs, { seed: 0, first: 'prediction' });
    } catch (error) {
      await model.close();
      throw error;
    }
    try {
      const length = lengthLimit(maxLength ?? memory?.maxLength, model.config);
      await model.writeTo(session);
      return new Gpt2Model(model, session, length, memory);
    } catch (error) {
      await session.close();
      if (error instanceof AttuneError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new ModelError('classifier-not-loaded', { model: idOrPath, reason }, { cause: error });
    }
  } finally {
    await engine.close();
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
