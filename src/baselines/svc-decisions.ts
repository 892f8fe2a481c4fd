/** Decision values of new rows. Runs in any thread. */
import { fillHalves, padTo4 } from './svc-pairs.js';
import type { SvcKernels } from './svc-pairs.js';
import type { Work } from './tasks.js';
import { Arena } from './wasm.js';

/** Support vectors a pass: small enough to stay in the cache while all rows go by. */
const CHUNK = 512;

/** Arrays are shared. n rows, m support vectors, d columns, P pairs; rows as svc.assembly.ts wants them. */
export interface DecisionSetup {
  /** [n, d] */
  readonly rows: Float32Array;
  /** [m, d] */
  readonly support: Float32Array;
  /** [P, m] */
  readonly coefficients: Float64Array;
  readonly columns: number;
  readonly pairs: number;
  /** Rows a task. */
  readonly batch: number;
}

function prepareDecisions({
  rows,
  support,
  coefficients,
  columns,
  pairs,
  batch,
}: DecisionSetup): (task: number) => Float64Array {
  const s = padTo4(columns);
  const m = support.length / columns;
  const chunks = Math.ceil(m / CHUNK);
  const width = padTo4(Math.min(m, CHUNK));
  const padded = chunks * width;
  const arena = new Arena<SvcKernels>(
    'svc',
    4 * (padded * s + padded + batch * s + s + batch + 1 + 2 * width) + 8 * pairs * padded,
  );
  const { exports } = arena;
  const vectors = arena.float32(padded * s);
  const halves = arena.float32(padded);
  const x = arena.float32((batch + 1) * s);
  const xHalves = arena.float32(batch + 1);
  const kernel = arena.float32(2 * width);
  // [P, padded]; places behind the last support vector have the coefficient 0.
  const weights = arena.float64(pairs * padded);
  for (let i = 0; i < m; i++) for (let j = 0; j < columns; j++) vectors[i * s + j] = support[i * columns + j];
  fillHalves(vectors, s, padded, halves);
  for (let p = 0; p < pairs; p++) weights.set(coefficients.subarray(p * m, (p + 1) * m), p * padded);
  return (task) => {
    const begin = task * batch;
    const count = Math.min(batch, rows.length / columns - begin);
    for (let i = 0; i < count; i++)
      for (let j = 0; j < columns; j++) x[i * s + j] = rows[(begin + i) * columns + j];
    fillHalves(x, s, count, xHalves);
    const decisions = new Float64Array(count * pairs);
    for (let c = 0; c < chunks; c++) {
      const [from, from4] = [vectors.byteOffset + 4 * c * width * s, halves.byteOffset + 4 * c * width];
      // The second row of the last pair may be one of no meaning.
      for (let i = 0; i < count; i += 2) {
        const at = x.byteOffset + 4 * i * s;
        exports.kernelRows2(
          at,
          xHalves[i],
          at + 4 * s,
          xHalves[i + 1],
          from,
          from4,
          width,
          s,
          kernel.byteOffset,
          kernel.byteOffset + 4 * width,
        );
        for (let r = 0; r < Math.min(2, count - i); r++) {
          for (let p = 0; p < pairs; p++) {
            decisions[(i + r) * pairs + p] += exports.weigh(
              kernel.byteOffset + 4 * r * width,
              weights.byteOffset + 8 * (p * padded + c * width),
              width,
            );
          }
        }
      }
    }
    return decisions;
  };
}

export const DECISION_WORK: Work<DecisionSetup, Float64Array> = {
  module: new URL('./svc-decisions-worker.js', import.meta.url),
  prepare: prepareDecisions,
  what: 'support vector machine',
};
