// Growing and reading decision trees in WebAssembly (AssemblyScript). Pointers are byte offsets into the
// imported memory, 16-byte aligned.
//
// Features come as ranks: ranks[f][i] is the place of row i's value among the distinct values of feature f,
// values[f][rank] that value. Ranks order rows as their values do, and whole numbers are sorted without
// comparisons. A row that a node looks at is one 64-bit key: rank (high 32 bits), class (16), times drawn by
// the bootstrap (16). s = rows of a column of `ranks` and `values`; K = classes.

export function heapBase(): usize {
  return __heap_base;
}

/** Rows, in 4 bytes, and their class and weight, in 4 bytes, as the nodes partition them: [rows drawn]. */
let rowList: usize = 0;
let payload: usize = 0;
let spare: usize = 0;
/** Keys of the node under way, and where the radix sort moves them: [rows drawn] of 8 bytes. */
let keysA: usize = 0;
let keysB: usize = 0;
/** Permutation of features, and those known to be constant, [d] of 4 bytes. */
let features: usize = 0;
let constants: usize = 0;
/** Class counts of the node's left and right, [K] of 8 bytes. */
let left: usize = 0;
let right: usize = 0;
let histogram: usize = 0;

const RADIX_BITS: i32 = 8;
const INSERTION: i32 = 40;
/** scikit-learn's FEATURE_THRESHOLD: values nearer than this count as equal. */
const SAME: f64 = 1e-7;

// splitmix64 (Steele, Lea, Flood 2014)
let state: u64 = 0;

function next(): u32 {
  state += 0x9e3779b97f4a7c15;
  let z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return <u32>((z ^ (z >> 31)) >> 32);
}

/** A whole number from 0 to below n. */
// @ts-ignore: decorator
@inline function below(n: i32): i32 {
  return <i32>((<u64>next() * <u64>n) >> 32);
}

/**
 * Sorts m keys at keysA by rank; returns where they are. `low` and `high` are the smallest and the largest
 * rank.
 */
function sortKeys(m: i32, low: u32, high: u32): usize {
  if (m <= INSERTION) {
    for (let i = 1; i < m; i++) {
      const key = load<u64>(keysA + (<usize>i << 3));
      let p = keysA + (<usize>i << 3);
      while (p > keysA) {
        const before = load<u64>(p - 8);
        if (before <= key) break;
        store<u64>(p, before);
        p -= 8;
      }
      store<u64>(p, key);
    }
    return keysA;
  }
  // Least significant digit first, over the bits in which the ranks differ.
  const bits = 32 - clz<u32>(high - low);
  const offset = <u64>low << 32;
  let from = keysA;
  let to = keysB;
  for (let shift = 0; shift < bits; shift += RADIX_BITS) {
    memory.fill(histogram, 0, 4 << RADIX_BITS);
    const at = <u64>(32 + shift);
    const end = from + (<usize>m << 3);
    for (let p = from; p < end; p += 8) {
      const h = histogram + ((<usize>((load<u64>(p) - offset) >> at) & ((1 << RADIX_BITS) - 1)) << 2);
      store<u32>(h, load<u32>(h) + 1);
    }
    let sum: u32 = 0;
    for (let h = histogram; h < histogram + (4 << RADIX_BITS); h += 4) {
      const count = load<u32>(h);
      store<u32>(h, sum);
      sum += count;
    }
    for (let p = from; p < end; p += 8) {
      const key = load<u64>(p);
      const h = histogram + ((<usize>((key - offset) >> at) & ((1 << RADIX_BITS) - 1)) << 2);
      const place = load<u32>(h);
      store<u32>(h, place + 1);
      store<u64>(to + (<usize>place << 3), key);
    }
    const swap = from;
    from = to;
    to = swap;
  }
  return from;
}


// The search's best split.
let bestFeature: i32 = -1;
let bestRank: u32 = 0;
let bestNextRank: u32 = 0;
let bestScore: f64 = 0;

/**
 * Looks at all splits of the sorted keys. The score is what Gini's weighted impurity leaves to maximise: sum
 * of squares / weight, left plus right.
 */
function scan(sorted: usize, m: i32, K: i32, totals: usize, weight: f64, squares: f64, feature: i32,
    column: usize): void {
  for (let k = 0; k < K; k++) {
    store<f64>(left + (<usize>k << 3), 0);
    store<f64>(right + (<usize>k << 3), load<f64>(totals + (<usize>k << 3)));
  }
  let wl: f64 = 0;
  let sl: f64 = 0;
  let sr: f64 = squares;
  let previous = <u32>(load<u64>(sorted) >> 32);
  const end = sorted + (<usize>m << 3);
  for (let p = sorted; p < end; p += 8) {
    const key = load<u64>(p);
    const rank = <u32>(key >> 32);
    if (rank != previous) {
      const score = sl / wl + sr / (weight - wl);
      if (score > bestScore &&
          <f64>load<f32>(column + (<usize>rank << 2)) > <f64>load<f32>(column + (<usize>previous << 2)) + SAME) {
        bestScore = score;
        bestFeature = feature;
        bestRank = previous;
        bestNextRank = rank;
      }
      previous = rank;
    }
    const w = <f64>(<u32>key & 0xffff);
    const at = <usize>((<u32>key >> 16) << 3);
    const l = load<f64>(left + at);
    const r = load<f64>(right + at);
    sl += w * (2 * l + w);
    sr -= w * (2 * r - w);
    wl += w;
    store<f64>(left + at, l + w);
    store<f64>(right + at, r - w);
  }
}

/**
 * Grows one tree to purity (Breiman 2001, with scikit-learn's rules: Gini, `tries` features a split, looking
 * further while all tried were constant).
 *
 * Writes nodes in preorder, 16 bytes each: feature i32 (-1 for a leaf), right child i32 (of a leaf: its
 * distribution), threshold f64. The left child of node i is i + 1. Distributions are [K] fractions; the first
 * K are the pure ones, written by the caller. importances[d] are added to. Returns the number of nodes;
 * `distributionCount` tells the other.
 */
export function growTree(
  ranks: usize, values: usize, labels: usize, n: i32, s: i32, d: i32, K: i32, tries: i32, seed: u64,
  nodes: usize, distributions: usize, importances: usize, scratch: usize,
): i32 {
  state = seed;
  let at = scratch;
  keysA = at; at += <usize>n << 3;
  keysB = at; at += <usize>n << 3;
  rowList = at; at += <usize>n << 2;
  payload = at; at += <usize>n << 2;
  spare = at; at += <usize>n << 2;
  features = at; at += <usize>d << 2;
  constants = at; at += <usize>d << 2;
  histogram = at; at += 4 << RADIX_BITS;
  at = (at + 7) & ~7;
  left = at; at += <usize>K << 3;
  right = at; at += <usize>K << 3;
  const totals = at; at += <usize>K << 3;
  // Nodes to come: begin, end, parent whose right child it is (or -1), constants known. A row can wait in one
  // of them only.
  const stack = at;

  // The bootstrap: n draws with replacement, rows drawn several times count so often.
  memory.fill(keysA, 0, <usize>n << 2);
  for (let i = 0; i < n; i++) {
    const p = keysA + (<usize>below(n) << 2);
    store<u32>(p, load<u32>(p) + 1);
  }
  let drawn = 0;
  for (let i = 0; i < n; i++) {
    const weight = load<u32>(keysA + (<usize>i << 2));
    if (weight == 0) continue;
    store<i32>(rowList + (<usize>drawn << 2), i);
    store<u32>(payload + (<usize>drawn << 2), (load<u32>(labels + (<usize>i << 2)) << 16) | weight);
    drawn++;
  }
  for (let f = 0; f < d; f++) store<i32>(features + (<usize>f << 2), f);

  let count = 0;
  distributionTotal = K;
  let top = stack;
  store<i32>(top, 0); store<i32>(top, drawn, 4); store<i32>(top, -1, 8); store<i32>(top, 0, 12);
  top += 16;
  while (top > stack) {
    top -= 16;
    const begin = load<i32>(top);
    const end = load<i32>(top, 4);
    const parent = load<i32>(top, 8);
    const known = load<i32>(top, 12);
    const node = nodes + (<usize>count << 4);
    if (parent >= 0) store<i32>(nodes + (<usize>parent << 4), count, 4);
    const m = end - begin;

    for (let k = 0; k < K; k++) store<f64>(totals + (<usize>k << 3), 0);
    for (let i = begin; i < end; i++) {
      const pay = load<u32>(payload + (<usize>i << 2));
      const t = totals + (<usize>(pay >> 16) << 3);
      store<f64>(t, load<f64>(t) + <f64>(pay & 0xffff));
    }
    let weight: f64 = 0;
    let squares: f64 = 0;
    let pure = -1;
    for (let k = 0; k < K; k++) {
      const c = load<f64>(totals + (<usize>k << 3));
      if (c > 0) pure = k;
      weight += c;
      squares += c * c;
    }
    const isPure = squares == weight * weight;
    bestFeature = -1;
    let total = known;
    if (!isPure && m >= 2) {
      bestScore = -Infinity;
      let remaining = d;
      let visited = 0;
      let found = 0;
      let drawnConstants = 0;
      while (remaining > total && (visited < tries || visited <= found + drawnConstants)) {
        visited++;
        let j = drawnConstants + below(remaining - found - drawnConstants);
        if (j < known) {
          const p = features + (<usize>drawnConstants << 2);
          const q = features + (<usize>j << 2);
          const swap = load<i32>(p);
          store<i32>(p, load<i32>(q));
          store<i32>(q, swap);
          drawnConstants++;
          continue;
        }
        j += found;
        const place = features + (<usize>j << 2);
        const feature = load<i32>(place);
        const columnRanks = ranks + (<usize>feature * <usize>s << 2);
        const column = values + (<usize>feature * <usize>s << 2);
        let low: u32 = 0xffffffff;
        let high: u32 = 0;
        for (let i = 0; i < m; i++) {
          const rank = load<u32>(columnRanks + (<usize>load<i32>(rowList + (<usize>(begin + i) << 2)) << 2));
          low = min(low, rank);
          high = max(high, rank);
          store<u64>(keysA + (<usize>i << 3), (<u64>rank << 32) | <u64>load<u32>(payload + (<usize>(begin + i) << 2)));
        }
        if (<f64>load<f32>(column + (<usize>high << 2)) <= <f64>load<f32>(column + (<usize>low << 2)) + SAME) {
          store<i32>(place, load<i32>(features + (<usize>total << 2)));
          store<i32>(features + (<usize>total << 2), feature);
          found++;
          total++;
          continue;
        }
        remaining--;
        store<i32>(place, load<i32>(features + (<usize>remaining << 2)));
        store<i32>(features + (<usize>remaining << 2), feature);
        scan(sortKeys(m, low, high), m, K, totals, weight, squares, feature, column);
      }
      // The known constants back in their order, the new ones behind them: children inherit both.
      memory.copy(features, constants, <usize>known << 2);
      memory.copy(constants + (<usize>known << 2), features + (<usize>known << 2), <usize>found << 2);
    }

    if (bestFeature < 0) {
      store<i32>(node, -1);
      store<f64>(node, 0, 8);
      if (isPure) store<i32>(node, pure, 4);
      else {
        store<i32>(node, distributionTotal, 4);
        for (let k = 0; k < K; k++)
          store<f64>(distributions + (<usize>(distributionTotal * K + k) << 3),
              load<f64>(totals + (<usize>k << 3)) / weight);
        distributionTotal++;
      }
      count++;
      continue;
    }

    const importance = importances + (<usize>bestFeature << 3);
    store<f64>(importance, load<f64>(importance) + bestScore - squares / weight);
    const column = values + (<usize>bestFeature * <usize>s << 2);
    const low = <f64>load<f32>(column + (<usize>bestRank << 2));
    const high = <f64>load<f32>(column + (<usize>bestNextRank << 2));
    let threshold = low / 2 + high / 2;
    if (threshold == high || threshold == Infinity || threshold == -Infinity) threshold = low;
    store<i32>(node, bestFeature);
    store<f64>(node, threshold, 8);

    // Rows at most the threshold to the left, all in their order.
    const columnRanks = ranks + (<usize>bestFeature * <usize>s << 2);
    let l = begin;
    let r = 0;
    for (let i = begin; i < end; i++) {
      const row = load<i32>(rowList + (<usize>i << 2));
      const pay = load<u32>(payload + (<usize>i << 2));
      if (load<u32>(columnRanks + (<usize>row << 2)) <= bestRank) {
        store<i32>(rowList + (<usize>l << 2), row);
        store<u32>(payload + (<usize>l << 2), pay);
        l++;
      } else {
        store<i32>(spare + (<usize>r << 2), row);
        store<u32>(keysA + (<usize>r << 2), pay);
        r++;
      }
    }
    memory.copy(rowList + (<usize>l << 2), spare, <usize>r << 2);
    memory.copy(payload + (<usize>l << 2), keysA, <usize>r << 2);
    store<i32>(top, l); store<i32>(top, end, 4); store<i32>(top, count, 8); store<i32>(top, total, 12);
    top += 16;
    store<i32>(top, begin); store<i32>(top, l, 4); store<i32>(top, -1, 8); store<i32>(top, total, 12);
    top += 16;
    count++;
  }
  return count;
}

let distributionTotal: i32 = 0;

export function distributionCount(): i32 {
  return distributionTotal;
}

// @ts-ignore: decorator
@inline function child(nodes: usize, node: usize, feature: i32, row: usize): usize {
  // Not a branch: which way a row goes cannot be foretold.
  const left = <f64>load<f32>(row + (<usize>feature << 2)) <= load<f64>(node, 8);
  return select<usize>(node + 16, nodes + (<usize>load<i32>(node, 4) << 4), left);
}

// @ts-ignore: decorator
@inline function addLeaf(node: usize, distributions: usize, K: i32, sum: usize): void {
  const fractions = distributions + (<usize>(load<i32>(node, 4) * K) << 3);
  for (let k: usize = 0; k < <usize>(K << 3); k += 8)
    store<f64>(sum + k, load<f64>(sum + k) + load<f64>(fractions + k));
}

/**
 * Adds each row's leaf fractions to sums[n, K]. x is [n, d] float32. Four rows walk down at once: each waits
 * for memory at every node.
 */
export function addTree(nodes: usize, distributions: usize, x: usize, n: i32, d: i32, K: i32, sums: usize): void {
  const stride = <usize>d << 2;
  const width = <usize>K << 3;
  let i = 0;
  for (; i + 3 < n; i += 4) {
    const row0 = x + <usize>i * stride;
    const row1 = row0 + stride;
    const row2 = row1 + stride;
    const row3 = row2 + stride;
    let node0 = nodes;
    let node1 = nodes;
    let node2 = nodes;
    let node3 = nodes;
    let feature0 = load<i32>(nodes);
    let feature1 = feature0;
    let feature2 = feature0;
    let feature3 = feature0;
    // A leaf's feature is below zero: the sign of all four together says whether each has come to one.
    while ((feature0 & feature1 & feature2 & feature3) >= 0) {
      if (feature0 >= 0) feature0 = load<i32>((node0 = child(nodes, node0, feature0, row0)));
      if (feature1 >= 0) feature1 = load<i32>((node1 = child(nodes, node1, feature1, row1)));
      if (feature2 >= 0) feature2 = load<i32>((node2 = child(nodes, node2, feature2, row2)));
      if (feature3 >= 0) feature3 = load<i32>((node3 = child(nodes, node3, feature3, row3)));
    }
    const sum = sums + <usize>i * width;
    addLeaf(node0, distributions, K, sum);
    addLeaf(node1, distributions, K, sum + width);
    addLeaf(node2, distributions, K, sum + 2 * width);
    addLeaf(node3, distributions, K, sum + 3 * width);
  }
  for (; i < n; i++) {
    const row = x + <usize>i * stride;
    let node = nodes;
    let feature = load<i32>(node);
    while (feature >= 0) feature = load<i32>((node = child(nodes, node, feature, row)));
    addLeaf(node, distributions, K, sums + <usize>i * width);
  }
}
