import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { classificationMetrics } from '#attune/metrics/classification.js';
import { binaryRocAuc } from '#attune/metrics/roc-auc.js';
import { crossEntropy, softmax } from '#attune/metrics/probabilities.js';
import { assertClose } from '../support/numbers.js';

/** Scores from a handful of values, so that many are equal. */
const scored = fc.array(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.boolean()), {
  minLength: 1,
  maxLength: 40,
});

test('the binary AUC is the share of pairs in the right order, equal ones counting half', () => {
  fc.assert(
    fc.property(scored, (rows) => {
      let pairs = 0;
      let won = 0;
      for (const [high, isPositive] of rows) {
        if (!isPositive) continue;
        for (const [low, isAlso] of rows) {
          if (isAlso) continue;
          pairs++;
          if (high > low) won += 1;
          else if (high === low) won += 0.5;
        }
      }
      const auc = binaryRocAuc(
        rows.map(([score]) => score),
        (row) => rows[row][1],
      );
      if (pairs === 0) assert.equal(auc, undefined);
      else assertClose([auc!], [won / pairs], 1e-12, 'auc');
    }),
  );
});

test('turning all scores around turns the AUC around', () => {
  fc.assert(
    fc.property(scored, (rows) => {
      const isPositive = (row: number): boolean => rows[row][1];
      const auc = binaryRocAuc(
        rows.map(([score]) => score),
        isPositive,
      );
      const reversed = binaryRocAuc(
        rows.map(([score]) => -score),
        isPositive,
      );
      if (auc !== undefined) assertClose([reversed!], [1 - auc], 1e-12, 'auc');
    }),
  );
});

test('with two classes it does not matter to the AUC which is called positive', () => {
  // Whole numbers: any two of their differences are equal or far apart, so that rounding makes no ties.
  const logits = fc.array(
    fc.tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -5, max: 5 }), fc.nat(1)),
    { minLength: 2, maxLength: 30 },
  );
  fc.assert(
    fc.property(logits, (rows) => {
      const metrics = classificationMetrics(
        Float32Array.from(rows.flatMap(([a, b]) => [a, b])),
        rows.map(([, , label]) => label),
        ['a', 'b'],
      );
      const swapped = classificationMetrics(
        Float32Array.from(rows.flatMap(([a, b]) => [b, a])),
        rows.map(([, , label]) => 1 - label),
        ['b', 'a'],
      );
      assert.equal(metrics.auc === null, swapped.auc === null);
      if (metrics.auc !== null) assertClose([swapped.auc!], [metrics.auc], 1e-12, 'auc');
      assertClose([swapped.loss], [metrics.loss], 1e-12, 'loss');
    }),
  );
});

test('logits of any size give probabilities that sum to 1 and a finite loss', () => {
  const row = fc.array(
    fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-3e38), max: Math.fround(3e38) }),
    { minLength: 3, maxLength: 3 },
  );
  fc.assert(
    fc.property(row, fc.nat(2), (logits, label) => {
      const values = Float32Array.from(logits);
      assertClose([softmax(values, 3).reduce((sum, p) => sum + p, 0)], [1], 1e-6, 'sum');
      const loss = crossEntropy(values, [label], 3);
      assert.ok(Number.isFinite(loss) && loss >= 0);
    }),
  );
});

test('adding a number to all logits of a row changes nothing', () => {
  assertClose(softmax(Float32Array.of(1001, 1002, 1003), 3), softmax(Float32Array.of(1, 2, 3), 3), 1e-7);
});
