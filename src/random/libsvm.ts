/** The random numbers behind scikit-learn's SVC, so that its cross-validation folds can be reproduced. */
import { MT19937 } from './mt19937.js';

/**
 * The order in which SVC(probability=True, random_state=seed) deals rows to its folds, for a pair of classes
 * with n rows: numpy's RandomState(seed) draws libsvm's seed (`randint(2^31 - 1)`, by rejection), with which
 * scikit-learn's libsvm seeds a Mersenne Twister anew for each pair and shuffles with unbiased bounded
 * numbers (Lemire 2019: "Fast random integer generation in an interval").
 */
export function libsvmOrder(n: number, seed: number): Int32Array {
  const numpy = new MT19937(seed);
  let drawn: number;
  do drawn = numpy.nextUint32() & 0x7fffffff;
  while (drawn === 0x7fffffff);
  const generator = new MT19937(drawn);
  const below = (range: number): number => {
    const threshold = (2 ** 32 - range) % range;
    for (;;) {
      const product = BigInt(generator.nextUint32()) * BigInt(range);
      if (Number(product & 0xffffffffn) >= threshold) return Number(product >> 32n);
    }
  };
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < n; i++) {
    const j = i + below(n - i);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
