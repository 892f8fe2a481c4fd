import type { DataRepository } from '../data/repository.js';
import { HubError, notHereEither } from './hub-error.js';
import { CONVERTED_PARQUET, displayName, parseRepositoryId } from './identifiers.js';
import type { RepositoryId } from './identifiers.js';
import { HubRepository } from './repository.js';
import type { RepositoryOptions } from './repository.js';
import { UsageError } from '../errors/attune-error.js';

/**
 * A dataset of the Hub, `owner/name` with `@revision` where wanted. Nothing is asked of the network before
 * the first call.
 *
 * @throws UsageError `hub-id-invalid`, `hub-revision-invalid`, `hub-revisions-conflict`; its methods throw
 *   HubError, such as `hub-repository-not-found` and `hub-unreachable`
 */
export function hubDataset(id: string, options: RepositoryOptions = {}): DataRepository {
  const repository = parseRepositoryId(id, 'dataset', options.revision);
  if (!repository) throw new UsageError('hub-id-invalid', { id, type: 'dataset' });
  return new HubDataset(repository, options);
}

class HubDataset implements DataRepository {
  readonly name: string;
  #opened: Promise<HubRepository> | undefined;

  readonly #repository: RepositoryId;
  readonly #options: RepositoryOptions;
  readonly #isConverted: boolean;

  /** @param opened of the parquet that the Hub made of another */
  constructor(
    repository: RepositoryId,
    options: RepositoryOptions,
    isConverted = false,
    opened?: HubRepository,
  ) {
    this.#repository = repository;
    this.#options = options;
    this.#isConverted = isConverted;

    this.name = displayName(repository);
    this.#opened = opened && Promise.resolve(opened);
  }

  async list(): Promise<readonly string[]> {
    return (await this.#open()).paths;
  }

  async fetch(path: string): Promise<string> {
    const [file] = await (await this.#open()).fetch([path]);
    return file;
  }

  /** The parquet files that the Hub made of it, `config/split/0000.parquet`; undefined where it made none. */
  async converted(): Promise<DataRepository | undefined> {
    if (this.#isConverted || this.#repository.revision === CONVERTED_PARQUET) return undefined;
    const { convertedCommit, onCommit } = this.#options;
    const repository = { ...this.#repository, revision: convertedCommit ?? CONVERTED_PARQUET };
    // A commit is recorded as what it is of.
    const options: RepositoryOptions = {
      ...this.#options,
      onCommit: (used) => onCommit?.({ ...used, revision: CONVERTED_PARQUET }),
    };
    try {
      return new HubDataset(repository, options, true, await HubRepository.open(repository, options));
    } catch (error) {
      if (error instanceof HubError && error.kind === 'revision-not-found' && convertedCommit === undefined)
        return undefined;
      throw error;
    }
  }

  #open(): Promise<HubRepository> {
    this.#opened ??= HubRepository.open(this.#repository, this.#options).catch((error: unknown) => {
      throw notHereEither(this.name, error);
    });
    return this.#opened;
  }
}
