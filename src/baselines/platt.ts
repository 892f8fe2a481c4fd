/** Probabilities from decision values, as libsvm makes them. */
import type { Pace } from '../pace.js';

/** P(+1 | decision) = 1 / (1 + exp(A decision + B)). */
export interface Sigmoid {
  readonly A: number;
  readonly B: number;
}

/**
 * Platt's sigmoid by maximum likelihood, with Newton's method and backtracking (Lin, Lin, Weng 2007: "A note
 * on Platt's probabilistic outputs for support vector machines", appendix).
 */
export async function fitSigmoid(
  decisions: Float64Array,
  positive: (row: number) => boolean,
  pace: Pace,
): Promise<Sigmoid> {
  const n = decisions.length;
  let positives = 0;
  for (let i = 0; i < n; i++) if (positive(i)) positives++;
  const negatives = n - positives;
  // Targets a little inside 0 and 1: Laplace's rule of succession.
  const [high, low] = [(positives + 1) / (positives + 2), 1 / (negatives + 2)];
  const targets = Float64Array.from({ length: n }, (_, i) => (positive(i) ? high : low));
  const loss = (A: number, B: number): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const z = decisions[i] * A + B;
      sum +=
        z >= 0 ? targets[i] * z + Math.log1p(Math.exp(-z)) : (targets[i] - 1) * z + Math.log1p(Math.exp(z));
    }
    return sum;
  };
  let A = 0;
  let B = Math.log((negatives + 1) / (positives + 1));
  let value = loss(A, B);
  for (let iteration = 0; iteration < 100; iteration++) {
    if (pace.due) await pace.rest();
    let [h11, h22, h21, g1, g2] = [1e-12, 1e-12, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const z = decisions[i] * A + B;
      const e = Math.exp(-Math.abs(z));
      const [p, q] = z >= 0 ? [e / (1 + e), 1 / (1 + e)] : [1 / (1 + e), e / (1 + e)];
      const d2 = p * q;
      h11 += decisions[i] * decisions[i] * d2;
      h22 += d2;
      h21 += decisions[i] * d2;
      const d1 = targets[i] - p;
      g1 += decisions[i] * d1;
      g2 += d1;
    }
    if (Math.abs(g1) < 1e-5 && Math.abs(g2) < 1e-5) break;
    const determinant = h11 * h22 - h21 * h21;
    const dA = -(h22 * g1 - h21 * g2) / determinant;
    const dB = -(-h21 * g1 + h11 * g2) / determinant;
    const slope = g1 * dA + g2 * dB;
    let length = 1;
    for (; length >= 1e-10; length /= 2) {
      if (pace.due) await pace.rest();
      const next = loss(A + length * dA, B + length * dB);
      if (next < value + 1e-4 * length * slope) {
        A += length * dA;
        B += length * dB;
        value = next;
        break;
      }
    }
    if (length < 1e-10) break;
  }
  return { A, B };
}

export function sigmoidProbability(decision: number, { A, B }: Sigmoid): number {
  const z = decision * A + B;
  const e = Math.exp(-Math.abs(z));
  return z >= 0 ? e / (1 + e) : 1 / (1 + e);
}

const FLOOR = 1e-7;

/**
 * Class probabilities [K] from those of pairs, by the second method of Wu, Lin, Weng (2004): "Probability
 * estimates for multi-class classification by pairwise coupling", solved as in its algorithm 2.
 *
 * @param pairs P(i | i or j) for i < j, in the order (0, 1), (0, 2), …, (1, 2), …
 */
export function coupleProbabilities(pairs: ArrayLike<number>, K: number): Float64Array {
  const r = new Float64Array(K * K);
  let pair = 0;
  for (let i = 0; i < K; i++) {
    for (let j = i + 1; j < K; j++) {
      const p = Math.min(Math.max(pairs[pair++], FLOOR), 1 - FLOOR);
      r[i * K + j] = p;
      r[j * K + i] = 1 - p;
    }
  }
  const Q = new Float64Array(K * K);
  for (let t = 0; t < K; t++) {
    for (let j = 0; j < K; j++) {
      if (j === t) continue;
      Q[t * K + t] += r[j * K + t] * r[j * K + t];
      Q[t * K + j] = -r[j * K + t] * r[t * K + j];
    }
  }
  const p = new Float64Array(K).fill(1 / K);
  const Qp = new Float64Array(K);
  const limit = Math.max(100, K);
  for (let iteration = 0; iteration < limit; iteration++) {
    let pQp = 0;
    for (let t = 0; t < K; t++) {
      Qp[t] = 0;
      for (let j = 0; j < K; j++) Qp[t] += Q[t * K + j] * p[j];
      pQp += p[t] * Qp[t];
    }
    let worst = 0;
    for (let t = 0; t < K; t++) worst = Math.max(worst, Math.abs(Qp[t] - pQp));
    if (worst < 0.005 / K) break;
    for (let t = 0; t < K; t++) {
      const diff = (pQp - Qp[t]) / Q[t * K + t];
      p[t] += diff;
      pQp = (pQp + diff * (diff * Q[t * K + t] + 2 * Qp[t])) / (1 + diff) ** 2;
      for (let j = 0; j < K; j++) {
        Qp[j] = (Qp[j] + diff * Q[t * K + j]) / (1 + diff);
        p[j] /= 1 + diff;
      }
    }
  }
  return p;
}
