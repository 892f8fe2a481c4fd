/** Which rows a trained model is measured on: those that were held out in its training, unless others are asked for. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { isPattern } from '../data/local.js';
import { loadSplits, loadTestSplit } from '../data/splits.js';
import type { HeldOut, LoadSplitsOptions } from '../data/splits.js';
import type { Dataset } from '../data/dataset.js';
import { UsageError } from '../errors.js';
import { looksLikePath } from '../hub/identifiers.js';
import { realPath } from '../overlap.js';
import { DEFAULT_SEED } from './model-memory.js';
import type { ModelMemory, TrainedOn } from './model-memory.js';

/** What is given by hand; what is not is remembered. */
export interface EvaluationChoice extends Pick<LoadSplitsOptions, 'datasetConfig' | 'split' | 'evalRows' | 'textColumn' | 'labelColumn' | 'hub' | 'signal'> {
  readonly dataset?: string | undefined;
  readonly seed?: number | undefined;
  /** The classes of the model. */
  readonly labelNames: readonly string[];
}

export interface EvaluationRows {
  readonly test: Dataset;
  readonly notes: readonly string[];
  /** Which rows these are, where they are those that were held out when the model was trained. */
  readonly heldOut?: string;
}

/**
 * Loads the rows.
 *
 * @throws UsageError where nothing says which, DataError
 */
export async function loadEvaluationRows(given: EvaluationChoice, memory: ModelMemory | undefined): Promise<EvaluationRows> {
  const { hub, signal, labelNames } = given;
  const { textColumn, labelColumn } = given;
  const seed = given.seed ?? memory?.seed ?? DEFAULT_SEED;
  const common = { textColumn, labelColumn, usualColumns: memory, seed, hub, signal };
  const data = memory?.data ?? undefined;
  const part = data && given.split === undefined ? await heldOutIn(data, given) : undefined;
  if (data && part) {
    // Rows to evaluate on were limited, those to choose an epoch by were not.
    const evalRows = given.evalRows ?? (isValidationPart(part, data) ? undefined : data.evalRows);
    const place = (path: string): Promise<string> => placeOf(path, data.cwd);
    const dataset = await place(data.dataset);
    const datasetConfig = given.datasetConfig ?? data.datasetConfig;
    const { test, notes } =
      part === 'evalDataset' ? await loadTestSplit({ ...common, labelNames, dataset: await place(data.evalDataset!), evalRows })
      : part === 'partedOff' ? await partedOff({ ...common, ...data, dataset, datasetConfig, evalRows }, labelNames)
      : await loadTestSplit({ ...common, labelNames, dataset, datasetConfig, split: data.evalSplit ?? data.validationSplit ?? 'test', evalRows });
    return { test, notes: notes.filter((note) => !/testSize makes one|of the train split are taken/.test(note)), heldOut: said(part, data, test, given) };
  }
  if (given.dataset === undefined) {
    throw new UsageError(data ? 'the model was trained without rows to evaluate on' : '--dataset is missing', {
      hint: data ? 'Give labelled rows by --dataset.' : 'Give labelled rows: nothing says which ones were held out when the model was trained.',
    });
  }
  return loadTestSplit({ ...common, dataset: given.dataset, datasetConfig: given.datasetConfig, split: given.split, evalRows: given.evalRows, labelNames });
}

/** The rows that `testSize`, else `validationSize`, took, taken again. */
async function partedOff(options: LoadSplitsOptions, names: readonly string[]): Promise<EvaluationRows> {
  const { test, validation, notes } = await loadSplits({ ...options, alignTo: { names, use: 'measure' } });
  return { test: test ?? validation!.select(options.evalRows ?? validation!.length), notes };
}

/** Rows in a file of their own, parted off the training rows, or a split of the dataset. */
type Place = 'evalDataset' | 'partedOff' | 'split';

/** What a finished model began as, where that can still be found. */
export async function rememberedBase({ data }: ModelMemory): Promise<string | undefined> {
  if (!data) return undefined;
  const place = await placeOf(data.model, data.cwd);
  if (place !== data.model || !looksLikePath(place)) return place;
  return (await stat(place).catch(() => undefined)) ? place : undefined;
}

type SplitsChoice = HeldOut & Pick<LoadSplitsOptions, 'usualColumns' | 'datasetConfig' | 'split' | 'evalDataset' | 'trainRows' | 'evalRows' | 'textColumn' | 'labelColumn'>;

/**
 * The training and test rows of a finished model: what is given by hand, and for the rest, where the dataset is the one that it was trained on, what it was trained
 * with.
 *
 * @throws UsageError where no dataset is given or remembered
 */
export async function rememberedSplits(given: SplitsChoice & { readonly dataset?: string | undefined }, memory: ModelMemory | undefined): Promise<SplitsChoice & { readonly dataset: string }> {
  const columns = { textColumn: given.textColumn, labelColumn: given.labelColumn, usualColumns: memory };
  const data = memory?.data ?? undefined;
  const isTrainedOn = data && (given.dataset === undefined || (await isSame(given.dataset, data.dataset, data.cwd)));
  if (!isTrainedOn) {
    if (given.dataset === undefined) throw new UsageError('--dataset is missing', { hint: 'Give the rows that the model was trained on: its folder does not say which.' });
    return { ...given, ...columns, dataset: given.dataset };
  }
  const isParted = [given.split, given.evalSplit, given.evalDataset, given.testSize].some((each) => each !== undefined);
  const { split, evalSplit, testSize } = isParted ? given : data;
  const isValidated = [given.validationSplit, given.validationSize].some((each) => each !== undefined);
  const { validationSplit, validationSize } = isValidated || isParted ? given : data;
  const evalDataset = isParted ? given.evalDataset : data.evalDataset && (await placeOf(data.evalDataset, data.cwd));
  return {
    ...columns, split, evalSplit, testSize, evalDataset, validationSplit, validationSize,
    dataset: await placeOf(data.dataset, data.cwd), datasetConfig: given.datasetConfig ?? data.datasetConfig,
    trainRows: given.trainRows ?? data.trainRows, evalRows: given.evalRows ?? data.evalRows,
  };
}

/** How the rows were held out that the choice means; undefined where it means others. */
async function heldOutIn(data: TrainedOn, { dataset, datasetConfig }: EvaluationChoice): Promise<Place | undefined> {
  const held = placeOfHeldOut(data);
  if (dataset === undefined) return held === 'split' && !(await hasSplits(data)) ? undefined : held;
  if (datasetConfig !== undefined && datasetConfig !== data.datasetConfig) return undefined;
  if (held === 'evalDataset') return (await isSame(dataset, data.evalDataset!, data.cwd)) ? held : undefined;
  if (!(await isSame(dataset, data.dataset, data.cwd))) return undefined;
  return held === 'split' && !(await hasSplits(data)) ? undefined : held;
}

function placeOfHeldOut({ evalDataset, testSize, evalSplit, validationSize }: TrainedOn): Place {
  if (evalDataset !== undefined) return 'evalDataset';
  return testSize !== undefined || (evalSplit === undefined && validationSize !== undefined) ? 'partedOff' : 'split';
}

/** Files are one split, of which none was held out; and whoever trained on the test split had no other. */
async function hasSplits({ dataset, cwd, split, evalSplit, validationSplit }: TrainedOn): Promise<boolean> {
  if (evalSplit === undefined && validationSplit === undefined && split === 'test') return false;
  const place = await placeOf(dataset, cwd);
  return (await stat(place).catch(() => undefined))?.isDirectory() ?? !(await isPattern(place));
}

/** Whether two names are of one dataset: of the same place here or, of what is not here, spelt alike. */
async function isSame(given: string, trained: string, cwd: string): Promise<boolean> {
  const isHere = (await stat(given).catch(() => undefined)) !== undefined;
  return isHere ? (await realPath(given)) === (await realPath(await placeOf(trained, cwd))) : given === trained;
}

/** Seen from the folder of the run, where something is there; else as it was given: an id of the Hub, a pattern, or gone. */
async function placeOf(path: string, cwd: string): Promise<string> {
  const there = resolve(cwd, path);
  return (await stat(there).catch(() => undefined)) ? there : path;
}

const isValidationPart = (part: Place, { evalSplit, testSize, validationSplit }: TrainedOn): boolean =>
  (part === 'partedOff' && testSize === undefined) || (part === 'split' && evalSplit === undefined && validationSplit !== undefined);

function said(part: Place, data: TrainedOn, test: Dataset, given: EvaluationChoice): string {
  const { dataset, evalDataset, testSize, validationSize, evalRows } = data;
  const ways: Readonly<Record<Place, string>> = {
    evalDataset: `its evaluation dataset ${evalDataset}`,
    partedOff: testSize === undefined ? `the validation rows of ${dataset}, by a validation size of ${validationSize}` : `the test rows of ${dataset}, by a test size of ${testSize}`,
    split: `the split ${test.name} of ${dataset}`,
  };
  const isValidation = isValidationPart(part, data);
  const rows = evalRows !== undefined && given.evalRows === undefined && !isValidation ? `, the first ${test.length} rows` : '';
  return `held out when the model was trained: ${ways[part]}${rows}${isValidation ? '; if the epoch was chosen by them, the metrics flatter the model' : ''}`;
}
