// The methods of numpy's Generator that Hugging Face's datasets draws with (numpy/random/_generator.pyx,
// src/distributions/distributions.c), so that what `np.random.default_rng(seed)` gives there comes out the
// same here.
import { atOnce } from '../pace.js';
import type { Pieces } from '../pace.js';
import { Pcg64 } from './pcg64.js';

const M32 = 0xffffffff;
/** Draws of a piece of work: a millisecond or two. */
const PIECE = 2 ** 13;

export class NumpyGenerator {
  readonly #bits: Pcg64;

  /** @throws RangeError for a seed that is no whole number from 0 to 2^53 - 1 */
  constructor(seed: number) {
    this.#bits = new Pcg64(seed);
  }

  /** 0 to `max`, both included, by masking and rejecting (`random_interval`). */
  #interval(max: number): number {
    if (max === 0) return 0;
    const mask = M32 >>> Math.clz32(max);
    for (;;) {
      const value = (this.#bits.nextUint32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** 0 to `max`, both included, by Lemire's method (`random_bounded_uint64`). */
  #bounded(max: number): number {
    if (max === 0) return 0;
    const range = BigInt(max + 1);
    let product = BigInt(this.#bits.nextUint32()) * range;
    if ((product & 0xffffffffn) < range) {
      const threshold = BigInt(M32 - max) % range;
      while ((product & 0xffffffffn) < threshold) product = BigInt(this.#bits.nextUint32()) * range;
    }
    return Number(product >> 32n);
  }

  /**
   * `Generator.permutation(n)`, or of the values given: a new array in random order. @throws RangeError for
   * 2^32 values or more
   */
  permutation(values: number | ArrayLike<number>): Int32Array {
    return atOnce(this.permuting(values));
  }

  /** `permutation` in pieces. */
  *permuting(values: number | ArrayLike<number>): Pieces<Int32Array> {
    const order =
      typeof values === 'number' ? Int32Array.from({ length: values }, (_, i) => i) : Int32Array.from(values);
    for (let i = order.length - 1; i > 0; i--) {
      if (i % PIECE === 0) yield;
      const j = this.#interval(i);
      const kept = order[i];
      order[i] = order[j];
      order[j] = kept;
    }
    return order;
  }

  /**
   * `Generator.choice(values, size, replace=False)` of at most 10,000 values (Floyd's method, then a
   * shuffle).
   */
  choice(values: readonly number[], size: number): number[] {
    if (size > values.length || values.length > 10_000)
      throw new RangeError(`cannot choose ${size} of ${values.length} values`);
    const chosen: number[] = [];
    const seen = new Set<number>();
    for (let j = values.length - size; j < values.length; j++) {
      const drawn = this.#bounded(j);
      const index = seen.has(drawn) ? j : drawn;
      seen.add(index);
      chosen.push(index);
    }
    for (let i = size - 1; i > 0; i--) {
      const j = this.#bounded(i);
      [chosen[i], chosen[j]] = [chosen[j], chosen[i]];
    }
    return chosen.map((index) => values[index]);
  }
}
