/**
 * comparison.json, read back: every field is checked, because the file may have been edited, damaged or made
 * by something else. Files of version 1 hold a verdict that was not simultaneous over the models; they are
 * judged anew from the predictions in them.
 */
import type {
  AgainstBest,
  Attribution,
  Choice,
  ClassRow,
  Comparison,
  Estimate,
  Finding,
  ModelResult,
  Opinion,
  ReliabilityBin,
  SeedResult,
  SeedSpread,
  Verdict,
  WordStudy,
  WorstError,
} from '../compare/comparison.js';
import { isWithinMargin, mayBeBest } from '../compare/choices.js';
import { diagnose } from '../compare/diagnosis.js';
import { FINE_TUNED } from '../compare/comparison.js';
import { MARGIN } from '../compare/margin.js';
import { TestBench } from '../compare/quality.js';
import { spreadOf } from '../compare/seeds.js';
import { judge } from '../compare/verdict.js';
import type { Contestant } from '../compare/verdict.js';
import { AttuneError, DataError } from '../errors/attune-error.js';
import { readPlainFile } from '../files.js';
import type { Shape } from '../json/shape.js';
import {
  between,
  count,
  flag,
  list,
  number,
  object,
  oneOf,
  orNull,
  record,
  ShapeError,
  text,
} from '../json/shape.js';
import { parseJson } from '../json/syntax.js';
import type { LogRecord } from '../train/records.js';

const share = between(0, 1);

const estimate = object<Estimate>({ value: orNull(number), low: orNull(number), high: orNull(number) });

const classRow = object<ClassRow>({
  label: text,
  precision: share,
  recall: share,
  f1: share,
  support: count,
  auc: orNull(share),
  roc: object<ClassRow['roc']>({ falsePositiveRate: list(share), truePositiveRate: list(share) }),
});

const reliabilityBin = object<ReliabilityBin>({
  from: number,
  to: number,
  rows: count,
  meanConfidence: number,
  accuracy: number,
});

/** What was measured of a model, which is all that its place among others follows from. */
type MeasuredModel = Contestant['result'];

const measuredModel = {
  id: text,
  name: text,
  description: text,
  accuracy: estimate,
  f1: estimate,
  auc: estimate,
  classes: list(classRow),
  confusion: list(list(count)),
  calibration: object<ModelResult['calibration']>({ bins: list(reliabilityBin), ece: share }),
  cost: object<ModelResult['cost']>({
    trainSeconds: number,
    latencyMs: number,
    rowsPerSecond: number,
    bytesOnDisk: count,
    peakMemoryBytes: orNull(number),
  }),
  interpretability: object<ModelResult['interpretability']>({
    level: oneOf('high', 'medium', 'low'),
    why: text,
  }),
  predictions: object<ModelResult['predictions']>({ labels: list(count), probabilities: list(list(number)) }),
};

const againstBest = object<AgainstBest>({
  difference: number,
  low: number,
  high: number,
  mayBeBest: flag,
  withinMargin: flag,
  onlyThis: count,
  onlyBest: count,
  rowsToShow: orNull(count),
});

const model = object<ModelResult>({ ...measuredModel, againstBest: orNull(againstBest) });

const seedSpread = object<SeedSpread>({
  runs: list(object<SeedResult>({ seed: count, accuracy: share, f1: share, auc: orNull(share) })),
  mean: share,
  deviation: number,
  rowDeviation: number,
  highest: count,
});

const verdict = object<Verdict>({
  margin: share,
  best: text,
  optimism: number,
  low: share,
  high: share,
  bestSet: list(text),
  recommended: orNull(text),
  simplestFirst: list(text),
  tuning: orNull(object<NonNullable<Verdict['tuning']>>({ difference: number, low: number, high: number })),
  findings: list(
    object<Finding>({
      code: oneOf('leaked-rows', 'ended-in-warm-up', 'loss-near-chance', 'learned-by-heart'),
      facts: record(number),
      sentence: text,
    }),
  ),
  // Missing in files of early version 2, which nobody repeated.
  seeds: (value, path) => orNull(seedSpread)(value ?? null, path),
  choices: list(object<Choice>({ aim: text, model: text, reason: text })),
  sentences: list(text),
});

const worstError = object<WorstError>({
  row: count,
  text,
  label: count,
  opinions: record(object<Opinion>({ label: count, probabilityOfTruth: number })),
  attributions: list(object<Attribution>({ token: text, score: number })),
});

const neighbour = object<WordStudy['staticNeighbours'][number]>({ word: text, similarity: number });

const wordStudy = object<WordStudy>({
  word: text,
  occurrences: list(object<WordStudy['occurrences'][number]>({ text, label: count, x: number, y: number })),
  cosine: object<WordStudy['cosine']>({ min: number, mean: number, max: number }),
  staticNeighbours: list(neighbour),
  contextualNeighbours: list(
    object<WordStudy['contextualNeighbours'][number]>({
      occurrence: count,
      neighbours: list(
        object<WordStudy['contextualNeighbours'][number]['neighbours'][number]>({
          word: text,
          text,
          similarity: number,
        }),
      ),
    }),
  ),
});

/** Records have one of three forms, and metrics of any name: numbers, or null where undefined. */
const logRecord: Shape<LogRecord> = (value, path) => {
  const values = record(orNull(number))(value, path);
  count(values['step'], `${path}.step`);
  if (!['loss', 'eval_loss', 'train_runtime'].some((key) => Object.hasOwn(values, key)))
    throw new ShapeError(path, 'is no record of a run: it has none of loss, eval_loss, train_runtime');
  return values as unknown as LogRecord;
};

const measured = {
  created: text,
  attuneVersion: text,
  machine: object<Comparison['machine']>({
    processor: text,
    cores: count,
    memoryBytes: number,
    platform: text,
    node: text,
  }),
  dataset: object<Comparison['dataset']>({
    name: text,
    labelNames: list(text),
    trainRows: count,
    testRows: count,
    trainCounts: list(count),
    testCounts: list(count),
    trainLengths: list(count),
    maxLength: count,
    testLabels: list(count),
  }),
  seed: number,
  logHistory: list(logRecord),
  worstErrors: list(worstError),
  topNgrams: list(
    object<Comparison['topNgrams'][number]>({
      label: text,
      ngrams: list(
        object<Comparison['topNgrams'][number]['ngrams'][number]>({ ngram: text, weight: number }),
      ),
    }),
  ),
  words: list(wordStudy),
};

type Measured = Omit<Comparison, 'version' | 'models' | 'verdict'> & {
  readonly models: readonly MeasuredModel[];
};

const version = object<{ readonly version: 1 | 2 }>({ version: oneOf(1, 2) });
const first = object<Measured>({ ...measured, models: list(object<MeasuredModel>(measuredModel)) });
const current = object<Comparison>({ version: oneOf(2), ...measured, models: list(model), verdict });

/**
 * A comparison of this version or an earlier one, as this version would have written it.
 *
 * @param value what JSON.parse gave
 * @throws ShapeError naming the place
 */
export async function checkComparison(value: unknown): Promise<Comparison> {
  if (version(value, '').version === 1) {
    const earlier = first(value, '');
    checkAgreement(earlier);
    return judgedAnew(earlier);
  }
  const checked = current(value, '');
  checkAgreement(checked);
  checkVerdict(checked);
  return checked;
}

async function judgedAnew({ models, ...rest }: Measured): Promise<Comparison> {
  const { dataset, seed, logHistory: history } = rest;
  const bench = await TestBench.create(Int32Array.from(dataset.testLabels), dataset.labelNames, seed);
  const contestants: Contestant[] = [];
  for (const each of models) {
    const { labels, probabilities } = each.predictions;
    const predictions = {
      labels: Int32Array.from(labels),
      probabilities: Float64Array.from(probabilities.flat()),
    };
    const { accuracy, f1, auc, confusion } = await bench.quality(predictions);
    contestants.push({ result: { ...each, accuracy, f1, auc, confusion }, predictions });
  }
  const { trainCounts, trainRows, testRows } = dataset;
  const findings = diagnose({
    history,
    trainCounts,
    args: undefined,
    testRows,
    leaked: { model: null, baselines: null },
  });
  return {
    version: 2,
    ...rest,
    ...(await judge(contestants, bench, {
      margin: MARGIN,
      labelledRows: trainRows + testRows,
      findings,
      seeds: [],
    })),
  };
}

const must = (holds: boolean, path: string, problem: string): void => {
  if (!holds) throw new ShapeError(path, problem);
};

/** What the verdict says of the models is what the models say. */
function checkVerdict({ models, verdict }: Comparison): void {
  const ids = models.map(({ id }) => id);
  const named = (id: string, path: string): void =>
    must(ids.includes(id), `verdict.${path}`, `"${id}" is the id of no model`);
  const same = (found: readonly string[], wanted: readonly string[]): boolean =>
    found.length === wanted.length && found.every((id, i) => id === wanted[i]);
  const ordered = (path: string, ...values: readonly (number | null)[]): void => {
    const known = values.filter((value) => value !== null);
    must(
      known.every((value, i) => i === 0 || value >= known[i - 1]),
      path,
      'its bounds do not lie on either side of it',
    );
  };
  named(verdict.best, 'best');
  must(verdict.best === ids[0], 'verdict.best', `is not the first of the models, "${ids[0]}"`);
  must(verdict.margin > 0 && verdict.margin < 1, 'verdict.margin', 'expected a number between 0 and 1');
  ordered('verdict.low', verdict.low, verdict.high);
  must(
    same([...verdict.simplestFirst].sort(), [...ids].sort()),
    'verdict.simplestFirst',
    'does not name each model once',
  );
  const { seeds } = verdict;
  if (seeds) {
    must(seeds.runs.length >= 2, 'verdict.seeds.runs', 'expected at least two');
    const tuned = models.find(({ id }) => id === FINE_TUNED);
    must(
      tuned !== undefined && seeds.runs[0].f1 === tuned.f1.value,
      'verdict.seeds.runs[0].f1',
      'is not that of the fine-tuned model',
    );
    const follows: Readonly<Record<string, unknown>> = {
      ...spreadOf(
        seeds.runs,
        tuned!,
        models.filter((other) => other !== tuned),
      ),
    };
    for (const [name, value] of Object.entries(seeds))
      if (name !== 'runs')
        must(value === follows[name], `verdict.seeds.${name}`, 'is not what follows from the runs');
  }
  verdict.choices.forEach((choice, i) => named(choice.model, `choices[${i}].model`));
  models.forEach(({ accuracy, f1, auc, againstBest: test }, i) => {
    for (const [name, { value, low, high }] of Object.entries({ accuracy, f1 }))
      ordered(`models[${i}].${name}`, low, value, high);
    // Percentiles of resamples need not hold the value.
    ordered(`models[${i}].auc`, auc.low, auc.high);
    must(
      (test === null) === (models.length === 1),
      `models[${i}].againstBest`,
      test === null ? 'is null, but there are other models' : 'is not null, but there is no other model',
    );
    if (test !== null) ordered(`models[${i}].againstBest`, test.low, test.difference, test.high);
  });
  must(
    same(
      verdict.bestSet,
      models.filter(mayBeBest).map(({ id }) => id),
    ),
    'verdict.bestSet',
    'does not name the models that may be the best',
  );
  const { recommended } = verdict;
  if (recommended === null) return;
  named(recommended, 'recommended');
  must(
    isWithinMargin(models.find(({ id }) => id === recommended)!),
    'verdict.recommended',
    `"${recommended}" is not within the margin`,
  );
}

/** What one part says of another: numbers of classes and rows, indices, ids. */
function checkAgreement({ dataset, seed, models, worstErrors, words }: Measured): void {
  const classes = dataset.labelNames.length;
  const entries = (values: readonly unknown[], wanted: number, path: string, of: string): void =>
    must(values.length === wanted, path, `has ${values.length} entries, but there are ${wanted} ${of}`);
  const isClass = (label: number, path: string): void =>
    must(label < classes, path, `is class ${label}, but there are ${classes} classes`);
  must(classes >= 2, 'dataset.labelNames', 'expected at least two classes');
  must(dataset.testRows > 0, 'dataset.testRows', 'expected at least one test row');
  must(Number.isSafeInteger(seed), 'seed', 'expected a whole number');
  for (const name of ['trainCounts', 'testCounts'] as const)
    entries(dataset[name], classes, `dataset.${name}`, 'classes');
  entries(dataset.testLabels, dataset.testRows, 'dataset.testLabels', 'test rows');
  dataset.testLabels.forEach((label, i) => isClass(label, `dataset.testLabels[${i}]`));
  must(models.length > 0, 'models', 'expected at least one model');
  const ids = new Set<string>();
  models.forEach((each, i) => {
    const at = `models[${i}]`;
    must(!ids.has(each.id), `${at}.id`, `"${each.id}" is the id of an earlier model, too`);
    ids.add(each.id);
    entries(each.classes, classes, `${at}.classes`, 'classes');
    each.classes.forEach(({ roc }, c) =>
      entries(
        roc.truePositiveRate,
        roc.falsePositiveRate.length,
        `${at}.classes[${c}].roc.truePositiveRate`,
        'entries in falsePositiveRate',
      ),
    );
    entries(each.confusion, classes, `${at}.confusion`, 'classes');
    each.confusion.forEach((row, c) => entries(row, classes, `${at}.confusion[${c}]`, 'classes'));
    entries(each.predictions.labels, dataset.testRows, `${at}.predictions.labels`, 'test rows');
    each.predictions.labels.forEach((label, i) => isClass(label, `${at}.predictions.labels[${i}]`));
    entries(each.predictions.probabilities, dataset.testRows, `${at}.predictions.probabilities`, 'test rows');
    each.predictions.probabilities.forEach((row, i) =>
      entries(row, classes, `${at}.predictions.probabilities[${i}]`, 'classes'),
    );
  });
  worstErrors.forEach(({ row, label, opinions }, i) => {
    must(
      row < dataset.testRows,
      `worstErrors[${i}].row`,
      `is row ${row}, but there are ${dataset.testRows} test rows`,
    );
    isClass(label, `worstErrors[${i}].label`);
    for (const [id, opinion] of Object.entries(opinions)) {
      must(ids.has(id), `worstErrors[${i}].opinions`, `"${id}" is the id of no model`);
      if (opinion) isClass(opinion.label, `worstErrors[${i}].opinions["${id}"].label`);
    }
  });
  words.forEach(({ occurrences, contextualNeighbours }, i) => {
    occurrences.forEach(({ label }, o) => isClass(label, `words[${i}].occurrences[${o}].label`));
    contextualNeighbours.forEach(({ occurrence }, c) =>
      must(
        occurrence < occurrences.length,
        `words[${i}].contextualNeighbours[${c}].occurrence`,
        `is occurrence ${occurrence}, but there are ${occurrences.length}`,
      ),
    );
  });
}

/**
 * @throws AttuneError `report-source-unreadable`; DataError `comparison-file-syntax`,
 *   `comparison-file-invalid`
 */
export async function readComparison(file: string): Promise<Comparison> {
  const contents = await readPlainFile(file).catch((cause: unknown) => {
    throw new AttuneError('report-source-unreadable', { file, reason: (cause as Error).message }, { cause });
  });
  return parseComparison(contents, file);
}

/**
 * @param file for messages
 * @throws DataError `comparison-file-syntax` with line and column, `comparison-file-invalid` with the field
 */
export async function parseComparison(contents: string, file: string): Promise<Comparison> {
  const parsed = parseJson(contents);
  if ('error' in parsed) {
    const { line, column, message: reason } = parsed.error;
    throw new DataError('comparison-file-syntax', { file, line, column, reason });
  }
  try {
    return await checkComparison(parsed.value);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new DataError('comparison-file-invalid', { file, field: error.path, problem: error.problem });
  }
}
