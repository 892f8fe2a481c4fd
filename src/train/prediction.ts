/** Logits of many rows, in order, through an engine. */
import { packRows } from '../engine/batch.js';
import type { EncodedRow } from '../engine/batch.js';
import type { EngineSession } from '../engine/engine.js';
import { ModelError } from '../errors/attune-error.js';
import { firstNotFinite } from '../model/weights.js';

export interface PredictionOptions {
  /** Rows a batch at most. */
  readonly batchRows: number;
  /** Tokens a batch at most, unless one row alone has more; absent: no bound. */
  readonly batchTokens?: number;
  /** Called after each batch with the rows done so far. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Aborting it ends the work after the batches under way. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What one batch of prediction holds at most: enough rows for the matrix products to run at their best, few
 * enough for the activations to stay in the caches.
 */
export const PREDICTION_BATCH = { batchRows: 32, batchTokens: 2048 } as const;

/**
 * Rows grouped into batches, by index. Rows of like length go together, because attention costs what the
 * longest row of a batch costs.
 */
export function planBatches(
  rows: readonly EncodedRow[],
  { batchRows, batchTokens = Infinity }: PredictionOptions,
): number[][] {
  const order = shortestFirst(rows);
  const batches: number[][] = [];
  let current: number[] = [];
  let tokens = 0;
  for (const i of order) {
    const length = rows[i].ids.length;
    if (current.length > 0 && (tokens + length > batchTokens || current.length >= batchRows)) {
      batches.push(current);
      current = [];
      tokens = 0;
    }
    current.push(i);
    tokens += length;
  }
  if (current.length > 0) batches.push(current);
  return batches;
}

/**
 * Row indices by length, rows of one length in their order. Counted, not compared: there may be millions of
 * rows, and their lengths are small.
 */
function shortestFirst(rows: readonly EncodedRow[]): Uint32Array {
  const longest = rows.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const places = new Uint32Array(longest + 2);
  for (const { ids } of rows) places[ids.length + 1]++;
  for (let length = 0; length <= longest; length++) places[length + 1] += places[length];
  const order = new Uint32Array(rows.length);
  for (const [i, { ids }] of rows.entries()) order[places[ids.length]++] = i;
  return order;
}

/** The most rows and the most tokens of a batch that these rows make. */
export function largestPrediction(
  rows: readonly EncodedRow[],
  options: Pick<PredictionOptions, 'batchRows' | 'batchTokens'> = PREDICTION_BATCH,
): { readonly rows: number; readonly tokens: number } {
  const largest = { rows: 1, tokens: 1 };
  for (const batch of planBatches(rows, options)) {
    largest.rows = Math.max(largest.rows, batch.length);
    largest.tokens = Math.max(
      largest.tokens,
      batch.reduce((tokens, i) => tokens + rows[i].ids.length, 0),
    );
  }
  return largest;
}

/**
 * Logits [rows, K] in the order of the rows, whatever order they are computed in.
 *
 * @throws ModelError if one is not finite; the signal's reason if it is aborted before the last batch has
 *   begun
 */
export async function predictLogits(
  session: EngineSession,
  rows: readonly EncodedRow[],
  classes: number,
  options: PredictionOptions,
): Promise<Float32Array> {
  const logits = new Float32Array(rows.length * classes);
  let done = 0;
  const compute = async (batch: readonly number[]): Promise<void> => {
    const values = await session.infer(packRows(batch.map((i) => rows[i])));
    requireFinite(values);
    for (const [b, i] of batch.entries())
      logits.set(values.subarray(b * classes, (b + 1) * classes), i * classes);
    done += batch.length;
    options.onProgress?.(done, rows.length);
  };
  // One batch ahead of the engine, so that it does not wait for the next to be packed.
  let previous: Promise<void> | undefined;
  for (const batch of planBatches(rows, options)) {
    if (options.signal?.aborted) {
      // The engine is free for whatever comes next, and nobody hears of progress any more.
      await previous;
      options.signal.throwIfAborted();
    }
    const next = compute(batch);
    // Whoever waits for it hears of its failure; until then it is not an unhandled one.
    next.catch(() => undefined);
    await previous;
    previous = next;
  }
  await previous;
  return logits;
}

/**
 * What everything else is computed of: no class, no probability and no metric follows from a value that is
 * none.
 *
 * @param output of the model's graph that the values are; absent: its logits
 * @throws ModelError `values-not-finite`
 */
export function requireFinite(values: Float32Array, output?: string): void {
  const at = firstNotFinite(values);
  if (at >= 0) throw new ModelError('values-not-finite', { output, value: String(values[at]) });
}
