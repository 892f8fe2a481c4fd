/**
 * A classical model that takes texts, opened to classify: one of those that `compare` saves, or a pipeline of
 * one's own.
 */
import type { Dataset } from '../data/dataset.js';
import { ModelError, UsageError } from '../errors/attune-error.js';
import { predictionMetrics } from '../metrics/classification.js';
import type { ClassificationMetrics } from '../metrics/classification.js';
import type { Classified, ClassifierOptions, EvaluateOptions, TextModel } from '../train/classifier.js';
import { readMemory } from '../train/model-memory.js';
import type { ModelMemory } from '../train/model-memory.js';
import type { Classifier, EstimatorState } from './estimator.js';
import { HiddenStateModel } from './hidden-states.js';
import { classify, Pipeline } from './pipeline.js';
import { HIDDEN_STATES } from './registry.js';
import { loadSaved, restoreTaking } from './saved.js';

/** Where an estimator was opened from. */
export interface BaselineOrigin {
  readonly folder: string;
  readonly memory: ModelMemory | undefined;
  /** What the estimator's first step is, where that is a GPT-2: closed with the model. */
  readonly hiddenStates: HiddenStateModel | undefined;
}

/** Texts between two looks at the signal. */
const CHUNK_TEXTS = 512;

export class BaselineModel implements TextModel {
  readonly kind = 'a classical model';
  readonly hasLogits = false;
  readonly #estimator: Classifier<readonly string[]>;
  readonly #origin: BaselineOrigin | undefined;

  /**
   * @param estimator fitted
   * @param labels [K] names of the classes by their index
   */
  constructor(
    estimator: Classifier<readonly string[]>,
    readonly labels: readonly string[],
    origin?: BaselineOrigin,
  ) {
    this.#estimator = estimator;
    this.#origin = origin;
  }

  get maxLength(): number | undefined {
    return this.#origin?.hiddenStates?.maxLength;
  }

  get memory(): ModelMemory | undefined {
    return this.#origin?.memory;
  }

  get folder(): string | undefined {
    return this.#origin?.folder;
  }

  get device(): string {
    return this.#origin?.hiddenStates?.device ?? 'processor';
  }

  /** @throws what the estimator throws */
  classify(texts: readonly string[], signal?: AbortSignal): Promise<Classified> {
    return classify(this.#estimator, texts, signal);
  }

  /**
   * @throws RangeError as `classificationMetrics`; what the estimator throws; the signal's reason if it is
   *   aborted
   */
  async evaluate({ rows }: Dataset, { onProgress, signal }: EvaluateOptions): Promise<ClassificationMetrics> {
    const K = this.labels.length;
    const labels = new Int32Array(rows.length);
    const probabilities = new Float64Array(rows.length * K);
    for (let from = 0; from < rows.length; from += CHUNK_TEXTS) {
      signal?.throwIfAborted();
      const chunk = rows.slice(from, from + CHUNK_TEXTS);
      const found = await this.classify(
        chunk.map(({ text }) => text),
        signal,
      );
      labels.set(found.labels, from);
      probabilities.set(found.probabilities, from * K);
      onProgress?.(from + chunk.length, rows.length);
    }
    return predictionMetrics(
      { labels, probabilities },
      rows.map(({ label }) => label),
      this.labels,
    );
  }

  async close(): Promise<void> {
    await this.#origin?.hiddenStates?.close();
  }
}

/**
 * Opens a folder that `compare` or `saveEstimator` wrote.
 *
 * @throws ModelError `estimator-without-label-names`, `hidden-states-model-*`, and as `loadEstimator`;
 *   UsageError `baseline-takes-whole-texts`, `baseline-without-device`
 */
export async function openBaseline(
  folder: string,
  { maxLength, device = 'auto', ...hub }: ClassifierOptions,
): Promise<BaselineModel> {
  const { state, labelNames: labels } = await loadSaved(folder);
  if (!labels) throw new ModelError('estimator-without-label-names', { folder });
  const memory = await readMemory(folder);
  if (state.steps?.[0]?.kind === HIDDEN_STATES) {
    const hiddenStates = await HiddenStateModel.restore(state.steps[0], {
      ...hub,
      labelNames: labels,
      maxLength,
      device,
    });
    try {
      return new BaselineModel(onHiddenStates(hiddenStates, state, folder), labels, {
        folder,
        memory,
        hiddenStates,
      });
    } catch (error) {
      await hiddenStates.close();
      throw error;
    }
  }
  if (maxLength !== undefined) throw new UsageError('baseline-takes-whole-texts', { folder, maxLength });
  if (device !== 'auto' && device !== 'cpu')
    throw new UsageError('baseline-without-device', { folder, device });
  return new BaselineModel(restoreTaking('texts', state, folder), labels, {
    folder,
    memory,
    hiddenStates: undefined,
  });
}

function onHiddenStates(
  hiddenStates: HiddenStateModel,
  { steps = [], ...pipeline }: EstimatorState,
  folder: string,
): Classifier<readonly string[]> {
  return new Pipeline<readonly string[]>(
    [hiddenStates],
    restoreTaking('features', { ...pipeline, steps: steps.slice(1) }, folder),
  );
}
