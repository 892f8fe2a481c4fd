/**
 * The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), seeded by `init_genrand` as PyTorch's CPU
 * generator seeds it: only the low 32 bits of a seed count.
 */
const N = 624;
const M = 397;

export class MT19937 {
  readonly #state = new Uint32Array(N);
  #index = N;

  /** @throws RangeError for a seed that is no integer of at most 53 bits. */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) throw new RangeError(`seed must be an integer, not ${seed}`);
    // A negative seed is taken modulo 2^64 by PyTorch; its low 32 bits are those of two's complement, as
    // here.
    const state = this.#state;
    state[0] = Number(BigInt.asUintN(32, BigInt(seed)));
    for (let i = 1; i < N; i++) {
      const previous = state[i - 1];
      state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
    }
  }

  /** The next 32 bits, 0 to 2^32 - 1. */
  nextUint32(): number {
    if (this.#index === N) this.#refill();
    let y = this.#state[this.#index++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  #refill(): void {
    const state = this.#state;
    for (let i = 0; i < N; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
      state[i] = state[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#index = 0;
  }
}
