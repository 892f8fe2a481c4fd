/**
 * A repository of the Hub at one commit: what files it has, and the files themselves on this machine, from
 * the cache or downloaded into it.
 */
import { CachedRepository } from './cache-layout.js';
import { HubClient, pageOf } from './client.js';
import type { About, ClientOptions } from './client.js';
import { downloadFile } from './download.js';
import type { RemoteFile } from './download.js';
import { HubError } from './hub-error.js';
import { displayName, isCommit, requireSafePath } from './identifiers.js';
import type { RepositoryId } from './identifiers.js';
import { hubSettings } from './settings.js';
import type { HubOptions } from './settings.js';

export type RepositoryOptions = HubOptions & Pick<ClientOptions, 'firstPause'>;

/** Files downloaded at a time. */
const PARALLEL = 4;
const REPORTED_EVERY = 100;

export class HubRepository {
  readonly #commit: string;
  readonly #cached: CachedRepository;
  readonly #client: HubClient;
  readonly #options: RepositoryOptions;
  readonly #remote: ReadonlyMap<string, RemoteFile> | undefined;
  readonly #local: ReadonlySet<string>;

  private constructor(
    /** As the user wrote it. */
    readonly name: string,
    readonly repository: RepositoryId,
    /** The folder of the commit's files in the cache. */
    readonly folder: string,
    /** Whether the Hub was left out: only what is in the cache can be had. */
    readonly offline: boolean,
    commit: string,
    cached: CachedRepository,
    client: HubClient,
    options: RepositoryOptions,
    /** By their paths; undefined where the Hub was left out. */
    remote: ReadonlyMap<string, RemoteFile> | undefined,
    /** By their paths: files in the cache, where the Hub was left out. */
    local: ReadonlySet<string>,
  ) {
    this.#commit = commit;
    this.#cached = cached;
    this.#client = client;
    this.#options = options;
    this.#remote = remote;
    this.#local = local;
  }

  /**
   * Asks the Hub for the commit and its files. Where it is out of reach and the cache holds the revision as
   * it was, that is used and said so.
   *
   * @throws HubError
   */
  static async open(repository: RepositoryId, options: RepositoryOptions = {}): Promise<HubRepository> {
    const settings = hubSettings(options);
    const name = displayName(repository);
    const cached = new CachedRepository(settings.cacheDir, repository, settings.symlinks);
    const client = new HubClient(settings, options);
    const known = await cached.commit();
    const taken = (commit: string): void =>
      options.onCommit?.({ type: repository.type, id: repository.id, revision: repository.revision, commit });
    const fromCache = async (commit: string): Promise<HubRepository> => {
      const files = new Set(await cached.files(commit));
      if (settings.offline || files.size > 0) taken(commit);
      return new HubRepository(
        name,
        repository,
        cached.snapshot(commit),
        true,
        commit,
        cached,
        client,
        options,
        undefined,
        files,
      );
    };

    if (settings.offline) {
      if (known !== undefined) return fromCache(known);
      throw new HubError('offline', 'cache-repository-missing', {
        type: repository.type,
        repository: name,
        folder: cached.folder,
      });
    }
    try {
      // Where the cache can help out there is no point in many attempts.
      const retries = known !== undefined && (await cached.files(known)).length > 0 ? 1 : undefined;
      const { commit, files } = await askHub(repository, client, options, retries);
      taken(commit);
      return new HubRepository(
        name,
        repository,
        cached.snapshot(commit),
        false,
        commit,
        cached,
        client,
        options,
        files,
        new Set(),
      );
    } catch (error) {
      const outOfReach =
        error instanceof HubError &&
        (error.kind === 'network' || error.kind === 'server' || error.kind === 'rate-limited');
      const repo = outOfReach && known !== undefined ? await fromCache(known) : undefined;
      if (repo === undefined || repo.#local.size === 0) {
        await client.close();
        throw error;
      }
      options.onNote?.(
        `${(error as HubError).message}; using ${name} as it is in the cache (commit ${known!.slice(0, 8)})`,
      );
      return repo;
    }
  }

  /** Paths of its files in order of their names; without the Hub, of those in the cache. */
  get paths(): string[] {
    return this.#remote ? [...this.#remote.keys()].sort() : [...this.#local].sort();
  }

  has(path: string): boolean {
    return this.#remote ? this.#remote.has(path) : this.#local.has(path);
  }

  /**
   * The files on this machine, in the order of `paths`.
   *
   * @throws HubError 'entry-not-found' if the repository has no such file, 'offline' naming all that are
   *   not in the cache, and as downloadFile does
   */
  async fetch(paths: readonly string[]): Promise<string[]> {
    if (!this.#remote) {
      const here = await Promise.all(paths.map((path) => this.#cached.file(this.#commit, path)));
      const missing = paths.filter((_, i) => here[i] === undefined);
      if (missing.length > 0) throw this.notCached(missing);
      return here as string[]; // none is undefined: else it would be missing
    }
    const files = paths.map((path) => this.#remote!.get(path) ?? this.#unknown(path));
    const absent = await this.#absent(files);
    // A cache that cannot be written: the download says so
    if (absent.length > 0) await this.#cached.keepCommit(this.#commit).catch(() => undefined);
    await this.#download(absent);
    await this.#cached.keepCommit(this.#commit).catch(() => undefined);
    return Promise.all(
      files.map(
        async (file) => (await this.#cached.file(this.#commit, file.path)) ?? this.#unknown(file.path),
      ),
    );
  }

  /** What cannot be had without the Hub, all of it. */
  notCached(missing: readonly string[]): HubError {
    return new HubError('offline', 'cache-files-missing', {
      repository: this.name,
      files: missing,
      folder: this.folder,
      offline: hubSettings(this.#options).offline,
    });
  }

  /** The repository's page, for messages. */
  get page(): string {
    return pageOf(this.#client.settings, this.repository);
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #unknown(path: string): never {
    const { type, revision } = this.repository;
    throw new HubError('entry-not-found', 'hub-file-not-found', {
      type,
      repository: this.name,
      file: path,
      revision,
      page: this.page,
    });
  }

  async #absent(files: readonly RemoteFile[]): Promise<RemoteFile[]> {
    const distinct = [...new Set(files)];
    const here = await Promise.all(
      distinct.map(({ path, size }) => this.#cached.file(this.#commit, path, size)),
    );
    return distinct.filter((_, i) => here[i] === undefined);
  }

  async #download(files: readonly RemoteFile[]): Promise<void> {
    if (files.length === 0) return;
    const { signal, onProgress, onNote } = this.#options;
    const total = files.reduce((sum, { size }) => sum + size, 0);
    const received = new Map<RemoteFile, number>();
    const report = (): void =>
      onProgress?.({
        repository: this.name,
        files: files.length,
        total,
        received: [...received.values()].reduce((sum, bytes) => sum + bytes, 0),
        cacheDir: this.#cached.cacheDir,
      });
    let reported = 0;
    report();
    // The first failure stops the others, each at a place from which it can go on.
    const failure = new AbortController();
    const stop = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal;
    const waiting = [...files];
    const worker = async (): Promise<void> => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
        const of = file;
        try {
          await downloadFile(of, {
            client: this.#client,
            cached: this.#cached,
            commit: this.#commit,
            about: aboutOf(this.repository),
            signal: stop,
            onNote,
            onBytes: (bytes) => {
              received.set(of, bytes);
              if (performance.now() - reported < REPORTED_EVERY) return;
              reported = performance.now();
              report();
            },
          });
        } catch (error) {
          failure.abort(error);
          throw error;
        }
      }
    };
    const results = await Promise.allSettled(Array.from({ length: PARALLEL }, worker));
    signal?.throwIfAborted();
    if (failure.signal.aborted) throw failure.signal.reason;
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    report();
  }
}

function aboutOf(repository: RepositoryId): About {
  return {
    repository: displayName(repository),
    type: repository.type,
    id: repository.id,
    revision: repository.revision,
  };
}

async function askHub(
  repository: RepositoryId,
  client: HubClient,
  { signal }: RepositoryOptions,
  retries?: number,
): Promise<{ commit: string; files: Map<string, RemoteFile> }> {
  const about = aboutOf(repository);
  const { type, id, revision } = repository;
  const asked = { endpoint: client.settings.endpoint, repository: about.repository };
  // Loaded here and not at the top: it is large, and most commands never ask the Hub.
  const { datasetInfo, listFiles, modelInfo } = await import('@huggingface/hub');
  const hub = { hubUrl: client.settings.endpoint, fetch: client.fetchFor(about, signal, retries) };
  const ask = async <T>(what: () => Promise<T>): Promise<T> => {
    try {
      return await what();
    } catch (cause) {
      signal?.throwIfAborted();
      if (cause instanceof HubError) throw cause;
      const reason = (cause as Error).message;
      throw new HubError('server', 'hub-answer-invalid', { ...asked, reason }, { cause });
    }
  };
  const params = { ...hub, name: id, revision, additionalFields: ['sha' as const] };
  const commit = isCommit(revision)
    ? revision
    : (await ask(() => (type === 'model' ? modelInfo(params) : datasetInfo(params)))).sha;
  if (typeof commit !== 'string' || !isCommit(commit))
    throw new HubError('server', 'hub-commit-missing', asked);
  const files = new Map<string, RemoteFile>();
  await ask(async () => {
    for await (const entry of listFiles({
      ...hub,
      repo: { type, name: id },
      revision: commit,
      recursive: true,
    })) {
      if (entry.type !== 'file') continue;
      const path = requireSafePath(entry.path, about.repository);
      files.set(path, remoteFile(path, entry, about));
    }
  });
  return { commit, files };
}

interface ListedFile {
  readonly size: number;
  readonly oid?: string;
  readonly lfs?: { readonly oid: string; readonly size: number };
}

function remoteFile(path: string, { size, oid, lfs }: ListedFile, about: About): RemoteFile {
  const bytes = lfs ? lfs.size : size;
  const hash = lfs ? lfs.oid.replace(/^sha256:/, '') : (oid ?? '');
  const sound =
    Number.isSafeInteger(bytes) && bytes >= 0 && (lfs ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/).test(hash);
  if (!sound)
    throw new HubError('server', 'hub-listing-incomplete', { repository: about.repository, file: path });
  return { path, size: bytes, hash, algorithm: lfs ? 'sha256' : 'git-sha1' };
}
