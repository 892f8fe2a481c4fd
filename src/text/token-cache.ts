// Token ids of a long list of texts, kept on disk: what was tokenised once with the same vocabulary and
// length is read back instead. The key is a hash of everything the ids depend on, so nothing ever has to be
// declared stale; files that are damaged, or of another version, are tokenised anew.
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, stat, utimes } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { EncodedRow } from '../engine/batch.js';
import { writeWhole } from '../files.js';
import { Pace } from '../pace.js';
import { encodeTexts } from './encode-texts.js';
import type { Tokenizer } from './tokenizer.js';

/** Fewer characters are tokenised in less time than a file is worth. */
const WORTH_CHARACTERS = 500_000;
/** All files together; those not used for longest go first. */
const MOST_BYTES = 512 * 2 ** 20;

// A file, all numbers of 32 bits, lowest byte first:
//   magic, rows R, tokens N, [R] tokens of each row, 0 for a blind one, [N] ids, and the SHA-256 of all that
// A blind row is one pad token, which is not among the ids.
const MAGIC = 0x314b5441; // "ATK1"
const HEAD = 3;
const HASH_BYTES = 32;
const HASHED_AT_ONCE = 2 ** 20;

/** ATTUNE_CACHE, or `attune` in XDG_CACHE_HOME or ~/.cache. */
export function attuneCacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env.ATTUNE_CACHE) return resolve(env.ATTUNE_CACHE);
  return join(env.XDG_CACHE_HOME ? resolve(env.XDG_CACHE_HOME) : join(homedir(), '.cache'), 'attune');
}

export interface TokenCacheOptions {
  /** Default `tokens` in `attuneCacheFolder()`. */
  readonly folder?: string | undefined;
  /** Texts of fewer characters in all are not kept. */
  readonly worthCharacters?: number | undefined;
  readonly mostBytes?: number | undefined;
  /** Aborting it ends the work with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * `tokenizer.encode` of every text, from the cache where they are in it. A cache that cannot be read or
 * written costs time, nothing else.
 *
 * @throws the signal's reason if it is aborted
 */
export async function encodeCached(
  texts: readonly string[],
  tokenizer: Tokenizer,
  maxLength: number,
  options: TokenCacheOptions = {},
): Promise<EncodedRow[]> {
  const { folder = join(attuneCacheFolder(), 'tokens'), signal } = options;
  const { worthCharacters = WORTH_CHARACTERS, mostBytes = MOST_BYTES } = options;
  const encode = (): Promise<EncodedRow[]> => encodeTexts(texts, tokenizer, maxLength, signal);
  let characters = 0;
  for (const text of texts) characters += text.length;
  if (characters < worthCharacters) return encode();
  const pace = new Pace(signal);
  const file = join(folder, `${await keyOf(texts, tokenizer, maxLength, pace)}.bin`);
  const known = await readRows(file, texts.length, maxLength, tokenizer, pace);
  if (known) return known;
  const rows = await encode();
  const bytes = await packRowsToBytes(rows, pace);
  try {
    await mkdir(folder, { recursive: true });
    await writeWhole(file, bytes);
    await prune(folder, mostBytes);
  } catch {
    // A full or read-only disk: the ids are here all the same.
  }
  return rows;
}

async function keyOf(
  texts: readonly string[],
  tokenizer: Tokenizer,
  maxLength: number,
  pace: Pace,
): Promise<string> {
  const hash = createHash('sha256').update(
    `${MAGIC} ${maxLength} ${tokenizer.poolingPadId ?? 'none'} ${texts.length}`,
  );
  tokenizer.hashInto(hash);
  // Lengths part the texts; a lone surrogate becomes U+FFFD in UTF-8, as it does in the tokenizer.
  hash.update(Buffer.from(Int32Array.from(texts, (text) => text.length).buffer));
  for (const text of texts) {
    if (pace.due) await pace.rest();
    hash.update(text);
  }
  return hash.digest('hex');
}

async function packRowsToBytes(rows: readonly EncodedRow[], pace: Pace): Promise<Uint8Array> {
  const tokens = rows.reduce((sum, { ids, blind }) => sum + (blind ? 0 : ids.length), 0);
  const bytes = Buffer.alloc(4 * (HEAD + rows.length + tokens) + HASH_BYTES);
  let at = 0;
  const put = (value: number): void => {
    at = bytes.writeInt32LE(value, at);
  };
  for (const value of [MAGIC, rows.length, tokens]) put(value);
  for (const { ids, blind } of rows) put(blind ? 0 : ids.length);
  for (const { ids, blind } of rows) {
    if (pace.due) await pace.rest();
    if (!blind) for (const id of ids) put(id);
  }
  bytes.set(await sha256(bytes.subarray(0, at), pace), at);
  return bytes;
}

async function sha256(bytes: Uint8Array, pace: Pace): Promise<Buffer> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += HASHED_AT_ONCE) {
    if (pace.due) await pace.rest();
    hash.update(bytes.subarray(at, at + HASHED_AT_ONCE));
  }
  return hash.digest();
}

/** Undefined where the file is not there or is not what it should be. */
async function readRows(
  file: string,
  count: number,
  maxLength: number,
  tokenizer: Tokenizer,
  pace: Pace,
): Promise<EncodedRow[] | undefined> {
  const bytes = await readFile(file).catch(() => undefined);
  if (!bytes) return undefined;
  const rows = await parseRows(bytes, count, maxLength, tokenizer, pace);
  if (rows) await utimes(file, new Date(), new Date()).catch(() => undefined); // used just now
  return rows;
}

async function parseRows(
  bytes: Buffer,
  count: number,
  maxLength: number,
  { padTokenId, vocabSize }: Tokenizer,
  pace: Pace,
): Promise<EncodedRow[] | undefined> {
  const end = bytes.length - HASH_BYTES;
  if (end < 4 * HEAD || bytes.readInt32LE(0) !== MAGIC || bytes.readInt32LE(4) !== count) return undefined;
  const tokens = bytes.readInt32LE(8);
  if (end !== 4 * (HEAD + count + tokens)) return undefined;
  if (!(await sha256(bytes.subarray(0, end), pace)).equals(bytes.subarray(end))) return undefined;
  const rows: EncodedRow[] = [];
  let at = 4 * (HEAD + count);
  for (let row = 0; row < count; row++) {
    if (pace.due) await pace.rest();
    const length = bytes.readInt32LE(4 * (HEAD + row));
    if (length < 0 || length > maxLength || at + 4 * length > end) return undefined;
    const ids = new Int32Array(length);
    for (let i = 0; i < length; i++) {
      ids[i] = bytes.readInt32LE(at + 4 * i);
      if (ids[i] < 0 || ids[i] >= vocabSize) return undefined;
    }
    at += 4 * length;
    rows.push(length === 0 ? { ids: Int32Array.of(padTokenId), blind: true } : { ids, blind: false });
  }
  return at === end ? rows : undefined;
}

async function prune(folder: string, mostBytes: number): Promise<void> {
  const files = await Promise.all(
    (await readdir(folder))
      .filter((name) => /^[0-9a-f]{64}\.bin$/.test(name))
      .map(async (name) => {
        const path = join(folder, name);
        const { size, mtimeMs } = await stat(path);
        return { path, size, mtimeMs };
      }),
  );
  let left = files.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of files.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
    if (left <= mostBytes) return;
    await rm(path, { force: true });
    left -= size;
  }
}
