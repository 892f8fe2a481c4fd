/**
 * Drives the kernels: lays out weights, tables and corpus in one WebAssembly memory and goes through the
 * jobs.
 */
import { readFileSync } from 'node:fs';
import { TrainingError } from '../../errors/attune-error.js';
import { Pace } from '../../pace.js';
import { MT19937 } from '../../random/mt19937.js';
import { Pcg64 } from '../../random/pcg64.js';
import type { ResolvedWord2VecOptions } from './options.js';
import { jobsOfEpoch } from './schedule.js';
import { cumulativeTable, keepThresholds } from './vocabulary.js';
import type { Corpus, Vocabulary } from './vocabulary.js';

/** The exports of kernels.assembly.ts. */
interface Kernels {
  placeWeights(inputs: number, outputs: number, rowBytes: number, hidden: number, errors: number): void;
  placeTables(
    cumulative: number,
    lastValue: number,
    guide: number,
    shift: number,
    sigmoids: number,
    thresholds: number,
  ): void;
  placeCorpus(
    tokens: number,
    offsets: number,
    kept: number,
    keptEnds: number,
    reductions: number,
    drawn: number,
  ): void;
  fillInputs(
    words: number,
    size: number,
    stateLow: bigint,
    stateHigh: bigint,
    incrementLow: bigint,
    incrementHigh: bigint,
  ): void;
  configure(window: number, negative: number, mean: boolean): void;
  startJob(high: number, low: number): void;
  keepWords(first: number, last: number, subsample: boolean, limit: number): number;
  trainBagOfWords(first: number, last: number, alpha: number): void;
  trainSkipGram(first: number, last: number, alpha: number): void;
}

export interface TrainingProgress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Sentences of this epoch that are done, and all of them. */
  readonly sentences: number;
  readonly of: number;
  /** The learning rate they were trained with. */
  readonly alpha: number;
}

export interface TrainingHooks {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: TrainingProgress) => void) | undefined;
}

/** gensim cuts the kept words of a job to this many. */
const MAX_KEPT = 10_000;
const MAX_EXPONENT = 6;
const SIGMOIDS = 1000;
/** Few, because V8 replaces its first, slow compilation of a kernel between two calls. */
const SENTENCES_A_CALL = 16;
/** Negatives are looked up by their leading 16 of 31 bits first. */
const GUIDE_SHIFT = 15;

/**
 * Trained vectors [words, vectorSize]. The event loop turns between jobs (10,000 words, some ten
 * milliseconds).
 *
 * @throws TrainingError `word2vec-memory-unavailable`, `word2vec-diverged`; the signal's reason if it is
 *   aborted
 */
export async function trainVectors(
  corpus: Corpus,
  vocabulary: Vocabulary,
  options: ResolvedWord2VecOptions,
  { signal, onProgress }: TrainingHooks = {},
): Promise<Float32Array> {
  const { vectorSize, window, seed, epochs } = options;
  const pace = new Pace(signal);
  await pace.rest();
  const words = vocabulary.words.length;
  const { tokens, offsets } = knownTokens(corpus, vocabulary);
  const lengths = corpus.offsets.subarray(1).map((end, i) => end - corpus.offsets[i]);
  const sentences = lengths.length;
  const stride = Math.ceil(vectorSize / 4) * 4;
  const table = cumulativeTable(vocabulary, options.nsExponent);
  const guide = guideTable(table);

  if (pace.due) await pace.rest();
  const arena = new Arena(
    (2 * words + 2) * stride +
      3 * words +
      guide.length +
      SIGMOIDS +
      tokens.length +
      offsets.length +
      2 * MAX_KEPT +
      sentences +
      options.negative,
  );
  const inputs = arena.floats(words * stride);
  const outputs = arena.floats(words * stride);
  const cumulative = arena.integers(table);
  const reductions = arena.integers(new Int32Array(MAX_KEPT));
  const { kernels } = arena;
  kernels.placeWeights(
    inputs.byteOffset,
    outputs.byteOffset,
    stride * 4,
    arena.floats(stride).byteOffset,
    arena.floats(stride).byteOffset,
  );
  kernels.placeTables(
    cumulative.byteOffset,
    cumulative[words - 1],
    arena.integers(guide).byteOffset,
    GUIDE_SHIFT,
    arena.floats(SIGMOIDS, sigmoidTable()).byteOffset,
    arena.integers(keepThresholds(vocabulary, options.sample)).byteOffset,
  );
  kernels.placeCorpus(
    arena.integers(tokens).byteOffset,
    arena.integers(offsets).byteOffset,
    arena.integers(new Int32Array(MAX_KEPT)).byteOffset,
    arena.integers(new Int32Array(sentences)).byteOffset,
    reductions.byteOffset,
    arena.integers(new Int32Array(options.negative)).byteOffset,
  );
  kernels.configure(window, options.negative, options.cbowMean === 1);
  if (pace.due) await pace.rest();
  const { state, increment } = new Pcg64(seed);
  kernels.fillInputs(words, vectorSize, ...halves(state), ...halves(increment));

  await pace.rest();
  const random = new MT19937(seed);
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const { first, end, alpha } of jobsOfEpoch(lengths, epoch, options)) {
      kernels.startJob(below(random, 2 ** 24), below(random, 2 ** 24));
      const kept = kernels.keepWords(first, end, options.sample > 0, MAX_KEPT);
      for (let i = 0; i < kept; i++) reductions[i] = options.shrinkWindows ? below(random, window) : 0;
      for (let s = 0; s < end - first; s += SENTENCES_A_CALL) {
        const last = Math.min(s + SENTENCES_A_CALL, end - first);
        if (options.sg === 1) kernels.trainSkipGram(s, last, alpha);
        else kernels.trainBagOfWords(s, last, alpha);
      }
      onProgress?.({ epoch: epoch + 1, epochs, sentences: end, of: sentences, alpha });
      await pace.rest();
    }
  }
  return unpad(inputs, words, vectorSize, stride);
}

/** Lower and upper 64 of 128 bits. */
function halves(bits: bigint): [bigint, bigint] {
  return [BigInt.asIntN(64, bits), BigInt.asIntN(64, bits >> 64n)];
}

/** numpy's `RandomState.randint(0, range)`: draws of 32 bits, masked, until one is below. */
function below(random: MT19937, range: number): number {
  if (range === 1) return 0;
  const mask = 2 ** (32 - Math.clz32(range - 1)) - 1;
  for (;;) {
    const value = (random.nextUint32() & mask) >>> 0;
    if (value < range) return value;
  }
}

/** The sentences without the words that the vocabulary left out, the others by their place in it. */
function knownTokens(
  { tokens, offsets }: Corpus,
  { places }: Vocabulary,
): Pick<Corpus, 'tokens' | 'offsets'> {
  const known = new Int32Array(tokens.length);
  const starts = new Int32Array(offsets.length);
  let end = 0;
  for (let sentence = 1; sentence < offsets.length; sentence++) {
    for (let t = offsets[sentence - 1]; t < offsets[sentence]; t++) {
      const place = places[tokens[t]];
      if (place >= 0) known[end++] = place;
    }
    starts[sentence] = end;
  }
  return { tokens: known.subarray(0, end), offsets: starts };
}

/**
 * For each value of the leading bits of a draw: the first word whose cumulative value is not below the
 * smallest such draw.
 */
function guideTable(cumulative: Uint32Array): Int32Array {
  const guide = new Int32Array(2 ** (31 - GUIDE_SHIFT) + 1);
  let word = 0;
  for (let slot = 0; slot < guide.length; slot++) {
    while (word < cumulative.length - 1 && cumulative[word] < slot * 2 ** GUIDE_SHIFT) word++;
    guide[slot] = word;
  }
  return guide;
}

/**
 * 1 / (1 + exp(-x)) at 1,000 values of x from -6 to 6, rounded to float32 where gensim rounds: Cython's
 * constants are float64.
 */
function sigmoidTable(): Float32Array {
  const { fround } = Math;
  return Float32Array.from({ length: SIGMOIDS }, (_, i) => {
    const exponential = fround(Math.exp((fround(i / SIGMOIDS) * 2 - 1) * MAX_EXPONENT));
    return exponential / (exponential + 1);
  });
}

function unpad(padded: Float32Array, rows: number, columns: number, stride: number): Float32Array {
  let vectors = padded.slice();
  if (stride !== columns) {
    vectors = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row++)
      vectors.set(padded.subarray(row * stride, row * stride + columns), row * columns);
  }
  // Zero times a finite number is zero, times any other NaN.
  let zero = 0;
  for (let i = 0; i < vectors.length; i++) zero += vectors[i] * 0;
  if (zero !== 0) throw new TrainingError('word2vec-diverged', {});
  return vectors;
}

const PAGE = 65536;
const MAX_PAGES = 65536;
const ALIGNMENT = 64;
/** More regions than trainVectors asks for. */
const REGIONS = 16;

let compiled: WebAssembly.Module | undefined;

/** One WebAssembly memory with the kernels over it, handed out in regions. */
class Arena {
  readonly kernels: Kernels;
  readonly #buffer: ArrayBuffer;
  /**
   * The kernels keep no data of their own in memory; the first bytes are left alone so that no region lies at
   * 0.
   */
  #used = ALIGNMENT;

  /** @param words of four bytes, in all regions together */
  constructor(words: number) {
    const bytes = words * 4 + (REGIONS + 1) * ALIGNMENT;
    const pages = Math.ceil(bytes / PAGE);
    const refusal = (cause?: unknown): TrainingError =>
      new TrainingError('word2vec-memory-unavailable', { bytes }, { cause });
    if (pages > MAX_PAGES) throw refusal();
    let memory: WebAssembly.Memory;
    try {
      memory = new WebAssembly.Memory({ initial: pages });
    } catch (cause) {
      throw refusal(cause);
    }
    compiled ??= new WebAssembly.Module(readFileSync(new URL('./kernels.wasm', import.meta.url)));
    const instance = new WebAssembly.Instance(compiled, {
      env: {
        memory,
        abort: () => {
          throw new Error('kernel aborted');
        },
      },
    });
    this.kernels = instance.exports as unknown as Kernels;
    this.#buffer = memory.buffer;
  }

  floats(length: number, values?: Float32Array): Float32Array {
    const region = new Float32Array(this.#buffer, this.#place(length), length);
    if (values) region.set(values);
    return region;
  }

  integers<T extends Int32Array | Uint32Array>(values: T): T {
    const region =
      values instanceof Int32Array
        ? new Int32Array(this.#buffer, this.#place(values.length), values.length)
        : new Uint32Array(this.#buffer, this.#place(values.length), values.length);
    region.set(values);
    return region as T; // of the same kind as `values`
  }

  #place(length: number): number {
    const offset = this.#used;
    this.#used += Math.ceil((length * 4) / ALIGNMENT) * ALIGNMENT;
    return offset;
  }
}
