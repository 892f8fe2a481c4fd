/** Feature matrices for tests. */
import type { DenseMatrix, SparseMatrix } from '#attune/baselines/estimator.js';

export function dense(rows: readonly (readonly number[])[]): DenseMatrix {
  return {
    kind: 'dense',
    rows: rows.length,
    columns: rows[0]?.length ?? 0,
    values: Float64Array.from(rows.flat()),
  };
}

/** The same numbers without the zeros. */
export function sparse({ rows, columns, values }: DenseMatrix): SparseMatrix {
  const kept = [...values.keys()].filter((i) => values[i] !== 0);
  const offsets = Int32Array.from(
    { length: rows + 1 },
    (_, row) => kept.filter((i) => i < row * columns).length,
  );
  return {
    kind: 'sparse',
    rows,
    columns,
    offsets,
    indices: Int32Array.from(kept, (i) => i % columns),
    values: Float64Array.from(kept, (i) => values[i]),
  };
}
