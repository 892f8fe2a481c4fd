/**
 * What a GPT-2 makes of texts before anybody trains it to classify: the states of its last layer, for a
 * linear probe and for the study of words.
 */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { Device } from '../engine/device-names.js';
import { engineFor } from '../engine/device.js';
import { packRows } from '../engine/batch.js';
import type { EncodedRow } from '../engine/batch.js';
import type { EngineSession } from '../engine/engine.js';
import { ModelError } from '../errors/attune-error.js';
import { described } from '../errors/wording.js';
import type { Graph } from '../graph/graph.js';
import type { HubOptions } from '../hub/settings.js';
import { EMBEDDED_MODEL, embeddedModelFolder } from '../model/embedded.js';
import { hiddenStatesGraph } from '../model/gpt2.js';
import { fromPretrained } from '../model/pretrained.js';
import type { PretrainedModel } from '../model/pretrained.js';
import { Pace } from '../pace.js';
import { encodeTexts, encodeTextsWithSpans } from '../text/encode-texts.js';
import type { Span } from '../text/token-spans.js';
import { evaluateGraph } from '../train/attribution.js';
import { lengthLimit } from '../train/encode-splits.js';
import { hashingSession } from '../train/manifest.js';
import { planBatches, PREDICTION_BATCH } from '../train/prediction.js';
import type { DenseMatrix, EstimatorState, Transformer } from './estimator.js';
import { HIDDEN_STATES } from './registry.js';
import { StateReader } from './state-reader.js';

/** The hidden states of a text's tokens. An empty text has none. */
export interface TokenStates {
  readonly tokens: readonly Span[];
  /** C */
  readonly width: number;
  /** [tokens, C] row-major, what the last layer normalisation gives. */
  readonly states: Float32Array;
}

export interface HiddenStateOptions extends HubOptions {
  /** [K] names of the classes, where the model has no head yet: the head takes no part. */
  readonly labelNames: readonly string[];
  /** Tokens a text is cut to; absent: the model's positions. */
  readonly maxLength?: number | undefined;
  readonly device?: Device | undefined;
}

export class HiddenStateModel implements Transformer<readonly string[], DenseMatrix> {
  readonly #graph: Graph;

  readonly #model: PretrainedModel;
  readonly #session: EngineSession;
  readonly #digest: string;

  private constructor(
    model: PretrainedModel,
    session: EngineSession,
    /** Tokens a text is cut to. */
    readonly maxLength: number,
    /** Hash of what its states depend on. */
    digest: string,
  ) {
    this.#model = model;
    this.#session = session;
    this.#digest = digest;

    this.#graph = hiddenStatesGraph(model.config);
  }

  /** @throws as `fromPretrained` and `engineFor`; UsageError `max-length-exceeds-positions` */
  static async open(
    idOrPath: string,
    { maxLength, device = 'auto', ...options }: HiddenStateOptions,
  ): Promise<HiddenStateModel> {
    const model = await fromPretrained(idOrPath, options);
    let session: EngineSession;
    try {
      session = await engineFor(device).open(model.graphs, { seed: 0 });
    } catch (error) {
      await model.close();
      throw error;
    }
    try {
      const weights = hashingSession(session);
      await model.writeTo(weights.session);
      return new HiddenStateModel(
        model,
        session,
        lengthLimit(maxLength, model.config),
        digestOf(model, weights.digest()),
      );
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /**
   * The model that a saved `state` is of, opened again.
   *
   * @throws ModelError `hidden-states-model-unavailable`, `hidden-states-model-differs`; UsageError as `open`
   */
  static async restore(state: EstimatorState, options: HiddenStateOptions): Promise<HiddenStateModel> {
    const reader = new StateReader(state);
    const { model: source, sha256 } = state.settings;
    const maxLength = reader.integer('maxLength', 1);
    if (typeof source !== 'string' || typeof sha256 !== 'string') throw reader.unsound('hidden-states-model');
    let restored: HiddenStateModel;
    try {
      restored = await HiddenStateModel.open(source === EMBEDDED_MODEL ? embeddedModelFolder() : source, {
        ...options,
        maxLength: options.maxLength ?? maxLength,
      });
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      throw new ModelError('hidden-states-model-unavailable', { error: described(error) }, { cause: error });
    }
    if (restored.#digest === sha256) return restored;
    await restored.close();
    throw new ModelError('hidden-states-model-differs', { model: source });
  }

  /** Nothing is learned. */
  fit(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * [texts, C] the mean over each text's tokens; of an empty text, the state of the one pad token that it is.
   *
   * @throws UsageError `device-without-graphs`; ModelError `values-not-finite`; the signal's reason if it is
   *   aborted
   */
  async transform(texts: readonly string[], signal?: AbortSignal): Promise<DenseMatrix> {
    const width = this.#model.config.nEmbd;
    const values = new Float64Array(texts.length * width);
    const rows = await encodeTexts(texts, this.#model.tokenizer, this.maxLength, signal);
    await this.#eachRow(rows, signal, (i, states) => {
      const tokens = states.length / width;
      for (let t = 0; t < tokens; t++)
        for (let c = 0; c < width; c++) values[i * width + c] += states[t * width + c] / tokens;
    });
    return { kind: 'dense', rows: texts.length, columns: width, values };
  }

  /** The states of each text's tokens, in the order of the texts. @throws as `transform` */
  async tokenStates(texts: readonly string[], signal?: AbortSignal): Promise<TokenStates[]> {
    const encoded = await encodeTextsWithSpans(texts, this.#model.tokenizer, this.maxLength, signal);
    const width = this.#model.config.nEmbd;
    const found = new Array<TokenStates>(texts.length);
    await this.#eachRow(
      encoded.map(({ row }) => row),
      signal,
      (i, states) => {
        const { row, spans } = encoded[i];
        found[i] = { tokens: spans, width, states: row.blind ? new Float32Array(0) : states.slice() };
      },
    );
    return found;
  }

  state(): EstimatorState {
    const { source, folder } = this.#model;
    // The id of the Hub, or where the folder is.
    const place = source === folder ? resolve(folder) : source;
    return {
      kind: HIDDEN_STATES,
      settings: {
        model: folder === embeddedModelFolder() ? EMBEDDED_MODEL : place,
        sha256: this.#digest,
        maxLength: this.maxLength,
      },
      arrays: {},
    };
  }

  /** What computes. */
  get device(): string {
    return this.#session.description;
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async #eachRow(
    rows: readonly EncodedRow[],
    signal: AbortSignal | undefined,
    take: (row: number, states: Float32Array) => void,
  ): Promise<void> {
    const width = this.#model.config.nEmbd;
    const pace = new Pace(signal);
    for (const batch of planBatches(rows, PREDICTION_BATCH)) {
      signal?.throwIfAborted();
      if (pace.due) await pace.rest();
      const packed = packRows(batch.map((i) => rows[i]));
      const hidden = (await evaluateGraph(this.#session, this.#graph, packed)).get('hidden')!;
      for (const [b, i] of batch.entries())
        take(i, hidden.subarray(packed.rowOffsets[b] * width, packed.rowOffsets[b + 1] * width));
    }
  }
}

/** Hash of the weights, the mathematics and the tokenizer. */
function digestOf({ config, tokenizer }: PretrainedModel, weights: string): string {
  const mathematics = { ...config, fields: undefined, labelNames: undefined, initializerRange: undefined };
  const hash = createHash('sha256').update(`${weights} ${JSON.stringify(mathematics)}`);
  tokenizer.hashInto(hash);
  return hash.digest('hex');
}
