/**
 * From the name of a model to a folder on this machine: a folder that is here, or the files of a Hub
 * repository that attune reads, and no others.
 */
import { ModelError } from '../errors/attune-error.js';
import { notHereEither } from '../hub/hub-error.js';
import { locate } from '../hub/identifiers.js';
import type { HubRepository, RepositoryOptions } from '../hub/repository.js';
import { TOKENIZER_FILES, holdsTokenizer } from '../text/tokenizer-files.js';
import { INDEX_FILE, SINGLE_FILE, readIndex } from './weight-files.js';

export interface ResolveModelOptions extends RepositoryOptions {
  /** What is needed of the model; absent: all of it. */
  readonly parts?: 'all' | 'tokenizer' | undefined;
}

const CONFIG = 'config.json';

/** What attune remembers of a model that it trained. */
export const MEMORY_FILE = 'attune_model.json';

/**
 * The folder of a model by its path, which wins where it exists, or by its id on the Hub (`owner/name`,
 * `name`, with `@revision` where wanted). Of the Hub's files config, safetensors and tokenizer are downloaded
 * into the Hub's cache where they are not in it.
 *
 * @returns the path as given, also where nothing is there that a Hub id could name; a snapshot of the cache
 * @throws HubError `hub-repository-not-found`, `hub-repository-gated`, `hub-unreachable` and the other
 *   `hub-*` and `cache-*`; ModelError `hub-model-*`; UsageError `hub-name-neither-path-nor-id`,
 *   `hub-revisions-conflict`, `hub-token-malformed`
 */
export async function resolveModel(idOrPath: string, options: ResolveModelOptions = {}): Promise<string> {
  const located = locate(idOrPath, 'model', options.revision);
  if ('path' in located) return located.path;
  const hub = await import('../hub/repository.js');
  let repository: HubRepository;
  try {
    repository = await hub.HubRepository.open(located.repository, options);
  } catch (error) {
    throw notHereEither(idOrPath, error);
  }
  try {
    await fetchModel(repository, options.parts ?? 'all');
    return repository.folder;
  } finally {
    await repository.close();
  }
}

async function fetchModel(repository: HubRepository, parts: 'all' | 'tokenizer'): Promise<void> {
  const tokenizer: string[] = TOKENIZER_FILES.filter((name) => repository.has(name));
  if (repository.offline) return requireCached(repository, parts);
  const { name: model, page } = repository;
  if (!holdsTokenizer(repository)) throw new ModelError('hub-model-without-tokenizer', { model, page });
  if (parts === 'tokenizer') return void (await repository.fetch(tokenizer));
  if (!repository.has(CONFIG))
    throw new ModelError('hub-model-without-config', { model, name: CONFIG, page });
  if (repository.has(MEMORY_FILE)) tokenizer.push(MEMORY_FILE);
  if (repository.has(SINGLE_FILE)) return void (await repository.fetch([CONFIG, ...tokenizer, SINGLE_FILE]));
  if (!repository.has(INDEX_FILE)) throw noSafetensors(repository);
  const shards = await shardsOf(repository);
  const absent = shards.filter((shard) => !repository.has(shard));
  if (absent.length > 0)
    throw new ModelError('hub-model-without-shards', { model, index: INDEX_FILE, shards: absent, page });
  await repository.fetch([CONFIG, ...tokenizer, INDEX_FILE, ...shards]);
}

async function shardsOf(repository: HubRepository): Promise<string[]> {
  const [index] = await repository.fetch([INDEX_FILE]);
  return [...new Set((await readIndex(index)).values())].sort();
}

/** All that is missing is named at once. */
async function requireCached(repository: HubRepository, parts: 'all' | 'tokenizer'): Promise<void> {
  const missing: string[] = [];
  if (parts === 'all') {
    if (!repository.has(CONFIG)) missing.push(CONFIG);
    if (!repository.has(SINGLE_FILE)) {
      if (!repository.has(INDEX_FILE)) missing.push(SINGLE_FILE);
      else missing.push(...(await shardsOf(repository)).filter((shard) => !repository.has(shard)));
    }
  }
  if (!holdsTokenizer(repository)) missing.push(missingOfTokenizer(repository));
  if (missing.length > 0) throw repository.notCached(missing);
}

function missingOfTokenizer(repository: HubRepository): string {
  if (repository.has('vocab.json')) return 'merges.txt';
  return repository.has('merges.txt') ? 'vocab.json' : 'tokenizer.json (or vocab.json with merges.txt)';
}

function noSafetensors({ name: model, page, paths }: HubRepository): ModelError {
  const pickled = paths.find((path) => /^pytorch_model.*\.bin$/.test(path));
  if (!pickled)
    return new ModelError('hub-model-without-weights', { model, names: [SINGLE_FILE, INDEX_FILE], page });
  return new ModelError('hub-model-pickled', { model, name: pickled, page });
}
