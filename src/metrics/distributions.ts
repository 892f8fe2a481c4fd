/**
 * Two distributions that intervals need: the tail of the normal one, and quantiles of the beta one. To about
 * 12 digits.
 */

/** ln Γ(x) for x > 0, by Stirling's series; small arguments are raised first. */
function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 16; z++) shift += Math.log(z);
  const inverse = 1 / z;
  const square = inverse * inverse;
  const series =
    inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))));
  return (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + series - shift;
}

/** P(Z > z) of a standard normal variable (Marsaglia 2004). */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  // Far out the series below would be a difference of equal numbers; Mills' ratio is exact to 1e-5 there.
  if (z > 6) return (density / z) * (1 - 1 / z ** 2 + 3 / z ** 4 - 15 / z ** 6);
  let term = z;
  let sum = z;
  for (let k = 3; sum + term !== sum; k += 2) {
    term *= (z * z) / k;
    sum += term;
  }
  return 0.5 - sum * density;
}

/** ln B(a, b) */
const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);

/** P(X <= x) of a Beta(a, b) variable, a and b > 0. */
export function betaCdf(x: number, a: number, b: number, scale = logBeta(a, b)): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast below the mean; above it, the other tail is computed.
  return x < (a + 1) / (a + b + 2) ? betaTail(x, a, b, scale) : 1 - betaTail(1 - x, b, a, scale);
}

/** The continued fraction of the incomplete beta function (DLMF 8.17.22), evaluated by Lentz's method. */
function betaTail(x: number, a: number, b: number, scale: number): number {
  const factor = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - scale) / a;
  const tiny = 1e-300;
  const inverse = (value: number): number => 1 / (Math.abs(value) < tiny ? tiny : value);
  let ratio = 1;
  let denominator = inverse(1 - ((a + b) * x) / (a + 1));
  let fraction = denominator;
  const step = (coefficient: number): number => {
    denominator = inverse(1 + coefficient * denominator);
    ratio = 1 + coefficient * inverse(ratio);
    fraction *= denominator * ratio;
    return denominator * ratio;
  };
  for (let m = 1, change = 0; Math.abs(change - 1) > 1e-15 && m < 100_000; m++) {
    step((m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)));
    change = step((-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)));
  }
  return factor * fraction;
}

/** The x with P(X <= x) = p: Newton's steps, and bisection where one would leave the bracket. */
export function betaQuantile(p: number, a: number, b: number): number {
  const scale = logBeta(a, b);
  let [low, high] = [0, 1];
  let x = a / (a + b);
  for (let i = 0; i < 1200; i++) {
    const excess = betaCdf(x, a, b, scale) - p;
    if (excess < 0) low = x;
    else high = x;
    const density = Math.exp((a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - scale);
    const newton = x - excess / density;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - x) <= 1e-15 * x) return next;
    x = next;
  }
  return x;
}
