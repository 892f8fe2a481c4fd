/**
 * Reading numpy's .npy files (format 1.0, C order, little-endian float32 or float64), as the golden vectors
 * are stored.
 */
import { readFileSync } from 'node:fs';
import type { DenseMatrix } from '#attune/baselines/estimator.js';

export function readNpy(path: string): DenseMatrix {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, start);
  const match = /'descr': '<f([48])', 'fortran_order': False, 'shape': \((\d+), (\d+)\)/.exec(header);
  if (!match) throw new Error(`${path}: ${header}`);
  const [width, rows, columns] = match.slice(1).map(Number);
  const data = Uint8Array.prototype.slice.call(bytes, start).buffer;
  return {
    kind: 'dense',
    rows,
    columns,
    values: width === 4 ? new Float32Array(data) : new Float64Array(data),
  };
}
