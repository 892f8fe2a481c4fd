// Word2Vec's inner loops in WebAssembly SIMD (AssemblyScript): what gensim 4.2 computes in
// word2vec_inner.pyx, in the same order, with the same random numbers. Pointers are byte offsets into the
// imported memory, 16-byte aligned. A row has `width` floats, a multiple of 4: training.ts pads with zeros,
// which stay zeros.

let inputs: usize; // vectors of the words, gensim's syn0
let outputs: usize; // syn1neg
let width: usize; // bytes of a row
let hidden: usize; // neu1
let errors: usize; // work
let cumulative: usize; // uint32, ascending: negatives are drawn in proportion to the steps
let guide: usize; // int32: where in `cumulative` the values begin that have these leading bits
let guideShift: u32;
let domain: u32; // the last value of `cumulative`
let sigmoids: usize; // float32: 1,000 values over -6 to 6
let tokens: usize; // int32 index of each word of the corpus
let offsets: usize; // int32: where each sentence begins in `tokens`, and its end
let thresholds: usize; // uint32: a word is kept where this is not below a draw
let kept: usize; // int32: the words of the job at hand that are kept
let keptEnds: usize; // int32: the end in `kept` of each sentence of the job
let reductions: usize; // int32: by how much the window around each of them shrinks
let windowSize: i32;
let negatives: i32;
let useMean: bool;
let drawn: usize; // int32: the negatives of the word at hand
let touched: u32; // keeps `touch` from being optimized away
let random: u64; // 48 bits, java.util.Random's generator

const MAX_EXPONENT: f32 = 6;
// Gensim's integer division 1000 / 6 / 2; the sum is in float64 there, so that a tiny negative activation
// falls below the middle
const TABLE_STEPS: f64 = 83;

export function placeWeights(inputsAt: usize, outputsAt: usize, rowBytes: usize, hiddenAt: usize,
    errorsAt: usize): void {
  inputs = inputsAt; outputs = outputsAt; width = rowBytes; hidden = hiddenAt; errors = errorsAt;
}

export function placeTables(cumulativeAt: usize, lastValue: u32, guideAt: usize, shift: u32,
    sigmoidsAt: usize, thresholdsAt: usize): void {
  cumulative = cumulativeAt;
  domain = lastValue;
  guide = guideAt;
  guideShift = shift;
  sigmoids = sigmoidsAt;
  thresholds = thresholdsAt;
}

export function placeCorpus(tokensAt: usize, offsetsAt: usize, keptAt: usize, keptEndsAt: usize,
    reductionsAt: usize, drawnAt: usize): void {
  tokens = tokensAt;
  offsets = offsetsAt;
  kept = keptAt;
  keptEnds = keptEndsAt;
  reductions = reductionsAt;
  drawn = drawnAt;
}

export function configure(window: i32, negative: i32, mean: bool): void {
  windowSize = window; negatives = negative; useMean = mean;
}

/**
 * Fills `words` rows with `size` numbers uniform in ±1 / size, as gensim's `prep_vectors` draws them from
 * numpy's PCG64 (random/pcg64.ts), whose state and increment come in halves.
 */
export function fillInputs(words: i32, size: i32, stateLow: u64, stateHigh: u64, incrementLow: u64,
    incrementHigh: u64): void {
  let low = stateLow;
  let high = stateHigh;
  let kept: u64 = 0;
  let pending = false;
  for (let word = 0; word < words; word++) {
    const row = inputs + <usize>word * width;
    for (let i = 0; i < size; i++) {
      if (pending) {
        kept >>= 32;
      } else {
        const product = low * 0x4385df649fccf645;
        high = highWord(low, 0x4385df649fccf645) + low * 0x2360ed051fc65da4 + high * 0x4385df649fccf645;
        low = product + incrementLow;
        high += incrementHigh + u64(low < product);
        kept = rotr<u64>(low ^ high, high >> 58);
      }
      pending = !pending;
      // 2 u - 1 of 24 bits is exact in float32.
      store<f32>(row + (<usize>i << 2), (<f32>(<u32>kept >> 8) * <f32>(2.0 / 16777216.0) - 1) / <f32>size);
    }
  }
}

/** Bits 64 to 127 of a product. */
function highWord(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const middle = aHigh * bLow + ((aLow * bLow) >> 32);
  return aHigh * bHigh + (middle >> 32) + ((aLow * bHigh + (middle & 0xffffffff)) >> 32);
}

/** Starts the generator of a job: two draws of 24 bits. */
export function startJob(high: u32, low: u32): void {
  random = (<u64>high << 24) + low;
}

// @ts-ignore: decorator
@inline function draw(): u32 {
  const value = <u32>(random >> 16);
  random = (random * 25214903917 + 11) & 0xffffffffffff;
  return value;
}

/**
 * Writes the words of sentences `first` to `last` - 1 that frequent-word subsampling keeps, `limit` at most;
 * returns their number.
 */
export function keepWords(first: i32, last: i32, subsample: bool, limit: i32): i32 {
  let count = 0;
  for (let s = first; s < last; s++) {
    const end = load<i32>(offsets + (<usize>(s + 1) << 2));
    for (let t = load<i32>(offsets + (<usize>s << 2)); t < end && count < limit; t++) {
      const word = load<i32>(tokens + (<usize>t << 2));
      if (subsample && load<u32>(thresholds + (<usize>word << 2)) < draw()) continue;
      store<i32>(kept + (<usize>count << 2), word);
      count++;
    }
    store<i32>(keptEnds + (<usize>(s - first) << 2), count);
  }
  return count;
}

/** A word drawn in proportion to count^0.75: the first whose cumulative value is not below the draw. */
// @ts-ignore: decorator
@inline function drawNegative(): i32 {
  const value = draw() % domain;
  const slot = guide + (<usize>(value >> guideShift) << 2);
  let low = load<i32>(slot);
  let high = load<i32>(slot, 4);
  while (high > low) {
    const middle = (low + high) >>> 1;
    if (load<u32>(cumulative + (<usize>middle << 2)) >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}

// @ts-ignore: decorator
@inline function fillZero(at: usize): void {
  for (let p = at, end = at + width; p < end; p += 16) v128.store(p, f32x4.splat(0));
}

// @ts-ignore: decorator
@inline function add(target: usize, source: usize): void {
  for (const end = target + width; target < end; target += 16, source += 16) {
    v128.store(target, f32x4.add(v128.load(target), v128.load(source)));
  }
}

// @ts-ignore: decorator
@inline function scale(target: usize, factor: f32): void {
  const factors = f32x4.splat(factor);
  for (const end = target + width; target < end; target += 16)
    v128.store(target, f32x4.mul(v128.load(target), factors));
}

// @ts-ignore: decorator
@inline function dot(a: usize, b: usize): f32 {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  const end = a + width;
  while (a + 48 < end) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(a), v128.load(b)));
    s1 = f32x4.add(s1, f32x4.mul(v128.load(a, 16), v128.load(b, 16)));
    s2 = f32x4.add(s2, f32x4.mul(v128.load(a, 32), v128.load(b, 32)));
    s3 = f32x4.add(s3, f32x4.mul(v128.load(a, 48), v128.load(b, 48)));
    a += 64; b += 64;
  }
  while (a < end) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(a), v128.load(b)));
    a += 16; b += 16;
  }
  const s = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
  return f32x4.extract_lane(s, 0) + f32x4.extract_lane(s, 1) + (f32x4.extract_lane(s, 2) + f32x4.extract_lane(s, 3));
}

/**
 * One step of logistic regression of `target` (label 1) or a negative (0) on the layer: its output row moves,
 * and its error is added up.
 */
// @ts-ignore: decorator
@inline function learn(layer: usize, target: i32, label: f32, alpha: f32): void {
  let row = outputs + <usize>target * width;
  const activation = dot(layer, row);
  if (activation <= -MAX_EXPONENT || activation >= MAX_EXPONENT) return;
  const sigmoid = load<f32>(sigmoids + (<usize><i32>((<f64>activation + 6.0) * TABLE_STEPS) << 2));
  const gradient = f32x4.splat((label - sigmoid) * alpha);
  let error = errors;
  for (const end = row + width; row < end; row += 16, layer += 16, error += 16) {
    const weights = v128.load(row);
    v128.store(error, f32x4.add(v128.load(error), f32x4.mul(gradient, weights)));
    v128.store(row, f32x4.add(weights, f32x4.mul(gradient, v128.load(layer))));
  }
}

/**
 * Reads a byte of each cache line of a row, so that the rows of all negatives are on their way from memory
 * together before the first is needed.
 */
// @ts-ignore: decorator
@inline function touch(row: usize): void {
  let sum: u32 = 0;
  for (const end = row + width; row < end; row += 64) sum |= load<u32>(row);
  touched |= sum;
}

/** Positive and negative examples of one word for one hidden layer; leaves the layer's error in `errors`. */
// @ts-ignore: decorator
@inline function learnWord(layer: usize, word: i32, alpha: f32): void {
  for (let d = 0; d < negatives; d++) {
    const target = drawNegative();
    store<i32>(drawn + (<usize>d << 2), target);
    touch(outputs + <usize>target * width);
  }
  fillZero(errors);
  learn(layer, word, 1, alpha);
  for (let d = 0; d < negatives; d++) {
    const target = load<i32>(drawn + (<usize>d << 2));
    if (target != word) learn(layer, target, 0, alpha);
  }
}

/** Continuous bag of words over the kept words of the job's sentences `first` to `last` - 1. */
export function trainBagOfWords(first: i32, last: i32, alpha: f32): void {
  let start = first > 0 ? load<i32>(keptEnds + (<usize>(first - 1) << 2)) : 0;
  for (let s = first; s < last; s++) {
    const end = load<i32>(keptEnds + (<usize>s << 2));
    for (let i = start; i < end; i++) {
      const reach = windowSize - load<i32>(reductions + (<usize>i << 2));
      const from = max(start, i - reach);
      const to = min(end, i + reach + 1);
      fillZero(hidden);
      for (let m = from; m < to; m++) {
        if (m != i) add(hidden, inputs + <usize>load<i32>(kept + (<usize>m << 2)) * width);
      }
      const context = to - from - 1;
      const share: f32 = context > 0 ? <f32>1 / <f32>context : 1;
      if (useMean) scale(hidden, share);
      learnWord(hidden, load<i32>(kept + (<usize>i << 2)), alpha);
      if (!useMean) scale(errors, share);
      for (let m = from; m < to; m++) {
        if (m != i) add(inputs + <usize>load<i32>(kept + (<usize>m << 2)) * width, errors);
      }
    }
    start = end;
  }
}

/** Skip-gram over the kept words of the job's sentences `first` to `last` - 1. */
export function trainSkipGram(first: i32, last: i32, alpha: f32): void {
  let start = first > 0 ? load<i32>(keptEnds + (<usize>(first - 1) << 2)) : 0;
  for (let s = first; s < last; s++) {
    const end = load<i32>(keptEnds + (<usize>s << 2));
    for (let i = start; i < end; i++) {
      const word = load<i32>(kept + (<usize>i << 2));
      const reach = windowSize - load<i32>(reductions + (<usize>i << 2));
      const to = min(end, i + reach + 1);
      for (let m = max(start, i - reach); m < to; m++) {
        if (m == i) continue;
        const row = inputs + <usize>load<i32>(kept + (<usize>m << 2)) * width;
        learnWord(row, word, alpha);
        add(row, errors);
      }
    }
    start = end;
  }
}
