// From what the user calls the dataset (a file, a pattern, a folder, a repository of the Hub, `sample`) to
// splits that share their classes.
import { stat } from 'node:fs/promises';
import { jsonValue } from '../json/syntax.js';
import { DataError, UsageError } from '../errors.js';
import { didYouMean } from '../nearest.js';
import type { AlignmentUse } from './align.js';
import { alignClasses, alignDataset } from './align.js';
import { classNamesOf } from './card.js';
import type { Columns } from './columns.js';
import { DatasetColumns } from './columns.js';
import { Dataset } from './dataset.js';
import type { HeldOut, PlannedParts } from './held-out.js';
import { MOST_VALIDATION_ROWS, plannedSize } from './held-out.js';
import { LabelMap } from './labels.js';
import type { Layout } from './layout.js';
import { findLayout, shortList } from './layout.js';
import { isPattern, matchingFiles } from './local.js';
import { lookAlikeNotes } from './look-alikes.js';
import type { OpenOptions } from './open.js';
import { openDataset } from './open.js';
import { READABLE } from './readers.js';
import { Pace, paced } from '../pace.js';
import type { ColumnOptions, RawRow, ReadOptions } from './rows.js';
import { rowPlace } from './rows.js';
import { SAMPLE_LABELS, loadSample } from './sample.js';
import { testRows } from './stratified.js';

/** Which part of which dataset. */
export interface DatasetChoice extends ColumnOptions, OpenOptions {
  /**
   * A file; a pattern of files; a folder; `owner/name[@revision]` on the Hub; or `sample`, the bundled
   * sentences.
   */
  readonly dataset: string;
  /** The configuration of a dataset that has several. */
  readonly datasetConfig?: string | undefined;
}

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
  readonly test?: Dataset;
  /** Rows to choose an epoch by, where there are any. */
  readonly validation?: Dataset;
  readonly heldOut: HeldOut;
  /** [K] */
  readonly labelNames: readonly string[];
  /** What the user should know though nothing is wrong. */
  readonly notes: readonly string[];
  /** Where text and label were found. */
  readonly columns: Columns;
}

/**
 * Loads the training split and, where there is one, the split to evaluate on. @throws DataError, UsageError
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

/** The splits under the classes of a model. @throws DataError where names contradict */
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
    ...(test && { test: alignDataset(test, alignment) }),
    ...(validation && { validation: alignDataset(validation, alignment) }),
    labelNames: alignment.names,
    notes: alignment.note === undefined ? notes : [...notes, alignment.note],
  };
}

/**
 * `loadSplits` without its alignment. @param expected classes that there are, of which the rows may have only
 * some
 */
export async function loadUnaligned(options: LoadSplitsOptions, expected?: number): Promise<UnalignedSplits> {
  checkRowCount('trainRows', options.trainRows);
  checkRowCount('evalRows', options.evalRows);
  const other = (['evalDataset', 'evalSplit'] as const).find((name) => options[name] !== undefined);
  if (options.testSize !== undefined && other !== undefined)
    throw new UsageError(`testSize and ${other} exclude each other`, {
      hint: 'Both say which rows to evaluate on. Give one of them.',
    });
  if (options.evalDataset !== undefined && options.evalSplit !== undefined)
    throw new UsageError('evalDataset and evalSplit exclude each other', {
      hint: 'The evaluation dataset is one split already. Give one of them.',
    });
  if (options.validationSize !== undefined && options.validationSplit !== undefined)
    throw new UsageError('validationSize and validationSplit exclude each other', {
      hint: 'Both say which rows to choose an epoch by. Give one of them.',
    });

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
    ...(tested.test && { test: first(tested.test, options.evalRows, notes) }),
    ...(validated.validation && { validation: validated.validation }),
    heldOut: { ...tested.heldOut, ...validated.heldOut },
    labelNames: labels.names,
    columns: source.columns.names,
  };
  return {
    splits: { ...splits, notes: [...notes, ...source.notes.filter((note) => !notes.includes(note))] },
    labels,
  };
}

interface SplitsUnderWay {
  /** Of the training split. */
  readonly name: string;
  readonly source: Source;
  readonly options: LoadSplitsOptions;
  readonly labels: LabelMap;
  readonly notes: string[];
}

interface TestPart {
  readonly train: Dataset;
  readonly test?: Dataset;
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
    if (source.splits.includes('test'))
      notes.push(
        `the dataset's own test split is not used, because testSize makes one of ${parts.test.length} rows`,
      );
    return { ...parts, heldOut: { testSize } };
  }
  const wanted = options.evalSplit ?? (name === 'test' ? undefined : 'test');
  if (wanted === name)
    throw new UsageError(`the split ${name} cannot be trained and evaluated on at once`, {
      hint: 'Choose another --eval-split, or --test-size.',
    });
  if (wanted !== undefined && (options.evalSplit !== undefined || source.splits.includes(wanted))) {
    return { train, test: (await source.load(wanted, { labels })).dataset, heldOut: { evalSplit: wanted } };
  }
  const planned = plannedSize(train, plannedParts?.testSize);
  if (planned.size !== undefined)
    return {
      ...(await paced(train.splitting({ testSize: planned.size, seed, stratified: true }), signal)),
      heldOut: { testSize: planned.size },
    };
  if (planned.obstacle !== undefined) notes.push(`${NO_TEST_ROWS}: ${planned.obstacle}`);
  if (source.folder !== undefined && plannedParts === undefined)
    notes.push(
      noTestSplit(
        source.folder,
        source.splits.filter((split) => split !== name),
      ),
    );
  return { train, heldOut: {} };
}

interface ValidationPart {
  readonly train: Dataset;
  readonly validation?: Dataset;
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
    throw new UsageError(
      `the split ${validationSplit} cannot be ${validationSplit === name ? 'trained' : 'tested'} on and choose an epoch at once`,
      { hint: 'Choose another split, or let some of the training rows be parted off (validationSize).' },
    );
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
    if (planned.obstacle !== undefined) notes.push(`no validation rows are parted off: ${planned.obstacle}`);
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

/** How the note begins that says why a planned test part is not there. */
export const NO_TEST_ROWS = 'no test rows are parted off';

function noTestSplit(folder: string, others: readonly string[]): string {
  const rest =
    others.length === 0
      ? '--test-size 0.2 parts one off'
      : `it has ${others.join(', ')}: --eval-split ${others[0]} evaluates on that`;
  return `${folder} holds no test.*, so there is no test split; ${rest}`;
}

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
 * Loads labelled rows to test a trained model on. One class alone is no error here. @throws DataError,
 * UsageError
 */
export async function loadTestSplit(
  options: LoadTestOptions,
): Promise<{ readonly test: Dataset; readonly notes: readonly string[] }> {
  checkRowCount('evalRows', options.evalRows);
  const { labelNames } = options;
  const source = await openSource(options);
  const labels = LabelMap.named(labelNames, 'the model');
  const { dataset: test } = await source.load(
    source.splits.length === 0 && options.split === undefined ? undefined : (options.split ?? 'test'),
    { labels },
  );
  const notes = [...source.notes, ...lookAlikeNotes(labelNames)];
  return { test: first(test, options.evalRows, notes), notes };
}

/** A dataset whose splits can be loaded one by one. */
export interface Source {
  /** What it is called, where it has splits of its own to speak of. */
  readonly folder: string | undefined;
  /** Names of its splits; none where it is files that are one split, whatever that is called. */
  readonly splits: readonly string[];
  /** Grows as splits are loaded. */
  readonly notes: readonly string[];
  /** Known when the first split is loaded. */
  readonly columns: DatasetColumns;
  /**
   * Loads a split. Its classes are those that are known, or those the dataset declares, or learnt from its
   * rows.
   *
   * @throws DataError, UsageError
   */
  load(
    split: string | undefined,
    known?: KnownClasses,
  ): Promise<{ readonly dataset: Dataset; readonly labels: LabelMap }>;
}

/** What is known of a split's classes beforehand; nothing by default. */
export interface KnownClasses {
  /** Those of another split of the dataset. */
  readonly labels?: LabelMap | undefined;
  /** By index. */
  readonly names?: readonly string[] | undefined;
  /** How many there are, of which the rows may have only some. */
  readonly expected?: number | undefined;
}

/** @throws DataError, UsageError where there is no such dataset or configuration */
export async function openSource(options: DatasetChoice & { readonly seed: number }): Promise<Source> {
  const opened = await openDataset(options.dataset, options);
  if (opened.kind !== 'repository' && options.datasetConfig !== undefined)
    throw new UsageError(`${options.dataset}: has no configurations`, {
      hint: 'Leave --dataset-config out.',
    });
  if (opened.kind === 'sample') return sampleSource(options.seed);
  const columns = new DatasetColumns(options);
  const source =
    opened.kind === 'files'
      ? filesSource(opened.files, { ...options, columns })
      : layoutSource(await findLayout(opened.repository, options.datasetConfig), { ...options, columns });
  const load: Source['load'] = (split, known) =>
    source.load(split, known).catch((error: unknown) => {
      throw columns.explained(error);
    });
  return { ...source, load };
}

function sampleSource(seed: number): Source {
  const splits = ['train', 'test'];
  return {
    folder: undefined,
    splits,
    notes: [],
    columns: new DatasetColumns({}),
    load: async (split = 'test', { names: given, labels, expected = labels?.names.length } = {}) => {
      if (expected !== undefined && expected !== SAMPLE_LABELS.length)
        throw new DataError(
          `the bundled sample has ${SAMPLE_LABELS.length} classes (${SAMPLE_LABELS.join(', ')}), but the model has ${expected}`,
        );
      if (split !== 'train' && split !== 'test') throw noSplit('sample', split, splits);
      const sample = (await loadSample(seed))[split];
      if (labels) {
        const rows = await labels.encode(
          sample.rows.map((row, i) => ({ line: i + 1, unit: 'row', ...row })),
          'the bundled sample',
        );
        return { dataset: new Dataset(split, sample.source, rows, labels.names), labels };
      }
      const names = given ?? SAMPLE_LABELS;
      if (names.length < SAMPLE_LABELS.length)
        throw new UsageError(
          `the bundled sample has ${SAMPLE_LABELS.length} classes, but ${names.length} label names are given`,
        );
      const rows =
        names === SAMPLE_LABELS || names.every((name, i) => name === SAMPLE_LABELS[i])
          ? sample.rows
          : sample.rows.map((row) => ({ ...row, labelText: names[row.label] }));
      return {
        dataset: new Dataset(split, sample.source, rows, names),
        labels: given ? LabelMap.of(names) : LabelMap.named(names, 'the bundled sample'),
      };
    },
  };
}

/** How the files of a dataset are read. */
interface FileOptions extends ReadOptions {
  readonly columns: DatasetColumns;
}

function filesSource(files: readonly string[], options: FileOptions): Source {
  const notes: string[] = [];
  return {
    folder: undefined,
    splits: [],
    notes,
    columns: options.columns,
    load: async (split, { names, labels, expected } = {}) => {
      if (split !== undefined && split !== 'train')
        throw new UsageError(
          `${files.length === 1 ? files[0] : `the ${files.length} files`}: is one split, which has no ${split}`,
          { hint: 'Name the folder, or another file by --eval-dataset.' },
        );
      const name = split ?? 'test';
      if (labels) return { dataset: await loadFiles({ name, files }, labels, options, notes), labels };
      return learnSplit({ name, files }, { names, expected }, options, notes);
    },
  };
}

function layoutSource(layout: Layout, options: FileOptions): Source {
  const { repository, splits } = layout;
  const notes: string[] = [];
  return {
    folder: repository.name,
    splits: [...splits.keys()],
    notes,
    columns: options.columns,
    load: async (split = 'test', { names: given, labels, expected } = {}) => {
      const paths = splits.get(split);
      if (!paths)
        throw splits.size === 0 || repository.local
          ? noSplitFile(layout, split)
          : noSplit(repository.name, split, [...splits.keys()]);
      const files: string[] = [];
      for (const path of paths) files.push(await repository.fetch(path));
      if (files.length > 1 && !paths.every((path) => /\d/.test(path)))
        notes.push(`the ${split} split is ${files.length} files: ${shortList(paths)}`);
      const source = files.length === 1 ? undefined : `${repository.name} (${files.length} files)`;
      const part = { name: split, files, source, classNames: (column: string) => layout.classNames(column) };
      if (labels) return { dataset: await loadFiles(part, labels, options, notes), labels };
      return learnSplit(part, { names: given, expected }, options, notes);
    },
  };
}

/** The files of a split. */
interface SplitFiles {
  readonly name: string;
  readonly files: readonly string[];
  /** What the split is said to come from, where that is not the files. */
  readonly source?: string | undefined;
  /** The classes that the dataset declares for a column, outside of its files. */
  readonly classNames?: ((labelColumn: string) => readonly string[] | undefined) | undefined;
}

async function learnSplit(
  part: SplitFiles,
  { names, expected }: Pick<KnownClasses, 'names' | 'expected'>,
  options: FileOptions,
  notes: string[],
) {
  const { name, files, source = sourceName(files) } = part;
  const rows = await readAll(files, options, notes);
  const declared = names ? undefined : await declaredClasses(part, options);
  const known = names
    ? LabelMap.of(names)
    : declared && LabelMap.named(declared, `what ${sourceName(files)} declares`);
  const labels = known ?? (await LabelMap.learn(rows, files[0], options.signal, expected));
  notes.push(...lookAlikeNotes(labels.names));
  return {
    dataset: new Dataset(name, source, await labels.encode(rows, files[0], options.signal), labels.names),
    labels,
  };
}

async function loadFiles(
  part: SplitFiles,
  labels: LabelMap,
  options: FileOptions,
  notes: string[],
): Promise<Dataset> {
  const { name, files, source = sourceName(files) } = part;
  const rows = await readAll(files, options, notes);
  return new Dataset(
    name,
    source,
    await labels.encode(rows, files[0], options.signal, await declaredClasses(part, options)),
    labels.names,
  );
}

/**
 * By the data itself, outside of its rows. Asked when these are read: until then, the column may not be
 * known.
 */
const declaredClasses = async (
  { files, classNames }: SplitFiles,
  { columns }: FileOptions,
): Promise<readonly string[] | undefined> =>
  classNames?.(columns.names.labelColumn) ?? (await declaredNames(files[0], columns.names));

const sourceName = (files: readonly string[]): string =>
  files.length === 1 ? files[0] : `${files[0]} … ${files[files.length - 1]} (${files.length} files)`;

/** The rows of all files, in order. */
async function readAll(files: readonly string[], options: FileOptions, notes: string[]): Promise<RawRow[]> {
  let rows: RawRow[] = [];
  if (files.length === 1) rows = await options.columns.read(files[0], options);
  else {
    const pace = new Pace(options.signal);
    for (const file of files) {
      for (const row of await options.columns.read(file, options)) {
        if (pace.due) await pace.rest();
        rows.push({ ...row, file });
      }
    }
  }
  const { note } = options.columns;
  if (note !== undefined && !notes.includes(note)) notes.push(note);
  const nulls = rows.filter(({ nullText }) => nullText);
  if (nulls.length > 0)
    notes.push(
      `${nulls.length} ${nulls.length === 1 ? 'text is' : 'texts are'} null and ${nulls.length === 1 ? 'counts' : 'count'} as empty; the first is ${rowPlace(nulls[0], files[0])}`,
    );
  const odd = rows.find(({ spelling }) => spelling !== undefined);
  if (odd)
    notes.push(
      `labels of digits are numbers: ${JSON.stringify(odd.spelling)} (${rowPlace(odd, files[0])}) is class ${odd.label}`,
    );
  return rows;
}

/**
 * Class names that `datasets` wrote into a parquet file: `{"info": {"features": {COLUMN: {"names": […],
 * "_type": "ClassLabel"}}}}`.
 */
async function declaredNames(file: string, { labelColumn }: Columns): Promise<readonly string[] | undefined> {
  if (!/\.parquet$/i.test(file)) return undefined;
  const { parquetKeyValue } = await import('./parquet/reader.js');
  const text = await parquetKeyValue(file, 'huggingface');
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = jsonValue(text);
  } catch {
    return undefined; // a note of the writer to itself, which the rows do not need
  }
  const at = (parent: unknown, key: string): unknown =>
    typeof parent === 'object' && parent !== null && Object.hasOwn(parent, key)
      ? (parent as Readonly<Record<string, unknown>>)[key]
      : undefined;
  const feature = at(at(at(value, 'info'), 'features'), labelColumn);
  return at(feature, '_type') === 'ClassLabel'
    ? classNamesOf(at(feature, 'names'), `${file}: metadata of column ${JSON.stringify(labelColumn)}`)
    : undefined;
}

function noSplit(dataset: string, split: string, splits: readonly string[]): DataError {
  const near = didYouMean(split, splits);
  const others = splits.filter((name) => name !== 'train');
  const hint =
    near ??
    (others.length > 0
      ? `--eval-split ${others[0]} evaluates on that one; --test-size 0.2 makes a test split of the training rows.`
      : '--test-size 0.2 makes a test split of the training rows.');
  return new DataError(`${dataset}: has no split ${split}; it has ${shortList(splits)}`, { hint });
}

function noSplitFile({ repository, entries, splits }: Layout, split: string): DataError {
  const others = [...splits.keys()];
  return new DataError(
    `${repository.name}: holds no ${split}.* that attune reads; it holds ${shortList(entries) || 'nothing'}`,
    {
      hint: `${others.length > 0 ? `Its splits are ${others.join(', ')}. ` : ''}${didYouMean(split, others) ?? `Name the file ${split} with one of these endings: ${READABLE}.`}`,
    },
  );
}

function first(split: Dataset, rows: number | undefined, notes: string[]): Dataset {
  if (rows === undefined) return split;
  if (rows < split.length)
    notes.push(`only the first ${rows} of the ${split.length} rows of the ${split.name} split are taken`);
  if (rows > split.length)
    notes.push(
      `the ${split.name} split has ${split.length} rows, fewer than the ${rows} asked for; all of them are used`,
    );
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

/** The files of `evalDataset`. */
async function evaluationFiles(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory())
    throw new DataError(`${path}: is a folder; the evaluation dataset must be a file`);
  if (!found && (await isPattern(path))) return matchingFiles(path);
  if (!found)
    throw new DataError(`${path}: no such file or folder`, {
      hint: `An evaluation dataset is a file that ends in ${READABLE}, or a pattern of such files.`,
    });
  return [path];
}
