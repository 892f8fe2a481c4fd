import { DataError } from '../errors/attune-error.js';

/**
 * Where a dataset's files lie: a folder on this machine, or a repository of the Hub. Which of them are the
 * training split is decided by names and by the card's metadata alike, so the code that decides knows nothing
 * but this.
 */
export interface DataRepository {
  /** As the user named it, for messages: a folder, or `owner/name@revision`. */
  readonly name: string;
  /** A folder of the user's: what is unclear in it is refused, because the user can rename files. */
  readonly local?: true;
  /**
   * Paths of all files, relative, with `/`, in order of their names.
   *
   * @throws DataError `dataset-folder-unreadable`, `dataset-folder-too-large`; HubError as `fetch`
   */
  list(): Promise<readonly string[]>;
  /**
   * The file on this machine; downloads it where it is not here yet.
   *
   * @throws DataError `dataset-path-outside`; HubError `hub-repository-not-found`, `hub-file-not-found`,
   *   `hub-unreachable` and the other `hub-*` and `cache-*`
   */
  fetch(path: string): Promise<string>;
  /**
   * The same data as parquet files in folders `CONFIG/SPLIT/`, where somebody made them: the Hub converts
   * what only a loading script can read (`refs/convert/parquet`).
   */
  converted?(): Promise<DataRepository | undefined>;
}

/**
 * Refuses a path that could lead out of its repository: absolute, with `..`, with a backslash or a drive
 * letter.
 *
 * @throws DataError `dataset-path-outside`
 */
export function checkPath(path: string, repository: string): string {
  const odd =
    path === '' ||
    path.startsWith('/') ||
    /[\\\0]/.test(path) ||
    /^[a-z]:/i.test(path) ||
    path.split('/').includes('..');
  if (odd) throw new DataError('dataset-path-outside', { dataset: repository, path });
  return path;
}
