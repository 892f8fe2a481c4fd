/**
 * `attune_rows.json` beside a model and in each checkpoint: which texts it was trained on, as hashes, so that whoever measures it later learns how many of his rows
 * it has seen. Two texts are the same where they differ in nothing but white space (data/identity.ts).
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { textIdentity } from '../data/identity.js';
import type { Dataset } from '../data/dataset.js';
import { ModelError } from '../errors.js';
import { readPlainFile } from '../files.js';
import { jsonValue } from '../json/syntax.js';
import { isJsonObject } from '../model/config-fields.js';
import { Pace } from '../pace.js';

export const ROWS_FILE = 'attune_rows.json';
const FORMAT = 1;

/** Bytes of each hash that are kept: among a million texts, any two are taken for one with a chance of 1 in 37 million. */
const HASH_BYTES = 8;
const DIGITS = 2 * HASH_BYTES;
/** What a Set holds. */
const MOST_TEXTS = 2 ** 24;

/** Hashes of texts, in hexadecimal. */
export type TextHashes = ReadonlySet<string>;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hashOf = (text: string): string => sha256(textIdentity(text)).slice(0, DIGITS);

export async function hashTexts({ rows }: Dataset, signal?: AbortSignal): Promise<TextHashes> {
  const hashes = new Set<string>();
  const pace = new Pace(signal);
  for (const { text } of rows) {
    if (pace.due) await pace.rest();
    hashes.add(hashOf(text));
  }
  return hashes;
}

/**
 * What to tell whoever measures on rows that are not new to what he measures: one sentence, or none where all are.
 *
 * @param hashes of the texts that were trained on; undefined where nobody knows
 */
export async function leakNotes(test: Dataset | undefined, hashes: TextHashes | undefined, learner: 'model' | 'baselines', signal?: AbortSignal): Promise<readonly string[]> {
  if (!test || !hashes) return [];
  let seen = 0;
  const pace = new Pace(signal);
  for (const { text } of test.rows) {
    if (pace.due) await pace.rest();
    if (hashes.has(hashOf(text))) seen++;
  }
  if (seen === 0) return [];
  const who = learner === 'model' ? 'the model was trained on: the figures flatter it' : 'the baselines are trained on: the figures flatter them';
  return [`${seen} of the ${test.length} rows to measure on ${seen === 1 ? 'has a text' : 'have texts'} that ${who}`];
}

export function hashesToJson(hashes: TextHashes): string {
  const texts = Buffer.from([...hashes].sort().join(''), 'hex').toString('base64');
  return `${JSON.stringify({ format: FORMAT, hash: 'sha256', bytes: HASH_BYTES, count: hashes.size, checksum: sha256(texts), texts })}\n`;
}

/**
 * The texts that the model or checkpoint in a folder was trained on; undefined where nothing there says so.
 *
 * @throws ModelError naming the file where it is damaged or of a later version
 */
export async function readTrainedTexts(dir: string): Promise<TextHashes | undefined> {
  const path = join(dir, ROWS_FILE);
  let text: string;
  try {
    text = await readPlainFile(path);
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new ModelError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  const refuse = (why: string, cause?: unknown) => new ModelError(`${path}: ${why}`, { cause, hint: 'Without this file, rows that the model was trained on are not counted.' });
  let value: unknown;
  try {
    value = jsonValue(text);
  } catch (cause) {
    throw refuse('is not JSON', cause);
  }
  if (isJsonObject(value) && value['format'] !== FORMAT) throw refuse(`is of the format ${JSON.stringify(value['format'])}, which this version does not know`);
  if (!isJsonObject(value) || value['hash'] !== 'sha256' || value['bytes'] !== HASH_BYTES || typeof value['texts'] !== 'string' || value['checksum'] !== sha256(value['texts'])) throw refuse('is damaged');
  const digits = Buffer.from(value['texts'], 'base64').toString('hex');
  const count = digits.length / DIGITS;
  if (count !== value['count'] || count > MOST_TEXTS) throw refuse('is damaged');
  return new Set(Array.from({ length: count }, (_, i) => digits.slice(i * DIGITS, (i + 1) * DIGITS)));
}
