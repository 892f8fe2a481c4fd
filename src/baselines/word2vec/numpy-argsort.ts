/** Below this many a partition is sorted by insertion. */
const SMALL = 15;

/**
 * `numpy.argsort(values)` as numpy's own introsort orders equal values (numpy/core/src/npysort/quicksort.cpp,
 * `aquicksort`; numpy before 1.25, and later ones on processors without AVX-512). The order among equals is
 * no promise of numpy's, but gensim's vocabulary follows it.
 *
 * @returns indices, their values ascending
 */
export function numpyArgsort(values: ArrayLike<number>): Int32Array {
  const order = Int32Array.from({ length: values.length }, (_, i) => i);
  const swap = (i: number, j: number): void => {
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  };
  /** left, right, depth left of the partitions still to be sorted. */
  const stack: number[] = [];
  let left = 0;
  let right = values.length - 1;
  let depth = 2 * (31 - Math.clz32(Math.max(values.length, 1)));
  for (;;) {
    if (depth < 0) {
      heapsort(values, order.subarray(left, right + 1));
    } else {
      while (right - left > SMALL) {
        const middle = left + ((right - left) >> 1);
        if (values[order[middle]] < values[order[left]]) swap(middle, left);
        if (values[order[right]] < values[order[middle]]) swap(right, middle);
        if (values[order[middle]] < values[order[left]]) swap(middle, left);
        const pivot = values[order[middle]];
        let i = left;
        let j = right - 1;
        swap(middle, j);
        for (;;) {
          do i++;
          while (values[order[i]] < pivot);
          do j--;
          while (pivot < values[order[j]]);
          if (i >= j) break;
          swap(i, j);
        }
        swap(i, right - 1);
        depth--;
        if (i - left < right - i) {
          stack.push(i + 1, right, depth);
          right = i - 1;
        } else {
          stack.push(left, i - 1, depth);
          left = i + 1;
        }
      }
      for (let i = left + 1; i <= right; i++) {
        const index = order[i];
        const value = values[index];
        let j = i;
        while (j > left && value < values[order[j - 1]]) {
          order[j] = order[j - 1];
          j--;
        }
        order[j] = index;
      }
    }
    if (stack.length === 0) return order;
    depth = stack.pop()!;
    right = stack.pop()!;
    left = stack.pop()!;
  }
}

/** numpy's `aheapsort`, where partitions degenerate; places are counted from 1. */
function heapsort(values: ArrayLike<number>, order: Int32Array): void {
  const at = (place: number): number => values[order[place - 1]];
  const sink = (index: number, place: number, size: number): void => {
    const value = values[index];
    let i = place;
    for (let j = 2 * i; j <= size; j = 2 * i) {
      if (j < size && at(j) < at(j + 1)) j++;
      if (!(value < at(j))) break;
      order[i - 1] = order[j - 1];
      i = j;
    }
    order[i - 1] = index;
  };
  for (let place = order.length >> 1; place > 0; place--) sink(order[place - 1], place, order.length);
  for (let size = order.length; size > 1;) {
    const index = order[size - 1];
    order[size - 1] = order[0];
    size--;
    sink(index, 1, size);
  }
}
