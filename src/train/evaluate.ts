/** Measures a model on labelled rows, as the Trainer records it. */
import type { EncodedRow } from '../engine/batch.js';
import { classificationMetrics } from '../metrics/classification.js';
import type { ClassificationMetrics } from '../metrics/classification.js';
import { PREDICTION_BATCH, predictLogits } from './prediction.js';
import { evalRecord } from './records.js';
import type { EvalRecord } from './records.js';
import type { EngineSession } from '../engine/engine.js';

/** Rows of token ids with their classes. */
export interface LabelledRows {
  readonly rows: readonly EncodedRow[];
  /** Class index of each row. */
  readonly labels: Int32Array;
}

export interface Evaluation {
  readonly record: EvalRecord;
  readonly metrics: ClassificationMetrics;
  /** [rows, K] */
  readonly logits: Float32Array;
}

export interface EvaluateOptions {
  /** [K] */
  readonly labelNames: readonly string[];
  /** Rows per batch that the record's batches per second are counted in. */
  readonly batchSize: number;
  /** Where the run stands. */
  readonly at: { readonly epoch: number; readonly step: number };
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, rows: number) => void) | undefined;
}

/** @throws the signal's reason if it is aborted, after the batch under way */
export async function evaluateRows(
  session: EngineSession,
  { rows, labels }: LabelledRows,
  { labelNames, batchSize, at, signal, onProgress }: EvaluateOptions,
): Promise<Evaluation> {
  const started = performance.now();
  // The logits of a row do not depend on its batch, so the evaluation batch size is only counted with, below.
  const options = { ...PREDICTION_BATCH, signal, onProgress };
  const logits = await predictLogits(session, rows, labelNames.length, options);
  const metrics = classificationMetrics(logits, labels, labelNames);
  const record = evalRecord(
    metrics.loss,
    { accuracy: metrics.accuracy, f1: metrics.f1, auc: metrics.auc },
    {
      seconds: (performance.now() - started) / 1000,
      rows: rows.length,
      batches: Math.ceil(rows.length / batchSize),
    },
    at,
  );
  return { record, metrics, logits };
}
