// Which files of a repository are which split of which configuration. The card decides; where it does not,
// names do.
import { DataError, UsageError } from '../errors/attune-error.js';
import { globMatcher } from './glob.js';
import type { Card } from './card.js';
import { readCard } from './card.js';
import { EXTENSIONS, FILE_KINDS, fileKind } from './readers.js';
import type { DataRepository } from './repository.js';
import { checkPath } from './repository.js';
import type { SplitFiles } from './split-names.js';
import { splitsByFileName, splitsByName } from './split-names.js';

export interface Layout {
  readonly repository: DataRepository;
  /** The configuration taken; undefined where the dataset has none. */
  readonly config: string | undefined;
  readonly splits: SplitFiles;
  /** Names of a column's classes by the card. */
  classNames(column: string): readonly string[] | undefined;
  /** All that lies at the top of the repository, for messages. */
  readonly entries: readonly string[];
}

/** Not data, whatever their endings say; `datasets` passes over the same. */
const NOT_DATA = new Set([
  'README.md',
  'config.json',
  'dataset_info.json',
  'dataset_infos.json',
  'dataset_dict.json',
  'state.json',
]);

const isData = (path: string): boolean => {
  const parts = path.split('/');
  return (
    fileKind(path) !== undefined &&
    !NOT_DATA.has(parts.at(-1)!) &&
    !parts.some((part) => part.startsWith('.')) &&
    !parts.slice(0, -1).some((part) => part.startsWith('__'))
  );
};

/**
 * Reads the list of files and the card, and decides.
 *
 * @param config the configuration asked for
 * @throws DataError `dataset-empty`, `dataset-has-only-script`, `split-files-ambiguous`, `card-*`; UsageError
 *   `dataset-config-needed`, `dataset-config-unknown`
 */
export async function findLayout(repository: DataRepository, config?: string): Promise<Layout> {
  const paths = (await repository.list()).map((path) => checkPath(path, repository.name));
  const data = paths.filter(isData);
  const card = paths.includes('README.md') ? await readCard(await repository.fetch('README.md')) : undefined;
  const entries = [...new Set(paths.map((path) => path.split('/')[0]))].sort();
  const named = card?.configs ?? [];
  if (named.length > 0) return { ...cardLayout(repository, data, card!, config), repository, entries };
  if (data.length === 0) {
    const converted = await repository.converted?.();
    if (converted) return convertedLayout(converted, card, config);
    const script = paths.find((path) => /^[^/]+\.py$/.test(path));
    if (script !== undefined)
      throw new DataError('dataset-has-only-script', {
        dataset: repository.name,
        script,
        readable: EXTENSIONS,
      });
  }
  const folders = configFolders(data);
  const chosen = chooseFolder(repository.name, folders, data, config);
  const splits =
    repository.local && chosen === undefined
      ? localSplits(data)
      : splitsByName(chosen === undefined ? data : within(data, chosen));
  return {
    repository,
    config: chosen,
    splits: oneFormat(repository, rebase(splits, chosen)),
    entries,
    classNames: (column) => card?.classNames(chosen ?? 'default', column),
  };
}

const within = (paths: readonly string[], folder: string): string[] =>
  paths.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1));
const rebase = (splits: SplitFiles, folder: string | undefined): SplitFiles =>
  folder === undefined
    ? splits
    : new Map([...splits].map(([name, files]) => [name, files.map((file) => `${folder}/${file}`)]));

/**
 * A folder of the user's with a `train.*` or `test.*` means these: copies and leftovers beside them, or
 * below, are not taken in.
 */
function localSplits(data: readonly string[]): SplitFiles {
  const top = data.filter((path) => !path.includes('/'));
  const exact = new Map(
    ['train', 'validation', 'test']
      .map((name) => [name, top.filter((path) => fileKind(path)!.stem === name)] as const)
      .filter(([, files]) => files.length > 0),
  );
  if (exact.size === 0) return splitsByName(data);
  const others = splitsByFileName(top) ?? new Map<string, readonly string[]>();
  return new Map(
    ['train', 'validation', 'test']
      .map((name) => [name, exact.get(name) ?? others.get(name) ?? []] as const)
      .filter(([, files]) => files.length > 0),
  );
}

function usualConfig(configs: Card['configs']): Card['configs'][number] | undefined {
  if (configs.length === 1) return configs[0];
  return configs.find(({ isDefault }) => isDefault) ?? configs.find(({ name }) => name === 'default');
}

function cardLayout(
  repository: DataRepository,
  data: readonly string[],
  card: Card,
  asked: string | undefined,
): Pick<Layout, 'config' | 'splits' | 'classNames'> {
  const { configs } = card;
  const names = configs.map(({ name }) => name);
  const chosen = asked === undefined ? usualConfig(configs) : configs.find(({ name }) => name === asked);
  if (!chosen)
    throw asked === undefined
      ? severalConfigs(repository.name, names)
      : noConfig(repository.name, asked, names);
  const dir =
    chosen.dataDir === undefined ? undefined : plainPath(chosen.dataDir, repository.name).replace(/\/$/, '');
  const files = dir === undefined || dir === '' || dir === '.' ? data : within(data, dir);
  const folder = files === data ? undefined : dir;
  let splits: SplitFiles;
  if (chosen.dataFiles) {
    splits = new Map(
      [...chosen.dataFiles].map(([split, patterns]) => [
        split,
        matched(files, patterns, { dataset: repository.name, config: chosen.name, split }),
      ]),
    );
  } else {
    splits = splitsByName(files);
  }
  return {
    config: chosen.name,
    splits: oneFormat(repository, rebase(splits, folder)),
    classNames: (column) => card.classNames(chosen.name, column),
  };
}

const plainPath = (path: string, repository: string): string =>
  checkPath(path.replace(/^(\.\/)+/, ''), repository);

function matched(
  files: readonly string[],
  patterns: readonly string[],
  place: { readonly dataset: string; readonly config: string; readonly split: string },
): readonly string[] {
  const found = new Set<string>();
  for (const given of patterns) {
    if (/^[a-z][\w+.-]*:\/\//i.test(given))
      throw new DataError('card-path-foreign', { ...place, path: given });
    const pattern = plainPath(given, place.dataset);
    const matches = globMatcher(pattern);
    for (const file of files) if (file === pattern || matches(file)) found.add(file);
  }
  if (found.size === 0)
    throw new DataError('card-path-unmatched', { ...place, patterns, readable: EXTENSIONS });
  return [...found].sort();
}

/**
 * Folders at the top that are datasets of their own: two or more, each with a training split by its files'
 * names, and no data beside them.
 */
function configFolders(data: readonly string[]): readonly string[] {
  const folders = [...new Set(data.map((path) => (path.includes('/') ? path.split('/')[0] : '')))];
  if (folders.length < 2 || folders.includes('')) return [];
  const keyword = (folder: string): boolean =>
    !splitsByName([`${folder}/x.csv`]).has('train') || splitsByFileName([`${folder}.csv`]) !== undefined;
  if (folders.some((folder) => folder === 'data' || keyword(folder))) return [];
  const whole = (folder: string): boolean => {
    const files = within(data, folder);
    const splits = splitsByName(files);
    return (
      splits.has('train') &&
      (splits.size > 1 || splitsByFileName(files) !== undefined || files.every((file) => file.includes('/')))
    );
  };
  return folders.every(whole) ? folders : [];
}

function chooseFolder(
  repository: string,
  folders: readonly string[],
  data: readonly string[],
  asked: string | undefined,
): string | undefined {
  if (asked === undefined) {
    if (folders.length === 0) return undefined;
    if (folders.includes('default')) return 'default';
    throw severalConfigs(repository, folders);
  }
  if (folders.includes(asked) || data.some((path) => path.startsWith(`${asked}/`)))
    return plainPath(asked, repository);
  if (asked === 'default' && folders.length === 0) return undefined;
  throw noConfig(repository, asked, folders);
}

/** The Hub's conversion has a folder for each configuration. */
async function convertedLayout(
  repository: DataRepository,
  card: Card | undefined,
  asked: string | undefined,
): Promise<Layout> {
  const paths = (await repository.list()).map((path) => checkPath(path, repository.name));
  const data = paths.filter((path) => isData(path) && path.includes('/'));
  const folders = [...new Set(data.map((path) => path.split('/')[0]))].sort();
  if (folders.length === 0)
    throw new DataError('dataset-empty', { dataset: repository.name, readable: EXTENSIONS });
  const chosen = asked ?? (folders.length === 1 ? folders[0] : folders.find((name) => name === 'default'));
  if (chosen === undefined) throw severalConfigs(repository.name, folders);
  if (!folders.includes(chosen)) throw noConfig(repository.name, chosen, folders);
  const splits = new Map<string, string[]>();
  for (const path of data) {
    const [folder, split, ...rest] = path.split('/');
    if (folder !== chosen || rest.length === 0) continue;
    // Of a large dataset only a part is converted; its folders say so.
    const name = split.replace(/^partial-/, '');
    splits.set(name, [...(splits.get(name) ?? []), path]);
  }
  return {
    repository,
    config: chosen,
    splits: splits.size > 0 ? splits : rebase(splitsByName(within(data, chosen)), chosen),
    entries: folders,
    classNames: (column) => card?.classNames(chosen, column),
  };
}

/**
 * A split whose files are of several kinds is the same rows in several formats: on the Hub one is taken, in a
 * folder of the user's it is unclear.
 */
function oneFormat(repository: DataRepository, splits: SplitFiles): SplitFiles {
  return new Map(
    [...splits].map(([split, files]) => {
      const endings = new Set(
        files.map((file) =>
          file.slice(file.lastIndexOf('/') + 1 + fileKind(file)!.stem.length).toLowerCase(),
        ),
      );
      if (endings.size <= 1) return [split, files];
      if (repository.local)
        throw new DataError('split-files-ambiguous', {
          dataset: repository.name,
          split,
          files: [...files].sort(),
        });
      const preferred = ['parquet', 'JSON lines', 'JSON', 'CSV', 'TSV'];
      const best = FILE_KINDS.map(({ name }) => name)
        .sort((a, b) => preferred.indexOf(a) - preferred.indexOf(b))
        .find((name) => files.some((file) => fileKind(file)!.kind.name === name));
      return [split, files.filter((file) => fileKind(file)!.kind.name === best)];
    }),
  );
}

const severalConfigs = (dataset: string, known: readonly string[]): UsageError =>
  new UsageError('dataset-config-needed', { dataset, known });

const noConfig = (dataset: string, config: string, known: readonly string[]): UsageError =>
  new UsageError('dataset-config-unknown', { dataset, config, known });
