/**
 * The vectors and results that gensim and scikit-learn made of the tweets (shared/golden/baselines-tweets),
 * where they lie beside the project.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DenseMatrix } from '#attune/baselines/estimator.js';
import { readNpy } from './npy.js';
import { sharedPath } from './shared.js';

export interface GoldenVectors {
  readonly x: DenseMatrix;
  readonly y: Int32Array;
  readonly test: DenseMatrix;
  readonly testY: Int32Array;
  readonly probabilities: Readonly<Record<'lr' | 'svm' | 'rf', number[][]>>;
  readonly metrics: Readonly<
    Record<'lr' | 'svm' | 'rf', { readonly auc: number; readonly f1: number; readonly accuracy: number }>
  >;
}

export function goldenVectors(): GoldenVectors | undefined {
  const folder = sharedPath('golden', 'baselines-tweets');
  const data = sharedPath('data', 'tweets');
  if (folder === undefined || data === undefined) return undefined;
  const labels = (file: string, rows: number): Int32Array =>
    Int32Array.from(
      readFileSync(join(data, file), 'utf8').split('\n').slice(0, rows),
      (line) => (JSON.parse(line) as { label: number }).label,
    );
  const json = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8'));
  const [x, test] = [readNpy(join(folder, 'train_emb.npy')), readNpy(join(folder, 'test_emb.npy'))];
  return {
    ...{ x, test, y: labels('train.jsonl', x.rows), testY: labels('test.jsonl', test.rows) },
    probabilities: json('probs.json') as GoldenVectors['probabilities'],
    metrics: (json('result.json') as { metrics: GoldenVectors['metrics'] }).metrics,
  };
}
