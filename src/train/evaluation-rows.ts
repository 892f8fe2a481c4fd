/**
 * Which rows a trained model is measured on: those that were held out in its training, unless others are
 * asked for.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isPattern } from '../data/local.js';
import { loadSplits, loadTestSplit } from '../data/splits.js';
import type { HeldOut } from '../data/held-out.js';
import type { LoadSplitsOptions } from '../data/splits.js';
import type { Dataset } from '../data/dataset.js';
import { UsageError } from '../errors/attune-error.js';
import type { Notice } from '../errors/notices.js';
import { looksLikePath } from '../hub/identifiers.js';
import { realPath } from '../overlap.js';
import { DEFAULT_SEED } from './model-memory.js';
import type { ModelMemory, TrainedOn } from './model-memory.js';

/** What is given by hand; what is not is remembered. */
export interface EvaluationChoice extends Pick<
  LoadSplitsOptions,
  'datasetConfig' | 'split' | 'evalRows' | 'textColumn' | 'labelColumn' | 'hub' | 'signal'
> {
  readonly dataset?: string | undefined;
  readonly seed?: number | undefined;
  /** The classes of the model. */
  readonly labelNames: readonly string[];
}

export interface EvaluationRows {
  readonly test: Dataset;
  readonly notes: readonly Notice[];
  /** Which rows these are, where they are those that were held out when the model was trained. */
  readonly heldOut?: string;
}

/**
 * Loads the rows.
 *
 * @throws UsageError `held-out-rows-none`, `held-out-rows-unknown`; DataError and HubError as `loadDataset`
 */
export async function loadEvaluationRows(
  given: EvaluationChoice,
  memory: ModelMemory | undefined,
): Promise<EvaluationRows> {
  const { hub, signal, labelNames } = given;
  const { textColumn, labelColumn } = given;
  const seed = given.seed ?? memory?.seed ?? DEFAULT_SEED;
  const common = { textColumn, labelColumn, usualColumns: memory, seed, hub, signal };
  const data = memory?.data ?? undefined;
  const by = data && given.split === undefined ? await heldOutIn(data, given) : undefined;
  if (data && by) {
    // Rows to evaluate on were limited, those to choose an epoch by were not.
    const evalRows = given.evalRows ?? (choosesEpoch(by) ? undefined : data.evalRows);
    const place = (path: string): Promise<string> => placeOf(path, data.cwd);
    const dataset = await place(data.dataset);
    const datasetConfig = given.datasetConfig ?? data.datasetConfig;
    const load = async (): Promise<EvaluationRows> => {
      if (by === 'testSize' || by === 'validationSize')
        return partedOff({ ...common, ...data, dataset, datasetConfig, evalRows }, labelNames);
      const of =
        by === 'evalDataset'
          ? { dataset: await place(data.evalDataset!) }
          : { dataset, datasetConfig, split: data[by] ?? 'test' };
      return loadTestSplit({ ...common, ...of, labelNames, evalRows });
    };
    const { test, notes } = await load();
    return {
      test,
      notes: notes.filter((note) => !isOfTraining(note)),
      heldOut: said(by, data, test, given),
    };
  }
  if (given.dataset === undefined)
    throw new UsageError(data ? 'held-out-rows-none' : 'held-out-rows-unknown', {});
  return loadTestSplit({
    ...common,
    dataset: given.dataset,
    datasetConfig: given.datasetConfig,
    split: given.split,
    evalRows: given.evalRows,
    labelNames,
  });
}

/** Notices of a training, which whoever measures its model knows or has no use for. */
function isOfTraining({ code, facts }: Notice): boolean {
  return code === 'test-split-unused' || (code === 'first-rows-taken' && facts['split'] === 'train');
}

/** The rows that `testSize`, else `validationSize`, took, taken again. */
async function partedOff(options: LoadSplitsOptions, names: readonly string[]): Promise<EvaluationRows> {
  const { test, validation, notes } = await loadSplits({ ...options, alignTo: { names, use: 'measure' } });
  return { test: test ?? validation!.select(options.evalRows ?? validation!.length), notes };
}

/**
 * What of a run's inputs held rows out, the first that is given: those that were tested on come before those
 * that chose the epoch.
 */
const HELD_OUT_BY = ['evalDataset', 'testSize', 'evalSplit', 'validationSize', 'validationSplit'] as const;
type HeldOutBy = (typeof HELD_OUT_BY)[number];

/** A run of an earlier version that names nothing was evaluated on the test split. */
const heldOutBy = (data: TrainedOn): HeldOutBy =>
  HELD_OUT_BY.find((name) => data[name] !== undefined) ?? 'evalSplit';

const isSplit = (by: HeldOutBy): boolean => by === 'evalSplit' || by === 'validationSplit';
const choosesEpoch = (by: HeldOutBy): boolean => by === 'validationSize' || by === 'validationSplit';

/** What a finished model began as, where that can still be found. */
export async function rememberedBase({ data }: ModelMemory): Promise<string | undefined> {
  if (!data) return undefined;
  const place = await placeOf(data.model, data.cwd);
  if (place !== data.model || !looksLikePath(place)) return place;
  return (await stat(place).catch(() => undefined)) ? place : undefined;
}

type SplitsChoice = HeldOut &
  Pick<
    LoadSplitsOptions,
    | 'usualColumns'
    | 'datasetConfig'
    | 'split'
    | 'evalDataset'
    | 'trainRows'
    | 'evalRows'
    | 'textColumn'
    | 'labelColumn'
  >;

/**
 * The training and test rows of a finished model: what is given by hand, and for the rest, where the dataset
 * is the one that it was trained on, what it was trained with.
 *
 * @throws UsageError `training-rows-unknown`
 */
export async function rememberedSplits(
  given: SplitsChoice & { readonly dataset?: string | undefined },
  memory: ModelMemory | undefined,
): Promise<SplitsChoice & { readonly dataset: string }> {
  const columns = { textColumn: given.textColumn, labelColumn: given.labelColumn, usualColumns: memory };
  const data = memory?.data ?? undefined;
  const isTrainedOn =
    data && (given.dataset === undefined || (await isSame(given.dataset, data.dataset, data.cwd)));
  if (!isTrainedOn) {
    if (given.dataset === undefined) throw new UsageError('training-rows-unknown', {});
    return { ...given, ...columns, dataset: given.dataset };
  }
  const isParted = [given.split, given.evalSplit, given.evalDataset, given.testSize].some(
    (each) => each !== undefined,
  );
  const { split, evalSplit, testSize } = isParted ? given : data;
  const isValidated = [given.validationSplit, given.validationSize].some((each) => each !== undefined);
  const { validationSplit, validationSize } = isValidated || isParted ? given : data;
  const evalDataset = isParted
    ? given.evalDataset
    : data.evalDataset && (await placeOf(data.evalDataset, data.cwd));
  return {
    ...columns,
    split,
    evalSplit,
    testSize,
    evalDataset,
    validationSplit,
    validationSize,
    dataset: await placeOf(data.dataset, data.cwd),
    datasetConfig: given.datasetConfig ?? data.datasetConfig,
    trainRows: given.trainRows ?? data.trainRows,
    evalRows: given.evalRows ?? data.evalRows,
  };
}

/** How the rows were held out that the choice means; undefined where it means others. */
async function heldOutIn(
  data: TrainedOn,
  { dataset, datasetConfig }: EvaluationChoice,
): Promise<HeldOutBy | undefined> {
  const by = heldOutBy(data);
  if (dataset !== undefined) {
    if (datasetConfig !== undefined && datasetConfig !== data.datasetConfig) return undefined;
    if (!(await isSame(dataset, by === 'evalDataset' ? data.evalDataset! : data.dataset, data.cwd)))
      return undefined;
  }
  return isSplit(by) && !(await hasSplits(data, by)) ? undefined : by;
}

/** Files are one split, of which none was held out; and whoever trained on the test split had no other. */
async function hasSplits(data: TrainedOn, by: HeldOutBy): Promise<boolean> {
  if (data[by] === undefined && data.split === 'test') return false;
  const place = await placeOf(data.dataset, data.cwd);
  return (await stat(place).catch(() => undefined))?.isDirectory() ?? !(await isPattern(place));
}

/** Whether two names are of one dataset: of the same place here or, of what is not here, spelt alike. */
async function isSame(given: string, trained: string, cwd: string): Promise<boolean> {
  const isHere = (await stat(given).catch(() => undefined)) !== undefined;
  return isHere
    ? (await realPath(given)) === (await realPath(await placeOf(trained, cwd)))
    : given === trained;
}

/**
 * Seen from the folder of the run, where something is there; else as it was given: an id of the Hub, a
 * pattern, or gone.
 */
async function placeOf(path: string, cwd: string): Promise<string> {
  const there = resolve(cwd, path);
  return (await stat(there).catch(() => undefined)) ? there : path;
}

function said(by: HeldOutBy, data: TrainedOn, test: Dataset, given: EvaluationChoice): string {
  const { dataset, evalDataset, testSize, validationSize, evalRows } = data;
  const split = `the split ${test.name} of ${dataset}`;
  const ways: Readonly<Record<HeldOutBy, string>> = {
    evalDataset: `its evaluation dataset ${evalDataset}`,
    testSize: `the test rows of ${dataset}, by a test size of ${testSize}`,
    evalSplit: split,
    validationSize: `the validation rows of ${dataset}, by a validation size of ${validationSize}`,
    validationSplit: split,
  };
  const which = `held out when the model was trained: ${ways[by]}`;
  if (choosesEpoch(by)) return `${which}; if the epoch was chosen by them, the metrics flatter the model`;
  const rows =
    evalRows !== undefined && given.evalRows === undefined ? `, the first ${test.length} rows` : '';
  return `${which}${rows}`;
}
