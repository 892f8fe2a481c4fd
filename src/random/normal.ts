/**
 * Normal draws as PyTorch's CPU kernel makes them (ATen/native/cpu/DistributionTemplates.h, `normal_fill` and
 * `normal_distribution<double>`).
 *
 * The uniforms are the same bits. PyTorch's vector code takes log, sine and cosine from polynomials in
 * float32 whose last bit depends on the processor; here they are correctly rounded, so values agree to a few
 * units in the last place.
 */
import { MT19937 } from './mt19937.js';

/** PyTorch's CPU generator: the Mersenne Twister and the spare value of the last scalar Box-Muller pair. */
export class Generator {
  readonly #twister: MT19937;
  #spare: number | undefined;

  constructor(seed: number) {
    this.#twister = new MT19937(seed);
  }

  /** 24 random bits scaled to [0, 1): `uniform_real_distribution<float>`. */
  nextUniform24(): number {
    return (this.#twister.nextUint32() & 0xffffff) / 2 ** 24;
  }

  /**
   * 53 random bits scaled to [0, 1): `uniform_real_distribution<double>`; the first draw is the high word.
   */
  nextUniform53(): number {
    const high = this.#twister.nextUint32() & 0x1fffff;
    return (high * 2 ** 32 + this.#twister.nextUint32()) / 2 ** 53;
  }

  /**
   * One standard normal value in double precision: Box-Muller, whose second value is kept for the next call.
   */
  nextNormal(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    const u1 = this.nextUniform53();
    const u2 = this.nextUniform53();
    const radius = Math.sqrt(-2 * Math.log1p(-u2));
    const theta = 2 * Math.PI * u1;
    this.#spare = radius * Math.sin(theta);
    return radius * Math.cos(theta);
  }
}

/** Box-Muller works on groups of this many values: u1 from the first half, u2 from the second. */
const GROUP = 16;

/**
 * `torch.empty(size).normal_(mean, std, generator)` of a contiguous float32 tensor.
 *
 * From 16 values on, 24-bit uniforms are drawn for the whole tensor and turned into normal values in groups
 * of 16; where 16 does not divide `size`, the last 16 values are drawn anew. Fewer values are drawn one by
 * one in double precision.
 */
export function normal(size: number, mean: number, std: number, generator: Generator): Float32Array {
  const values = new Float32Array(size);
  if (size < GROUP) {
    for (let i = 0; i < size; i++) values[i] = generator.nextNormal() * std + mean;
    return values;
  }
  for (let i = 0; i < size; i++) values[i] = generator.nextUniform24();
  for (let start = 0; start + GROUP <= size; start += GROUP) boxMuller(values, start, mean, std);
  if (size % GROUP !== 0) {
    const start = size - GROUP;
    for (let i = start; i < size; i++) values[i] = generator.nextUniform24();
    boxMuller(values, start, mean, std);
  }
  return values;
}

const TWO_PI = Math.fround(2 * Math.PI);

/**
 * In place, values[start .. start + 15]: 16 uniforms to 16 normal values, rounded to float32 where PyTorch's
 * vector code rounds.
 */
function boxMuller(values: Float32Array, start: number, mean: number, std: number): void {
  const { fround } = Math;
  const mean32 = fround(mean);
  const std32 = fround(std);
  for (let j = start; j < start + GROUP / 2; j++) {
    const u1 = 1 - values[j]; // exact: a multiple of 2^-24 in (0, 1]
    const u2 = values[j + GROUP / 2];
    const radius = fround(Math.sqrt(fround(-2 * fround(Math.log(u1)))));
    const theta = fround(TWO_PI * u2);
    // One rounding for product and sum together: PyTorch's build fuses them.
    values[j] = fround(radius * fround(Math.cos(theta))) * std32 + mean32;
    values[j + GROUP / 2] = fround(radius * fround(Math.sin(theta))) * std32 + mean32;
  }
}
