// From what the user calls the dataset (a file, a pattern, a folder, a repository of the Hub, `sample`) to
// splits that share their classes.
import { stat } from 'node:fs/promises';
import { DataError, UsageError } from '../errors/attune-error.js';
import { factNumber } from '../errors/phrases/values.js';
import type { Notice } from '../errors/notices.js';
import { notice } from '../errors/notices.js';
import type { AlignmentUse } from './align.js';
import { alignClasses, alignDataset } from './align.js';
import type { Columns } from './columns.js';
import type { Dataset } from './dataset.js';
import type { HeldOut, PlannedParts } from './held-out.js';
import { MOST_VALIDATION_ROWS, plannedSize } from './held-out.js';
import { LabelMap } from './labels.js';
import { isPattern, matchingFiles } from './local.js';
import { lookAlikeNotes } from './look-alikes.js';
import { EXTENSIONS } from './readers.js';
import { paced } from '../pace.js';
import { loadFiles, openSource } from './source.js';
import type { DatasetChoice, Source } from './source.js';
import { testRows } from './stratified.js';

export interface LoadSplitsOptions extends DatasetChoice, HeldOut {
  /** The split to train on; default `train`. */
  readonly split?: string | undefined;
  /** A file, or a pattern of files, with the test split, in place of the dataset's own. */
  readonly evalDataset?: string | undefined;
  /** Parts to hold out where the data has none of its own and the rows suffice. */
  readonly plannedParts?: PlannedParts | undefined;
  /** The first N rows of the split; all by default. */
  readonly trainRows?: number | undefined;
  readonly evalRows?: number | undefined;
  /**
   * The classes in order of their index, where they are known beforehand: labels may then leave some of them
   * out.
   */
  readonly labelNames?: readonly string[] | undefined;
  /** The classes of a model that the rows are for: the data's become those, by their names (align.ts). */
  readonly alignTo?: { readonly names: readonly string[]; readonly use: AlignmentUse } | undefined;
  /** Draws the order of the bundled sample, and the rows that `testSize` takes. */
  readonly seed: number;
}

export interface Splits {
  readonly train: Dataset;
  readonly test?: Dataset | undefined;
  /** Rows to choose an epoch by, where there are any. */
  readonly validation?: Dataset | undefined;
  readonly heldOut: HeldOut;
  /** [K] */
  readonly labelNames: readonly string[];
  /** What the user should know though nothing is wrong. */
  readonly notes: readonly Notice[];
  /** Where text and label were found. */
  readonly columns: Columns;
}

/**
 * Loads the training split and, where there is one, the split to evaluate on.
 *
 * @throws DataError and HubError as `loadDataset`, DataError `eval-dataset-not-found`, `labels-of-one-class`,
 *   `class-unknown-to-model`; UsageError `held-out-twice`, `row-count-invalid`, `validation-split-in-use`,
 *   `part-*`
 */
export async function loadSplits(options: LoadSplitsOptions): Promise<Splits> {
  const { alignTo } = options;
  const loaded = await loadUnaligned(options, alignTo?.names.length);
  return alignTo ? alignSplits(loaded, alignTo.names, alignTo.use) : loaded.splits;
}

/** Splits under the classes of the data itself. */
export interface UnalignedSplits {
  readonly splits: Splits;
  readonly labels: LabelMap;
}

/**
 * The splits under the classes of a model.
 *
 * @throws DataError `class-unknown-to-model`, `classes-partly-named`, `classes-exceed-model`
 */
export function alignSplits(
  { splits, labels }: UnalignedSplits,
  names: readonly string[],
  use: AlignmentUse,
): Splits {
  const { train, test, validation, notes } = splits;
  const alignment = alignClasses(labels, names, use);
  return {
    ...splits,
    train: alignDataset(train, alignment),
    test: test && alignDataset(test, alignment),
    validation: validation && alignDataset(validation, alignment),
    labelNames: alignment.names,
    notes: alignment.note === undefined ? notes : [...notes, alignment.note],
  };
}

/**
 * `loadSplits` without its alignment.
 *
 * @param expected classes that there are, of which the rows may have only some
 * @throws as `loadSplits`
 */
export async function loadUnaligned(options: LoadSplitsOptions, expected?: number): Promise<UnalignedSplits> {
  checkRowCount('trainRows', options.trainRows);
  checkRowCount('evalRows', options.evalRows);
  const other = (['evalDataset', 'evalSplit'] as const).find((name) => options[name] !== undefined);
  if (options.testSize !== undefined && other !== undefined)
    throw new UsageError('held-out-twice', { one: 'testSize', other });
  if (options.evalDataset !== undefined && options.evalSplit !== undefined)
    throw new UsageError('held-out-twice', { one: 'evalDataset', other: 'evalSplit' });
  if (options.validationSize !== undefined && options.validationSplit !== undefined)
    throw new UsageError('held-out-twice', { one: 'validationSize', other: 'validationSplit' });

  const source = await openSource(options);
  try {
    return await loadBoth(source, options, expected);
  } catch (error) {
    throw source.columns.explained(error);
  }
}

async function loadBoth(
  source: Source,
  options: LoadSplitsOptions,
  expected: number | undefined,
): Promise<UnalignedSplits> {
  const name = options.split ?? 'train';
  const { dataset, labels } = await source.load(name, { names: options.labelNames, expected });
  const notes = [...source.notes];
  const all: SplitsUnderWay = { name, source, options, labels, notes };
  const tested = await testPart(dataset, all);
  const taken = first(tested.train, options.trainRows, notes);
  refuseOneClass(taken, tested.train);
  const validated = await validationPart(taken, tested.heldOut.evalSplit, all);
  const splits = {
    train: validated.train,
    test: tested.test && first(tested.test, options.evalRows, notes),
    validation: validated.validation,
    heldOut: { ...tested.heldOut, ...validated.heldOut },
    labelNames: labels.names,
    columns: source.columns.names,
  };
  return {
    splits: { ...splits, notes: distinct([...notes, ...source.notes]) },
    labels,
  };
}

interface SplitsUnderWay {
  /** Of the training split. */
  readonly name: string;
  readonly source: Source;
  readonly options: LoadSplitsOptions;
  readonly labels: LabelMap;
  readonly notes: Notice[];
}

interface TestPart {
  readonly train: Dataset;
  readonly test?: Dataset | undefined;
  readonly heldOut: Pick<HeldOut, 'evalSplit' | 'testSize'>;
}

/** The test rows: of another file, parted off, or a split of the dataset. */
async function testPart(
  train: Dataset,
  { name, source, options, labels, notes }: SplitsUnderWay,
): Promise<TestPart> {
  const { evalDataset, testSize, plannedParts, seed, signal } = options;
  if (evalDataset !== undefined) {
    const files = await evaluationFiles(evalDataset);
    return {
      train,
      test: await loadFiles({ name: 'test', files }, labels, { ...options, columns: source.columns }, notes),
      heldOut: {},
    };
  }
  if (testSize !== undefined) {
    const parts = await paced(train.splitting({ testSize, seed, stratified: true }), signal);
    if (source.splits.includes('test')) notes.push(notice('test-split-unused', { rows: parts.test.length }));
    return { ...parts, heldOut: { testSize } };
  }
  const wanted = options.evalSplit ?? (name === 'test' ? undefined : 'test');
  if (wanted === name) throw new UsageError('eval-split-is-training-split', { split: name });
  if (wanted !== undefined && (options.evalSplit !== undefined || source.splits.includes(wanted))) {
    return { train, test: (await source.load(wanted, { labels })).dataset, heldOut: { evalSplit: wanted } };
  }
  const planned = plannedSize(train, plannedParts?.testSize);
  if (planned.size !== undefined)
    return {
      ...(await paced(train.splitting({ testSize: planned.size, seed, stratified: true }), signal)),
      heldOut: { testSize: planned.size },
    };
  if (planned.obstacle !== undefined) notes.push(notice('no-test-rows', { obstacle: planned.obstacle }));
  if (source.folder !== undefined && plannedParts === undefined)
    notes.push(
      notice('no-test-split', {
        folder: source.folder,
        others: source.splits.filter((split) => split !== name),
      }),
    );
  return { train, heldOut: {} };
}

interface ValidationPart {
  readonly train: Dataset;
  readonly validation?: Dataset | undefined;
  readonly heldOut: Pick<HeldOut, 'validationSplit' | 'validationSize'>;
}

/**
 * The rows to choose an epoch by: a split of the dataset, or parted off. @param evalSplit the split that is
 * tested on
 */
async function validationPart(
  train: Dataset,
  evalSplit: string | undefined,
  { name, source, options, labels, notes }: SplitsUnderWay,
): Promise<ValidationPart> {
  const { validationSize, validationSplit, evalDataset, plannedParts, seed, signal } = options;
  const isFree = (split: string): boolean => split !== name && split !== evalSplit;
  if (validationSplit !== undefined && !isFree(validationSplit)) {
    const use = validationSplit === name ? 'train' : 'test';
    throw new UsageError('validation-split-in-use', { split: validationSplit, use });
  }
  // A file to evaluate on may be that very split.
  const wantsOwn =
    validationSize === undefined && evalDataset === undefined && plannedParts?.validationSize !== undefined;
  const own =
    validationSplit ??
    (wantsOwn ? source.splits.find((split) => VALIDATION.has(split) && isFree(split)) : undefined);
  if (own !== undefined)
    return {
      train,
      validation: (await source.load(own, { labels })).dataset,
      heldOut: { validationSplit: own },
    };
  const planned = plannedSize(train, plannedParts?.validationSize, MOST_VALIDATION_ROWS);
  const size = validationSize ?? planned.size;
  if (size === undefined) {
    if (planned.obstacle !== undefined)
      notes.push(notice('no-validation-rows', { obstacle: planned.obstacle }));
    return { train, heldOut: {} };
  }
  testRows(train.length, size, 'validationSize');
  const parts = await paced(train.splitting({ testSize: size, seed, stratified: true }), signal);
  return {
    train: parts.train,
    validation: parts.test.named('validation'),
    heldOut: { validationSize: size },
  };
}

/** What a card may call it; files by their names are `validation`. */
const VALIDATION: ReadonlySet<string> = new Set(['validation', 'valid', 'val', 'dev']);

export interface LoadTestOptions extends DatasetChoice {
  /** The split to test on; default `test`. */
  readonly split?: string | undefined;
  readonly evalRows?: number | undefined;
  /** The classes of the model that is to be tested. */
  readonly labelNames: readonly string[];
  /** The seed of the training run, so that the bundled sample is parted the same way. */
  readonly seed: number;
}

/**
 * Loads labelled rows to test a trained model on. One class alone is no error here.
 *
 * @throws DataError and HubError as `loadDataset`, among them `label-unknown` and `label-out-of-range` for a
 *   class that the model does not have; UsageError `row-count-invalid`, `files-have-no-split`
 */
export async function loadTestSplit(
  options: LoadTestOptions,
): Promise<{ readonly test: Dataset; readonly notes: readonly Notice[] }> {
  checkRowCount('evalRows', options.evalRows);
  const { labelNames } = options;
  const source = await openSource(options);
  const labels = LabelMap.named(labelNames, 'model');
  const { dataset: test } = await source.load(
    source.splits.length === 0 && options.split === undefined ? undefined : (options.split ?? 'test'),
    { labels },
  );
  const notes = [...source.notes, ...lookAlikeNotes(labelNames)];
  return { test: first(test, options.evalRows, notes), notes };
}

/** Each notice once, where several files gave the same. */
function distinct(notes: readonly Notice[]): Notice[] {
  return [...new Map(notes.map((each) => [each.message, each])).values()];
}

function first(split: Dataset, rows: number | undefined, notes: Notice[]): Dataset {
  if (rows === undefined) return split;
  if (rows < split.length)
    notes.push(notice('first-rows-taken', { split: split.name, rows: split.length, taken: rows }));
  if (rows > split.length)
    notes.push(notice('fewer-rows-than-asked', { split: split.name, rows: split.length, asked: rows }));
  return split.select(rows);
}

/** The classic trap: a file sorted by class, of which the first rows are all of one. */
function refuseOneClass(chosen: Dataset, all: Dataset): void {
  const { label } = chosen.rows[0];
  if (chosen.rows.some((row) => row.label !== label)) return;
  throw new DataError('labels-of-one-class', {
    source: all.source,
    rows: all.length,
    taken: chosen.length < all.length ? chosen.length : undefined,
    label,
    name: all.labelNames[label],
  });
}

function checkRowCount(name: 'trainRows' | 'evalRows', rows: number | undefined): void {
  if (rows !== undefined && (!Number.isSafeInteger(rows) || rows < 1))
    throw new UsageError('row-count-invalid', { name, given: factNumber(rows) });
}

/** The files of `evalDataset`. */
async function evaluationFiles(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) throw new DataError('eval-dataset-is-folder', { path });
  if (!found && (await isPattern(path))) return matchingFiles(path);
  if (!found) throw new DataError('eval-dataset-not-found', { path, readable: EXTENSIONS });
  return [path];
}
