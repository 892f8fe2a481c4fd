import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { classificationMetrics } from '#attune/metrics/classification.js';
import { binaryRocAuc } from '#attune/metrics/roc-auc.js';
import { crossEntropy, softmax } from '#attune/metrics/probabilities.js';
import { assertClose } from '../support/numbers.js';

/** Scores with few distinct values, so that many are tied. */
const scored = fc.array(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.boolean()), {
  minLength: 1,
  maxLength: 40,
});

describe('binaryRocAuc', () => {
  it('is the share of pairs in the right order, with ties counted half', () => {
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

  it('is 1 minus itself if all scores are negated', () => {
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
        if (auc === undefined) assert.equal(reversed, undefined);
        else assertClose([reversed!], [1 - auc], 1e-12, 'auc');
      }),
    );
  });
});

describe('classificationMetrics', () => {
  it('gives the same AUC and loss if two classes are swapped', () => {
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
});

describe('softmax and crossEntropy', () => {
  it('give probabilities that sum to 1 and a finite loss for logits of any size', () => {
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
});

describe('softmax', () => {
  it('does not change if a number is added to all logits of a row', () => {
    assertClose(softmax(Float32Array.of(1001, 1002, 1003), 3), softmax(Float32Array.of(1, 2, 3), 3), 1e-7);
  });
});
