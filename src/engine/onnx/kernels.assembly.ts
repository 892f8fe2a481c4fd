// The loops between two runs of the graph, in WebAssembly SIMD (AssemblyScript). Every pointer is a byte
// offset into the imported memory, 16-byte aligned; every count is a number of float32 and a multiple of 4:
// memory.ts pads each tensor with zeros, which all of these keep.

/** Updates the moments of four elements and returns what is to be subtracted from the decayed parameters. */
// @ts-ignore: decorator
@inline function adamwQuotient(
  g: usize, m: usize, v: usize, clip: v128, oneMinusBeta1: v128, beta2: v128, oneMinusBeta2: v128,
  stepSize: v128, inverseRoot2: v128, epsilon: v128,
): v128 {
  const gi = f32x4.mul(v128.load(g), clip);
  const m0 = v128.load(m);
  const mi = f32x4.add(m0, f32x4.mul(f32x4.sub(gi, m0), oneMinusBeta1));
  const vi = f32x4.add(f32x4.mul(v128.load(v), beta2), f32x4.mul(f32x4.mul(gi, gi), oneMinusBeta2));
  v128.store(m, mi);
  v128.store(v, vi);
  return f32x4.div(f32x4.mul(mi, stepSize), f32x4.add(f32x4.mul(f32x4.sqrt(vi), inverseRoot2), epsilon));
}

/**
 * AdamW over one block. clip: factor of the gradient; decay: 1 - lr * weight decay; stepSize: lr / (1 -
 * beta1^t); inverseRoot2: 1 / sqrt(1 - beta2^t). The betas come in float64: 1 - beta2 of a beta2 that is
 * already rounded to float32 would be off by 1e-5 of itself. Four vectors a round: the loop is bound by
 * instructions, not by memory, and this takes a fifth of them away.
 */
export function adamw(
  p: usize, g: usize, m: usize, v: usize, n: i32,
  clip: f32, beta1: f64, beta2: f64, decay: f32, stepSize: f32, inverseRoot2: f32, epsilon: f32,
): void {
  const c = f32x4.splat(clip);
  const d = f32x4.splat(decay);
  const b1 = f32x4.splat(<f32>(1.0 - beta1));
  const b2 = f32x4.splat(<f32>beta2);
  const b3 = f32x4.splat(<f32>(1.0 - beta2));
  const s = f32x4.splat(stepSize);
  const r = f32x4.splat(inverseRoot2);
  const e = f32x4.splat(epsilon);
  // Offsets from p, so that one pointer moves.
  const toG = g - p;
  const toM = m - p;
  const toV = v - p;
  const end = p + (<usize>n << 2);
  while (p + 48 < end) {
    const q0 = adamwQuotient(p + toG, p + toM, p + toV, c, b1, b2, b3, s, r, e);
    const q1 = adamwQuotient(p + toG + 16, p + toM + 16, p + toV + 16, c, b1, b2, b3, s, r, e);
    const q2 = adamwQuotient(p + toG + 32, p + toM + 32, p + toV + 32, c, b1, b2, b3, s, r, e);
    const q3 = adamwQuotient(p + toG + 48, p + toM + 48, p + toV + 48, c, b1, b2, b3, s, r, e);
    v128.store(p, f32x4.sub(f32x4.mul(v128.load(p), d), q0));
    v128.store(p, f32x4.sub(f32x4.mul(v128.load(p, 16), d), q1), 16);
    v128.store(p, f32x4.sub(f32x4.mul(v128.load(p, 32), d), q2), 32);
    v128.store(p, f32x4.sub(f32x4.mul(v128.load(p, 48), d), q3), 48);
    p += 64;
  }
  while (p < end) {
    const q = adamwQuotient(p + toG, p + toM, p + toV, c, b1, b2, b3, s, r, e);
    v128.store(p, f32x4.sub(f32x4.mul(v128.load(p), d), q));
    p += 16;
  }
}

/** p *= each of the factors in turn: what as many updates of a row do whose gradient and moments are zero. */
export function decayRows(p: usize, n: i32, factors: usize, count: i32): void {
  const end = p + (<usize>n << 2);
  const lastFactor = factors + (<usize>count << 2);
  while (p < end) {
    let value = v128.load(p);
    for (let f = factors; f < lastFactor; f += 4) value = f32x4.mul(value, v128.load32_splat(f));
    v128.store(p, value);
    p += 16;
  }
}

/**
 * Sum of squares. Blocks are summed in float32 lanes, the blocks in float64, so that the error does not grow
 * with the size.
 */
export function sumOfSquares(x: usize, n: i32): f64 {
  let total: f64 = 0;
  const end = x + (<usize>n << 2);
  while (x < end) {
    const blockEnd = min(end, x + 4096);
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    while (x + 16 < blockEnd) {
      const x0 = v128.load(x);
      const x1 = v128.load(x, 16);
      a = f32x4.add(a, f32x4.mul(x0, x0));
      b = f32x4.add(b, f32x4.mul(x1, x1));
      x += 32;
    }
    while (x < blockEnd) {
      const x0 = v128.load(x);
      a = f32x4.add(a, f32x4.mul(x0, x0));
      x += 16;
    }
    const c = f32x4.add(a, b);
    total += <f64>f32x4.extract_lane(c, 0) + <f64>f32x4.extract_lane(c, 1) +
        <f64>f32x4.extract_lane(c, 2) + <f64>f32x4.extract_lane(c, 3);
  }
  return total;
}

/** target += source */
export function accumulate(target: usize, source: usize, n: i32): void {
  const end = target + (<usize>n << 2);
  while (target < end) {
    v128.store(target, f32x4.add(v128.load(target), v128.load(source)));
    target += 16; source += 16;
  }
}

// @ts-ignore: decorator
@inline function mix(x: v128): v128 {
  x = i32x4.mul(v128.xor(x, i32x4.shr_u(x, 16)), i32x4.splat(0x7feb352d));
  x = i32x4.mul(v128.xor(x, i32x4.shr_u(x, 15)), i32x4.splat(<i32>0x846ca68b));
  return v128.xor(x, i32x4.shr_u(x, 16));
}

/**
 * Dropout factors for n counters from `counter`: graph/dropout-mask.ts, four at a time. Writes past n up to
 * the next multiple of 4.
 */
export function dropoutFactors(target: usize, n: i32, counter: i32, key0: i32, key1: i32, threshold: u32,
    factor: f32): void {
  const vKey0 = i32x4.splat(key0);
  const vKey1 = i32x4.splat(key1);
  const vThreshold = i32x4.splat(threshold);
  const vFactor = f32x4.splat(factor);
  const four = i32x4.splat(4);
  let counters = i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3));
  const end = target + (<usize>n << 2);
  while (target < end) {
    const draw = mix(i32x4.add(mix(v128.xor(counters, vKey0)), vKey1));
    v128.store(target, v128.andnot(vFactor, i32x4.lt_u(draw, vThreshold)));
    counters = i32x4.add(counters, four);
    target += 16;
  }
}

/**
 * Dropout factors of attention probabilities [heads, queries, longest] of one row of the batch, whose queries
 * are firstQuery, firstQuery + 1, …; the rows of `target` are rowStride queries apart from head to head. Keys
 * past a query's own are drawn too and never used.
 */
export function attentionFactors(
  target: usize, firstQuery: i32, queries: i32, longest: i32, heads: i32, rowStride: i32, stride: i32,
  key0: i32, key1: i32, threshold: u32, factor: f32,
): void {
  for (let h = 0; h < heads; h++) {
    for (let q = 0; q < queries; q++) {
      const counter = ((firstQuery + q) * heads + h) * stride;
      dropoutFactors(target + (<usize>((h * rowStride + q) * longest) << 2), longest, counter, key0, key1,
          threshold, factor);
    }
  }
}
