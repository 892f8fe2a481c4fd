import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SVC } from '#attune/baselines/svc.js';
import { Random } from '../support/random.js';
import { watchThreads } from '../support/threads.js';

describe('SVC', () => {
  it('gives the same model and probabilities at one and three threads', async (t) => {
    const random = new Random(4);
    // Enough work that fitting starts threads; predicting starts them for twice as many rows.
    const [rows, columns] = [2600, 160];
    const y = Int32Array.from({ length: rows }, (_, row) => row % 3);
    const values = random
      .normals(rows * columns, 1.5)
      .map((value, i) => value + (i % columns === y[Math.floor(i / columns)] ? 2 : 0));
    const x = { kind: 'dense', rows, columns, values } as const;
    const twice = {
      ...x,
      rows: 2 * rows,
      values: Float64Array.from({ length: 2 * values.length }, (_, i) => values[i % values.length]),
    };
    const [one, three] = [new SVC({ threads: 1 }), new SVC({ threads: 3 })];
    const noneIsAlive = watchThreads(t);
    await one.fit(x, y, 3);
    await three.fit(x, y, 3);
    assert.equal(noneIsAlive(), 4);
    assert.deepEqual(three.state(), one.state());
    assert.deepEqual(await three.predictProba(twice), await one.predictProba(twice));
    assert.equal(noneIsAlive(), 8);
  });
});
