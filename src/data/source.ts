// What a dataset is before its rows are parted: bundled sentences, files, or a repository, whose splits are loaded one
// by one under classes that are known, declared or learned.
import { jsonValue } from '../json/syntax.js';
import { DataError, UsageError } from '../errors/attune-error.js';
import type { Notice } from '../errors/notices.js';
import { notice } from '../errors/notices.js';
import { classNamesOf } from './card.js';
import type { Columns } from './columns.js';
import { DatasetColumns } from './columns.js';
import { Dataset } from './dataset.js';
import { LabelMap } from './labels.js';
import type { Layout } from './layout.js';
import { findLayout } from './layout.js';
import { lookAlikeNotes } from './look-alikes.js';
import type { OpenOptions } from './open.js';
import { openDataset } from './open.js';
import { EXTENSIONS } from './readers.js';
import { Pace } from '../pace.js';
import type { ColumnOptions, RawRow, ReadOptions } from './rows.js';
import { rowPlace } from './rows.js';
import { SAMPLE_LABELS, loadSample } from './sample.js';

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

/** A dataset whose splits can be loaded one by one. */
export interface Source {
  /** What it is called, where it has splits of its own to speak of. */
  readonly folder: string | undefined;
  /** Names of its splits; none where it is files that are one split, whatever that is called. */
  readonly splits: readonly string[];
  /** Grows as splits are loaded. */
  readonly notes: readonly Notice[];
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

/**
 * @throws DataError `dataset-not-found`; UsageError `dataset-config-needed`, `dataset-config-unknown`,
 *   `dataset-has-no-configs`; HubError
 */
export async function openSource(options: DatasetChoice & { readonly seed: number }): Promise<Source> {
  const opened = await openDataset(options.dataset, options);
  if (opened.kind !== 'repository' && options.datasetConfig !== undefined)
    throw new UsageError('dataset-has-no-configs', { dataset: options.dataset });
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
        throw new DataError('sample-classes-differ', { classes: SAMPLE_LABELS, modelClasses: expected });
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
        throw new UsageError('sample-label-names-missing', {
          classes: SAMPLE_LABELS.length,
          given: names.length,
        });
      const rows =
        names === SAMPLE_LABELS || names.every((name, i) => name === SAMPLE_LABELS[i])
          ? sample.rows
          : sample.rows.map((row) => ({ ...row, labelText: names[row.label] }));
      return {
        dataset: new Dataset(split, sample.source, rows, names),
        labels: given ? LabelMap.of(names) : LabelMap.named(names, 'sample'),
      };
    },
  };
}

/** How the files of a dataset are read. */
interface FileOptions extends ReadOptions {
  readonly columns: DatasetColumns;
}

function filesSource(files: readonly string[], options: FileOptions): Source {
  const notes: Notice[] = [];
  return {
    folder: undefined,
    splits: [],
    notes,
    columns: options.columns,
    load: async (split, { names, labels, expected } = {}) => {
      if (split !== undefined && split !== 'train')
        throw new UsageError('files-have-no-split', { files, split });
      const name = split ?? 'test';
      if (labels) return { dataset: await loadFiles({ name, files }, labels, options, notes), labels };
      return learnSplit({ name, files }, { names, expected }, options, notes);
    },
  };
}

function layoutSource(layout: Layout, options: FileOptions): Source {
  const { repository, splits } = layout;
  const notes: Notice[] = [];
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
        notes.push(notice('split-of-several-files', { split, files: paths }));
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
  notes: Notice[],
) {
  const { name, files, source = sourceName(files) } = part;
  const rows = await readAll(files, options, notes);
  const declared = names ? undefined : await declaredClasses(part, options);
  const known = names
    ? LabelMap.of(names)
    : declared && LabelMap.named(declared, { declaredBy: sourceName(files) });
  const labels = known ?? (await LabelMap.learn(rows, files[0], options.signal, expected));
  notes.push(...lookAlikeNotes(labels.names));
  return {
    dataset: new Dataset(name, source, await labels.encode(rows, files[0], options.signal), labels.names),
    labels,
  };
}

export async function loadFiles(
  part: SplitFiles,
  labels: LabelMap,
  options: FileOptions,
  notes: Notice[],
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
async function readAll(files: readonly string[], options: FileOptions, notes: Notice[]): Promise<RawRow[]> {
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
  if (note !== undefined && notes.every(({ code }) => code !== note.code)) notes.push(note);
  const nulls = rows.filter(({ nullText }) => nullText);
  if (nulls.length > 0) {
    notes.push(notice('null-texts', { count: nulls.length, first: rowPlace(nulls[0], files[0]) }));
  }
  const odd = rows.find(({ spelling }) => spelling !== undefined);
  if (odd) {
    const { spelling = '', label } = odd;
    notes.push(
      notice('digits-are-numbers', { spelling, place: rowPlace(odd, files[0]), label: Number(label) }),
    );
  }
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
    ? classNamesOf(at(feature, 'names'), { file, declaration: 'metadata', column: labelColumn })
    : undefined;
}

const noSplit = (dataset: string, split: string, known: readonly string[]): DataError =>
  new DataError('split-unknown', { dataset, split, known });

const noSplitFile = ({ repository, entries, splits }: Layout, split: string): DataError =>
  new DataError('split-file-missing', {
    dataset: repository.name,
    split,
    entries,
    known: [...splits.keys()],
    readable: EXTENSIONS,
  });
