// The YAML at the head of a dataset's README.md
// (https://huggingface.co/docs/hub/datasets-manual-configuration): `configs` says which files are which
// split, `dataset_info` what the columns are.
import { open } from 'node:fs/promises';
import { DataError } from '../errors/attune-error.js';
import { plain } from '../errors/phrases/values.js';

export interface CardConfig {
  readonly name: string;
  readonly isDefault: boolean;
  /** Patterns by split; undefined where the card leaves it to the files' names. */
  readonly dataFiles: ReadonlyMap<string, readonly string[]> | undefined;
  /** Folder that the patterns and names are looked for in. */
  readonly dataDir: string | undefined;
}

export interface Card {
  readonly configs: readonly CardConfig[];
  /** Names of the classes of a column by `dataset_info`, in order of their index. */
  classNames(config: string, column: string): readonly string[] | undefined;
}

/** The YAML of a card is a few kilobytes; the head of a file is enough, whatever follows. */
const LONGEST = 1 << 22;

/**
 * Reads the card. Undefined where the file has no YAML at its head. @throws DataError naming file and line of
 * what is wrong in it
 */
export async function readCard(file: string): Promise<Card | undefined> {
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.alloc(Math.min((await handle.stat()).size, LONGEST));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    return await parseCard(buffer.toString('utf8', 0, bytesRead), file);
  } finally {
    await handle.close();
  }
}

/** The same from the text of a README.md. */
export async function parseCard(readme: string, file: string): Promise<Card | undefined> {
  const yaml = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)(?:^|\n)---[ \t]*(?:\r?\n|$)/.exec(readme)?.[1];
  if (yaml === undefined) return undefined;
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' });
  let value: unknown;
  try {
    if (document.errors.length > 0) throw document.errors[0];
    value = document.toJS(); // refuses aliases that multiply beyond reason
  } catch (cause) {
    const at = document.errors.length > 0 ? lines.linePos(document.errors[0].pos[0]).line + 1 : 1;
    const reason = (cause as Error).message;
    throw new DataError('card-yaml-broken', { file, line: at, reason }, { cause });
  }
  if (!isObject(value)) return undefined;
  const infos = list(value.dataset_info).filter(isObject);
  const configs = list(value.configs).map((config, i) => parseConfig(config, { file, config: i }));
  return {
    configs,
    classNames: (config, column) => {
      const info =
        infos.find(({ config_name: name }) => name === config) ??
        (infos.length === 1 && infos[0].config_name === undefined ? infos[0] : undefined);
      const feature = list(info?.features)
        .filter(isObject)
        .find(({ name }) => name === column);
      const dtype = isObject(feature?.dtype) ? feature.dtype : undefined;
      const classLabel = isObject(dtype?.class_label) ? dtype.class_label : undefined;
      return classLabel === undefined
        ? undefined
        : classNamesOf(classLabel.names, { file, declaration: 'dataset_info', column });
    },
  };
}

/** What declares the classes of a column. */
export interface Declaration {
  readonly file: string;
  readonly declaration: 'dataset_info' | 'metadata';
  readonly column: string;
}

/**
 * Names as a card or a file has them: a list, or an object of index and name. @throws DataError for a gap, a
 * name that is none, or a name used twice
 */
export function classNamesOf(value: unknown, place: Declaration): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  const names = namesIn(value).map((name) =>
    typeof name === 'number' || typeof name === 'boolean' ? String(name) : name,
  );
  const wrong = names.findIndex(
    (name, i) => typeof name !== 'string' || name === '' || names.indexOf(name) !== i,
  );
  if (names.length === 0 || wrong >= 0)
    throw new DataError('class-names-invalid', { ...place, found: plain(value) });
  return names as string[]; // checked above
}

function namesIn(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.keys(value).map((_, i) => value[String(i)]) : [];
}

/** A configuration of a card, by its index. */
interface ConfigPlace {
  readonly file: string;
  readonly config: number;
}

function parseConfig(value: unknown, place: ConfigPlace): CardConfig {
  if (!isObject(value)) throw new DataError('card-config-invalid', { ...place, found: plain(value) });
  const { config_name: name = 'default', data_files: files, data_dir: dir } = value;
  if (typeof name !== 'string' && typeof name !== 'number')
    throw new DataError('card-config-field-invalid', {
      ...place,
      field: 'config_name',
      found: plain(name),
    });
  if (dir !== undefined && dir !== null && typeof dir !== 'string')
    throw new DataError('card-config-field-invalid', { ...place, field: 'data_dir', found: plain(dir) });
  return {
    name: String(name),
    isDefault: value.default === true,
    dataFiles: parseDataFiles(files, place),
    dataDir: typeof dir === 'string' ? dir : undefined,
  };
}

/**
 * A pattern, a list of patterns (both of the training split), a list of {split, path}, or an object of split
 * and patterns.
 */
function parseDataFiles(
  value: unknown,
  place: ConfigPlace,
): ReadonlyMap<string, readonly string[]> | undefined {
  if (value === undefined || value === null) return undefined;
  const refusal = (found: unknown, expected: 'path' | 'splitName' | 'splitWithPath'): DataError =>
    new DataError('card-data-files-invalid', { ...place, found: plain(found), expected });
  const patterns = (given: unknown): string[] => {
    const all: unknown[] = Array.isArray(given) ? given : [given];
    const odd = all.find((pattern) => typeof pattern !== 'string' || pattern === '');
    if (odd !== undefined || all.length === 0) throw refusal(odd ?? given, 'path');
    return all as string[]; // checked above
  };
  const splits = new Map<string, readonly string[]>();
  const add = (split: unknown, given: unknown): void => {
    if (typeof split !== 'string' && typeof split !== 'number') throw refusal(split, 'splitName');
    if (splits.has(String(split))) throw new DataError('card-split-repeated', { ...place, split });
    splits.set(String(split), patterns(given));
  };
  if (Array.isArray(value) && value.some(isObject)) {
    for (const entry of value as unknown[]) {
      if (!isObject(entry)) throw refusal(entry, 'splitWithPath');
      add(entry.split, entry.path);
    }
  } else if (isObject(value)) {
    for (const [split, given] of Object.entries(value)) add(split, given);
  } else {
    add('train', value);
  }
  return splits;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return value === undefined || value === null ? [] : [value];
}
