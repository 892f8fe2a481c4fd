/**
 * Names of the Hub: repositories, revisions, files. All of them become parts of paths and addresses, so
 * nothing passes that could lead elsewhere.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../errors/attune-error.js';
import { HubError } from './hub-error.js';

export type RepositoryType = 'model' | 'dataset';

export interface RepositoryId {
  readonly type: RepositoryType;
  /** `owner/name`, or `name` alone as some old repositories are called. */
  readonly id: string;
  /** Branch, tag or commit. */
  readonly revision: string;
}

export const MAIN = 'main';
/** Branch on which the Hub keeps each dataset converted to parquet. */
export const CONVERTED_PARQUET = 'refs/convert/parquet';

const COMMIT = /^[0-9a-f]{40}$/;
/** huggingface_hub's validate_repo_id, and no more than 96 characters. */
const PART = '[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?';
const ID = new RegExp(`^(?:${PART}/)?${PART}$`);
const REVISION = /^[A-Za-z0-9_][\w./+-]*$/;

export const isCommit = (text: string): boolean => COMMIT.test(text);

/** Whether the name can be that of a repository of the Hub. */
export function isRepositoryId(name: string): boolean {
  return (
    name.length <= 96 &&
    ID.test(name) &&
    !name.includes('--') &&
    !name.includes('..') &&
    !name.endsWith('.git')
  );
}

/** Whether a revision is spelled as git allows and stays inside the folder of references. */
export function isRevision(revision: string): boolean {
  const parts = revision.split('/');
  return (
    revision.length <= 250 &&
    REVISION.test(revision) &&
    parts.every(
      (part) => part !== '' && !part.startsWith('.') && !part.endsWith('.') && !part.endsWith('.lock'),
    ) &&
    !revision.includes('..')
  );
}

const DATA_FILE = /\.(?:csv|tsv|jsonl?|ndjson|parquet|gz|txt|safetensors|bin)$/i;

/**
 * Whether text is meant as a place on this machine and can only be that: `./x`, `/x`, `~/x`, `C:\x`, `a/b/c`,
 * `x/`, `reviews.csv`.
 */
export function looksLikePath(text: string): boolean {
  const name = text.replace(/@.*$/, '');
  return /^[./~]|[\\:]|\/$|^$/.test(name) || name.split('/').length > 2 || DATA_FILE.test(name);
}

/**
 * `owner/name` or `name`, with `@revision` behind it.
 *
 * @param revision wins where the text names none
 * @returns undefined where it is no such thing
 * @throws UsageError `hub-revisions-conflict`, `hub-revision-invalid`
 */
export function parseRepositoryId(
  text: string,
  type: RepositoryType,
  revision?: string,
): RepositoryId | undefined {
  const at = text.indexOf('@');
  const id = at < 0 ? text : text.slice(0, at);
  const named = at < 0 ? undefined : text.slice(at + 1);
  if (!isRepositoryId(id)) return undefined;
  if (named !== undefined && revision !== undefined && named !== revision)
    throw new UsageError('hub-revisions-conflict', { name: text, revision });
  const chosen = named ?? revision ?? MAIN;
  if (!isRevision(chosen)) throw new UsageError('hub-revision-invalid', { id, revision: chosen });
  return { type, id, revision: chosen };
}

export type Located = { readonly path: string } | { readonly repository: RepositoryId };

/**
 * What the name of a model or dataset stands for: something here, which wins, or a repository of the Hub.
 * Nothing is asked of the network.
 *
 * @returns the path as given where it exists or can be nothing but a path
 * @throws UsageError `hub-name-neither-path-nor-id`, `hub-revisions-conflict`, `hub-revision-invalid`
 */
export function locate(name: string, type: RepositoryType, revision?: string): Located {
  if (name !== '' && existsSync(name)) return { path: name };
  if (looksLikePath(name)) return { path: name };
  const repository = parseRepositoryId(name, type, revision);
  if (repository) return { repository };
  throw new UsageError('hub-name-neither-path-nor-id', { name, path: resolve(name), type });
}

/** As the user would write it: `owner/name`, with the revision where it is not main. */
export function displayName({ id, revision }: RepositoryId): string {
  return revision === MAIN ? id : `${id}@${revision}`;
}

/** Its folder in the cache. */
export function folderName({ type, id }: Pick<RepositoryId, 'type' | 'id'>): string {
  return [`${type}s`, ...id.split('/')].join('--');
}

/**
 * A file's path in a repository, to be joined to a folder on any system: relative, no `..`, no backslash, no
 * drive, no control character.
 *
 * @throws HubError 'unsafe-name'
 */
export function requireSafePath(path: string, repository: string): string {
  const parts = path.split('/');
  const safe =
    path.length <= 1024 &&
    !/[\\\0-\x1f\x7f]|^[A-Za-z]:/.test(path) &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..' && !/^[A-Za-z]:/.test(part));
  if (safe) return path;
  throw new HubError('unsafe-name', 'hub-file-name-unsafe', { repository, file: path });
}
