// Dense products of logistic regression in WebAssembly SIMD (AssemblyScript), float64. Pointers are byte
// offsets into the imported memory, 16-byte aligned. n = rows, s = row stride: the columns, a column of ones
// for the intercept, zeros up to a multiple of 2; K = class vectors (1 for two classes, whose loss is the
// plain logistic one). x is [n, s], theta and gradient are [K, s].

const BLOCK: i32 = 8;

/** Where the tables of exp and log end: memory is free from here. */
export function heapBase(): usize {
  return __heap_base;
}

/**
 * target[i..s] += sum over the block's rows r of factors[r] * x[r, i..s]; rows is at most 8, missing ones
 * have the factor 0.
 */
// @ts-ignore: decorator
@inline function addRows(target: usize, factors: usize, x: usize, from: i32, s: i32): void {
  const stride = <usize>s << 3;
  const f0 = v128.load64_splat(factors);
  const f1 = v128.load64_splat(factors, 8);
  const f2 = v128.load64_splat(factors, 16);
  const f3 = v128.load64_splat(factors, 24);
  const f4 = v128.load64_splat(factors, 32);
  const f5 = v128.load64_splat(factors, 40);
  const f6 = v128.load64_splat(factors, 48);
  const f7 = v128.load64_splat(factors, 56);
  let p = x + (<usize>from << 3);
  let t = target + (<usize>from << 3);
  const end = target + stride;
  while (t < end) {
    const q = p + 4 * stride;
    let a = f64x2.add(v128.load(t), f64x2.mul(f0, v128.load(p)));
    let b = f64x2.mul(f1, v128.load(p + stride));
    a = f64x2.add(a, f64x2.mul(f2, v128.load(p + 2 * stride)));
    b = f64x2.add(b, f64x2.mul(f3, v128.load(p + 3 * stride)));
    a = f64x2.add(a, f64x2.mul(f4, v128.load(q)));
    b = f64x2.add(b, f64x2.mul(f5, v128.load(q + stride)));
    a = f64x2.add(a, f64x2.mul(f6, v128.load(q + 2 * stride)));
    b = f64x2.add(b, f64x2.mul(f7, v128.load(q + 3 * stride)));
    v128.store(t, f64x2.add(a, b));
    t += 16; p += 16;
  }
}

// @ts-ignore: decorator
@inline function sum2(v: v128): f64 {
  return f64x2.extract_lane(v, 0) + f64x2.extract_lane(v, 1);
}

/** z[r, k] = x[r] . theta[k] for a block of 8 rows (x is padded with rows of zeros); z is [8, K]. */
function scores(x: usize, theta: usize, s: i32, K: i32, z: usize): void {
  const stride = <usize>s << 3;
  for (let r = 0; r < BLOCK; r += 2) {
    const p = x + <usize>r * stride;
    const q = p + stride;
    let k = 0;
    for (; k + 3 <= K; k += 3) {
      const w = theta + <usize>k * stride;
      let a0 = f64x2.splat(0), a1 = f64x2.splat(0), a2 = f64x2.splat(0);
      let b0 = f64x2.splat(0), b1 = f64x2.splat(0), b2 = f64x2.splat(0);
      for (let i: usize = 0; i < stride; i += 16) {
        const xp = v128.load(p + i);
        const xq = v128.load(q + i);
        const w0 = v128.load(w + i);
        const w1 = v128.load(w + stride + i);
        const w2 = v128.load(w + 2 * stride + i);
        a0 = f64x2.add(a0, f64x2.mul(xp, w0));
        a1 = f64x2.add(a1, f64x2.mul(xp, w1));
        a2 = f64x2.add(a2, f64x2.mul(xp, w2));
        b0 = f64x2.add(b0, f64x2.mul(xq, w0));
        b1 = f64x2.add(b1, f64x2.mul(xq, w1));
        b2 = f64x2.add(b2, f64x2.mul(xq, w2));
      }
      const t = z + (<usize>(r * K + k) << 3);
      const u = t + (<usize>K << 3);
      store<f64>(t, sum2(a0)); store<f64>(t, sum2(a1), 8); store<f64>(t, sum2(a2), 16);
      store<f64>(u, sum2(b0)); store<f64>(u, sum2(b1), 8); store<f64>(u, sum2(b2), 16);
    }
    for (; k < K; k++) {
      const w = theta + <usize>k * stride;
      let a = f64x2.splat(0), b = f64x2.splat(0);
      for (let i: usize = 0; i < stride; i += 16) {
        const w0 = v128.load(w + i);
        a = f64x2.add(a, f64x2.mul(v128.load(p + i), w0));
        b = f64x2.add(b, f64x2.mul(v128.load(q + i), w0));
      }
      store<f64>(z + (<usize>(r * K + k) << 3), sum2(a));
      store<f64>(z + (<usize>((r + 1) * K + k) << 3), sum2(b));
    }
  }
}

/**
 * The sum of `loss` and the rows' losses; adds their gradient to `gradient`. Rows are a multiple of 8, those
 * from n on are zeros without a label. scratch: 16 K numbers.
 */
export function lossAndGradient(
  x: usize, labels: usize, n: i32, s: i32, K: i32, theta: usize, gradient: usize, scratch: usize, loss: f64,
): f64 {
  const stride = <usize>s << 3;
  const z = scratch;
  // residuals[k, r]
  const residuals = scratch + (<usize>(BLOCK * K) << 3);
  for (let first = 0; first < n; first += BLOCK) {
    const block = x + <usize>first * stride;
    scores(block, theta, s, K, z);
    for (let r = 0; r < BLOCK; r++) {
      if (first + r >= n) {
        for (let k = 0; k < K; k++) store<f64>(residuals + (<usize>(k * BLOCK + r) << 3), 0);
        continue;
      }
      const label = load<i32>(labels + (<usize>(first + r) << 2));
      if (K == 1) {
        const score = load<f64>(z + (<usize>r << 3));
        const e = Math.exp(-Math.abs(score));
        const p = score >= 0 ? 1 / (1 + e) : e / (1 + e);
        // log(1 + exp(score)) - label * score
        loss += Math.max(score, 0) + Math.log1p(e) - (label == 1 ? score : 0);
        store<f64>(residuals + (<usize>r << 3), p - <f64>label);
        continue;
      }
      const row = z + (<usize>(r * K) << 3);
      let max = load<f64>(row);
      for (let k = 1; k < K; k++) max = Math.max(max, load<f64>(row + (<usize>k << 3)));
      let sum: f64 = 0;
      const target = load<f64>(row + (<usize>label << 3));
      for (let k = 0; k < K; k++) {
        const e = Math.exp(load<f64>(row + (<usize>k << 3)) - max);
        sum += e;
        store<f64>(row + (<usize>k << 3), e);
      }
      loss += Math.log(sum) + max - target;
      const scale = 1 / sum;
      for (let k = 0; k < K; k++) {
        store<f64>(residuals + (<usize>(k * BLOCK + r) << 3),
            load<f64>(row + (<usize>k << 3)) * scale - (k == label ? 1.0 : 0.0));
      }
    }
    for (let k = 0; k < K; k++)
      addRows(gradient + <usize>k * stride, residuals + (<usize>(k * BLOCK) << 3), block, 0, s);
  }
  return loss;
}

/** gram += x' x, upper triangle [s, s] (entries left of the diagonal hold garbage). scratch: 8 numbers. */
export function gram(x: usize, n: i32, s: i32, target: usize, scratch: usize): void {
  const stride = <usize>s << 3;
  for (let first = 0; first < n; first += BLOCK) {
    const block = x + <usize>first * stride;
    for (let i = 0; i < s; i++) {
      for (let r = 0; r < BLOCK; r++)
        store<f64>(scratch + (<usize>r << 3), load<f64>(block + <usize>r * stride + (<usize>i << 3)));
      addRows(target + <usize>i * stride, scratch, block, i & ~1, s);
    }
  }
}
