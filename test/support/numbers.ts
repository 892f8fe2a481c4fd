import assert from 'node:assert/strict';

/**
 * Fails, naming the worst place, unless both have the same length and differ nowhere by more than `tolerance`
 * (absolute). NaN equals nothing.
 */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = 'value',
): void {
  assert.equal(
    actual.length,
    expected.length,
    `${what}: ${actual.length} numbers, expected ${expected.length}`,
  );
  let worst = -1;
  let worstDifference = tolerance;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    if (!(difference <= worstDifference)) {
      worst = i;
      worstDifference = Number.isNaN(difference) ? Infinity : difference;
    }
  }
  if (worst >= 0)
    assert.fail(`${what} [${worst}] is ${actual[worst]}, expected ${expected[worst]} within ${tolerance}`);
}
