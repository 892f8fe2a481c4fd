/**
 * Byte-pair encoding (Sennrich et al. 2016; GPT-2's over bytes): of all neighbouring pairs that have a merge,
 * the one of the lowest rank is merged, the leftmost where several have it, until no pair has one.
 *
 * Two things make it quick on any input, at the same ids. A word is cut wherever no token holds the two bytes
 * on both sides: no merge can cross that place. And what is longer than a few bytes takes its pairs from a
 * heap, n log n in place of n².
 */
import { BYTE_CHARACTERS, tokenBytes } from './token-spans.js';
import type { Merge, Vocabulary } from './vocabulary.js';

/** Up to so many symbols, looking at all pairs each time is quicker than a heap. */
const SHORT = 24;
const NONE = -1;

export class BytePairEncoder {
  /** Id of each byte's token; NONE: left out; `#unknown`: stands for itself. */
  readonly #idOfByte = new Int32Array(256);
  /** A symbol that no merge knows; becomes the unknown token's id. */
  readonly #unknown: number;
  readonly #unknownId: number;
  readonly #merges: MergeTable;
  /** By 256 × first + second: whether some token holds the two bytes side by side. */
  readonly #joined = new Uint8Array(65536);

  /** `unknownToken` stands for a byte that the vocabulary lacks; null: such a byte is left out. */
  constructor(vocabulary: Vocabulary, merges: readonly Merge[], unknownToken: string | null) {
    let highest = 0;
    for (const id of Object.values(vocabulary)) highest = Math.max(highest, id);
    this.#unknown = highest + 1;
    this.#unknownId = unknownToken === null ? NONE : vocabulary[unknownToken];
    const absent = unknownToken === null ? NONE : this.#unknown;
    for (const [byte, character] of BYTE_CHARACTERS.entries())
      this.#idOfByte[byte] = Object.hasOwn(vocabulary, character) ? vocabulary[character] : absent;
    this.#merges = new MergeTable(merges.length);
    for (const [rank, [left, right]] of merges.entries()) {
      this.#merges.set(vocabulary[left], vocabulary[right], rank, vocabulary[left + right]);
      const bytes = tokenBytes(left + right);
      for (let i = 1; i < bytes.length; i++) this.#joined[(bytes[i - 1] << 8) | bytes[i]] = 1;
    }
  }

  /** Adds the ids of `bytes` to `ids`; stops where `ids` has `limit` of them or more. */
  encode(bytes: Uint8Array, ids: number[], limit = Infinity): void {
    const idOfByte = this.#idOfByte;
    let start = 0;
    while (start < bytes.length && ids.length < limit) {
      let previous = NONE;
      let end = start;
      let kept = 0;
      for (; end < bytes.length; end++) {
        const byte = bytes[end];
        if (idOfByte[byte] === NONE) continue; // its neighbours become neighbours
        if (previous !== NONE && this.#joined[(previous << 8) | byte] === 0) break;
        previous = byte;
        kept++;
      }
      if (kept > 0) this.#encodePiece(bytes, start, end, kept, ids);
      start = end;
    }
  }

  #encodePiece(bytes: Uint8Array, start: number, end: number, count: number, ids: number[]): void {
    const symbols = new Int32Array(count);
    for (let i = start, at = 0; i < end; i++) {
      const id = this.#idOfByte[bytes[i]];
      if (id !== NONE) symbols[at++] = id;
    }
    const left = mergeAll(symbols, this.#merges);
    for (let i = 0; i < left; i++) ids.push(symbols[i] === this.#unknown ? this.#unknownId : symbols[i]);
  }
}

/** Merges in place; returns how many symbols are left, at the front. */
function mergeAll(symbols: Int32Array, merges: MergeTable): number {
  if (symbols.length === 1) return 1;
  return symbols.length <= SHORT ? mergeShort(symbols, merges) : mergeLong(symbols, merges);
}

/** Merges in place by the definition; returns how many symbols are left, at the front. */
function mergeShort(symbols: Int32Array, merges: MergeTable): number {
  let count = symbols.length;
  // Slot of the merge of each symbol with the next.
  const slots = new Int32Array(count);
  for (let i = 0; i + 1 < count; i++) slots[i] = merges.find(symbols[i], symbols[i + 1]);
  for (;;) {
    let best = NONE;
    for (let i = 0; i + 1 < count; i++)
      if (slots[i] !== NONE && (best === NONE || merges.rank[slots[i]] < merges.rank[slots[best]])) best = i;
    if (best === NONE) return count;
    symbols[best] = merges.merged[slots[best]];
    symbols.copyWithin(best + 1, best + 2, count);
    slots.copyWithin(best + 1, best + 2, count);
    count--;
    if (best > 0) slots[best - 1] = merges.find(symbols[best - 1], symbols[best]);
    if (best + 1 < count) slots[best] = merges.find(symbols[best], symbols[best + 1]);
  }
}

/** The same by a heap of pairs, in order of rank and place. 32 bytes of memory a symbol. */
function mergeLong(symbols: Int32Array, merges: MergeTable): number {
  const count = symbols.length;
  // Symbols are a list: a merged one stands at its left part's place, and its right part's is out of the
  // list.
  const next = new Int32Array(count);
  const previous = new Int32Array(count);
  const heap = new PairHeap(count);
  const look = (at: number): void => {
    const slot = next[at] < count ? merges.find(symbols[at], symbols[next[at]]) : NONE;
    if (slot !== NONE) heap.push(merges.rank[slot], at);
  };
  for (let i = 0; i < count; i++) {
    next[i] = i + 1;
    previous[i] = i - 1;
  }
  for (let i = 0; i < count; i++) look(i);
  while (heap.size > 0) {
    const { rank, at } = heap.pop();
    if (symbols[at] === NONE || next[at] >= count) continue;
    const slot = merges.find(symbols[at], symbols[next[at]]);
    if (slot === NONE || merges.rank[slot] !== rank) continue; // what the pair was has been merged
    const right = next[at];
    symbols[at] = merges.merged[slot];
    symbols[right] = NONE;
    next[at] = next[right];
    if (next[at] < count) previous[next[at]] = at;
    look(at);
    if (previous[at] !== NONE) look(previous[at]);
  }
  let left = 0;
  for (let i = 0; i < count; i = next[i]) symbols[left++] = symbols[i];
  return left;
}

/**
 * Pair of ids -> rank and merged id; open addressing, because a Map of strings or of numbers beyond 31 bits
 * is many times slower.
 */
class MergeTable {
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #mask: number;
  /** By slot. */
  readonly rank: Int32Array;
  readonly merged: Int32Array;

  constructor(merges: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * merges)));
    this.#mask = slots - 1;
    this.#left = new Int32Array(slots).fill(NONE);
    this.#right = new Int32Array(slots);
    this.rank = new Int32Array(slots);
    this.merged = new Int32Array(slots);
  }

  /** Slot of the pair, or NONE. */
  find(left: number, right: number): number {
    const slot = this.#slot(left, right);
    return this.#left[slot] === NONE ? NONE : slot;
  }

  /** The last of several merges of one pair counts, as in the reference. */
  set(left: number, right: number, rank: number, merged: number): void {
    const slot = this.#slot(left, right);
    this.#left[slot] = left;
    this.#right[slot] = right;
    this.rank[slot] = rank;
    this.merged[slot] = merged;
  }

  #slot(left: number, right: number): number {
    const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    let slot = (mixed ^ (mixed >>> 15)) & this.#mask;
    while (this.#left[slot] !== NONE && (this.#left[slot] !== left || this.#right[slot] !== right))
      slot = (slot + 1) & this.#mask;
    return slot;
  }
}

/**
 * A binary heap of (rank, place), the least first. Each is one number: ranks are below 2^21, places below
 * 2^32.
 */
class PairHeap {
  // A merge takes one pair out and puts at most two in, and there are fewer merges than symbols.
  readonly #keys: Float64Array;
  size = 0;

  constructor(symbols: number) {
    this.#keys = new Float64Array(2 * symbols);
  }

  push(rank: number, at: number): void {
    const keys = this.#keys;
    const key = rank * 2 ** 32 + at;
    let i = this.size++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (keys[parent] <= key) break;
      keys[i] = keys[parent];
      i = parent;
    }
    keys[i] = key;
  }

  pop(): { readonly rank: number; readonly at: number } {
    const keys = this.#keys;
    const least = keys[0];
    const key = keys[--this.size];
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && keys[child + 1] < keys[child]) child++;
      if (keys[child] >= key) break;
      keys[i] = keys[child];
      i = child;
    }
    keys[i] = key;
    const rank = Math.floor(least / 2 ** 32);
    return { rank, at: least - rank * 2 ** 32 };
  }
}
