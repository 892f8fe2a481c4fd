/** Random numbers for tests, the same for the same seed. */
import { Generator } from '#attune/random/normal.js';

export class Random {
  readonly #generator: Generator;

  constructor(seed: number) {
    this.#generator = new Generator(seed);
  }

  /** Whole numbers from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.#generator.nextUniform53() * (high - low + 1));
  }

  normals(length: number, deviation = 1, mean = 0): Float64Array {
    return Float64Array.from({ length }, () => mean + deviation * this.#generator.nextNormal());
  }
}
