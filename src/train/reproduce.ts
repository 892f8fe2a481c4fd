/**
 * Runs a run again from its manifest, into another folder, and compares what came out: every record but its
 * times, every weight bit for bit.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ModelError, UsageError } from '../errors/attune-error.js';
import { readPlainFile } from '../files.js';
import { SafetensorsFile } from '../model/safetensors.js';
import { refuseOverlap } from '../overlap.js';
import { prepareFineTune } from './fine-tune.js';
import type { FineTuneRun } from './fine-tune.js';
import { hashOfCheckpoint } from './checksums.js';
import { MANIFEST_FILE, readManifest } from './manifest.js';
import type { Manifest } from './manifest.js';
import type { LogRecord } from './records.js';
import { optionsOfRun } from './run-again.js';
import type { RunAgainOptions } from './run-again.js';
import { isOfRun } from './run-names.js';
import { parseTrainerState } from './state.js';

export interface ReproduceOptions extends Omit<RunAgainOptions, 'seed' | 'resumeFromCheckpoint'> {
  /** Told what is not as it was, before training begins. */
  readonly onDifferentStart?: (differences: readonly string[]) => void;
}

export interface Reproduction {
  /** What was not as it was before the first step: versions, device, data, weights. */
  readonly start: readonly string[];
  /** What came out differently; empty: the run was reproduced. */
  readonly differences: readonly string[];
  readonly records: number;
  readonly tensors: number;
}

/**
 * @throws ModelError `run-unfinished`, `run-origin-missing`, `run-origin-changed`, `manifest-*`; UsageError
 *   `output-overlaps-input`; and as `fineTune`
 */
export async function reproduce(dir: string, options: ReproduceOptions): Promise<Reproduction> {
  await refuseOverlap(options.outputDir, [{ what: 'the run', path: dir }], (name) => isOfRun(name));
  const manifest = await readManifest(dir);
  const expected = await recordsOf(dir);
  const checkpoint = await outsideCheckpoint(dir, manifest, options);
  const run = await prepareFineTune(optionsOfRun(manifest, { ...options, resumeFromCheckpoint: checkpoint }));
  try {
    const start = startDifferences(manifest, run.manifest);
    if (start.length > 0) options.onDifferentStart?.(start);
    const { state } = await run.train();
    const weights = await weightDifferences(dir, run, options.signal);
    return {
      start,
      differences: [...recordDifferences(expected, state.log_history), ...weights.differences],
      records: expected.length,
      tensors: weights.tensors,
    };
  } finally {
    await run.close();
  }
}

/**
 * The checkpoint of another run that this one was resumed from, as it was then.
 *
 * @throws ModelError `run-origin-missing`, `run-origin-changed`; UsageError `output-dir-holds-run`
 */
async function outsideCheckpoint(
  dir: string,
  { cwd, startedFrom }: Manifest,
  { outputDir, overwriteOutputDir = false, signal }: ReproduceOptions,
): Promise<string | undefined> {
  if (!startedFrom) return undefined;
  const path = resolve(cwd, startedFrom.path);
  if (!existsSync(path)) throw new ModelError('run-origin-missing', { dir, checkpoint: path });
  if ((await hashOfCheckpoint(path, signal)) !== startedFrom.sha256)
    throw new ModelError('run-origin-changed', { dir, checkpoint: path });
  if (!overwriteOutputDir && existsSync(join(outputDir, MANIFEST_FILE))) {
    const made = [MANIFEST_FILE];
    throw new UsageError('output-dir-holds-run', { dir: outputDir, made, resumable: false });
  }
  return path;
}

async function recordsOf(dir: string): Promise<readonly LogRecord[]> {
  const file = join(dir, 'trainer_state.json');
  const text = await readPlainFile(file).catch((cause: unknown) => {
    throw new ModelError('run-unfinished', { dir }, { cause });
  });
  return parseTrainerState(text, file).log_history;
}

const WHAT: Readonly<Record<keyof Manifest['hashes'], string>> = {
  weights: 'the weights before the first step',
  trainData: 'the training rows (texts, labels or their order)',
  trainTokens: 'the token ids of the training rows',
  evalData: 'the evaluation rows',
  testData: 'the test rows',
};

/** What differs between what a run began with and what another one begins with, in words. */
export function startDifferences(then: Manifest, now: Omit<Manifest, 'format'>): string[] {
  const differences: string[] = [];
  const compare = (what: string, before: string, after: string): void =>
    void (before === after || differences.push(`${what}: ${before} then, ${after} now`));
  compare('attune', then.versions.attune, now.versions.attune);
  compare('Node.js', then.versions.node, now.versions.node);
  compare('engine', then.versions.engine, now.versions.engine);
  compare('platform', then.platform, now.platform);
  compare('device', then.device, now.device);
  for (const [key, what] of Object.entries(WHAT) as [keyof Manifest['hashes'], string][]) {
    if (then.hashes[key] !== now.hashes[key]) differences.push(`${what} are not those of the run`);
  }
  for (const type of ['model', 'dataset'] as const) {
    const commits = (entries: Manifest['hub'] = []): string =>
      entries
        .filter((entry) => entry.type === type)
        .map(({ id, commit }) => `${id}@${commit}`)
        .join(', ');
    if (then.hub?.some((entry) => entry.type === type) && now.hub?.some((entry) => entry.type === type))
      compare(`commit of the ${type}`, commits(then.hub), commits(now.hub));
  }
  for (const change of then.changedOnResume ?? [])
    differences.push(
      'the run went on from its own checkpoint with something changed, ' +
        `which a run from the beginning cannot repeat: ${change}`,
    );
  return differences;
}

const MOST_SHOWN = 10;
const isTime = (key: string): boolean => /_runtime$|_per_second$/.test(key);

/** Differences of two log histories, times apart. */
export function recordDifferences(expected: readonly LogRecord[], actual: readonly LogRecord[]): string[] {
  const differences: string[] = [];
  if (expected.length !== actual.length)
    differences.push(`${expected.length} records then, ${actual.length} now`);
  for (const [i, record] of expected.slice(0, actual.length).entries()) {
    const before = new Map(Object.entries<unknown>({ ...record }));
    const after = new Map(Object.entries<unknown>({ ...actual[i] }));
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      const [was, is] = [before.get(key), after.get(key)];
      if (!isTime(key) && was !== is)
        differences.push(`step ${record.step}: ${key} was ${String(was)}, is ${String(is)}`);
    }
  }
  return shortened(differences);
}

/** How the numbers of a tensor differ, bit for bit; undefined if they do not. */
export function tensorDifference(before: Float32Array, after: Float32Array): string | undefined {
  if (before.length !== after.length) return `${before.length} numbers then, ${after.length} now`;
  let worst = 0;
  let count = 0;
  for (let i = 0; i < after.length; i++) {
    if (Object.is(before[i], after[i])) continue;
    count++;
    worst = Math.max(worst, Math.abs(before[i] - after[i]));
  }
  if (count === 0) return undefined;
  return `${count} of ${after.length} numbers differ, by up to ${worst.toExponential(2)}`;
}

async function weightDifferences(
  dir: string,
  run: FineTuneRun,
  signal: AbortSignal | undefined,
): Promise<{ differences: string[]; tensors: number }> {
  const file = await SafetensorsFile.open(join(dir, 'model.safetensors'));
  try {
    const differences: string[] = [];
    const { parameters } = run.model.graphs;
    for (const { name } of parameters) {
      signal?.throwIfAborted();
      if (!file.tensors.has(name)) {
        differences.push(`${name} is not in ${file.path}`);
        continue;
      }
      const before = await file.read(name);
      const after = await run.session.readTensor('parameter', name);
      const difference = tensorDifference(before, after);
      if (difference !== undefined) differences.push(`${name}: ${difference}`);
    }
    return { differences: shortened(differences), tensors: parameters.length };
  } finally {
    await file.close();
  }
}

function shortened(differences: readonly string[]): string[] {
  if (differences.length <= MOST_SHOWN) return [...differences];
  return [...differences.slice(0, MOST_SHOWN), `… and ${differences.length - MOST_SHOWN} more`];
}
