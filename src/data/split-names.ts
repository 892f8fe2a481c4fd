// Which files of a dataset are which split, by their names, as Hugging Face's datasets decides it
// (src/datasets/data_files.py, _get_data_files_patterns): the first of these that finds a file decides for
// all.
//   1. data/NAME-00000-of-00002.parquet    any NAME is a split
//   2. a folder with a keyword in its name
//   3. a file with a keyword in its name
//   4. everything is the training split
// A keyword counts where signs or digits part it from the rest: `train`, `my_train.v2`, not `trainer`.
import { basename, dirname } from 'node:path/posix';

const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  train: ['train', 'training'],
  validation: ['validation', 'valid', 'dev', 'val'],
  test: ['test', 'testing', 'eval', 'evaluation'],
};

const SHARD = /^data\/(.+)-\d{5}-of-\d{5}.*\..*$/;
const SPLIT_NAME = /^\w+(\.\w+)*$/;
const SIGNS = '[-._ 0-9]';

/** Files by split; splits in the order train, validation, test, then others by name. */
export type SplitFiles = ReadonlyMap<string, readonly string[]>;

const alternatives = (split: string): string => KEYWORDS[split].join('|');
const folderPattern = (split: string): RegExp =>
  new RegExp(`(?:^|/)(?:[^/]*${SIGNS})?(?:${alternatives(split)})(?:${SIGNS}[^/]*)?(?:/|$)`);
const filePattern = (split: string): RegExp =>
  new RegExp(`^(?:.*${SIGNS})?(?:${alternatives(split)})${SIGNS}`);

/** @param paths relative, with `/`, of data files alone */
export function splitsByName(paths: readonly string[]): SplitFiles {
  const shards = new Map<string, string[]>();
  for (const path of paths) {
    const name = SHARD.exec(path)?.[1];
    if (name !== undefined && SPLIT_NAME.test(name)) shards.set(name, [...(shards.get(name) ?? []), path]);
  }
  if (shards.size > 0) return ordered(shards);
  const folders = byKeyword(paths, folderPattern, dirname);
  if (folders.size > 0) return folders;
  return splitsByFileName(paths) ?? (paths.length > 0 ? new Map([['train', paths]]) : new Map());
}

/** Rule 3 alone; undefined where no file has a keyword. */
export function splitsByFileName(paths: readonly string[]): SplitFiles | undefined {
  const files = byKeyword(paths, filePattern, basename);
  return files.size > 0 ? files : undefined;
}

function byKeyword(
  paths: readonly string[],
  patternOf: (split: string) => RegExp,
  part: (path: string) => string,
): SplitFiles {
  const found = Object.keys(KEYWORDS).map(
    (split) => [split, paths.filter((path) => patternOf(split).test(part(path)))] as const,
  );
  return new Map(found.filter(([, files]) => files.length > 0));
}

function ordered(splits: ReadonlyMap<string, readonly string[]>): SplitFiles {
  const known = Object.keys(KEYWORDS).filter((name) => splits.has(name));
  const others = [...splits.keys()].filter((name) => !known.includes(name)).sort();
  return new Map([...known, ...others].map((name) => [name, splits.get(name)!]));
}
