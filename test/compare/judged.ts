/** The verdict on made-up models: each is given by the rows that it gets wrong. */
import type { AgainstBest, Finding, ModelResult, SeedResult, Verdict } from '#attune/compare/comparison.js';
import { MARGIN } from '#attune/compare/margin.js';
import { TestBench } from '#attune/compare/quality.js';
import type { Predictions } from '#attune/compare/quality.js';
import { judge } from '#attune/compare/verdict.js';
import type { Contestant } from '#attune/compare/verdict.js';

const CLASSES = ['bad', 'good'];
const LABELLED = 1200;

interface Made {
  readonly id: string;
  /** Test rows that it gets wrong. */
  readonly wrong: readonly number[];
  readonly cost?: Partial<ModelResult['cost']>;
  readonly level?: ModelResult['interpretability']['level'];
  readonly ece?: number;
}

export const CHEAP = { latencyMs: 0.05, bytesOnDisk: 100_000 };
export const DEAR = { latencyMs: 6, bytesOnDisk: 56e6 };

/** Labels alternate between the two classes. */
export function labelsOf(rows: number): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) => row % 2);
}

export async function judged(
  rows: number,
  made: readonly Made[],
  margin = MARGIN,
  {
    findings = [],
    seeds = [],
  }: { readonly findings?: readonly Finding[]; readonly seeds?: readonly SeedResult[] } = {},
): Promise<{ models: ModelResult[]; verdict: Verdict }> {
  const labels = labelsOf(rows);
  const bench = await TestBench.create(labels, CLASSES, 42);
  const contestants: Contestant[] = [];
  for (const { id, wrong, cost = {}, level = 'low', ece = 0.1 } of made) {
    const missed = new Set(wrong);
    const predicted = labels.map((label, row) => (missed.has(row) ? 1 - label : label));
    const predictions: Predictions = {
      labels: predicted,
      probabilities: Float64Array.from(
        [...predicted].flatMap((label) => (label === 1 ? [0.2, 0.8] : [0.8, 0.2])),
      ),
    };
    const result = {
      id,
      name: `model ${id}`,
      description: '',
      ...(await bench.quality(predictions)),
      cost: {
        trainSeconds: 1,
        latencyMs: 5,
        rowsPerSecond: 10,
        bytesOnDisk: 2e6,
        peakMemoryBytes: null,
        ...cost,
      },
      interpretability: { level, why: `of ${id}` },
    };
    contestants.push({ result: { ...result, calibration: { ...result.calibration, ece } }, predictions });
  }
  return judge(contestants, bench, { margin, labelledRows: LABELLED, findings, seeds });
}

export const first = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i);
export const by = (models: readonly ModelResult[], id: string): ModelResult =>
  models.find((model) => model.id === id)!;
export const against = (models: readonly ModelResult[], id: string): AgainstBest =>
  by(models, id).againstBest!;
