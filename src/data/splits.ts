// From what the user calls the dataset (a file, a folder, `sample`) to splits that share their classes.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, UsageError } from '../errors.js';
import { Dataset } from './dataset.js';
import { LabelMap } from './labels.js';
import { READABLE, fileKind } from './readers.js';
import { readRows, type ColumnOptions } from './rows.js';
import { SAMPLE_LABELS, loadSample } from './sample.js';

export interface LoadSplitsOptions extends ColumnOptions {
  /** A file; a folder that holds `train.*` and `test.*`; or `sample`, the bundled sentences. */
  readonly dataset: string;
  /** A file with the test split, in place of the dataset's own. */
  readonly evalDataset?: string | undefined;
  /** The first N rows of the split; all by default. */
  readonly trainRows?: number | undefined;
  readonly evalRows?: number | undefined;
  /** The classes in order of their index, where they are known beforehand: labels may then leave some of them out. */
  readonly labelNames?: readonly string[] | undefined;
  /** Draws the order of the bundled sample. */
  readonly seed: number;
}

export interface Splits {
  readonly train: Dataset;
  readonly test?: Dataset;
  /** [K] */
  readonly labelNames: readonly string[];
  /** What the user should know though nothing is wrong. */
  readonly notes: readonly string[];
}

/** Loads the training split and, where there is one, the test split. @throws DataError, UsageError */
export async function loadSplits(options: LoadSplitsOptions): Promise<Splits> {
  checkRowCount('trainRows', options.trainRows);
  checkRowCount('evalRows', options.evalRows);
  const notes: string[] = [];
  const { train, ownTest, labels } = await loadTraining(options, notes);
  const test = options.evalDataset === undefined ? ownTest : await loadSplit('test', await onlyFile(options.evalDataset), labels, options);
  const chosen = first(train, options.trainRows, notes);
  refuseOneClass(chosen, train);
  const result = { train: chosen, labelNames: train.labelNames, notes };
  return test ? { ...result, test: first(test, options.evalRows, notes) } : result;
}

export interface LoadTestOptions extends ColumnOptions {
  /** A file; a folder that holds `test.*`; or `sample`. */
  readonly dataset: string;
  readonly evalRows?: number | undefined;
  /** The classes of the model that is to be tested. */
  readonly labelNames: readonly string[];
  /** The seed of the training run, so that the bundled sample is parted the same way. */
  readonly seed: number;
}

/** Loads labelled rows to test a trained model on. One class alone is no error here. @throws DataError, UsageError */
export async function loadTestSplit(options: LoadTestOptions): Promise<{ readonly test: Dataset; readonly notes: readonly string[] }> {
  checkRowCount('evalRows', options.evalRows);
  const { dataset, labelNames } = options;
  const notes: string[] = [];
  if (dataset === 'sample') {
    if (labelNames.length !== SAMPLE_LABELS.length) {
      throw new DataError(`the bundled sample has ${SAMPLE_LABELS.length} classes (${SAMPLE_LABELS.join(', ')}), but the model has ${labelNames.length}`);
    }
    const { test } = await loadSample(options.seed);
    return { test: first(new Dataset('test', test.source, test.rows, labelNames), options.evalRows, notes), notes };
  }
  const file = (await isFolder(dataset)) ? await splitFile(dataset, 'test') : dataset;
  return { test: first(await loadSplit('test', file, LabelMap.of(labelNames), options), options.evalRows, notes), notes };
}

interface Training {
  readonly train: Dataset;
  readonly ownTest: Dataset | undefined;
  readonly labels: LabelMap;
}

async function loadTraining(options: LoadSplitsOptions, notes: string[]): Promise<Training> {
  const { dataset } = options;
  if (dataset === 'sample') {
    const { train, test } = await loadSample(options.seed);
    const names = options.labelNames ?? SAMPLE_LABELS;
    if (names.length < SAMPLE_LABELS.length) throw new UsageError(`the bundled sample has ${SAMPLE_LABELS.length} classes, but ${names.length} label names are given`);
    const named = ({ name, source, rows }: Dataset) => new Dataset(name, source, rows.map((row) => ({ ...row, labelText: names[row.label] })), names);
    return { train: named(train), ownTest: named(test), labels: LabelMap.of(names) };
  }
  const folder = await isFolder(dataset);
  const file = folder ? await splitFile(dataset, 'train') : dataset;
  const rows = await readRows(file, options);
  const labels = options.labelNames ? LabelMap.of(options.labelNames) : LabelMap.learn(rows, file);
  const train = new Dataset('train', file, labels.encode(rows, file), labels.names);
  if (!folder || options.evalDataset !== undefined) return { train, ownTest: undefined, labels };
  const test = await findSplit(dataset, 'test');
  if (test === undefined) notes.push(`${dataset} holds no test.*, so there is no test split`);
  return { train, ownTest: test === undefined ? undefined : await loadSplit('test', test, labels, options), labels };
}

async function loadSplit(name: string, file: string, labels: LabelMap, options: ColumnOptions): Promise<Dataset> {
  return new Dataset(name, file, labels.encode(await readRows(file, options), file), labels.names);
}

function first(split: Dataset, rows: number | undefined, notes: string[]): Dataset {
  if (rows === undefined) return split;
  if (rows > split.length) notes.push(`the ${split.name} split has ${split.length} rows, fewer than the ${rows} asked for; all of them are used`);
  return split.select(rows);
}

/** The classic trap: a file sorted by class, of which the first rows are all of one. */
function refuseOneClass(chosen: Dataset, all: Dataset): void {
  const { label } = chosen.rows[0];
  if (chosen.rows.some((row) => row.label !== label)) return;
  const partly = chosen.length < all.length;
  throw new DataError(
    `${all.source}: ${partly ? `the first ${chosen.length} of its ${all.length} rows` : `all ${all.length} rows`} have the label ${label} (${all.labelNames[label]}); training needs two classes or more`,
    partly ? { hint: 'The file may be sorted by label: shuffle its lines, or take more rows.' } : {},
  );
}

function checkRowCount(name: 'trainRows' | 'evalRows', rows: number | undefined): void {
  if (rows !== undefined && (!Number.isSafeInteger(rows) || rows < 1)) {
    throw new UsageError(`${name} must be a whole number from 1 up, not ${rows}`);
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw new DataError(`${path}: no such file or folder`, {
      cause,
      hint: `A dataset is a file that ends in ${READABLE}, a folder with train.* and test.*, or the name sample.`,
    });
  }
}

async function onlyFile(path: string): Promise<string> {
  if (await isFolder(path)) throw new DataError(`${path}: is a folder; the evaluation dataset must be a file`);
  return path;
}

async function splitFile(folder: string, split: string): Promise<string> {
  const file = await findSplit(folder, split);
  if (file !== undefined) return file;
  const seen = (await readdir(folder)).sort();
  const most = 10;
  const shown = seen.slice(0, most).join(', ') + (seen.length > most ? `, … (${seen.length} in all)` : '');
  throw new DataError(`${folder}: holds no ${split}.* that attune reads; it holds ${shown || 'nothing'}`, {
    hint: `Name the file ${split} with one of these endings: ${READABLE}.`,
  });
}

/** The one file of `folder` that is called `split`, with any ending that can be read. */
async function findSplit(folder: string, split: string): Promise<string | undefined> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory() && fileKind(entry.name)?.stem === split).map(({ name }) => name);
  if (files.length > 1) {
    throw new DataError(`${folder}: holds several ${split} files: ${files.sort().join(', ')}`, { hint: 'Keep one of them, or name the file itself as the dataset.' });
  }
  return files.length === 1 ? join(folder, files[0]) : undefined;
}
