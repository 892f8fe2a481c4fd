import type { Pace } from '../pace.js';

/** Items sorted in one go. */
const RUN = 4096;

/**
 * What `[...items].sort(compare)` gives, equal items in their order, with pauses: runs are sorted, then
 * merged two by two.
 *
 * @throws what `pace` throws
 */
export async function pacedSort<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  pace: Pace,
): Promise<T[]> {
  let sorted: T[] = [];
  for (let start = 0; start < items.length; start += RUN) {
    if (pace.due) await pace.rest();
    for (const item of items.slice(start, start + RUN).sort(compare)) sorted.push(item);
  }
  for (let width = RUN; width < items.length; width *= 2) {
    const merged: T[] = [];
    for (let start = 0; start < items.length; start += 2 * width) {
      const middle = Math.min(start + width, items.length);
      const end = Math.min(start + 2 * width, items.length);
      let [left, right] = [start, middle];
      while (left < middle || right < end) {
        if (merged.length % RUN === 0 && pace.due) await pace.rest();
        const fromLeft = right === end || (left < middle && compare(sorted[left], sorted[right]) <= 0);
        merged.push(sorted[fromLeft ? left++ : right++]);
      }
    }
    sorted = merged;
  }
  return sorted;
}
