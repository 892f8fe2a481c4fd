/**
 * `.attune-files.json`, the record in an output folder of every file that attune made there. What is in it
 * may be replaced and removed; everything else in the folder is somebody else's, whatever it is called.
 *
 * Files are written in the folder's workshop, `.attune-{id}`, and moved into their places when they are
 * whole:
 *
 *   .attune-{id}/{operation}/new/        what is being written, under the names that it will have
 *   .attune-{id}/{operation}/replaced/   folders whose place a new one takes
 *   .attune-{id}/{operation}/removed/    what is being removed
 *
 * The record is written before the first of them moves, so that a process may end at any moment: what is
 * still in the workshop then has not been made.
 */
import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../errors/attune-error.js';
import { PARTIAL, writeWhole } from '../files.js';
import { jsonValue } from '../json/syntax.js';
import { isJsonObject } from '../model/config-fields.js';
import { MANIFEST_FILE } from './manifest.js';
import { isLeftLock, LOCK_FILE } from './run-lock.js';

export const RECORD_FILE = '.attune-files.json';
const FORMAT = 1;

/**
 * What a folder is for: a training run or a comparison, the demonstration's, or the page of a static host.
 */
export type Purpose = 'run' | 'demo' | 'page';
const PURPOSES: readonly unknown[] = ['run', 'demo', 'page'] satisfies Purpose[];

export interface OutputRecord {
  readonly purpose: Purpose;
  /** A UUID, in the name of the folder's workshop. */
  readonly id: string;
  /** Paths from the folder, with `/`, of the files that attune made. */
  readonly files: ReadonlySet<string>;
  /** What the operation under way adds to `files`. */
  readonly adding?: { readonly operation: string; readonly files: readonly string[] } | undefined;
}

export const newRecord = (purpose: Purpose, files: Iterable<string> = []): OutputRecord => ({
  purpose,
  id: randomUUID(),
  files: new Set(files),
});

export const workshopName = (id: string): string => `.attune-${id}`;
const partialName = (id: string): string => `${workshopName(id)}${PARTIAL}`;

/** Writes the record, whole or not at all. @throws AttuneError if it cannot be written */
export async function writeRecord(dir: string, { purpose, id, files, adding }: OutputRecord): Promise<void> {
  const record = { format: FORMAT, purpose, id, files: [...files].sort(), adding };
  const text = `${JSON.stringify(record, null, 1)}\n`;
  const partial = join(dir, partialName(id));
  await rm(partial, { force: true });
  await writeWhole(join(dir, RECORD_FILE), text, { partial });
}

/**
 * The record of a folder; undefined where it has none.
 *
 * @throws UsageError if a file of that name is none
 */
export async function readRecord(dir: string): Promise<OutputRecord | undefined> {
  const file = join(dir, RECORD_FILE);
  const found = await lstat(file).catch(() => undefined);
  if (!found) return undefined;
  const record = found.isFile() ? parseRecord(await readFile(file, 'utf8').catch(() => '')) : undefined;
  if (record) return record;
  throw new UsageError('output-record-foreign', { file });
}

function parseRecord(text: string): OutputRecord | undefined {
  let value: unknown;
  try {
    value = jsonValue(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value) || value['format'] !== FORMAT) return undefined;
  const { purpose, id, files, adding } = value;
  if (!PURPOSES.includes(purpose) || typeof id !== 'string' || !UUID.test(id) || !isPaths(files))
    return undefined;
  if (
    adding !== undefined &&
    !(
      isJsonObject(adding) &&
      typeof adding['operation'] === 'string' &&
      UUID.test(adding['operation']) &&
      isPaths(adding['files'])
    )
  )
    return undefined;
  return { purpose: purpose as Purpose, id, files: new Set(files), adding: adding as OutputRecord['adding'] };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const isPaths = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((path) => typeof path === 'string' && isInside(path));

/** Whether a path leads to something in the folder that is not attune's own book-keeping. */
const isInside = (path: string): boolean =>
  !/[\\\0]/.test(path) &&
  path
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && !part.startsWith('.attune'));

/**
 * Sees what a process that ended in the midst of its work left in the workshop. A folder whose place was
 * about to be taken gets it back.
 *
 * @returns the record without what is not there
 */
export async function recover(dir: string, record: OutputRecord): Promise<OutputRecord> {
  const workshop = join(dir, workshopName(record.id));
  const { adding } = record;
  const unmade = new Set(adding && (await filesUnder(join(workshop, adding.operation, 'new'))));
  for (const operation of await readdir(workshop).catch(() => [])) {
    const replaced = join(workshop, operation, 'replaced');
    for (const entry of await readdir(replaced).catch(() => [])) {
      const name = decoded(entry);
      if (name !== undefined && !(await exists(join(dir, name))))
        await rename(join(replaced, entry), join(dir, name));
    }
  }
  const files = new Set<string>();
  for (const file of record.files) {
    const undone = unmade.has(file) && adding!.files.includes(file);
    if (!undone && (await exists(join(dir, file)))) files.add(file);
  }
  const recovered: OutputRecord = { purpose: record.purpose, id: record.id, files };
  // Before the workshop goes, which says what has not been made.
  if (files.size !== record.files.size) await writeRecord(dir, recovered);
  await rm(workshop, { recursive: true, force: true });
  await rm(join(dir, partialName(record.id)), { force: true });
  return recovered;
}

/**
 * Removes a first record that did not get its name. It says itself what it is: by the UUID that its name and
 * its text share.
 */
export async function removeUnnamedRecords(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const id =
      name.startsWith('.attune-') && name.endsWith(PARTIAL)
        ? name.slice('.attune-'.length, -PARTIAL.length)
        : '';
    if (!UUID.test(id) || !(await lstat(join(dir, name))).isFile()) continue;
    const text = await readFile(join(dir, name), 'utf8');
    if (text === '' || parseRecord(text)?.id === id) await rm(join(dir, name), { force: true });
  }
}

/** A path as one name, of what is moved aside for a moment. */
export const encoded = (name: string): string => encodeURIComponent(name);

function decoded(entry: string): string | undefined {
  try {
    const name = decodeURIComponent(entry);
    return isInside(name) ? name : undefined;
  } catch {
    return undefined;
  }
}

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/**
 * Paths with `/` of all that is in a folder and in folders in it, but folders themselves. None where it is
 * missing.
 */
export async function filesUnder(dir: string, above = ''): Promise<string[]> {
  const found: string[] = [];
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory())
      found.push(...(await filesUnder(join(dir, entry.name), `${above}${entry.name}/`)));
    else found.push(above + entry.name);
  }
  return found;
}

/**
 * What stands at `name` that attune did not make: paths from the folder. None where nothing is there, or all
 * of it is attune's. Links, devices and empty folders are never attune's, and neither is what is reached
 * through a link.
 *
 * @param name a file or folder, by its path from the folder
 */
export async function foreignIn(dir: string, name: string, files: ReadonlySet<string>): Promise<string[]> {
  for (let slash = name.indexOf('/'); slash > 0; slash = name.indexOf('/', slash + 1)) {
    const above = name.slice(0, slash);
    const found = await lstat(join(dir, above)).catch(() => undefined);
    if (!found) return [];
    if (!found.isDirectory()) return [above];
  }
  const found = await lstat(join(dir, name)).catch(() => undefined);
  if (!found) return [];
  if (!found.isDirectory()) return found.isFile() && files.has(name) ? [] : [name];
  const entries = await readdir(join(dir, name), { encoding: 'buffer' });
  if (entries.length === 0 && !hasUnder(files, name)) return [name];
  const own = await withinOwn(dir, name, files);
  const foreign: string[] = [];
  for (const bytes of entries) {
    const entry = bytes.toString();
    // A name that is not UTF-8 is none that attune gives, and cannot be asked for by its text.
    if (!Buffer.from(entry).equals(bytes)) foreign.push(`${name}/${entry}`);
    else if (entry === LOCK_FILE ? !(await isLeftLock(join(dir, name, entry))) : !own.aside.has(entry))
      foreign.push(...(await foreignIn(dir, `${name}/${entry}`, own.files)));
  }
  return foreign;
}

interface Own {
  /** Paths from the output folder. */
  readonly files: ReadonlySet<string>;
  /** Names in the folder itself that are attune's book-keeping. */
  readonly aside: ReadonlySet<string>;
}

/**
 * A folder that attune made may have a record of its own, of what was added to it later: the report of a
 * checkpoint. Another run in it is not of this one.
 */
async function withinOwn(dir: string, name: string, files: ReadonlySet<string>): Promise<Own> {
  const added = await readRecord(join(dir, name)).catch(() => undefined);
  if (!added || added.files.has(MANIFEST_FILE)) return { files, aside: new Set() };
  return {
    files: new Set([...files, ...[...added.files].map((file) => `${name}/${file}`)]),
    aside: new Set([RECORD_FILE, workshopName(added.id), partialName(added.id)]),
  };
}

/** Whether any of the files lies in folder `name`. */
export function hasUnder(files: ReadonlySet<string>, name: string): boolean {
  for (const file of files) if (file.startsWith(`${name}/`)) return true;
  return false;
}

/** Moves a file or folder, making the folders above its new place. */
export async function moveTo(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
}
