/** The largest float32. */
const LARGEST = 3.4028234663852886e38;

/**
 * The L2 norm from the sum of squares. Where that exceeds float32, the norm is infinite on every engine, as
 * it is in PyTorch, which sums in float32: a step with such a gradient (a norm above 1.8e19) is not taken.
 */
export function gradientNorm(squares: number): number {
  if (squares <= LARGEST) return Math.sqrt(squares);
  return Number.isNaN(squares) ? NaN : Infinity;
}
