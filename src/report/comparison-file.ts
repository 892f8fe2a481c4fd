/** comparison.json, read back: every field is checked, because the file may have been edited, damaged or made by something else. */
import type { Attribution, ClassRow, Comparison, Estimate, ModelResult, PairedTest, ReliabilityBin, Verdict, WordStudy, WorstError } from '../compare/comparison.js';
import { AttuneError, DataError } from '../errors.js';
import { readPlainFile } from '../files.js';
import { between, count, list, number, object, oneOf, orNull, record, type Shape, ShapeError, text } from '../json/shape.js';
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

const reliabilityBin = object<ReliabilityBin>({ from: number, to: number, rows: count, meanConfidence: number, accuracy: number });

const pairedTest = object<PairedTest>({
  mcnemar: object<PairedTest['mcnemar']>({ onlyThis: count, onlyBest: count, p: share }),
  f1Difference: object<PairedTest['f1Difference']>({ value: number, low: number, high: number, p: share }),
});

const model = object<ModelResult>({
  id: text,
  name: text,
  description: text,
  accuracy: estimate,
  f1: estimate,
  auc: estimate,
  classes: list(classRow),
  confusion: list(list(count)),
  calibration: object<ModelResult['calibration']>({ bins: list(reliabilityBin), ece: share }),
  cost: object<ModelResult['cost']>({ trainSeconds: number, latencyMs: number, rowsPerSecond: number, bytesOnDisk: count, peakMemoryBytes: orNull(number) }),
  interpretability: object<ModelResult['interpretability']>({ level: oneOf('high', 'medium', 'low'), why: text }),
  paired: orNull(pairedTest),
  predictions: object<ModelResult['predictions']>({ labels: list(count), probabilities: list(list(number)) }),
});

const worstError = object<WorstError>({
  row: count,
  text,
  label: count,
  opinions: record(object<WorstError['opinions'][string]>({ label: count, probabilityOfTruth: number })),
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
      neighbours: list(object<WordStudy['contextualNeighbours'][number]['neighbours'][number]>({ word: text, text, similarity: number })),
    }),
  ),
});

/** Records have one of three forms, and metrics of any name: numbers, or null where undefined. */
const logRecord: Shape<LogRecord> = (value, path) => {
  const values = record(orNull(number))(value, path);
  count(values['step'], `${path}.step`);
  if (!['loss', 'eval_loss', 'train_runtime'].some((key) => Object.hasOwn(values, key))) throw new ShapeError(path, 'is no record of a run: it has none of loss, eval_loss, train_runtime');
  return values as unknown as LogRecord;
};

const comparison = object<Comparison>({
  version: oneOf(1),
  created: text,
  attuneVersion: text,
  machine: object<Comparison['machine']>({ processor: text, cores: count, memoryBytes: number, platform: text, node: text }),
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
  models: list(model),
  verdict: object<Verdict>({ best: text, simplestWithinNoise: text, sentences: list(text) }),
  logHistory: list(logRecord),
  worstErrors: list(worstError),
  topNgrams: list(
    object<Comparison['topNgrams'][number]>({ label: text, ngrams: list(object<Comparison['topNgrams'][number]['ngrams'][number]>({ ngram: text, weight: number })) }),
  ),
  words: list(wordStudy),
});

/**
 * @param value what JSON.parse gave
 * @throws ShapeError naming the place
 */
export function checkComparison(value: unknown): Comparison {
  const checked = comparison(value, '');
  checkAgreement(checked);
  return checked;
}

/** What one part says of another: numbers of classes and rows, indices, ids. */
function checkAgreement({ dataset, models, verdict, worstErrors, words }: Comparison): void {
  const classes = dataset.labelNames.length;
  const must = (holds: boolean, path: string, problem: string): void => {
    if (!holds) throw new ShapeError(path, problem);
  };
  const entries = (values: readonly unknown[], wanted: number, path: string, of: string): void =>
    must(values.length === wanted, path, `has ${values.length} entries, but there are ${wanted} ${of}`);
  const isClass = (label: number, path: string): void => must(label < classes, path, `is class ${label}, but there are ${classes} classes`);
  must(classes >= 2, 'dataset.labelNames', 'expected at least two classes');
  for (const name of ['trainCounts', 'testCounts'] as const) entries(dataset[name], classes, `dataset.${name}`, 'classes');
  entries(dataset.testLabels, dataset.testRows, 'dataset.testLabels', 'test rows');
  dataset.testLabels.forEach((label, i) => isClass(label, `dataset.testLabels[${i}]`));
  must(models.length > 0, 'models', 'expected at least one model');
  const ids = new Set<string>();
  models.forEach((each, i) => {
    const at = `models[${i}]`;
    must(!ids.has(each.id), `${at}.id`, `"${each.id}" is the id of an earlier model, too`);
    ids.add(each.id);
    entries(each.classes, classes, `${at}.classes`, 'classes');
    each.classes.forEach(({ roc }, c) => entries(roc.truePositiveRate, roc.falsePositiveRate.length, `${at}.classes[${c}].roc.truePositiveRate`, 'entries in falsePositiveRate'));
    entries(each.confusion, classes, `${at}.confusion`, 'classes');
    each.confusion.forEach((row, c) => entries(row, classes, `${at}.confusion[${c}]`, 'classes'));
    entries(each.predictions.labels, dataset.testRows, `${at}.predictions.labels`, 'test rows');
    entries(each.predictions.probabilities, dataset.testRows, `${at}.predictions.probabilities`, 'test rows');
  });
  for (const name of ['best', 'simplestWithinNoise'] as const) must(ids.has(verdict[name]), `verdict.${name}`, `"${verdict[name]}" is the id of no model`);
  worstErrors.forEach(({ row, label, opinions }, i) => {
    must(row < dataset.testRows, `worstErrors[${i}].row`, `is row ${row}, but there are ${dataset.testRows} test rows`);
    isClass(label, `worstErrors[${i}].label`);
    for (const [id, opinion] of Object.entries(opinions)) {
      must(ids.has(id), `worstErrors[${i}].opinions`, `"${id}" is the id of no model`);
      isClass(opinion.label, `worstErrors[${i}].opinions["${id}"].label`);
    }
  });
  words.forEach(({ occurrences, contextualNeighbours }, i) => {
    occurrences.forEach(({ label }, o) => isClass(label, `words[${i}].occurrences[${o}].label`));
    contextualNeighbours.forEach(({ occurrence }, c) =>
      must(occurrence < occurrences.length, `words[${i}].contextualNeighbours[${c}].occurrence`, `is occurrence ${occurrence}, but there are ${occurrences.length}`),
    );
  });
}

/** @throws DataError naming the file and the place in it; AttuneError where it cannot be read */
export async function readComparison(file: string): Promise<Comparison> {
  const contents = await readPlainFile(file).catch((cause: unknown) => {
    throw new AttuneError(`cannot read ${file}: ${(cause as Error).message}`, { cause });
  });
  return parseComparison(contents, file);
}

/**
 * @param file for messages
 * @throws DataError naming the file and the place in it
 */
export function parseComparison(contents: string, file: string): Comparison {
  const hint = 'It is not what `attune compare` of this version writes, or it was damaged; run the comparison again.';
  const parsed = parseJson(contents);
  if ('error' in parsed) throw new DataError(`${file}:${parsed.error.line}:${parsed.error.column}: ${parsed.error.message}`, { hint });
  try {
    return checkComparison(parsed.value);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new DataError(`${file}: ${error.message}`, { hint });
  }
}
