import { DataError } from '../errors/attune-error.js';
import type { Dataset } from './dataset.js';
import { EXTENSIONS } from './readers.js';
import type { LoadSplitsOptions, Splits } from './splits.js';
import type { DatasetChoice } from './source.js';
import { loadSplits } from './splits.js';
import { openSource } from './source.js';

export interface LoadDatasetOptions extends Omit<DatasetChoice, 'dataset' | 'datasetConfig'> {
  /** The configuration of a dataset that has several. */
  readonly config?: string | undefined;
  /** One split; all by default. */
  readonly split?: string | undefined;
  /** The classes in order of their index, where they are known beforehand. */
  readonly labelNames?: readonly string[] | undefined;
  /** Draws the order of the bundled sample. Default 42. */
  readonly seed?: number | undefined;
}

/**
 * The splits by name: `train`, `test`, and whatever else the dataset has. One that it lacks is undefined here,
 * as in any record (`noUncheckedIndexedAccess` makes the compiler say so); asked for as `split`, it is refused.
 */
export type DatasetDict = Readonly<Record<string, Dataset>>;

/**
 * Loads a dataset by its name: a file, a pattern of files, a folder, `owner/name[@revision]` on the Hub, or
 * `sample`. With `split`, that one; without, all of them; files are one split, `train`. All splits share
 * their classes: those that the dataset declares, else those of its training split.
 *
 * @throws DataError `dataset-not-found`, `split-unknown`, `label-unknown`, `labels-mixed`,
 *   `labels-with-gaps`, `csv-*`, `jsonl-*`, `parquet-*` and the other codes of a file of rows; UsageError
 *   `dataset-config-needed`, `columns-identical`; HubError `hub-*`; the signal's reason if it is aborted
 */
export async function loadDataset(
  name: string,
  options: LoadDatasetOptions & { readonly split: string },
): Promise<Dataset>;
export async function loadDataset(name: string, options?: LoadDatasetOptions): Promise<DatasetDict>;
/**
 * Loads what a training run needs: the training split and the one to evaluate on.
 *
 * @throws as for a name; DataError `eval-dataset-not-found`, `labels-of-one-class`; UsageError
 *   `held-out-twice`, `row-count-invalid`, `part-*`
 */
export async function loadDataset(options: LoadSplitsOptions): Promise<Splits>;
export async function loadDataset(
  name: string | LoadSplitsOptions,
  options: LoadDatasetOptions = {},
): Promise<Dataset | DatasetDict | Splits> {
  if (typeof name !== 'string') return loadSplits(name);
  const { config, split, labelNames, seed = 42, ...rest } = options;
  const source = await openSource({ ...rest, dataset: name, datasetConfig: config, seed });
  const all = source.splits.length === 0 ? ['train'] : source.splits;
  // Which says that there is none
  if (split !== undefined && !all.includes(split)) return (await source.load(split)).dataset;
  // The classes are the training split's, whichever is asked for.
  const teacher = all.includes('train') ? 'train' : (split ?? all[0]);
  if (teacher === undefined) throw new DataError('dataset-empty', { dataset: name, readable: EXTENSIONS });
  const taught = await source.load(teacher, { names: labelNames });
  const load = async (other: string): Promise<Dataset> =>
    other === teacher ? taught.dataset : (await source.load(other, { labels: taught.labels })).dataset;
  if (split !== undefined) return load(split);
  const loaded: [name: string, dataset: Dataset][] = [];
  for (const other of all) loaded.push([other, await load(other)]);
  return Object.fromEntries(loaded);
}
