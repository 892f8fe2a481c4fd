/**
 * The two formats of the original word2vec (code.google.com/archive/p/word2vec): a line "words size", then
 * each word with its vector, as text or as little-endian float32. Both are written byte for byte as gensim's
 * `save_word2vec_format` writes them, and read as it reads them.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ModelError, UsageError } from '../../errors/attune-error.js';
import { factNumber } from '../../errors/phrases/values.js';
import { writeWhole } from '../../files.js';
import { pythonFloat } from '../../json/python.js';

export interface SaveFormatOptions {
  /** Numbers as bytes instead of text. */
  readonly binary?: boolean | undefined;
}

export interface LoadFormatOptions extends SaveFormatOptions {
  /** Read no more than the first so many words, which are the most frequent. */
  readonly limit?: number | undefined;
}

export interface WordVectors {
  readonly words: readonly string[];
  /** [words, vectorSize] */
  readonly vectors: Float32Array;
  readonly vectorSize: number;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;
const FLOAT_BYTES = 4;
const WORDS_A_CHUNK = 1000;

/** @throws UsageError `word2vec-word-unsavable`; AttuneError `file-unwritable` */
export async function writeVectors(
  path: string,
  vectors: WordVectors,
  { binary = false }: SaveFormatOptions = {},
): Promise<void> {
  const bad = vectors.words.find((word) => word === '' || /[ \n]|\p{Surrogate}/u.test(word));
  if (bad !== undefined) throw new UsageError('word2vec-word-unsavable', { word: bad });
  await writeWhole(path, chunks(vectors, binary));
}

function* chunks({ words, vectors, vectorSize }: WordVectors, binary: boolean): Generator<Uint8Array> {
  yield Buffer.from(`${words.length} ${vectorSize}\n`);
  for (let first = 0; first < words.length; first += WORDS_A_CHUNK) {
    const entries = words.slice(first, first + WORDS_A_CHUNK).map((word, i) => {
      const vector = vectors.subarray((first + i) * vectorSize, (first + i + 1) * vectorSize);
      if (!binary) return Buffer.from(`${word} ${Array.from(vector, shortest).join(' ')}\n`);
      const numbers = Buffer.alloc(vectorSize * FLOAT_BYTES);
      vector.forEach((value, j) => numbers.writeFloatLE(value, j * FLOAT_BYTES));
      return Buffer.concat([Buffer.from(`${word} `), numbers]);
    });
    yield Buffer.concat(entries);
  }
}

/** The fewest digits that read back as the same float32, as numpy prints it. */
function shortest(value: number): string {
  let decimal = value;
  for (let digits = 9; digits >= 1 && value !== 0; digits--) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) !== value) break;
    decimal = shorter;
  }
  return pythonFloat(decimal);
}

/**
 * @throws ModelError saying what is wrong at which word: `word2vec-file-*`, `file-unreadable`; UsageError
 *   `estimator-option-not-whole` for a `limit` that is no whole number from 1
 */
export async function readVectors(
  path: string,
  { binary = false, limit = Infinity }: LoadFormatOptions = {},
): Promise<WordVectors> {
  if (limit !== Infinity && (!Number.isInteger(limit) || limit < 1))
    throw new UsageError('estimator-option-not-whole', { option: 'limit', given: factNumber(limit), min: 1 });
  const { size } = await stat(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const bytes = new ByteReader(path);
  try {
    const header = (await bytes.until(NEWLINE, undefined))?.toString('latin1').trim() ?? '';
    const [, declared, columns] = /^(\d+)\s+(\d+)$/.exec(header) ?? [];
    const vectorSize = Number(columns);
    if (columns === undefined || vectorSize < 1) throw new ModelError('word2vec-file-header', { file: path });
    const rows = Math.min(Number(declared), limit);
    if (rows * (vectorSize * (binary ? FLOAT_BYTES : 2) + 1) > size) {
      const announced = { words: Number(declared), vectorSize };
      throw new ModelError('word2vec-file-too-short', { file: path, ...announced, binary });
    }
    const vectors = new Float32Array(rows * vectorSize);
    const words = new Map<string, number>();
    for (let row = 0; row < rows; row++) {
      const place = { file: path, word: row + 1 };
      const vector = vectors.subarray(words.size * vectorSize, (words.size + 1) * vectorSize);
      const word = binary ? await readBinary(bytes, vector, place) : await readText(bytes, vector, place);
      // As in gensim, the first of two entries counts.
      if (!words.has(word)) words.set(word, words.size);
    }
    return { words: [...words.keys()], vectors: vectors.subarray(0, words.size * vectorSize), vectorSize };
  } finally {
    bytes.close();
  }
}

/** A file, and the number of a word in it, from 1. */
interface Place {
  readonly file: string;
  readonly word: number;
}

async function readText(bytes: ByteReader, vector: Float32Array, place: Place): Promise<string> {
  const line = await bytes.until(NEWLINE, place.word, true);
  if (!line) throw new ModelError('word2vec-file-ends', { ...place, binary: false });
  const [word, ...numbers] = decode(line, place).trimEnd().split(' ');
  if (numbers.length !== vector.length)
    throw new ModelError('word2vec-file-numbers', {
      ...place,
      found: numbers.length,
      expected: vector.length,
    });
  numbers.forEach((text, i) => {
    vector[i] = text === '' ? NaN : Number(text);
    if (!Number.isFinite(vector[i]))
      throw new ModelError('word2vec-file-number', { ...place, found: text.slice(0, 40) });
  });
  return word;
}

async function readBinary(bytes: ByteReader, vector: Float32Array, place: Place): Promise<string> {
  const spelled = await bytes.until(SPACE, place.word);
  const numbers = spelled && (await bytes.take(vector.length * FLOAT_BYTES));
  if (!numbers) throw new ModelError('word2vec-file-ends', { ...place, binary: true });
  for (let i = 0; i < vector.length; i++) vector[i] = numbers.readFloatLE(i * FLOAT_BYTES);
  if (!vector.every(Number.isFinite)) throw new ModelError('word2vec-file-not-finite', { ...place });
  // The original program ends each vector with a line feed, gensim does not.
  return decode(spelled, place).replace(/^\n+/, '');
}

function decode(bytes: Uint8Array, place: Place): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ModelError('word2vec-file-not-utf8', { ...place }, { cause });
  }
}

const unreadable = (file: string, cause: unknown): ModelError =>
  new ModelError('file-unreadable', { file, reason: (cause as Error).message }, { cause });

/** Longest word or line read; more means that this is no such file. */
const MAX_PIECE = 2 ** 24;

/** Reads a file piece by piece, however long it is. */
class ByteReader {
  readonly #stream: ReturnType<typeof createReadStream>;
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);

  readonly #path: string;

  constructor(path: string) {
    this.#path = path;

    this.#stream = createReadStream(path, { highWaterMark: 2 ** 20 });
    this.#chunks = this.#stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /**
   * The bytes before the next `mark`, which is skipped; undefined if there is none. `orEnd`: the file's end
   * counts as one if bytes are left.
   *
   * @param word number of the word that is read, for errors; undefined for the first line
   */
  async until(mark: number, word: number | undefined, orEnd = false): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    for (let length = 0; length <= MAX_PIECE; length += pieces.at(-1)!.length) {
      const at = this.#chunk.indexOf(mark);
      if (at >= 0) {
        pieces.push(this.#chunk.subarray(0, at));
        this.#chunk = this.#chunk.subarray(at + 1);
        return Buffer.concat(pieces);
      }
      pieces.push(this.#chunk);
      if (!(await this.#next()))
        return orEnd && pieces.some((piece) => piece.length > 0) ? Buffer.concat(pieces) : undefined;
    }
    throw new ModelError('word2vec-file-endless', { file: this.#path, word, limit: MAX_PIECE });
  }

  /** The next `length` bytes; undefined where there are fewer. */
  async take(length: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    let missing = length;
    while (this.#chunk.length < missing) {
      pieces.push(this.#chunk);
      missing -= this.#chunk.length;
      if (!(await this.#next())) return undefined;
    }
    pieces.push(this.#chunk.subarray(0, missing));
    this.#chunk = this.#chunk.subarray(missing);
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  }

  close(): void {
    this.#stream.destroy();
  }

  async #next(): Promise<boolean> {
    const next = await this.#chunks.next().catch((cause: unknown) => {
      throw unreadable(this.#path, cause);
    });
    this.#chunk = next.done === true ? Buffer.alloc(0) : next.value;
    return next.done !== true;
  }
}
