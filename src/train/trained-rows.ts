/**
 * `attune_rows.json` beside a model and in each checkpoint: which texts it was trained on, as hashes, so that
 * whoever measures it later learns how many of his rows it has seen. Two texts are the same where they differ
 * in nothing but white space (data/identity.ts).
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { textIdentity } from '../data/identity.js';
import type { Dataset } from '../data/dataset.js';
import { ModelError } from '../errors/attune-error.js';
import type { Notice } from '../errors/notices.js';
import { notice } from '../errors/notices.js';
import type { Plain } from '../errors/wording.js';
import { pacedMap } from '../pace.js';
import { parseJsonObject, readIfPresent } from '../text/json-file.js';

export const ROWS_FILE = 'attune_rows.json';
const FORMAT = 1;

/**
 * Bytes of each hash that are kept: among a million texts, any two are taken for one with a chance of 1 in 37
 * million.
 */
const HASH_BYTES = 8;
const DIGITS = 2 * HASH_BYTES;
/** What a Set holds. */
const MOST_TEXTS = 2 ** 24;

/** Hashes of texts, in hexadecimal. */
export type TextHashes = ReadonlySet<string>;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hashOf = (text: string): string => sha256(textIdentity(text)).slice(0, DIGITS);

export const hashTexts = async ({ rows }: Dataset, signal?: AbortSignal): Promise<TextHashes> =>
  new Set(await pacedMap(rows, ({ text }) => hashOf(text), signal));

/** How many rows have a text that was trained on. @param hashes of the texts that were trained on */
export async function countLeaked(
  { rows }: Dataset,
  hashes: TextHashes,
  signal?: AbortSignal,
): Promise<number> {
  const known = await pacedMap(rows, ({ text }) => hashes.has(hashOf(text)), signal);
  return known.filter(Boolean).length;
}

/**
 * What to tell whoever measures on rows that are not new to what he measures: one sentence, or none where all
 * are.
 *
 * @param hashes of the texts that were trained on; undefined where nobody knows
 */
export async function leakNotes(
  test: Dataset | undefined,
  hashes: TextHashes | undefined,
  learner: 'model' | 'baselines',
  signal?: AbortSignal,
): Promise<readonly Notice[]> {
  if (!test || !hashes) return [];
  const seen = await countLeaked(test, hashes, signal);
  return seen === 0 ? [] : [notice('rows-trained-on', { learner, seen, rows: test.length })];
}

export function hashesToJson(hashes: TextHashes): string {
  const texts = Buffer.from([...hashes].sort().join(''), 'hex').toString('base64');
  const checksum = sha256(texts);
  const record = { format: FORMAT, hash: 'sha256', bytes: HASH_BYTES, count: hashes.size, checksum, texts };
  return `${JSON.stringify(record)}\n`;
}

/**
 * The texts that the model or checkpoint in a folder was trained on; undefined where nothing there says so.
 *
 * @throws ModelError naming the file if it is damaged or of a later version
 */
export async function readTrainedTexts(dir: string): Promise<TextHashes | undefined> {
  const bytes = await readIfPresent(dir, ROWS_FILE);
  if (!bytes) return undefined;
  const path = join(dir, ROWS_FILE);
  const { format, hash, bytes: hashBytes, count, checksum, texts } = parseJsonObject(bytes, path);
  if (format !== FORMAT) throw new ModelError('trained-rows-format', { file: path, found: format as Plain });
  if (
    hash !== 'sha256' ||
    hashBytes !== HASH_BYTES ||
    typeof texts !== 'string' ||
    checksum !== sha256(texts)
  )
    throw new ModelError('trained-rows-damaged', { file: path });
  const digits = Buffer.from(texts, 'base64').toString('hex');
  const found = digits.length / DIGITS;
  if (found !== count || found > MOST_TEXTS) throw new ModelError('trained-rows-damaged', { file: path });
  return new Set(Array.from({ length: found }, (_, i) => digits.slice(i * DIGITS, (i + 1) * DIGITS)));
}
