import { MT19937 } from './mt19937.js';

/**
 * A random order of 0 to n - 1: `torch.randperm(n)` of a CPU generator with `manual_seed(seed)` (ATen
 * `randperm_cpu`). The row order of epoch e of a run is `randperm(rows, seed + e)`.
 *
 * @throws RangeError unless n is an integer from 0 to 107,374,182 (PyTorch draws 64-bit numbers for more).
 */
export function randperm(n: number, seed: number): Int32Array {
  if (!Number.isInteger(n) || n < 0 || n > MAX_ROWS) {
    throw new RangeError(`randperm: n must be an integer from 0 to ${MAX_ROWS}, not ${n}`);
  }
  const generator = new MT19937(seed);
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < n - 1; i++) {
    const j = i + (generator.nextUint32() % (n - i));
    const kept = order[i];
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}

/** ATen uses 32-bit draws below (2^31 - 1) / 20. */
const MAX_ROWS = Math.floor((2 ** 31 - 1) / 20);
