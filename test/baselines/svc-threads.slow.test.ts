import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SVC } from '#attune/baselines/svc.js';
import { Random } from '../support/random.js';

test('the same machine and the same probabilities at one and three threads', async () => {
  const random = new Random(4);
  // Enough of both that threads are started.
  const [rows, columns] = [2600, 160];
  const y = Int32Array.from({ length: rows }, (_, row) => row % 3);
  const values = random
    .normals(rows * columns, 1.5)
    .map((value, i) => value + (i % columns === y[Math.floor(i / columns)] ? 2 : 0));
  const x = { kind: 'dense', rows, columns, values } as const;
  const [one, three] = [new SVC({ threads: 1 }), new SVC({ threads: 3 })];
  await one.fit(x, y, 3);
  await three.fit(x, y, 3);
  assert.deepEqual(three.state(), one.state());
  assert.deepEqual(await three.predictProba(x), await one.predictProba(x));
});
