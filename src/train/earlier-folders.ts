/**
 * Output folders of attune 0.x before there was a record of what it made (output-record.ts). That a run made
 * one, its manifest says; that a comparison did, comparison.json. Then what attune used to make there, under
 * the very names, counts as made by it.
 */
import { lstat, readFile, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { jsonValue } from '../json/syntax.js';
import { isJsonObject } from '../model/config-fields.js';
import { EMBEDDED_MODEL } from '../model/embedded.js';
import { readManifest } from './manifest.js';
import type { Manifest } from './manifest.js';
import { newRecord } from './output-record.js';
import type { OutputRecord } from './output-record.js';
import { PRESETS } from './presets.js';
import {
  BASELINES_FOLDER,
  CHECKPOINT_FILES,
  COMPARISON_FILE,
  isCheckpoint,
  REPORT_FILE,
  RUN_FILES,
} from './run-names.js';

const ESTIMATOR_FILES = ['estimator.json', 'arrays.safetensors'];

/** What tells a checkpoint of attune's from one of transformers' Trainer. */
const OWN_FILES = ['attune_state.json', 'checksums.json', 'optimizer.safetensors'];

/**
 * The record that such a folder would have; undefined where nothing says that attune wrote there. What
 * interrupted writes left in a run's folder is cleared.
 */
export async function recordOfEarlier(dir: string): Promise<OutputRecord | undefined> {
  const manifest = await readManifest(dir).catch(() => undefined);
  const compared = await isComparison(join(dir, COMPARISON_FILE));
  if (!manifest && !compared) return undefined;
  const files: string[] = [];
  if (manifest) {
    await clearPartials(dir);
    files.push(...(await plainFiles(dir, RUN_FILES)));
    for (const name of (await readdir(dir)).filter(isCheckpoint))
      files.push(...(await ownCheckpoint(dir, name)));
  }
  if (compared) files.push(COMPARISON_FILE);
  if (await isReport(join(dir, REPORT_FILE))) files.push(REPORT_FILE);
  if (compared) files.push(...(await baselinesOf(dir)));
  return newRecord(manifest && isDemo(manifest) ? 'demo' : 'run', files);
}

/** Whether a run is what the demonstration does. */
function isDemo({ inputs, arguments: args }: Manifest): boolean {
  const { arguments: preset, data } = PRESETS.notebook;
  const given: Readonly<Record<string, unknown>> = { ...args, ...inputs };
  const agrees = Object.entries({ ...preset, ...data }).every(([name, value]) => given[name] === value);
  return (
    agrees &&
    inputs.dataset === 'sample' &&
    basename(inputs.model) === EMBEDDED_MODEL &&
    args['overwriteOutputDir'] === true
  );
}

async function ownCheckpoint(dir: string, name: string): Promise<string[]> {
  const files = await plainFiles(join(dir, name), CHECKPOINT_FILES);
  return files.some((file) => OWN_FILES.includes(file)) ? files.map((file) => `${name}/${file}`) : [];
}

async function baselinesOf(dir: string): Promise<string[]> {
  const folder = join(dir, BASELINES_FOLDER);
  if (!(await lstat(folder).catch(() => undefined))?.isDirectory()) return [];
  const files: string[] = [];
  for (const id of await readdir(folder)) {
    const found = await plainFiles(join(folder, id), ESTIMATOR_FILES);
    if (found.length === ESTIMATOR_FILES.length)
      files.push(...found.map((file) => `${BASELINES_FOLDER}/${id}/${file}`));
  }
  return files;
}

/** Those of `names` that are files in a folder; none where the folder is a link. */
async function plainFiles(dir: string, names: readonly string[]): Promise<string[]> {
  if ((await lstat(dir).catch(() => undefined))?.isDirectory() !== true) return [];
  const found = await Promise.all(
    names.map(async (name) =>
      (await lstat(join(dir, name)).catch(() => undefined))?.isFile() ? [name] : [],
    ),
  );
  return found.flat();
}

async function isComparison(file: string): Promise<boolean> {
  const value = await plainText(file)
    .then(
      (text) => jsonValue(text),
      () => undefined,
    )
    .catch(() => undefined);
  return (
    isJsonObject(value) &&
    value['version'] === 1 &&
    typeof value['attuneVersion'] === 'string' &&
    Array.isArray(value['models'])
  );
}

const isReport = (file: string): Promise<boolean> =>
  plainText(file).then(
    (text) => text.startsWith('<!doctype html>') && text.includes('Made by attune.'),
    () => false,
  );

async function plainText(file: string): Promise<string> {
  if (!(await lstat(file)).isFile()) throw new Error(`${file} is no plain file`);
  return readFile(file, 'utf8');
}

/**
 * `.NAME.PID.partial`, which was being written, and with `.old` behind it the folder whose place that was to
 * take.
 */
const PARTIAL = /^\.(.+)\.\d+\.partial(\.old)?$/;

async function clearPartials(dir: string): Promise<void> {
  for (const left of await readdir(dir)) {
    const [, name, old] = PARTIAL.exec(left) ?? [];
    if (name === undefined || !(isCheckpoint(name) || RUN_FILES.includes(name))) continue;
    const path = join(dir, left);
    if (old !== undefined && !(await lstat(join(dir, name)).catch(() => undefined)))
      await rename(path, join(dir, name));
    else await rm(path, { recursive: true, force: true });
  }
}
