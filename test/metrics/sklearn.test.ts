import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classificationMetrics, predictionMetrics } from '#attune/metrics/classification.js';
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

describe('classificationMetrics', () => {
  for (const golden of fixtureJson('metrics/sklearn.json') as Case[]) {
    it(`gives scikit-learn's metrics: ${golden.name}`, () => {
      const names = golden.support.map((_, k) => `class ${k}`);
      const metrics = classificationMetrics(Float32Array.from(golden.logits.flat()), golden.labels, names);
      assertClose(metrics.probabilities, golden.probabilities.flat(), 2e-7, 'probability');
      assert.deepEqual([...metrics.predicted], golden.predicted);
      assert.deepEqual(metrics.confusion, golden.confusion);
      assertClose(
        [metrics.loss, metrics.accuracy, metrics.f1],
        [golden.loss, golden.accuracy, golden.f1],
        1e-12,
        'loss, accuracy, f1',
      );
      assert.deepEqual(
        metrics.perClass.map(({ label }) => label),
        names,
      );
      assert.deepEqual(
        metrics.perClass.map(({ support }) => support),
        golden.support,
      );
      for (const [score, expected] of [
        ['precision', golden.precision],
        ['recall', golden.recall],
        ['f1', golden.classF1],
      ] as const) {
        assertClose(
          metrics.perClass.map((row) => row[score]),
          expected,
          1e-12,
          score,
        );
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

  it('gives no AUC and one warning with the names if classes have no rows', () => {
    const { auc, warnings, accuracy } = classificationMetrics(
      Float32Array.of(1, 2, 3, 3, 2, 1),
      [1, 1],
      ['bad', 'so-so', 'good'],
    );
    assert.equal(auc, null);
    assert.deepEqual(warnings, ['ROC-AUC is undefined: none of the 2 rows is labelled "bad" or "good"']);
    assert.equal(accuracy, 0);
  });

  it('refuses logits and labels that do not fit together or are not finite', () => {
    const measure = (logits: number[], labels: number[], names = ['a', 'b']): unknown =>
      classificationMetrics(Float32Array.from(logits), labels, names);
    assert.throws(() => measure([], []), /no rows/);
    assert.throws(() => measure([1], [0], ['a']), /1 classes/);
    assert.throws(() => measure([1, 2, 3], [0]), /3 logits for 1 rows of 2 classes/);
    assert.throws(() => measure([1, 2], [2]), /row 0 has the label 2/);
    assert.throws(() => measure([1, 2], [0.5]), /row 0 has the label 0.5/);
    assert.throws(() => measure([1, 2, NaN, 0], [0, 1]), /row 1 has the logit NaN/);
    assert.throws(() => measure([1, Infinity], [0]), /row 0 has the logit Infinity/);
  });
});

describe('predictionMetrics', () => {
  it("gives scikit-learn 1.9.1's log_loss, finite even if a model was certain and wrong", () => {
    const probabilities = Float64Array.of(0.7, 0.2, 0.1, 1, 0, 0, 0.25, 0.5, 0.25, 0, 0, 1, 0.1, 0.8, 0.1);
    const metrics = predictionMetrics(
      { labels: Int32Array.of(0, 0, 2, 2, 1), probabilities },
      [0, 1, 2, 2, 1],
      ['a', 'b', 'c'],
    );
    assertClose([metrics.loss], [7.601953249097997], 1e-14, 'loss');
    // Accuracy is that of the predicted classes, not of the largest probability.
    assert.equal(metrics.accuracy, 0.8);
  });

  it('refuses probabilities that are not finite or not as many as the rows need', () => {
    assert.throws(
      () =>
        predictionMetrics(
          { labels: Int32Array.of(0), probabilities: Float64Array.of(NaN, 1) },
          [0],
          ['a', 'b'],
        ),
      /row 0 has the probability NaN/,
    );
    assert.throws(
      () =>
        predictionMetrics({ labels: Int32Array.of(0), probabilities: Float64Array.of(1) }, [0], ['a', 'b']),
      /1 probabilities for 1 rows/,
    );
  });
});
