import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classificationMetrics } from '#attune/metrics/classification.js';
import { fixtureJson } from '../support/fixtures.js';
import { assertClose } from '../support/numbers.js';

interface Case {
  name: string;
  logits: number[][];
  labels: number[];
  probabilities: number[][];
  predicted: number[];
  accuracy: number;
  f1: number;
  auc: number | null;
  loss: number;
  precision: number[];
  recall: number[];
  classF1: number[];
  support: number[];
  confusion: number[][];
}

for (const golden of fixtureJson('metrics/sklearn.json') as Case[]) {
  test(`scikit-learn's metrics of ${golden.name}`, () => {
    const names = golden.support.map((_, k) => `class ${k}`);
    const metrics = classificationMetrics(Float32Array.from(golden.logits.flat()), golden.labels, names);
    assertClose(metrics.probabilities, golden.probabilities.flat(), 2e-7, 'probability');
    assert.deepEqual([...metrics.predicted], golden.predicted);
    assert.deepEqual(metrics.confusion, golden.confusion);
    assertClose([metrics.loss, metrics.accuracy, metrics.f1], [golden.loss, golden.accuracy, golden.f1], 1e-12, 'loss, accuracy, f1');
    assert.deepEqual(metrics.perClass.map(({ label }) => label), names);
    assert.deepEqual(metrics.perClass.map(({ support }) => support), golden.support);
    for (const [score, expected] of [['precision', golden.precision], ['recall', golden.recall], ['f1', golden.classF1]] as const) {
      assertClose(metrics.perClass.map((row) => row[score]), expected, 1e-12, score);
    }
    if (golden.auc === null) {
      assert.equal(metrics.auc, null);
      assert.equal(metrics.warnings.length, 1);
    } else {
      assertClose([metrics.auc!], [golden.auc], 1e-12, 'auc');
      assert.deepEqual(metrics.warnings, []);
    }
  });
}

test('a class without rows leaves the AUC undefined, with one warning that names it', () => {
  const { auc, warnings, accuracy } = classificationMetrics(Float32Array.of(1, 2, 3, 3, 2, 1), [1, 1], ['bad', 'so-so', 'good']);
  assert.equal(auc, null);
  assert.deepEqual(warnings, ['ROC-AUC is undefined: none of the 2 rows is labelled "bad" or "good"']);
  assert.equal(accuracy, 0);
});

test('what cannot be measured is refused', () => {
  const measure = (logits: number[], labels: number[], names = ['a', 'b']): unknown => classificationMetrics(Float32Array.from(logits), labels, names);
  assert.throws(() => measure([], []), /no rows/);
  assert.throws(() => measure([1], [0], ['a']), /1 classes/);
  assert.throws(() => measure([1, 2, 3], [0]), /3 logits for 1 rows of 2 classes/);
  assert.throws(() => measure([1, 2], [2]), /row 0 has the label 2/);
  assert.throws(() => measure([1, 2], [0.5]), /row 0 has the label 0.5/);
  assert.throws(() => measure([1, 2, NaN, 0], [0, 1]), /row 1 has the logit NaN/);
  assert.throws(() => measure([1, Infinity], [0]), /row 0 has the logit Infinity/);
});
