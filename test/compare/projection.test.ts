import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dot, projectToPlane, symmetricEigen } from '#attune/compare/projection.js';
import { Random } from '../support/random.js';

describe('symmetricEigen', () => {
  it('gives orthonormal eigenvectors: A v = λ v', () => {
    const random = new Random(3);
    const n = 12;
    const half = Array.from({ length: n }, () => random.normals(n));
    const a = half.map((x) => Float64Array.from(half, (y) => dot(x, y)));
    const { values, vectors } = symmetricEigen(a);
    const columns = values.map((_, k) => Float64Array.from(vectors, (row) => row[k]));
    for (let k = 0; k < n; k++) {
      for (let i = 0; i < n; i++)
        assert.ok(Math.abs(dot(a[i], columns[k]) - values[k] * columns[k][i]) < 1e-10);
      for (let l = 0; l <= k; l++)
        assert.ok(Math.abs(dot(columns[k], columns[l]) - (k === l ? 1 : 0)) < 1e-12);
    }
  });
});

describe('projectToPlane', () => {
  it('keeps the distances of points in a plane, with the wider axis first', () => {
    const random = new Random(4);
    const [u, v] = [Float64Array.from([3, 0, 4, 0]).map((x) => x / 5), Float64Array.from([0, 1, 0, 0])];
    const plane = Array.from({ length: 9 }, () => ({ a: 5 * random.normals(1)[0], b: random.normals(1)[0] }));
    const points = projectToPlane(plane.map(({ a, b }) => u.map((x, i) => 7 + a * x + b * v[i])));
    for (let i = 0; i < 9; i++) {
      for (let j = 0; j < i; j++) {
        const expected = Math.hypot(plane[i].a - plane[j].a, plane[i].b - plane[j].b);
        assert.ok(
          Math.abs(Math.hypot(points[i].x - points[j].x, points[i].y - points[j].y) - expected) < 1e-9,
        );
      }
    }
    const spread = (values: number[]): number => values.reduce((sum, x) => sum + x * x, 0);
    assert.ok(spread(points.map(({ x }) => x)) > spread(points.map(({ y }) => y)));
  });

  it('puts equal vectors, or a single one, at the origin, and accepts none', () => {
    const same = Array.from({ length: 4 }, () => Float64Array.from([1, 2, 3]));
    assert.deepEqual(
      projectToPlane(same),
      same.map(() => ({ x: 0, y: 0 })),
    );
    assert.deepEqual(projectToPlane([Float64Array.from([5, 5])]), [{ x: 0, y: 0 }]);
    assert.deepEqual(projectToPlane([]), []);
  });
});
