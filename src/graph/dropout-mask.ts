/**
 * Dropout masks from a counter-based generator: whether an element is kept depends on the run's seed, the
 * step, the site in the graph and the element's counter alone. So the same seed gives the same masks on every
 * engine, at any number of threads, in any order.
 *
 * The generator is a keyed 32-bit hash built of the "lowbias32" mixer (Wellons, "Prospecting for Hash
 * Functions", 2018), applied twice: mix(mix(counter ^ key0) + key1), compared with the threshold. It needs
 * nothing but wrapping 32-bit multiplication, shifts and xor, which every engine has (WGSL has no 64-bit
 * product, so Philox would not do). engine/onnx/kernels.assembly.ts holds the same function.
 *
 * Counters: element (m, c) of a matrix [M, C] is m * C + c. The attention probability of query token n (its
 * index in the packed batch; for pooled attention its row), head h and key j (position within the row) is (n
 * * heads + h) * ATTENTION_STRIDE + j, which does not depend on the layout that an engine chooses for the
 * scores.
 */

/**
 * Room for the keys of one query in the counters of attention probabilities; longer rows still draw, from
 * counters that wrap.
 */
export const ATTENTION_STRIDE = 4096;

export interface DropoutKey {
  readonly key0: number;
  readonly key1: number;
}

/** The mixer: a bijection of 32-bit words. */
export function mix32(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * The key of one site in one forward pass. `pass` counts the forward passes of training from 0 (each
 * micro-batch is one), so that a resumed run goes on with the masks it would have drawn.
 */
export function dropoutKey(seed: number, pass: number, site: number): DropoutKey {
  const run = mix32(seed ^ 0x9e3779b9);
  const step = mix32((run + pass) >>> 0);
  return {
    key0: mix32(step ^ Math.imul(site + 1, 0x85ebca6b)),
    key1: mix32((step + Math.imul(site + 1, 0xc2b2ae35)) >>> 0),
  };
}

/** An element is dropped where its 32-bit draw is below this. */
export function dropoutThreshold(probability: number): number {
  return Math.min(0xffffffff, Math.round(probability * 2 ** 32));
}

/** What the element is multiplied by: 0, or 1 / (1 - probability). */
export function dropoutFactor(key: DropoutKey, counter: number, probability: number): number {
  const draw = mix32((mix32((counter ^ key.key0) >>> 0) + key.key1) >>> 0);
  return draw < dropoutThreshold(probability) ? 0 : 1 / (1 - probability);
}
