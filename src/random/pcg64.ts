/**
 * numpy's `default_rng(seed)`: PCG64 (O'Neill, 2014: PCG XSL RR 128/64), seeded through `SeedSequence`, with
 * the same values bit for bit (numpy/random/src/pcg64, numpy/random/bit_generator.pyx).
 */
const { imul } = Math;

/** The multiplier of the 128-bit linear congruential generator, lowest 32 bits first. */
const M0 = 0x9fccf645;
const M1 = 0x4385df64;
const M2 = 0x1fc65da4;
const M3 = 0x2360ed05;

export class Pcg64 {
  /** State and increment of 128 bits, lowest 32 bits first. */
  #s0 = 0;
  #s1 = 0;
  #s2 = 0;
  #s3 = 0;
  readonly #i0: number;
  readonly #i1: number;
  readonly #i2: number;
  readonly #i3: number;
  /** The last 64 bits drawn. */
  #low = 0;
  #high = 0;
  /** The upper half of a draw whose lower half `nextUint32` gave out, until it is asked again. */
  #kept: number | undefined;

  /** @throws RangeError unless seed is an integer from 0 to 2^53 - 1 */
  constructor(seed: number) {
    // Four 64-bit words, each with its lower half first: the state's high and low word, the stream's high and
    // low word.
    const words = seedWords(seed, 8);
    // inc = (stream << 1) | 1; state = 0; step; state += words; step
    this.#i0 = ((words[6] << 1) | 1) >>> 0;
    this.#i1 = ((words[7] << 1) | (words[6] >>> 31)) >>> 0;
    this.#i2 = ((words[4] << 1) | (words[7] >>> 31)) >>> 0;
    this.#i3 = ((words[5] << 1) | (words[4] >>> 31)) >>> 0;
    this.#step();
    this.#add(words[2], words[3], words[0], words[1]);
    this.#step();
  }

  /** The 128 bits of the state, for a kernel that goes on from here. */
  get state(): bigint {
    return join(this.#s0, this.#s1, this.#s2, this.#s3);
  }

  /** The 128 bits that every step adds. */
  get increment(): bigint {
    return join(this.#i0, this.#i1, this.#i2, this.#i3);
  }

  /** The next 64 bits. */
  nextUint64(): bigint {
    this.#draw();
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  /**
   * The next 32 bits: a draw of 64 gives its lower half, then its upper, whatever other draws come in
   * between.
   */
  nextUint32(): number {
    if (this.#kept !== undefined) {
      const value = this.#kept;
      this.#kept = undefined;
      return value;
    }
    this.#draw();
    this.#kept = this.#high;
    return this.#low;
  }

  /** `random()`: 53 bits scaled to [0, 1). */
  nextDouble(): number {
    this.#draw();
    return (this.#high * 2 ** 21 + (this.#low >>> 11)) / 2 ** 53;
  }

  /** `random(dtype=float32)`: 24 bits scaled to [0, 1). */
  nextFloat32(): number {
    return (this.nextUint32() >>> 8) / 2 ** 24;
  }

  #draw(): void {
    this.#step();
    // The xor of both halves, rotated right by the top 6 bits.
    const low = this.#s0 ^ this.#s2;
    const high = this.#s1 ^ this.#s3;
    const rotation = this.#s3 >>> 26;
    const bits = rotation & 31;
    const a = rotation & 32 ? high : low;
    const b = rotation & 32 ? low : high;
    this.#low = (bits === 0 ? a : (a >>> bits) | (b << (32 - bits))) >>> 0;
    this.#high = (bits === 0 ? b : (b >>> bits) | (a << (32 - bits))) >>> 0;
  }

  /** state = state * multiplier + increment, modulo 2^128. */
  #step(): void {
    const s0 = this.#s0;
    const s1 = this.#s1;
    const s2 = this.#s2;
    const s3 = this.#s3;
    // Columns of 32 bits: low words of the products of this column, high words of those of the column before.
    // Sums stay far below 2^53.
    this.#s0 = imul(s0, M0) >>> 0;
    const column1 = (imul(s0, M1) >>> 0) + (imul(s1, M0) >>> 0) + highWord(s0, M0);
    this.#s1 = column1 >>> 0;
    const column2 =
      (imul(s0, M2) >>> 0) +
      (imul(s1, M1) >>> 0) +
      (imul(s2, M0) >>> 0) +
      highWord(s0, M1) +
      highWord(s1, M0) +
      Math.floor(column1 / 2 ** 32);
    this.#s2 = column2 >>> 0;
    this.#s3 =
      (imul(s0, M3) +
        imul(s1, M2) +
        imul(s2, M1) +
        imul(s3, M0) +
        highWord(s0, M2) +
        highWord(s1, M1) +
        highWord(s2, M0) +
        Math.floor(column2 / 2 ** 32)) >>>
      0;
    this.#add(this.#i0, this.#i1, this.#i2, this.#i3);
  }

  #add(a0: number, a1: number, a2: number, a3: number): void {
    const sum0 = this.#s0 + a0;
    const sum1 = this.#s1 + a1 + (sum0 >= 2 ** 32 ? 1 : 0);
    const sum2 = this.#s2 + a2 + (sum1 >= 2 ** 32 ? 1 : 0);
    this.#s0 = sum0 >>> 0;
    this.#s1 = sum1 >>> 0;
    this.#s2 = sum2 >>> 0;
    this.#s3 = (this.#s3 + a3 + (sum2 >= 2 ** 32 ? 1 : 0)) >>> 0;
  }
}

function join(w0: number, w1: number, w2: number, w3: number): bigint {
  return (BigInt(w3) << 96n) | (BigInt(w2) << 64n) | (BigInt(w1) << 32n) | BigInt(w0);
}

/**
 * Bits 32 to 63 of the product of two numbers of 32 bits; each partial product is below 2^48 and therefore
 * exact.
 */
function highWord(a: number, b: number): number {
  return Math.floor(((a >>> 16) * b + Math.floor(((a & 0xffff) * b) / 2 ** 16)) / 2 ** 16);
}

const POOL = 4;

/**
 * `SeedSequence(seed).generate_state(count)`: words of 32 bits in which every bit of the seed counts (after
 * O'Neill's seed_seq_fe).
 */
function seedWords(seed: number, count: number): Uint32Array {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new RangeError(`seed must be an integer from 0 to 2^53 - 1, not ${seed}`);
  // A second word of 0 is what the pool is filled up with anyway
  const entropy = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  const pool = new Uint32Array(POOL);
  let multiplier = 0x43b0d7e5;
  const hash = (value: number): number => {
    value ^= multiplier;
    multiplier = imul(multiplier, 0x931e8875);
    value = imul(value, multiplier);
    return value ^ (value >>> 16);
  };
  for (let i = 0; i < POOL; i++) pool[i] = hash(entropy[i] ?? 0);
  for (let from = 0; from < POOL; from++) {
    for (let to = 0; to < POOL; to++) {
      if (from === to) continue;
      const mixed = imul(pool[to], 0xca01f9dd) - imul(hash(pool[from]), 0x4973f715);
      pool[to] = mixed ^ (mixed >>> 16);
    }
  }
  multiplier = 0x8b51f9dd;
  return Uint32Array.from({ length: count }, (_, i) => {
    let value = pool[i % POOL] ^ multiplier;
    multiplier = imul(multiplier, 0x58f38ded);
    value = imul(value, multiplier);
    return value ^ (value >>> 16);
  });
}
