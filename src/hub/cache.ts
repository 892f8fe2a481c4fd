/**
 * What lies in the Hub's cache, and removing it. Nothing outside the cache folder is touched, and nothing in
 * it that is not laid out as the Hub does.
 */
import type { Stats } from 'node:fs';
import { lstat, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { UsageError } from '../errors/attune-error.js';
import { INCOMPLETE, LOCKS, diskError } from './cache-layout.js';
import { HubError } from './hub-error.js';
import { isCommit, isRepositoryId } from './identifiers.js';
import { isHeld } from './lock.js';
import { hubCacheDir } from './settings.js';

export interface CachedRevision {
  readonly commit: string;
  /** Branches and tags that stood at this commit when they were last asked for. */
  readonly refs: readonly string[];
  readonly files: number;
}

export interface CachedRepositoryInfo {
  readonly type: 'model' | 'dataset' | 'space';
  readonly id: string;
  readonly path: string;
  /** Bytes on the disk, a blob that several revisions share counted once; unfinished downloads included. */
  readonly size: number;
  /** Bytes of unfinished downloads. */
  readonly incomplete: number;
  readonly revisions: readonly CachedRevision[];
  /** When one of its files was last read, as far as the file system keeps that. */
  readonly lastUsed: Date;
}

export interface HubCacheInfo {
  readonly cacheDir: string;
  readonly size: number;
  /** The largest first. */
  readonly repositories: readonly CachedRepositoryInfo[];
}

const TYPES: ReadonlyMap<string, CachedRepositoryInfo['type']> = new Map([
  ['models', 'model'],
  ['datasets', 'dataset'],
  ['spaces', 'space'],
]);
/** Marks what is being removed: gone under its name at once, deleted after. */
const REMOVED = '.removed-';
/** A part that was written to in this time may be another program's download under way. */
const UNTOUCHED_FOR = 10 * 60_000;
const DAY = 24 * 3600 * 1000;

/** @throws HubError `cache-unreadable`; a folder that is not there is an empty cache */
export async function scanHubCache(cacheDir = hubCacheDir()): Promise<HubCacheInfo> {
  const entries = await readdir(cacheDir, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    throw new HubError('disk', 'cache-unreadable', { path: cacheDir, reason: cause.message }, { cause });
  });
  const repositories: CachedRepositoryInfo[] = [];
  for (const entry of entries) {
    const named = entry.isDirectory() ? parseFolderName(entry.name) : undefined;
    if (named) repositories.push(await scanRepository(join(cacheDir, entry.name), named));
  }
  repositories.sort((a, b) => b.size - a.size || (a.id < b.id ? -1 : 1));
  return { cacheDir, size: repositories.reduce((sum, { size }) => sum + size, 0), repositories };
}

function parseFolderName(name: string): Pick<CachedRepositoryInfo, 'type' | 'id'> | undefined {
  const [kind, ...parts] = name.split('--');
  const id = parts.join('/');
  const type = TYPES.get(kind);
  return type !== undefined && isRepositoryId(id) ? { type, id } : undefined;
}

async function scanRepository(
  path: string,
  named: Pick<CachedRepositoryInfo, 'type' | 'id'>,
): Promise<CachedRepositoryInfo> {
  const files = await filesUnder(path);
  let [size, incomplete, lastUsed] = [0, 0, 0];
  const counts = new Map<string, number>();
  const refs = new Map<string, string[]>();
  for (const { parts, stats } of files) {
    const [kind, ...rest] = parts;
    if (kind === 'snapshots') {
      const commit = rest.at(0);
      if (commit !== undefined && isCommit(commit)) counts.set(commit, (counts.get(commit) ?? 0) + 1);
      // A link's blob is counted where it lies; a copy, where links are not to be had, here.
      if (stats.isSymbolicLink()) continue;
    }
    if (kind === 'blobs' || kind === 'snapshots') size += stats.size;
    if (kind === 'blobs' && parts.at(-1)!.endsWith(INCOMPLETE)) incomplete += stats.size;
    if (kind === 'blobs' || kind === 'snapshots') lastUsed = Math.max(lastUsed, stats.atimeMs, stats.mtimeMs);
    if (kind === 'refs' && rest.length > 0) {
      const commit = (await readFile(join(path, ...parts), 'utf8').catch(() => '')).trim();
      if (isCommit(commit)) refs.set(commit, [...(refs.get(commit) ?? []), rest.join('/')]);
    }
  }
  const revisions = [...new Set([...counts.keys(), ...refs.keys()])]
    .sort()
    .map((commit) => ({ commit, refs: (refs.get(commit) ?? []).sort(), files: counts.get(commit) ?? 0 }));
  return {
    ...named,
    path,
    size,
    incomplete,
    revisions,
    lastUsed: new Date(lastUsed || (await stat(path)).mtimeMs),
  };
}

/** Files and links below a folder; links are not followed. */
async function filesUnder(path: string): Promise<{ parts: string[]; stats: Stats }[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries
      .filter((entry) => !entry.isDirectory())
      .map(async (entry) => {
        const file = join(entry.parentPath, entry.name);
        const stats = await lstat(file).catch(() => undefined);
        return stats && { parts: relative(path, file).split(sep), stats };
      }),
  );
  return found.filter((each) => each !== undefined);
}

export interface PruneOptions {
  readonly cacheDir?: string | undefined;
  /**
   * Repositories by their ids; `models/…` or `datasets/…` in front tells two of one id apart. Absent: all.
   */
  readonly ids?: readonly string[] | undefined;
  /** Only what was not used for so many days. */
  readonly olderThanDays?: number | undefined;
  /** Only unfinished downloads, the repositories stay. */
  readonly incomplete?: boolean | undefined;
}

export interface Pruned {
  readonly type: CachedRepositoryInfo['type'];
  readonly id: string;
  /** A repository's folder, or an unfinished download. */
  readonly path: string;
  readonly size: number;
}

/**
 * What pruning would remove. At least one thing must say what: an id, an age, or that only unfinished
 * downloads are meant.
 *
 * @throws UsageError `cache-prune-unspecified`, `cache-entry-unknown`, `cache-entry-ambiguous`; HubError
 *   `cache-unreadable`
 */
export async function planPrune({
  cacheDir = hubCacheDir(),
  ids = [],
  olderThanDays,
  incomplete = false,
}: PruneOptions): Promise<Pruned[]> {
  if (ids.length === 0 && olderThanDays === undefined && !incomplete)
    throw new UsageError('cache-prune-unspecified', {});
  const { repositories } = await scanHubCache(cacheDir);
  const named =
    ids.length === 0 ? repositories : [...new Set(ids.map((id) => byId(repositories, id, cacheDir)))];
  const oldest = olderThanDays === undefined ? Infinity : Date.now() - olderThanDays * DAY;
  const meant = named.filter(({ lastUsed }) => lastUsed.getTime() <= oldest);
  if (!incomplete) return meant.map(({ type, id, path, size }) => ({ type, id, path, size }));
  const parts = await Promise.all(meant.map((repository) => unfinished(repository, cacheDir)));
  return parts.flat();
}

/**
 * Removes what `planPrune` names.
 *
 * @returns what was removed
 * @throws as `planPrune`; HubError `cache-unwritable`
 */
export async function pruneHubCache(options: PruneOptions): Promise<Pruned[]> {
  const planned = await planPrune(options);
  await removeFromCache(planned, options.cacheDir);
  return planned;
}

/** @throws HubError `cache-unwritable` */
export async function removeFromCache(planned: readonly Pruned[], cacheDir = hubCacheDir()): Promise<void> {
  for (const { path } of planned) {
    const parts = relative(cacheDir, path).split(sep);
    // A defect here would delete a user's files, so it is looked at once more, links included.
    if (
      parts.includes('..') ||
      !parseFolderName(parts[0]) ||
      !(parts.length === 1 || (parts.length === 3 && parts[1] === 'blobs'))
    )
      throw new Error(`${path} is not of the cache ${cacheDir}`);
    for (let depth = 1; depth < parts.length; depth++)
      if (!(await lstat(join(cacheDir, ...parts.slice(0, depth)))).isDirectory())
        throw new Error(`${path} is reached by a link`);
    try {
      if (parts.length === 3) {
        await rm(path, { force: true });
        continue;
      }
      // Gone at once, so that nobody sees half of it. Its name is none of a repository's.
      const away = join(cacheDir, `${REMOVED}${process.pid}-${parts[0]}`);
      await rename(path, away);
      await rm(away, { recursive: true, force: true });
      await rm(join(cacheDir, LOCKS, parts[0]), { recursive: true, force: true });
    } catch (cause) {
      throw diskError(path, cause);
    }
  }
}

function byId(
  repositories: readonly CachedRepositoryInfo[],
  given: string,
  cacheDir: string,
): CachedRepositoryInfo {
  const found = repositories.filter(({ type, id }) => given === id || given === `${type}s/${id}`);
  if (found.length === 1) return found[0];
  if (found.length === 0) throw new UsageError('cache-entry-unknown', { given, cacheDir });
  throw new UsageError('cache-entry-ambiguous', {
    given,
    entries: found.map(({ type, id }) => ({ type, id })),
  });
}

/** Parts that no process is at work on. */
async function unfinished({ type, id, path }: CachedRepositoryInfo, cacheDir: string): Promise<Pruned[]> {
  const blobs = join(path, 'blobs');
  const names = (await readdir(blobs).catch(() => [])).filter((name) => name.endsWith(INCOMPLETE));
  const found = await Promise.all(
    names.map(async (name): Promise<Pruned | undefined> => {
      const file = join(blobs, name);
      const stats = await lstat(file).catch(() => undefined);
      if (!stats || Date.now() - stats.mtimeMs < UNTOUCHED_FOR) return undefined;
      const lock = join(
        cacheDir,
        LOCKS,
        relative(cacheDir, path),
        `${name.slice(0, -INCOMPLETE.length)}.attune-lock`,
      );
      return (await isHeld(lock)) ? undefined : { type, id, path: file, size: stats.size };
    }),
  );
  return found.filter((each) => each !== undefined);
}
