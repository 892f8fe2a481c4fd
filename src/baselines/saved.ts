/**
 * Saved estimators: a folder with `estimator.json` (kinds, settings, names of arrays) and
 * `arrays.safetensors`. Data only: nothing of it is run, unlike a pickle. The folder appears whole or not at
 * all.
 */
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonValue } from '../json/syntax.js';
import { ModelError, UsageError } from '../errors/attune-error.js';
import { readPlainFile, writeFolder, writeWhole } from '../files.js';
import { ESTIMATOR_FILE } from '../model/config.js';
import { isJsonObject } from '../model/config-fields.js';
import { MEMORY_FILE } from '../model/resolve.js';
import { SafetensorsFile } from '../model/safetensors.js';
import { numberType, writeSafetensors } from '../model/safetensors-writer.js';
import type { NumberArray } from '../model/safetensors-writer.js';
import { ROWS_FILE } from '../train/trained-rows.js';
import type { Classifier, EstimatorState, Matrix } from './estimator.js';
import { HIDDEN_STATES, restoreClassifier } from './registry.js';
import type { Takes } from './registry.js';

const ARRAYS_FILE = 'arrays.safetensors';
const FORMAT = 1;
/**
 * What may stand in the folder of a saved estimator: the estimator, and what attune remembers of how it was
 * trained.
 */
const FILES: readonly string[] = [ESTIMATOR_FILE, ARRAYS_FILE, MEMORY_FILE, ROWS_FILE];

/** A state whose arrays are names of tensors. */
interface StoredState {
  readonly kind: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly arrays: readonly string[];
  readonly steps?: readonly StoredState[] | undefined;
}

export interface SaveOptions {
  /**
   * [K] Names of the classes by their index: with them, `TextClassifier.fromPretrained` opens the folder of
   * an estimator that takes texts.
   */
  readonly labelNames?: readonly string[] | undefined;
}

/**
 * Saves a fitted estimator as folder `dir`, replacing one that is there.
 *
 * @throws UsageError `estimator-folder-occupied`, `estimator-label-names-count`,
 *   `estimator-label-names-repeated`; AttuneError `file-unwritable`
 */
export async function saveEstimator(
  dir: string,
  estimator: { state(): EstimatorState },
  { labelNames }: SaveOptions = {},
): Promise<void> {
  const state = estimator.state();
  if (labelNames) {
    const repeated = repeatedName(labelNames);
    if (repeated !== undefined) throw new UsageError('estimator-label-names-repeated', { name: repeated });
    const classes = classesOf(state);
    if (labelNames.length !== classes)
      throw new UsageError('estimator-label-names-count', { names: labelNames.length, classes });
  }
  await refuseOthers(dir);
  const arrays = new Map<string, NumberArray>();
  const stored = takeApart(state, '', arrays);
  await writeFolder(dir, async (folder) => {
    await writeWhole(
      join(folder, ESTIMATOR_FILE),
      `${JSON.stringify({ format: FORMAT, labelNames, ...stored }, null, 2)}\n`,
    );
    const tensors = [...arrays].map(([name, values]) => ({
      name,
      shape: [values.length],
      dtype: numberType(values),
    }));
    await writeSafetensors(join(folder, ARRAYS_FILE), tensors, (name) => arrays.get(name)!);
  });
}

/** Nothing is replaced but a folder that holds a saved estimator and nothing else, or nothing at all. */
async function refuseOthers(dir: string): Promise<void> {
  const found = await lstat(dir).catch(() => undefined);
  if (!found) return;
  const names = found.isDirectory() ? await readdir(dir) : undefined;
  const isEstimator =
    names &&
    names.includes(ESTIMATOR_FILE) &&
    (await loadStored(dir).then(
      () => true,
      () => false,
    ));
  const other = names?.find((name) => !isEstimator || !FILES.includes(name));
  if (names && other === undefined) return;
  throw new UsageError('estimator-folder-occupied', { path: other === undefined ? dir : join(dir, other) });
}

/**
 * A saved classifier or pipeline, ready to predict.
 *
 * @param takes what the caller will give it
 * @throws ModelError `estimator-file-*`, `estimator-takes-other`, `estimator-needs-hidden-states`,
 *   `estimator-kind-unknown`, `estimator-state-unsound`, `safetensors-*`
 */
export function loadEstimator(dir: string): Promise<Classifier<Matrix>>;
export function loadEstimator(dir: string, takes: 'features'): Promise<Classifier<Matrix>>;
export function loadEstimator(dir: string, takes: 'texts'): Promise<Classifier<readonly string[]>>;
export async function loadEstimator(dir: string, takes: Takes = 'features'): Promise<Classifier<never>> {
  const { state } = await loadSaved(dir);
  if (state.steps?.[0]?.kind === HIDDEN_STATES)
    throw new ModelError('estimator-needs-hidden-states', { folder: dir });
  return restoreTaking(takes, state, dir);
}

/** @throws ModelError `estimator-takes-other`, and as `restoreClassifier` */
export function restoreTaking(takes: Takes, state: EstimatorState, dir: string): Classifier<never> {
  const restored = restoreClassifier(state);
  if (restored.takes !== takes)
    throw new ModelError('estimator-takes-other', { folder: dir, found: restored.takes, expected: takes });
  return restored.classifier;
}

export interface SavedEstimator {
  readonly state: EstimatorState;
  /** Undefined where it was saved without. */
  readonly labelNames: readonly string[] | undefined;
}

/** What was saved, as data. @throws ModelError `estimator-file-*`, `safetensors-*` */
export async function loadSaved(dir: string): Promise<SavedEstimator> {
  const path = join(dir, ESTIMATOR_FILE);
  const stored = await loadStored(dir);
  const { labelNames } = stored;
  if (
    labelNames !== undefined &&
    (!Array.isArray(labelNames) || !labelNames.every((name) => typeof name === 'string'))
  )
    throw new ModelError('estimator-file-field', { file: path, field: 'labelNames', expected: 'names' });
  const file = await SafetensorsFile.open(join(dir, ARRAYS_FILE));
  try {
    const state = await putTogether(stored, '', path, (name) => file.readExact(name));
    if (labelNames) checkStoredNames(path, labelNames, classesOf(state));
    return { state, labelNames };
  } finally {
    await file.close();
  }
}

function checkStoredNames(file: string, names: readonly string[], classes: number | undefined): void {
  const repeated = repeatedName(names);
  if (repeated !== undefined)
    throw new ModelError('estimator-file-label-names-repeated', { file, name: repeated });
  if (names.length !== classes)
    throw new ModelError('estimator-file-label-names-count', { file, names: names.length, classes });
}

const repeatedName = (names: readonly string[]): string | undefined =>
  names.find((name, i) => names.indexOf(name) !== i);

/** How many classes there are; undefined if the estimator's state has no such number. */
function classesOf({ settings, arrays, steps }: EstimatorState): number | undefined {
  const { classes } = settings;
  if (classes !== undefined && classes !== null) return typeof classes === 'number' ? classes : undefined;
  return steps && steps.length > 0 ? classesOf(steps[steps.length - 1]) : arrays['shares']?.length;
}

async function loadStored(dir: string): Promise<Readonly<Record<string, unknown>>> {
  const path = join(dir, ESTIMATOR_FILE);
  let stored: unknown;
  try {
    stored = jsonValue(await readPlainFile(path));
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new ModelError('estimator-file-unreadable', { file: path, reason }, { cause });
  }
  if (!isJsonObject(stored) || stored['format'] !== FORMAT)
    throw new ModelError('estimator-file-format', { file: path, format: FORMAT });
  return stored;
}

/** Bytes of the files in a folder, its folders included. */
export async function bytesOnDisk(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    bytes += entry.isDirectory() ? await bytesOnDisk(path) : (await stat(path)).size;
  }
  return bytes;
}

function takeApart(state: EstimatorState, prefix: string, arrays: Map<string, NumberArray>): StoredState {
  const names: string[] = [];
  for (const [name, values] of Object.entries(state.arrays)) {
    if (!values) continue;
    arrays.set(prefix + name, values);
    names.push(name);
  }
  const steps = state.steps?.map((step, i) => takeApart(step, `${prefix}steps.${i}.`, arrays));
  return {
    kind: state.kind,
    settings: state.settings,
    arrays: names,
    steps,
  };
}

async function putTogether(
  stored: unknown,
  prefix: string,
  file: string,
  read: (name: string) => Promise<NumberArray>,
): Promise<EstimatorState> {
  const misfit = (field: string, expected: 'names' | 'list' | 'object'): ModelError =>
    new ModelError('estimator-file-field', { file, field, expected });
  if (!isJsonObject(stored)) throw misfit(prefix.replace(/\.$/, ''), 'object');
  const { kind, settings, arrays: names, steps } = stored;
  if (typeof kind !== 'string' || !isJsonObject(settings))
    throw new ModelError('estimator-file-incomplete', {
      file,
      fields: [`${prefix}kind`, `${prefix}settings`],
    });
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string'))
    throw misfit(`${prefix}arrays`, 'names');
  if (steps !== undefined && !Array.isArray(steps)) throw misfit(`${prefix}steps`, 'list');
  const entries: [name: string, values: NumberArray][] = [];
  for (const name of names) entries.push([name, await read(prefix + name)]);
  const arrays = Object.fromEntries(entries);
  if (!steps) return { kind, settings, arrays };
  const children: EstimatorState[] = [];
  for (const [i, step] of steps.entries())
    children.push(await putTogether(step, `${prefix}steps.${i}.`, file, read));
  return { kind, settings, arrays, steps: children };
}
