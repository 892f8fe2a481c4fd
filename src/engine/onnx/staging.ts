/** Numbers of each half: a mebibyte, which stays in the processor's caches. */
const HALF_FLOATS = 2 ** 18;

interface Half {
  readonly floats: Float32Array<SharedArrayBuffer>;
  /** Settled when the thread has read what was put here last. */
  free: Promise<unknown>;
}

/**
 * How weights come to the engine's thread: through two halves of memory that both threads see. While the
 * thread stores what lies in one, the caller reads and widens the next piece of its file into the other. A
 * message with the numbers in it would be copied twice, each time into memory of its own.
 */
export class Staging {
  #halves: readonly Half[] | undefined;
  #next = 0;
  #turn: Promise<void> = Promise.resolve();

  /**
   * Hands `values` over piece by piece, after those of calls before it.
   *
   * @param send tells the thread of a piece and of its place in `values`; resolves when the thread has read
   *   it
   * @returns settled when `values` may be overwritten
   */
  write(values: Float32Array, send: (piece: Float32Array, at: number) => Promise<unknown>): Promise<void> {
    this.#turn = this.#turn.then(() => this.#hand(values, send));
    return this.#turn;
  }

  async #hand(
    values: Float32Array,
    send: (piece: Float32Array, at: number) => Promise<unknown>,
  ): Promise<void> {
    this.#halves ??= [0, 1].map(() => ({
      floats: new Float32Array(new SharedArrayBuffer(HALF_FLOATS * 4)),
      free: Promise.resolve(),
    }));
    for (let at = 0; at < values.length; at += HALF_FLOATS) {
      const half = this.#halves[this.#next];
      this.#next = 1 - this.#next;
      await half.free;
      const piece = half.floats.subarray(0, Math.min(HALF_FLOATS, values.length - at));
      piece.set(values.subarray(at, at + piece.length));
      half.free = send(piece, at);
    }
  }
}
