/**
 * Principal components of a few long vectors, by the eigenvectors of their Gram matrix: n x n is small where
 * n vectors are d long and n is far below d.
 */

/**
 * The vectors in the plane of their two directions of largest variance.
 *
 * @param vectors [n][d]
 * @returns [n] points; the sign of each axis is such that its largest coordinate is positive. Points coincide
 *   where the vectors do
 */
export function projectToPlane(
  vectors: readonly Float64Array[],
): { readonly x: number; readonly y: number }[] {
  const n = vectors.length;
  if (n === 0) return [];
  const width = vectors[0].length;
  const mean = new Float64Array(width);
  for (const vector of vectors) for (let i = 0; i < width; i++) mean[i] += vector[i] / n;
  const centred = vectors.map((vector) => vector.map((value, i) => value - mean[i]));
  const gram = centred.map((a) => Float64Array.from(centred, (b) => dot(a, b)));
  const { values, vectors: eigenvectors } = symmetricEigen(gram);
  const order = values.map((_, i) => i).sort((a, b) => values[b] - values[a]);
  const [first, second] = [0, 1].map((k) => {
    if (k >= n) return new Float64Array(n);
    const length = Math.sqrt(Math.max(0, values[order[k]]));
    const axis = Float64Array.from(eigenvectors, (row) => row[order[k]] * length);
    let largest = 0;
    for (const value of axis) if (Math.abs(value) > Math.abs(largest)) largest = value;
    return largest < 0 ? axis.map((value) => -value) : axis;
  });
  return Array.from({ length: n }, (_, i) => ({ x: first[i], y: second[i] }));
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * Eigenvalues and eigenvectors (columns) of a symmetric matrix by cyclic Jacobi rotations (Golub and Van
 * Loan, Matrix Computations, 8.5): quadratic convergence, and no choice of a start, so the same matrix gives
 * the same bits.
 */
export function symmetricEigen(matrix: readonly Float64Array[]): {
  readonly values: number[];
  readonly vectors: Float64Array[];
} {
  const n = matrix.length;
  const a = matrix.map((row) => row.slice());
  const v = a.map((_, i) => Float64Array.from({ length: n }, (_, j) => (i === j ? 1 : 0)));
  const total = a.reduce((sum, row) => sum + dot(row, row), 0);
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += a[p][q] ** 2;
    if (off <= 1e-30 * total) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) rotate(a, v, p, q);
  }
  return { values: a.map((row, i) => row[i]), vectors: v };
}

/** Makes a[p][q] zero. */
function rotate(a: Float64Array[], v: Float64Array[], p: number, q: number): void {
  if (a[p][q] === 0) return;
  const tau = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = tau >= 0 ? 1 / (tau + Math.sqrt(1 + tau * tau)) : -1 / (-tau + Math.sqrt(1 + tau * tau));
  const c = 1 / Math.sqrt(1 + t * t);
  const s = t * c;
  for (const rows of [a, v]) {
    for (const row of rows) {
      const [x, y] = [row[p], row[q]];
      row[p] = c * x - s * y;
      row[q] = s * x + c * y;
    }
  }
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[p][i], a[q][i]];
    a[p][i] = c * x - s * y;
    a[q][i] = s * x + c * y;
  }
}
