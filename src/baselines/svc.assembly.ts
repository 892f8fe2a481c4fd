// The inner loops of support vector classification in WebAssembly SIMD (AssemblyScript). Pointers are byte
// offsets into the imported memory, 16-byte aligned. Rows come centred and multiplied by sqrt(2 gamma), so
// that K(x, y) = exp(-gamma |x - y|^2) = exp(x.y - |x|^2/2 - |y|^2/2). They are float32 [l, s], s the columns
// padded to a multiple of 4, l padded to a multiple of 4; `halves` [l] holds |x|^2/2. Kernel values are
// float32, as libsvm's.

export function heapBase(): usize {
  return __heap_base;
}

/**
 * exp(x) for x <= 0 (Cephes' expf: a power of two times a polynomial), relative error below 2e-7; 0 below
 * -87.
 */
// @ts-ignore: decorator
@inline function exp4(x: v128): v128 {
  const clamped = f32x4.max(f32x4.min(x, f32x4.splat(0)), f32x4.splat(-87));
  const n = f32x4.nearest(f32x4.mul(clamped, f32x4.splat(1.44269504088896341)));
  let r = f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(r, r), p), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return v128.andnot(f32x4.mul(p, power), f32x4.lt(x, f32x4.splat(-87)));
}

/** Sums of the lanes of four vectors. */
// @ts-ignore: decorator
@inline function sums4(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** out[j] = K(p, x[j]) for j below l (a multiple of 4). */
export function kernelRow(p: usize, half: f32, x: usize, halves: usize, l: i32, s: i32, out: usize): void {
  const stride = <usize>s << 2;
  const h = f32x4.splat(half);
  for (let j = 0; j < l; j += 4) {
    const x0 = x + <usize>j * stride;
    const x1 = x0 + stride;
    const x2 = x1 + stride;
    const x3 = x2 + stride;
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    for (let i: usize = 0; i < stride; i += 16) {
      const v = v128.load(p + i);
      a = f32x4.add(a, f32x4.mul(v, v128.load(x0 + i)));
      b = f32x4.add(b, f32x4.mul(v, v128.load(x1 + i)));
      c = f32x4.add(c, f32x4.mul(v, v128.load(x2 + i)));
      d = f32x4.add(d, f32x4.mul(v, v128.load(x3 + i)));
    }
    const at = <usize>j << 2;
    v128.store(out + at, exp4(f32x4.sub(f32x4.sub(sums4(a, b, c, d), h), v128.load(halves + at))));
  }
}

/** Two rows of the kernel in one pass over x. */
export function kernelRows2(p: usize, halfP: f32, q: usize, halfQ: f32, x: usize, halves: usize, l: i32,
    s: i32, outP: usize, outQ: usize): void {
  const stride = <usize>s << 2;
  const hp = f32x4.splat(halfP);
  const hq = f32x4.splat(halfQ);
  for (let j = 0; j < l; j += 4) {
    const x0 = x + <usize>j * stride;
    const x1 = x0 + stride;
    const x2 = x1 + stride;
    const x3 = x2 + stride;
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    let e = f32x4.splat(0), f = f32x4.splat(0), g = f32x4.splat(0), h = f32x4.splat(0);
    for (let i: usize = 0; i < stride; i += 16) {
      const v = v128.load(p + i);
      const w = v128.load(q + i);
      const y0 = v128.load(x0 + i);
      const y1 = v128.load(x1 + i);
      a = f32x4.add(a, f32x4.mul(v, y0));
      e = f32x4.add(e, f32x4.mul(w, y0));
      b = f32x4.add(b, f32x4.mul(v, y1));
      f = f32x4.add(f, f32x4.mul(w, y1));
      const y2 = v128.load(x2 + i);
      const y3 = v128.load(x3 + i);
      c = f32x4.add(c, f32x4.mul(v, y2));
      g = f32x4.add(g, f32x4.mul(w, y2));
      d = f32x4.add(d, f32x4.mul(v, y3));
      h = f32x4.add(h, f32x4.mul(w, y3));
    }
    const at = <usize>j << 2;
    const n = v128.load(halves + at);
    v128.store(outP + at, exp4(f32x4.sub(f32x4.sub(sums4(a, b, c, d), hp), n)));
    v128.store(outQ + at, exp4(f32x4.sub(f32x4.sub(sums4(e, f, g, h), hq), n)));
  }
}

/** Sum of kernel[j] * coefficients[j], in float64; l a multiple of 4. */
export function weigh(kernel: usize, coefficients: usize, l: i32): f64 {
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  const end = kernel + (<usize>l << 2);
  while (kernel < end) {
    const k = v128.load(kernel);
    a = f64x2.add(a, f64x2.mul(f64x2.promote_low_f32x4(k), v128.load(coefficients)));
    b = f64x2.add(b, f64x2.mul(f64x2.promote_low_f32x4(v128.shuffle<f32>(k, k, 2, 3, 2, 3)),
        v128.load(coefficients, 16)));
    kernel += 16; coefficients += 32;
  }
  const c = f64x2.add(a, b);
  return f64x2.extract_lane(c, 0) + f64x2.extract_lane(c, 1);
}

/** f[j] += factor * kernel[j] */
export function addScaled(f: usize, kernel: usize, factor: f64, l: i32): void {
  const v = f64x2.splat(factor);
  const end = kernel + (<usize>l << 2);
  while (kernel < end) {
    const k = v128.load(kernel);
    v128.store(f, f64x2.add(v128.load(f), f64x2.mul(v, f64x2.promote_low_f32x4(k))));
    v128.store(f, f64x2.add(v128.load(f, 16),
        f64x2.mul(v, f64x2.promote_low_f32x4(v128.shuffle<f32>(k, k, 2, 3, 2, 3)))), 16);
    kernel += 16; f += 32;
  }
}

// The kernel cache: rows of l float32 in `slots` places, the least recently used given up first. It lasts
// from one solve to the next over the same rows.
let rowsX: usize = 0;
let rowsHalves: usize = 0;
let rowsL: i32 = 0;
let rowsS: i32 = 0;
let cache: usize = 0;
let slots: i32 = 0;
let slotOf: usize = 0;
let rowIn: usize = 0;
let newer: usize = 0;
let older: usize = 0;
let newest: i32 = -1;
let oldest: i32 = -1;
let used: i32 = 0;
let computed: i32 = 0;

/** bookkeeping: [l + 3 slots] of 4 bytes. Forgets all rows. */
export function openCache(x: usize, halves: usize, l: i32, s: i32, memory: usize, slotCount: i32,
    bookkeeping: usize): void {
  rowsX = x; rowsHalves = halves; rowsL = l; rowsS = s;
  cache = memory;
  slots = slotCount;
  slotOf = bookkeeping;
  rowIn = slotOf + (<usize>l << 2);
  newer = rowIn + (<usize>slots << 2);
  older = newer + (<usize>slots << 2);
  newest = oldest = -1;
  used = 0;
  computed = 0;
  for (let i = 0; i < l; i++) store<i32>(slotOf + (<usize>i << 2), -1);
}

// @ts-ignore: decorator
@inline function at(list: usize, i: i32): i32 {
  return load<i32>(list + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline function put(list: usize, i: i32, value: i32): void {
  store<i32>(list + (<usize>i << 2), value);
}

function unlink(slot: i32): void {
  const up = at(newer, slot);
  const down = at(older, slot);
  if (up >= 0) put(older, up, down); else newest = down;
  if (down >= 0) put(newer, down, up); else oldest = up;
}

function link(slot: i32): void {
  put(newer, slot, -1);
  put(older, slot, newest);
  if (newest >= 0) put(newer, newest, slot); else oldest = slot;
  newest = slot;
}

/** A slot for row i, marked as the newest. */
function take(i: i32): i32 {
  let slot: i32;
  if (used < slots) slot = used++;
  else {
    slot = oldest;
    unlink(slot);
    put(slotOf, at(rowIn, slot), -1);
  }
  put(slotOf, i, slot);
  put(rowIn, slot, i);
  link(slot);
  computed++;
  return slot;
}

// @ts-ignore: decorator
@inline function placeOf(slot: i32): usize {
  return cache + <usize>slot * (<usize>rowsL << 2);
}

// @ts-ignore: decorator
@inline function vectorOf(i: i32): usize {
  return rowsX + <usize>i * (<usize>rowsS << 2);
}

/**
 * Row i of the kernel. Where it has to be computed, `also` (a row that will be wanted, or -1) is computed in
 * the same pass.
 */
function rowOf(i: i32, also: i32): usize {
  let slot = at(slotOf, i);
  if (slot >= 0) {
    unlink(slot);
    link(slot);
    return placeOf(slot);
  }
  slot = take(i);
  const out = placeOf(slot);
  const half = load<f32>(rowsHalves + (<usize>i << 2));
  if (also >= 0 && also != i && at(slotOf, also) < 0 && slots > 2) {
    // `also` becomes the newest: row i must not be the one that gives way at the next call.
    const other = placeOf(take(also));
    kernelRows2(vectorOf(i), half, vectorOf(also), load<f32>(rowsHalves + (<usize>also << 2)), rowsX,
        rowsHalves, rowsL, rowsS, out, other);
  } else kernelRow(vectorOf(i), half, rowsX, rowsHalves, rowsL, rowsS, out);
  return out;
}

/** f += factor * K[i], through the cache. */
export function addRow(i: i32, factor: f64, f: usize): void {
  addScaled(f, rowOf(i, -1), factor, rowsL);
}

export function computedRows(): i32 {
  return computed;
}

const TAU: f64 = 1e-12;

/**
 * Sequential minimal optimisation with second-order working sets (Fan, Chen, Lin 2005; Chang and Lin, LIBSVM,
 * 4.1), from any feasible alpha.
 *
 * y: +1 or -1; f: y times the dual gradient, that is the sum over i of alpha_i y_i K_i, less y; up and low: 0
 * where alpha may move so, else -Infinity (rows left out of the problem: both -Infinity). All are float64
 * [l]. Ends when the largest violation is below epsilon; returns the iterations, or -1 after `limit`.
 */
export function solve(y: usize, alpha: usize, f: usize, up: usize, low: usize, C: f64, epsilon: f64, limit: i32): i32 {
  const l = rowsL;
  const size = <usize>l << 3;
  const two = f64x2.splat(2);
  const zero = f64x2.splat(0);
  const tau = f64x2.splat(TAU);
  // A first pass with a step of zero finds the first pair.
  let step: f64 = 0;
  let ki: usize = 0;
  let kj: usize = 0;
  for (let iteration = 0; iteration < limit; iteration++) {
    // Update f, and look for the largest violators.
    let bestUp = f64x2.splat(-Infinity);
    let bestUpAt = f64x2.splat(-1);
    let bestLow = f64x2.splat(-Infinity);
    let bestLowAt = f64x2.splat(-1);
    let index = f64x2(0, 1);
    const vStep = f64x2.splat(step);
    for (let k: usize = 0; k < size; k += 16) {
      let v = v128.load(f + k);
      if (step != 0) {
        const a = f64x2.promote_low_f32x4(v128.load64_zero(ki + (k >> 1)));
        const b = f64x2.promote_low_f32x4(v128.load64_zero(kj + (k >> 1)));
        v = f64x2.add(v, f64x2.mul(vStep, f64x2.sub(a, b)));
        v128.store(f + k, v);
      }
      const u = f64x2.sub(v128.load(up + k), v);
      const w = f64x2.add(v128.load(low + k), v);
      const betterUp = f64x2.gt(u, bestUp);
      const betterLow = f64x2.gt(w, bestLow);
      bestUp = f64x2.pmax(bestUp, u);
      bestUpAt = v128.bitselect(index, bestUpAt, betterUp);
      bestLow = f64x2.pmax(bestLow, w);
      bestLowAt = v128.bitselect(index, bestLowAt, betterLow);
      index = f64x2.add(index, two);
    }
    const firstUp = f64x2.extract_lane(bestUp, 0) >= f64x2.extract_lane(bestUp, 1);
    const max = firstUp ? f64x2.extract_lane(bestUp, 0) : f64x2.extract_lane(bestUp, 1);
    const i = <i32>(firstUp ? f64x2.extract_lane(bestUpAt, 0) : f64x2.extract_lane(bestUpAt, 1));
    const firstLow = f64x2.extract_lane(bestLow, 0) >= f64x2.extract_lane(bestLow, 1);
    const max2 = firstLow ? f64x2.extract_lane(bestLow, 0) : f64x2.extract_lane(bestLow, 1);
    const worstLow = <i32>(firstLow ? f64x2.extract_lane(bestLowAt, 0) : f64x2.extract_lane(bestLowAt, 1));
    if (i < 0 || worstLow < 0 || max + max2 < epsilon) return iteration;

    // The other end: the largest decrease of the objective, to second order.
    ki = rowOf(i, worstLow);
    const vMax = f64x2.splat(max);
    let best = f64x2.splat(-1);
    let bestAt = f64x2.splat(-1);
    index = f64x2(0, 1);
    for (let k: usize = 0; k < size; k += 16) {
      const b = f64x2.add(f64x2.add(vMax, v128.load(f + k)), v128.load(low + k));
      const a = f64x2.max(
          f64x2.sub(two, f64x2.mul(two, f64x2.promote_low_f32x4(v128.load64_zero(ki + (k >> 1))))), tau);
      const gain = v128.bitselect(f64x2.div(f64x2.mul(b, b), a), f64x2.splat(-1), f64x2.gt(b, zero));
      bestAt = v128.bitselect(index, bestAt, f64x2.gt(gain, best));
      best = f64x2.pmax(best, gain);
      index = f64x2.add(index, two);
    }
    const firstBest = f64x2.extract_lane(best, 0) >= f64x2.extract_lane(best, 1);
    const j = <i32>(firstBest ? f64x2.extract_lane(bestAt, 0) : f64x2.extract_lane(bestAt, 1));
    if (j < 0) return iteration;
    kj = rowOf(j, -1);

    // Along the pair: alpha_i += y_i step, alpha_j -= y_j step, up to the first bound.
    const oi = <usize>i << 3;
    const oj = <usize>j << 3;
    const yi = load<f64>(y + oi);
    const yj = load<f64>(y + oj);
    const ai = load<f64>(alpha + oi);
    const aj = load<f64>(alpha + oj);
    const curvature = Math.max(2 - 2 * <f64>load<f32>(ki + (<usize>j << 2)), TAU);
    const roomI = yi > 0 ? C - ai : ai;
    const roomJ = yj > 0 ? aj : C - aj;
    step = Math.min((load<f64>(f + oj) - load<f64>(f + oi)) / curvature, Math.min(roomI, roomJ));
    store<f64>(alpha + oi, step == roomI ? (yi > 0 ? C : 0) : ai + yi * step);
    store<f64>(alpha + oj, step == roomJ ? (yj > 0 ? 0 : C) : aj - yj * step);
    setBounds(y, alpha, up, low, C, oi);
    setBounds(y, alpha, up, low, C, oj);
  }
  return -1;
}

/** up and low of one row, from its alpha. */
// @ts-ignore: decorator
@inline function setBounds(y: usize, alpha: usize, up: usize, low: usize, C: f64, offset: usize): void {
  const a = load<f64>(alpha + offset);
  const positive = load<f64>(y + offset) > 0;
  store<f64>(up + offset, (positive ? a < C : a > 0) ? 0 : -Infinity);
  store<f64>(low + offset, (positive ? a > 0 : a < C) ? 0 : -Infinity);
}
