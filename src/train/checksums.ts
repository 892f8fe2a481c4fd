/**
 * checksums.json of a checkpoint: size and SHA-256 of each of its files, written last. A checkpoint whose
 * files do not have them was cut short or changed by a disk, a transfer, a hand, and is not resumed from.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { jsonValue } from '../json/syntax.js';
import { AttuneError, ModelError } from '../errors/attune-error.js';
import { readPlainFile, writeWhole } from '../files.js';

export const CHECKSUMS_FILE = 'checksums.json';

interface Sum {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Writes checksums.json for the files of a folder.
 *
 * @param known SHA-256 of files that were hashed while they were written
 */
export async function writeChecksums(
  folder: string,
  known: Readonly<Partial<Record<string, string>>> = {},
): Promise<void> {
  const hashes = new Map(Object.entries(known));
  const files: [name: string, sum: Sum][] = [];
  for (const name of (await readdir(folder)).sort()) {
    const { size } = await stat(join(folder, name));
    files.push([name, { bytes: size, sha256: hashes.get(name) ?? (await sha256(join(folder, name))) }]);
  }
  await writeWhole(
    join(folder, CHECKSUMS_FILE),
    `${JSON.stringify({ algorithm: 'sha256', files: Object.fromEntries(files) }, null, 2)}\n`,
  );
}

/**
 * Reads every file of a folder and compares it with checksums.json.
 *
 * @param required files without which the folder is not whole
 * @throws ModelError naming the first file that is not as it was written; AttuneError if one cannot be
 *   read; the signal's reason if it is aborted
 */
export async function verifyChecksums(
  folder: string,
  required: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const list = join(folder, CHECKSUMS_FILE);
  const sums = parse(await readPlainFile(list).catch(explain(list)), list);
  for (const name of required)
    if (!sums.has(name)) throw new ModelError('checksums-incomplete', { file: list, missing: name });
  // The cheap look first: most damage is a file cut short.
  for (const [name, { bytes }] of sums) {
    const path = join(folder, name);
    const { size } = await stat(path).catch(explain(path));
    if (size !== bytes)
      throw new ModelError('checkpoint-file-size', { file: path, found: size, expected: bytes });
  }
  for (const [name, sum] of sums) {
    const path = join(folder, name);
    const found = await sha256(path, signal).catch((cause: unknown) => {
      signal?.throwIfAborted();
      return explain(path)(cause);
    });
    if (found !== sum.sha256) throw new ModelError('checkpoint-file-changed', { file: path });
  }
}

/**
 * One SHA-256 of the names and contents of a checkpoint's files: those that its checksums list, and those;
 * without such a list all that are there.
 */
export async function hashOfCheckpoint(folder: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const list = join(folder, CHECKSUMS_FILE);
  const listed = await readPlainFile(list).then(
    (text) => [...parse(text, list).keys(), CHECKSUMS_FILE],
    () => undefined,
  );
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile() && (listed === undefined || listed.includes(entry.name)))
    .map(({ name }) => name);
  for (const name of names.sort()) hash.update(`${name} ${await sha256(join(folder, name), signal)}\n`);
  return hash.digest('hex');
}

function parse(text: string, file: string): Map<string, Sum> {
  let value: unknown;
  try {
    value = jsonValue(text);
  } catch {
    throw new ModelError('checksums-not-json', { file });
  }
  const { algorithm, files } = (value ?? {}) as { algorithm?: unknown; files?: unknown };
  if (algorithm !== 'sha256' || typeof files !== 'object' || files === null)
    throw new ModelError('checksums-malformed', { file });
  const sums = Object.entries(files as Record<string, Partial<Sum> | null>);
  for (const [name, sum] of sums) {
    if (
      name === '' ||
      basename(name) !== name ||
      name.includes('\\') ||
      !Number.isSafeInteger(sum?.bytes) ||
      typeof sum?.sha256 !== 'string'
    )
      throw new ModelError('checksums-malformed', { file });
  }
  return new Map(sums as [string, Sum][]);
}

async function sha256(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    signal?.throwIfAborted();
    hash.update(chunk as Uint8Array);
  }
  return hash.digest('hex');
}

/** A file that is not there is damage; a disk or a right that fails is not, and is not to be passed over. */
function explain(path: string): (cause: unknown) => never {
  return (cause) => {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'EINVAL')
      throw new ModelError('checkpoint-file-missing', { file: path });
    throw new AttuneError('checkpoint-file-unreadable', { file: path, reason: message }, { cause });
  };
}
