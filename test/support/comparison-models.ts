/** The models of a made-up comparison, and what each is measured to be. */
import type { Estimate, ModelResult } from '#attune/compare/comparison.js';
import { accuracy, classScores, confusionMatrix, weightedF1 } from '#attune/metrics/confusion.js';
import { classAuc } from './roc.js';
import type { Random } from './random.js';

/**
 * id, name, description, skill (distance of the true class's score), seconds to train, ms a text, bytes, MB
 * of memory, interpretability.
 */
export const MODELS = [
  [
    'gpt2-finetuned',
    'Fine-tuned gpt2-mini',
    'The whole GPT-2, fine-tuned on the training rows.',
    2.1,
    141.3,
    11.8,
    55_611_002,
    812,
    'low',
  ],
  [
    'tfidf-logistic',
    'TF-IDF + logistic regression',
    'Counts of words and character n-grams, weighted by how rare they are, and one weight for each.',
    1.9,
    0.82,
    0.061,
    1_204_331,
    187,
    'high',
  ],
  [
    'gpt2-probe',
    'GPT-2 probe',
    'Logistic regression on the mean of the last hidden states of GPT-2 as it was before fine-tuning.',
    1.5,
    14.6,
    11.2,
    55_702_115,
    403,
    'low',
  ],
  [
    'word2vec-svc',
    'Word2Vec + SVC',
    'Mean of the word vectors, standardised, into a support vector machine with an RBF kernel.',
    1.05,
    3.9,
    0.31,
    2_911_870,
    205,
    'low',
  ],
  [
    'word2vec-forest',
    'Word2Vec + random forest',
    'Mean of the word vectors into 200 decision trees.',
    1.0,
    4.4,
    1.9,
    9_220_455,
    241,
    'medium',
  ],
  [
    'word2vec-logistic',
    'Word2Vec + logistic regression',
    'Mean of the word vectors, standardised, and one weight for each of their dimensions.',
    0.85,
    2.7,
    0.024,
    2_408_816,
    198,
    'medium',
  ],
  [
    'afinn',
    'AFINN lexicon',
    'Adds up the valence of known words; no training but the neutral band.',
    0.8,
    0.013,
    0.012,
    81_377,
    null,
    'high',
  ],
  [
    'majority',
    'Majority class',
    'Always the most frequent class of the training rows: the floor.',
    0,
    0.0001,
    0.0004,
    142,
    null,
    'high',
  ],
] as const;

export function modelResult(
  [
    id,
    name,
    description,
    skill,
    trainSeconds,
    latencyMs,
    bytesOnDisk,
    memory,
    level,
  ]: (typeof MODELS)[number],
  {
    random,
    testLabels,
    hardness,
    labelNames,
  }: { random: Random; testLabels: readonly number[]; hardness: Float64Array; labelNames: readonly string[] },
): ModelResult {
  const K = labelNames.length;
  const rows = testLabels.length;
  const probabilities = testLabels.map((truth, row) => {
    if (id === 'majority')
      return labelNames.map(() => 1 / K).map((p, k) => (k === 1 ? p + 0.1 : p - 0.1 / (K - 1)));
    const scores = labelNames.map(
      (_, k) => (k === truth ? skill - hardness[row] : 0) + 1.1 * random.normals(1)[0],
    );
    const exp = scores.map((score) => Math.exp(1.4 * score));
    const sum = exp.reduce((a, b) => a + b, 0);
    return exp.map((value) => value / sum);
  });
  const labels = probabilities.map((p) => p.indexOf(Math.max(...p)));
  const confusion = confusionMatrix(testLabels, labels, K);
  const scores = classScores(confusion);
  const perClass = labelNames.map((label, k) => {
    const { auc, falsePositiveRate, truePositiveRate } = classAuc(
      probabilities.map((p) => p[k]),
      testLabels.map((truth) => truth === k),
    );
    return { label, ...scores[k], auc, roc: { falsePositiveRate, truePositiveRate } };
  });
  const around = (value: number | null): Estimate =>
    value === null
      ? { value, low: null, high: null }
      : {
          value,
          low: Math.max(0, value - 1.96 * Math.sqrt((value * (1 - value)) / rows)),
          high: Math.min(1, value + 1.9 * Math.sqrt((value * (1 - value)) / rows)),
        };
  const auc = perClass.some((row) => row.auc === null)
    ? null
    : perClass.reduce((sum, row) => sum + row.auc! * row.support, 0) / rows;
  return {
    id,
    name,
    description,
    accuracy: around(accuracy(confusion)),
    f1: around(weightedF1(scores)),
    auc: around(auc),
    classes: perClass,
    confusion,
    calibration: calibration(probabilities, labels, testLabels),
    cost: {
      trainSeconds,
      latencyMs,
      rowsPerSecond: 2300 / latencyMs,
      bytesOnDisk,
      peakMemoryBytes: memory === null ? null : memory * 1e6,
    },
    interpretability: {
      level,
      why: {
        high: 'Each weight belongs to a word that one can read.',
        medium: 'Weights or trees over dimensions that have no name.',
        low: 'Only approximations such as attributions.',
      }[level],
    },
    againstBest: null,
    predictions: { labels, probabilities },
  };
}

function calibration(
  probabilities: readonly (readonly number[])[],
  labels: readonly number[],
  truth: readonly number[],
): ModelResult['calibration'] {
  const bins = Array.from({ length: 10 }, (_, b) => {
    const inside = probabilities
      .map((p, i) => ({ confidence: Math.max(...p), right: labels[i] === truth[i] }))
      .filter(({ confidence }) => Math.min(9, Math.floor(confidence * 10)) === b);
    const mean = (values: readonly number[]): number =>
      values.length === 0 ? 0 : values.reduce((x, y) => x + y, 0) / values.length;
    return {
      from: b / 10,
      to: (b + 1) / 10,
      rows: inside.length,
      meanConfidence: mean(inside.map((row) => row.confidence)),
      accuracy: mean(inside.map((row) => Number(row.right))),
    };
  });
  return {
    bins,
    ece: bins.reduce(
      (sum, bin) => sum + (bin.rows / truth.length) * Math.abs(bin.accuracy - bin.meanConfidence),
      0,
    ),
  };
}

export function againstBest(
  model: ModelResult,
  best: ModelResult,
  truth: readonly number[],
): NonNullable<ModelResult['againstBest']> {
  const right = (of: ModelResult, row: number): boolean => of.predictions.labels[row] === truth[row];
  const onlyThis = truth.filter((_, row) => right(model, row) && !right(best, row)).length;
  const onlyBest = truth.filter((_, row) => !right(model, row) && right(best, row)).length;
  const difference = model.f1.value! - best.f1.value!;
  return {
    difference,
    low: difference - 0.06,
    high: difference + 0.055,
    mayBeBest: difference + 0.055 >= 0,
    withinMargin: difference >= 0.04,
    onlyThis,
    onlyBest,
    rowsToShow: difference > 0 ? null : 1850,
  };
}
