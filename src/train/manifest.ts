/**
 * attune.json, the manifest in a run's output folder: all that decides the run's numbers, so that `attune
 * reproduce` can run it again and say what differs. The hashes are of what the computation gets, not of
 * files: a dataset that was converted from CSV to JSON lines is still the same.
 */
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { jsonValue } from '../json/syntax.js';
import type { Dataset } from '../data/dataset.js';
import type { LoadSplitsOptions } from '../data/splits.js';
import { DEVICES } from '../engine/device-names.js';
import type { Device } from '../engine/device-names.js';
import type { EngineSession } from '../engine/engine.js';
import { ModelError, UsageError } from '../errors/attune-error.js';
import { described } from '../errors/wording.js';
import type { Plain } from '../errors/wording.js';
import { readPlainFile } from '../files.js';
import {
  CONVERTED_PARQUET,
  isCommit,
  isRepositoryId,
  isRevision,
  parseRepositoryId,
} from '../hub/identifiers.js';
import type { RepositoryType } from '../hub/identifiers.js';
import type { HubCommit } from '../hub/settings.js';
import { isJsonObject } from '../model/config-fields.js';
import { littleEndianBytes } from '../model/float-formats.js';
import type { PretrainedModel } from '../model/pretrained.js';
import { Pace } from '../pace.js';
import { resolveArguments } from './arguments.js';
import type { LabelledRows } from './evaluate.js';

export const MANIFEST_FILE = 'attune.json';
const FORMAT = 1;

/** What a run is given beside its arguments, as far as it can be written down. */
export interface RunInputs extends Omit<
  LoadSplitsOptions,
  'labelNames' | 'seed' | 'hub' | 'signal' | 'plannedParts'
> {
  /** A model folder, or the id of a model on the Hub with `@revision` where wanted. */
  readonly model: string;
  /** Which engine is asked for, not which one computes. */
  readonly device?: Device | undefined;
  /** Draws the rows that are held out where the data has no test split; absent: the seed of the run. */
  readonly splitSeed?: number | undefined;
}

/** SHA-256 of what the computation begins with, in hexadecimal. */
export interface ManifestHashes {
  /** Names and float32 numbers of all parameters before the first step, a newly drawn head included. */
  readonly weights: string;
  /** Texts and labels of the training rows, in order, with the names of the classes. */
  readonly trainData: string;
  /** Token ids of the training rows, as cut to maxLength. */
  readonly trainTokens: string;
  /** Of the rows that it is evaluated on as it learns. */
  readonly evalData: string | null;
  /** Of the test rows, where these are others. */
  readonly testData?: string | undefined;
}

export interface Manifest {
  readonly format: typeof FORMAT;
  readonly versions: { readonly attune: string; readonly node: string; readonly engine: string };
  readonly platform: string;
  /** The engine in words, with its threads. */
  readonly device: string;
  /** As given; null: what the machine offered. */
  readonly threads: number | null;
  readonly seed: number;
  /** The folder that relative paths start from. */
  readonly cwd: string;
  readonly inputs: RunInputs;
  /**
   * Whether arguments that were not given were planned; absent in runs of earlier versions, which planned
   * nothing.
   */
  readonly isPlanned?: boolean | undefined;
  /** Arguments of training under their camelCase names. */
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly hashes: ManifestHashes;
  /** The commits that model and dataset were taken from, where they came from the Hub. */
  readonly hub?: readonly HubCommit[] | undefined;
  /** The checkpoint of another run that this one went on from. */
  readonly startedFrom?: OutsideCheckpoint | undefined;
  /**
   * What was given otherwise when the run went on from its own checkpoint, in words: no start from the
   * beginning gives the same.
   */
  readonly changedOnResume?: readonly string[] | undefined;
}

export interface OutsideCheckpoint {
  /** As given. */
  readonly path: string;
  /** Of its files (`hashOfCheckpoint`). */
  readonly sha256: string;
}

/**
 * Hash of the weights that a model writes into a session: a session that passes everything on and listens.
 */
export function hashingSession(session: Pick<EngineSession, 'writeTensor'>): {
  readonly session: Pick<EngineSession, 'writeTensor'>;
  digest(): string;
} {
  const hash = createHash('sha256');
  return {
    session: {
      writeTensor: (kind, name, values, offset = 0) => {
        // Large tensors come in pieces, in order; how large those are must not show in the digest.
        if (offset === 0) hash.update(`${kind} ${name}\n`);
        hash.update(littleEndianBytes(values));
        return session.writeTensor(kind, name, values, offset);
      },
    },
    digest: () => hash.digest('hex'),
  };
}

/** Hash of the weights that a model would write into a session. */
export async function hashOfWeights(model: Pick<PretrainedModel, 'writeTo'>): Promise<string> {
  const weights = hashingSession({ writeTensor: () => Promise.resolve() });
  await model.writeTo(weights.session);
  return weights.digest();
}

export async function hashOfData({ rows, labelNames }: Dataset, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(labelNames));
  const pace = new Pace(signal);
  for (const { text, label } of rows) {
    if (pace.due) await pace.rest();
    hash.update(`\n${label} ${JSON.stringify(text)}`);
  }
  return hash.digest('hex');
}

export async function hashOfTokens({ rows, labels }: LabelledRows, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const pace = new Pace(signal);
  for (const [i, { ids, blind }] of rows.entries()) {
    if (pace.due) await pace.rest();
    hash.update(`${labels[i]} ${blind} ${ids.join(' ')}\n`);
  }
  return hash.digest('hex');
}

/** What goes into attune.json. */
export const manifestToJson = (manifest: Omit<Manifest, 'format'>): string =>
  `${JSON.stringify({ format: FORMAT, ...manifest }, null, 2)}\n`;

/**
 * @throws ModelError `manifest-unreadable`, `manifest-not-json`, `manifest-foreign`, `manifest-format`,
 *   `manifest-damaged`, `manifest-arguments-invalid`
 */
export async function readManifest(dir: string): Promise<Manifest> {
  const file = join(dir, MANIFEST_FILE);
  const text = await readPlainFile(file).catch((cause: Error) => {
    throw new ModelError('manifest-unreadable', { file, reason: cause.message }, { cause });
  });
  let value: unknown;
  try {
    value = jsonValue(text);
  } catch (cause) {
    throw new ModelError('manifest-not-json', { file }, { cause });
  }
  if (!isJsonObject(value)) throw new ModelError('manifest-foreign', { file });
  if (value['format'] !== FORMAT)
    throw new ModelError('manifest-format', { file, found: value['format'] as Plain, known: FORMAT });
  const { inputs, arguments: args, hashes, versions } = value;
  const texts = (object: unknown, ...keys: string[]): boolean =>
    isJsonObject(object) && keys.every((key) => typeof object[key] === 'string');
  const optional = (object: Readonly<Record<string, unknown>>, type: string, ...keys: string[]): boolean =>
    keys.every((key) => object[key] === undefined || typeof object[key] === type);
  const sound =
    texts(value, 'cwd', 'device', 'platform') &&
    texts(versions, 'attune', 'node', 'engine') &&
    texts(hashes, 'weights', 'trainData', 'trainTokens') &&
    texts(inputs, 'model', 'dataset') &&
    optional(
      inputs as Record<string, unknown>,
      'string',
      'datasetConfig',
      'split',
      'evalSplit',
      'evalDataset',
      'validationSplit',
      'textColumn',
      'labelColumn',
      'device',
    ) &&
    optional(
      inputs as Record<string, unknown>,
      'number',
      'testSize',
      'validationSize',
      'trainRows',
      'evalRows',
      'splitSeed',
    ) &&
    isJsonObject(args) &&
    Number.isSafeInteger(value['seed']) &&
    (value['threads'] === null || Number.isSafeInteger(value['threads'])) &&
    soundHub(value['hub']) &&
    (value['startedFrom'] === undefined || texts(value['startedFrom'], 'path', 'sha256')) &&
    soundChanges(value['changedOnResume']);
  const device = sound ? (inputs as RunInputs).device : undefined;
  if (!sound || (device !== undefined && !DEVICES.includes(device)))
    throw new ModelError('manifest-damaged', { file });
  try {
    resolveArguments(args);
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause;
    throw new ModelError('manifest-arguments-invalid', { file, error: described(cause) }, { cause });
  }
  return value as unknown as Manifest; // every field that is used was checked
}

function soundHub(value: unknown): boolean {
  if (value === undefined) return true;
  const sound = (entry: unknown): boolean => {
    if (!isJsonObject(entry)) return false;
    const { type, id, revision, commit } = entry;
    return (
      (type === 'model' || type === 'dataset') &&
      typeof id === 'string' &&
      isRepositoryId(id) &&
      typeof revision === 'string' &&
      isRevision(revision) &&
      typeof commit === 'string' &&
      isCommit(commit)
    );
  };
  return Array.isArray(value) && value.every(sound);
}

const soundChanges = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.every((entry) => typeof entry === 'string'));

/** Arguments that decide where files go or how the run began, not what is computed. */
const ASIDE = new Set(['outputDir', 'overwriteOutputDir', 'loggingDir', 'resumeFromCheckpoint']);

const OF_HASHES = [
  ['weights', 'the weights before the first step'],
  ['trainData', 'the training rows'],
  ['trainTokens', 'the token ids of the training rows'],
  ['evalData', 'the evaluation rows'],
  ['testData', 'the test rows'],
] as const satisfies readonly [keyof ManifestHashes, string][];

/**
 * What another start of a run was given otherwise, in words. Under another seed, the weights of a new head
 * are others.
 */
export function changesSince(earlier: Manifest, now: Omit<Manifest, 'format'>): string[] {
  const changes: string[] = [];
  const compare = (name: string, before: unknown, after: unknown): void => {
    const [was, is] = [JSON.stringify(before), JSON.stringify(after)];
    if (was !== is) changes.push(`${name} was ${was ?? 'not given'}, then ${is ?? 'not given'}`);
  };
  for (const name of new Set([...Object.keys(earlier.arguments), ...Object.keys(now.arguments)]))
    if (!ASIDE.has(name)) compare(name, earlier.arguments[name], now.arguments[name]);
  for (const [name, what] of OF_HASHES)
    if (earlier.hashes[name] !== now.hashes[name]) changes.push(`${what} were others`);
  return changes;
}

/**
 * The id of a Hub's model or dataset with the commit that the run took it from in place of its branch; any
 * other name as it is.
 */
export function pinned(name: string, type: RepositoryType, commits: readonly HubCommit[] = []): string {
  let asked;
  try {
    asked = parseRepositoryId(name, type);
  } catch {
    return name;
  }
  const taken =
    asked &&
    commits.find(
      (entry) => entry.type === type && entry.id === asked.id && entry.revision === asked.revision,
    );
  return taken ? `${taken.id}@${taken.commit}` : name;
}

/** The commit of the parquet that the Hub made of a run's dataset, where the run read that. */
export const convertedCommit = (commits: readonly HubCommit[] = []): string | undefined =>
  commits.find(({ type, revision }) => type === 'dataset' && revision === CONVERTED_PARQUET)?.commit;

/**
 * Where an input of a manifest lies: as given, seen from the folder of the run. Names that are no path there
 * stay as they are.
 */
export function pathFrom(cwd: string, given: string, exists: (path: string) => boolean): string {
  const there = resolve(cwd, given);
  return exists(there) ? there : given;
}
