/**
 * From the name of a model to a folder on this machine: a folder that is here, or the files of a Hub
 * repository that attune reads, and no others.
 */
import { join } from 'node:path';
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
 * @throws HubError, ModelError where the repository lacks what a model needs, UsageError where the name is
 *   neither path nor id
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
  const { name, page } = repository;
  if (!holdsTokenizer(repository))
    throw new ModelError(
      `the model ${name} on the Hub has no tokenizer: neither tokenizer.json nor vocab.json with merges.txt`,
      { hint: page },
    );
  if (parts === 'tokenizer') return void (await repository.fetch(tokenizer));
  if (!repository.has(CONFIG))
    throw new ModelError(`${name} on the Hub has no ${CONFIG}, so it is not a model of transformers`, {
      hint: page,
    });
  if (repository.has(MEMORY_FILE)) tokenizer.push(MEMORY_FILE);
  if (repository.has(SINGLE_FILE)) return void (await repository.fetch([CONFIG, ...tokenizer, SINGLE_FILE]));
  if (!repository.has(INDEX_FILE)) throw noSafetensors(repository);
  const shards = await shardsOf(repository);
  const absent = shards.filter((shard) => !repository.has(shard));
  if (absent.length > 0)
    throw new ModelError(
      `${INDEX_FILE} of ${name} names ${absent.join(', ')}, which the repository does not have`,
      { hint: page },
    );
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

function noSafetensors({ name, page, paths }: HubRepository): ModelError {
  const pickled = paths.find((path) => /^pytorch_model.*\.bin$/.test(path));
  if (!pickled)
    return new ModelError(
      `the model ${name} on the Hub has no weights that attune reads: neither ${SINGLE_FILE} nor ${INDEX_FILE}`,
      { hint: page },
    );
  return new ModelError(
    `the model ${name} on the Hub has its weights in ${pickled} alone, a pickle, which attune does not run`,
    {
      hint:
        `A pull request with safetensors may be waiting at ${page}/discussions: ` +
        `then give the id with its number, as in ${name.replace(/@.*/, '')}@refs/pr/1. ` +
        `Or load it once in Python and save it: model.save_pretrained("${join('.', 'folder')}").`,
    },
  );
}
