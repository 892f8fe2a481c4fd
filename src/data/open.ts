// What the user calls a dataset: `sample`, a file, a folder, a pattern of files, or the id of a repository on
// the Hub.
import { stat } from 'node:fs/promises';
import { DataError, UsageError } from '../errors/attune-error.js';
import { looksLikePath } from '../hub/identifiers.js';
import type { HubOptions } from '../hub/settings.js';
import { LocalFolder, isPattern, matchingFiles } from './local.js';
import { EXTENSIONS } from './readers.js';
import type { DataRepository } from './repository.js';

/** The name of the bundled sentences, unless something here is called so. */
const SAMPLE = 'sample';

export interface OpenOptions {
  /** Branch, tag or commit of a repository on the Hub; also as `owner/name@revision`. */
  readonly revision?: string | undefined;
  /** How the Hub is used, where the dataset is not here. */
  readonly hub?: HubOptions | undefined;
  /** Aborting it ends the reading, and a download, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export type Opened =
  /** The bundled sentences. */
  | { readonly kind: 'sample' }
  /** Files that together are one split. */
  | { readonly kind: 'files'; readonly files: readonly string[] }
  | { readonly kind: 'repository'; readonly repository: DataRepository };

/** @throws DataError `dataset-not-found`; UsageError `dataset-has-no-revisions` */
export async function openDataset(name: string, options: OpenOptions = {}): Promise<Opened> {
  const opened = await openLocal(name);
  if (!opened && name === SAMPLE) return { kind: 'sample' };
  if (opened && options.revision !== undefined)
    throw new UsageError('dataset-has-no-revisions', { dataset: name });
  return opened ?? { kind: 'repository', repository: await openRepository(name, options) };
}

async function openLocal(name: string): Promise<Opened | undefined> {
  const found = await stat(name).catch(() => undefined);
  if (found)
    return found.isDirectory()
      ? { kind: 'repository', repository: new LocalFolder(name) }
      : { kind: 'files', files: [name] };
  return (await isPattern(name)) ? { kind: 'files', files: await matchingFiles(name) } : undefined;
}

/**
 * A folder on this machine, or a repository of the Hub, which is not asked yet. @throws DataError for a name
 * that is neither, UsageError
 */
export async function openRepository(name: string, options: OpenOptions = {}): Promise<DataRepository> {
  if (
    await stat(name).then(
      (found) => found.isDirectory(),
      () => false,
    )
  )
    return new LocalFolder(name);
  // What can be a path was meant as one, and a single word may be a mistyped folder: no such name is asked
  // for on the net.
  if (looksLikePath(name) || !name.includes('/'))
    throw new DataError('dataset-not-found', { dataset: name, readable: EXTENSIONS });
  const { hubDataset } = await import('../hub/dataset.js');
  const { hub, signal, revision } = options;
  return hubDataset(name, {
    ...hub,
    signal: hub?.signal ?? signal,
    revision: revision ?? hub?.revision,
  });
}
