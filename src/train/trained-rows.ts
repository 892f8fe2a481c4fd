/**
 * `attune_rows.json` in a run's folder: which texts the model was trained on, as hashes, so that whoever measures it later learns how many of his rows it has seen.
 * Two texts are the same where they differ in nothing but white space (data/identity.ts).
 */
import { createHash } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import { isJsonObject } from '../model/config-fields.js';
import { textIdentity } from '../data/identity.js';
import type { Dataset } from '../data/dataset.js';
import type { Splits } from '../data/splits.js';
import { readPlainFile } from '../files.js';
import { jsonValue } from '../json/syntax.js';
import { Pace } from '../pace.js';
import { checkpointStep } from './best.js';

export const ROWS_FILE = 'attune_rows.json';
const FORMAT = 1;

/** Bytes of each hash that are kept: of a million texts, two are taken for one with a chance of 1 in 37 million. */
const HASH_BYTES = 8;
const DIGITS = 2 * HASH_BYTES;

/** Hashes of texts, in hexadecimal. */
export type TextHashes = ReadonlySet<string>;

const hashOf = (text: string): string => createHash('sha256').update(textIdentity(text)).digest('hex').slice(0, DIGITS);

/**
 * The texts that a model has seen when it is trained on a dataset.
 *
 * @param earlier folders of the models and checkpoints that it goes on from: what they were trained on counts, too
 */
export async function textsSeen({ rows }: Dataset, earlier: readonly (string | undefined)[], signal?: AbortSignal): Promise<TextHashes> {
  const hashes = new Set<string>();
  for (const folder of earlier) {
    if (folder === undefined) continue;
    for (const hash of (await readTrainedTexts(folder)) ?? []) hashes.add(hash);
  }
  const pace = new Pace(signal);
  for (const { text } of rows) {
    if (pace.due) await pace.rest();
    hashes.add(hashOf(text));
  }
  return hashes;
}

/** How many rows have a text that is among the hashed ones. */
async function countSeen({ rows }: Dataset, hashes: TextHashes, signal?: AbortSignal): Promise<number> {
  let seen = 0;
  const pace = new Pace(signal);
  for (const { text } of rows) {
    if (pace.due) await pace.rest();
    if (hashes.has(hashOf(text))) seen++;
  }
  return seen;
}

export function hashesToJson(hashes: TextHashes): string {
  const sorted = Buffer.from([...hashes].sort().join(''), 'hex');
  return `${JSON.stringify({ format: FORMAT, hash: 'sha256', bytes: HASH_BYTES, texts: sorted.toString('base64') })}\n`;
}

/** The texts that the model in a folder was trained on, by the file there or, of a checkpoint, in the folder above it; undefined where nothing sound says so. */
export async function readTrainedTexts(dir: string): Promise<TextHashes | undefined> {
  const above = checkpointStep(basename(resolve(dir))) === undefined ? [] : [dirname(resolve(dir))];
  for (const folder of [dir, ...above]) {
    const hashes = await readPlainFile(join(folder, ROWS_FILE)).then(parse, () => undefined);
    if (hashes) return hashes;
  }
  return undefined;
}

function parse(text: string): TextHashes | undefined {
  let value: unknown;
  try {
    value = jsonValue(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(value) || value['format'] !== FORMAT || value['bytes'] !== HASH_BYTES || typeof value['texts'] !== 'string') return undefined;
  const digits = Buffer.from(value['texts'], 'base64').toString('hex');
  return new Set(Array.from({ length: Math.floor(digits.length / DIGITS) }, (_, i) => digits.slice(i * DIGITS, (i + 1) * DIGITS)));
}

/** What to tell whoever measures on rows of which the model has seen some; undefined where it has seen none. */
export async function leakNote(test: Dataset, hashes: TextHashes, signal?: AbortSignal): Promise<string | undefined> {
  const seen = await countSeen(test, hashes, signal);
  if (seen === 0) return undefined;
  return `${seen} of the ${test.length} rows to measure on ${seen === 1 ? 'has a text' : 'have texts'} that the model was trained on: the figures flatter it`;
}

/** The splits, with a note where test rows have been seen in training. */
export async function withLeakNote<T extends Splits>(splits: T, hashes: TextHashes, signal?: AbortSignal): Promise<T> {
  const note = splits.test && (await leakNote(splits.test, hashes, signal));
  return note === undefined ? splits : { ...splits, notes: [...splits.notes, note] };
}
