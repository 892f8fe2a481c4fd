import { UsageError } from '../errors/attune-error.js';
import type { PredictedClasses } from '../metrics/classification.js';
import type { Classifier, EstimatorState, Transformer } from './estimator.js';

/**
 * Transformers, each fitted on what the one before made, and a classifier on what the last made: one
 * estimator from input to class.
 */
export class Pipeline<In> implements Classifier<In> {
  /** What `makePipeline` checks the types of: each step takes what the one before gives. */
  constructor(
    readonly transformers: readonly Transformer<never, unknown>[],
    readonly classifier: Classifier<never>,
  ) {}

  /** @throws what its steps throw; the signal's reason if it is aborted */
  async fit(input: In, labels: Int32Array, classes: number, signal?: AbortSignal): Promise<void> {
    let data: unknown = input;
    for (const transformer of this.transformers) {
      signal?.throwIfAborted();
      await transformer.fit(data as never, signal);
      data = await transformer.transform(data as never, signal);
    }
    signal?.throwIfAborted();
    await this.classifier.fit(data as never, labels, classes, signal);
  }

  /** @throws what its steps throw */
  predict(input: In, signal?: AbortSignal): Promise<Int32Array> {
    return this.#transformed(input, signal, (data) => this.classifier.predict(data as never, signal));
  }

  /** @throws what its steps throw */
  predictProba(input: In, signal?: AbortSignal): Promise<Float64Array> {
    return this.#transformed(input, signal, (data) => this.classifier.predictProba(data as never, signal));
  }

  /** Classes and probabilities of what is transformed once. @throws what its steps throw */
  classify(input: In, signal?: AbortSignal): Promise<PredictedClasses> {
    return this.#transformed(input, signal, (data) => classify(this.classifier, data as never, signal));
  }

  /** What the classifier is given. @throws what its steps throw */
  async transform(input: In, signal?: AbortSignal): Promise<unknown> {
    let data: unknown = input;
    for (const transformer of this.transformers) data = await transformer.transform(data as never, signal);
    return data;
  }

  async #transformed<T>(
    input: In,
    signal: AbortSignal | undefined,
    use: (data: unknown) => Promise<T>,
  ): Promise<T> {
    const made: { readonly by: Transformer<never, unknown>; readonly data: unknown }[] = [];
    let data: unknown = input;
    for (const by of this.transformers) {
      data = await by.transform(data as never, signal);
      made.push({ by, data });
    }
    const used = await use(data);
    for (const each of made) each.by.recycle?.(each.data);
    return used;
  }

  state(): EstimatorState {
    return {
      kind: 'pipeline',
      settings: {},
      arrays: {},
      steps: [...this.transformers, this.classifier].map((step) => step.state()),
    };
  }
}

/** Classes, and probabilities [rows, classes], of a fitted classifier. */
export async function classify<In>(
  classifier: Classifier<In>,
  input: In,
  signal?: AbortSignal,
): Promise<PredictedClasses> {
  if (classifier instanceof Pipeline) return classifier.classify(input, signal);
  return {
    labels: await classifier.predict(input, signal),
    probabilities: await classifier.predictProba(input, signal),
  };
}

/**
 * A pipeline of up to three transformers and a classifier.
 *
 * @throws UsageError `pipeline-without-classifier`
 */
export function makePipeline<A>(classifier: Classifier<A>): Pipeline<A>;
export function makePipeline<A, B>(first: Transformer<A, B>, classifier: Classifier<B>): Pipeline<A>;
export function makePipeline<A, B, C>(
  first: Transformer<A, B>,
  second: Transformer<B, C>,
  classifier: Classifier<C>,
): Pipeline<A>;
export function makePipeline<A, B, C, D>(
  first: Transformer<A, B>,
  second: Transformer<B, C>,
  third: Transformer<C, D>,
  classifier: Classifier<D>,
): Pipeline<A>;
export function makePipeline(...steps: (Transformer<never, unknown> | Classifier<never>)[]): Pipeline<never> {
  const classifier = steps.at(-1);
  if (!classifier || !('predict' in classifier)) throw new UsageError('pipeline-without-classifier', {});
  return new Pipeline(steps.slice(0, -1) as Transformer<never, unknown>[], classifier);
}
