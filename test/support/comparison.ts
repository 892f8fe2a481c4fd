/**
 * A comparison as a run would give it, made of random scores and made-up sentences; the same for the same
 * seed.
 */
import { FINE_TUNED } from '#attune/compare/comparison.js';
import type { Comparison, ModelResult, SeedSpread, WordStudy } from '#attune/compare/comparison.js';
import { spreadOf } from '#attune/compare/seeds.js';
import type { LogRecord } from '#attune/train/records.js';
import { Random } from './random.js';
import { MODELS, againstBest, modelResult } from './comparison-models.js';

export interface FixtureOptions {
  readonly seed?: number;
  readonly labelNames?: readonly string[];
  readonly testRows?: number;
  readonly trainRows?: number;
  /** A class without test rows. */
  readonly absent?: number;
  readonly errors?: number;
}

const SUBJECTS = [
  'The train',
  'My cousin',
  'This kettle',
  'Our neighbour',
  'The new bakery',
  'That old radio',
  'A letter from home',
  'The garden',
  'Her lecture',
  'The second act',
];
const VERBS = [
  'arrived',
  'surprised us',
  'broke down',
  'went on',
  'opened',
  'sounded',
  'felt',
  'ended',
  'tasted',
  'stayed',
];
const ENDINGS = [
  'an hour late and nobody said a word',
  'much better than I had hoped',
  'as it does every Tuesday',
  'and I could not stop smiling',
  'fine after the rain',
  'with a fine of forty crowns',
  'colder than last year',
  'so badly that we left early',
  'at the usual place',
  'with fine bread and a kind word',
  'just as the light went out',
  'light as a feather',
  'and the light was lovely',
];

function sentence(random: Random): string {
  const pick = (words: readonly string[]): string => words[random.integer(0, words.length - 1)];
  const one = (): string => `${pick(SUBJECTS)} ${pick(VERBS)} ${pick(ENDINGS)}`;
  return Array.from({ length: random.integer(1, 2) }, one).join(', and ') + pick(['.', '!', ' …', ' :)', '']);
}

/** A label, the more often the larger its share; the last is for what rounding leaves over. */
function drawnLabel(random: Random, shares: readonly number[]): number {
  let rest = (random.integer(0, 999_999) / 1e6) * shares.reduce((a, b) => a + b, 0);
  for (const [label, share] of shares.entries()) {
    rest -= share;
    if (rest < 0) return label;
  }
  return shares.length - 1;
}

export function comparisonFixture({
  seed = 7,
  labelNames = ['negative', 'neutral', 'positive'],
  testRows = 200,
  trainRows = 1000,
  absent,
  errors = 6,
}: FixtureOptions = {}): Comparison {
  const random = new Random(seed);
  const K = labelNames.length;
  const shareOf = labelNames.map((_, k) => (k === 1 % K ? 1.5 : 1));
  const draw = (): number => {
    for (;;) {
      const label = drawnLabel(random, shareOf);
      if (label !== absent) return label;
    }
  };
  const testLabels = Array.from({ length: testRows }, draw);
  const countsOf = (labels: readonly number[]): number[] =>
    labelNames.map((_, k) => labels.filter((label) => label === k).length);
  // How hard each row is for all models alike, so that their errors go together as real ones do.
  const hardness = random.normals(testRows, 0.9);
  const models = MODELS.map((model) => modelResult(model, { random, testLabels, hardness, labelNames }));
  const best = models.reduce((a, b) => (b.f1.value! > a.f1.value! ? b : a));
  const sorted = [...models].sort((a, b) => b.f1.value! - a.f1.value!);
  const withTests = sorted.map((model, i) => ({
    ...model,
    againstBest: againstBest(model, sorted[i === 0 ? 1 : 0], testLabels),
  }));
  const bestSet = withTests.filter((model) => model.againstBest.mayBeBest).map(({ id }) => id);
  const simplestFirst = [...withTests]
    .sort((a, b) => a.cost.latencyMs - b.cost.latencyMs)
    .map(({ id }) => id);
  const choice = withTests[1].id;
  return {
    version: 2,
    created: '2026-03-14T15:09:26.535Z',
    attuneVersion: '0.2.0',
    machine: {
      processor: 'Example Processor 9000 @ 2.40GHz',
      cores: 2,
      memoryBytes: 8_355_192_832,
      platform: 'linux x64',
      node: 'v20.20.0',
    },
    dataset: {
      name: 'made-up-sentences',
      labelNames,
      trainRows,
      testRows,
      trainCounts: countsOf(Array.from({ length: trainRows }, draw)),
      testCounts: countsOf(testLabels),
      trainLengths: [...random.normals(trainRows, 0.45, 2.9)].map((value) =>
        Math.max(1, Math.round(Math.exp(value))),
      ),
      maxLength: 64,
      testLabels,
    },
    seed: 42,
    models: withTests,
    verdict: {
      margin: 0.02,
      best: best.id,
      optimism: 0.006,
      low: best.f1.low! - 0.01,
      high: best.f1.high!,
      bestSet,
      recommended: null,
      simplestFirst,
      tuning: { difference: 0.08, low: 0.02, high: 0.14 },
      seeds: seedsOf(withTests),
      findings: [
        {
          code: 'learned-by-heart',
          facts: { trainLoss: 0.01, evalLoss: 0.9 },
          sentence: 'It learned the training rows by heart: loss 0.01 there, 0.90 on other rows.',
        },
      ],
      choices: [
        {
          aim: 'the highest measured quality',
          model: best.id,
          reason: `Weighted F1 ${best.f1.value!.toFixed(3)}.`,
        },
        {
          aim: 'a small download',
          model: choice,
          reason: '81 kB instead of 56 MB. F1 −0.020, and it may lose up to 0.080.',
        },
      ],
      sentences: [
        `Highest measured: ${best.name}, weighted F1 ${best.f1.value!.toFixed(3)} ` +
          `on the ${testRows} test rows, not shown to be better than ${withTests[1].name}.`,
        'No model is shown to lose at most 0.02 F1 (the margin) to the best, so none is recommended over it.',
        'With about 2 100 test rows, a model that is truly as good would be shown to be within the margin ' +
          'in four cases of five; there are 1 200 labelled rows in all.',
      ],
    },
    logHistory: logHistory(random),
    worstErrors: hardest(withTests, testLabels)
      .slice(0, errors)
      .map((row) => {
        const text = sentence(random);
        const pieces = text.match(/\s?[\p{L}\p{N}]+|\s?[^\s\p{L}\p{N}]+|\s+/gu)!;
        return {
          row,
          text,
          label: testLabels[row],
          opinions: Object.fromEntries(
            withTests.map(({ id, predictions }) => [
              id,
              {
                label: predictions.labels[row],
                probabilityOfTruth: predictions.probabilities[row][testLabels[row]],
              },
            ]),
          ),
          attributions: pieces.map((token) => ({ token, score: random.normals(1, 0.4)[0] ** 3 })),
        };
      }),
    topNgrams: labelNames.map((label) => ({
      label,
      ngrams: [
        'lovely',
        'late',
        ' fin',
        'not stop',
        'kind word',
        'bad',
        'hour la',
        'bread ',
        'smil',
        'left early',
      ].map((ngram, i) => ({ ngram, weight: 3.2 - i * 0.22 + 0.1 * random.normals(1)[0] })),
    })),
    words: ['fine', 'light'].map((word) => wordStudy(random, word, K)),
  };
}

function seedsOf(models: readonly ModelResult[]): SeedSpread {
  const tuned = models.find(({ id }) => id === FINE_TUNED)!;
  const runs = [
    { seed: 42, accuracy: tuned.accuracy.value!, f1: tuned.f1.value!, auc: tuned.auc.value },
    { seed: 43, accuracy: 0.81, f1: 0.8, auc: null },
  ];
  return spreadOf(
    runs,
    tuned,
    models.filter((model) => model !== tuned),
  );
}

/** Rows in the order of the mean probability of their true class, lowest first. */
function hardest(models: readonly ModelResult[], truth: readonly number[]): number[] {
  const mean = truth.map((label, row) =>
    models.reduce((sum, { predictions }) => sum + predictions.probabilities[row][label], 0),
  );
  return truth.map((_, row) => row).sort((a, b) => mean[a] - mean[b]);
}

function logHistory(random: Random): LogRecord[] {
  const records: LogRecord[] = [];
  for (let step = 10; step <= 750; step += 10) {
    const warm = Math.min(1, step / 500);
    records.push({
      loss: 0.35 + 0.8 * Math.exp(-step / 260) + 0.09 * random.normals(1)[0],
      grad_norm: Math.exp(1.6 + 0.7 * random.normals(1)[0]),
      learning_rate: 5e-5 * (step <= 500 ? warm : (750 - step) / 250),
      epoch: step / 250,
      step,
    });
    if (step % 250 === 0) {
      const epoch = step / 250;
      records.push({
        eval_loss: [0.83, 0.66, 0.69][epoch - 1],
        eval_accuracy: [0.61, 0.715, 0.74][epoch - 1],
        eval_f1: [0.6, 0.713, 0.741][epoch - 1],
        eval_auc: [0.79, 0.868, 0.881][epoch - 1],
        eval_runtime: 1.1,
        epoch,
        step,
      });
    }
  }
  records.push({ train_runtime: 141.3, total_flos: 8.1e12, train_loss: 0.58, epoch: 3, step: 750 });
  return records;
}

function wordStudy(random: Random, word: string, classes: number): WordStudy {
  const occurrences = Array.from({ length: 24 }, (_, i) => ({
    text: `${sentence(random)} It was ${word} ${i % 2 === 0 ? 'for everyone' : 'as they say'}.`,
    label: i % classes,
    x: (i % 2 === 0 ? -2 : 2) + random.normals(1)[0],
    y: random.normals(1, 0.8)[0],
  }));
  return {
    word,
    occurrences,
    cosine: { min: 0.412, mean: 0.683, max: 0.981 },
    staticNeighbours: ['good', 'okay', 'bread', 'nice', 'warm'].map((neighbour, i) => ({
      word: neighbour,
      similarity: 0.93 - 0.04 * i,
    })),
    contextualNeighbours: [0, 7, 12].map((occurrence) => ({
      occurrence,
      neighbours: ['okay', 'penalty', 'delicate', 'kind', 'forty'].map((neighbour, i) => ({
        word: neighbour,
        text: `${sentence(random)} So ${neighbour} then`,
        similarity: 0.81 - 0.05 * i,
      })),
    })),
  };
}
