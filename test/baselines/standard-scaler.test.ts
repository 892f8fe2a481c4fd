import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StandardScaler } from '#attune/baselines/standard-scaler.js';
import { DataError, UsageError } from '#attune/errors/attune-error.js';
import { fixtureJson } from '../support/fixtures.js';
import { dense, sparse } from '../support/matrices.js';
import { assertClose } from '../support/numbers.js';
import { refusal } from '../support/refusal.js';

describe('StandardScaler', () => {
  it('scales as scikit-learn does, including a constant column and one far from zero', async () => {
    const golden = fixtureJson('baselines/scaler.json') as {
      x: number[][];
      mean: number[];
      scale: number[];
      transformed: number[][];
    };
    const scaler = new StandardScaler();
    await scaler.fit(dense(golden.x));
    assertClose(
      scaler.mean.map((value, j) => value / golden.mean[j]),
      golden.mean.map(() => 1),
      1e-14,
      'mean',
    );
    assertClose(scaler.scale, golden.scale, 1e-9, 'scale');
    assert.equal(scaler.scale[2], 1);
    assertClose(
      (await scaler.transform(dense(golden.x))).values,
      golden.transformed.flat(),
      1e-9,
      'transformed',
    );
  });

  it('refuses features that it cannot scale', async () => {
    const scaler = new StandardScaler();
    assert.throws(
      () => scaler.transform(dense([[1]])),
      refusal(UsageError, 'estimator-not-fitted', { estimator: 'StandardScaler' }),
    );
    assert.throws(() => scaler.fit(dense([])), refusal(DataError, 'fit-without-rows'));
    assert.throws(
      () =>
        scaler.fit(
          dense([
            [1, 2],
            [3, Infinity],
          ]),
        ),
      refusal(DataError, 'feature-not-finite', { row: 1, column: 1, found: 'Infinity' }),
    );
    assert.throws(() => scaler.fit(sparse(dense([[1, 0]]))), refusal(DataError, 'scaler-takes-dense-only'));
    await scaler.fit(
      dense([
        [1, 2],
        [3, 4],
      ]),
    );
    assert.throws(
      () => scaler.transform(dense([[1]])),
      refusal(DataError, 'feature-count-differs', { found: 1, expected: 2 }),
    );
  });
});
