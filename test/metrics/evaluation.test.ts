import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bootstrapAuc,
  bootstrapClassCounts,
  bootstrapF1,
  interval95,
  Resamples,
} from '#attune/metrics/bootstrap.js';
import { calibration } from '#attune/metrics/calibration.js';
import {
  accuracy,
  classScores,
  confusionMatrix,
  f1RowWeight,
  weightedF1,
} from '#attune/metrics/confusion.js';
import { mcnemar } from '#attune/metrics/paired.js';
import { rocAuc } from '#attune/metrics/roc-auc.js';
import { rocCurve, thinCurve } from '#attune/metrics/roc-curve.js';
import { fixtureJson } from '../support/fixtures.js';
import { assertClose } from '../support/numbers.js';

interface Case {
  readonly name: string;
  readonly probabilities: number[][];
  readonly labels: number[];
  readonly predicted: number[];
  readonly curves: readonly ({ fpr: number[]; tpr: number[]; thresholds: number[]; auc: number } | null)[];
  readonly auc: number | null;
  readonly calibration: { accuracy: number[]; confidence: number[] };
  readonly accuracy: number;
  readonly f1: number;
  readonly precision: number[];
  readonly recall: number[];
  readonly classF1: number[];
  readonly support: number[];
  readonly confusion: number[][];
}

const golden = fixtureJson('metrics/evaluation.json') as {
  readonly cases: readonly Case[];
  readonly mcnemar: readonly { onlyFirst: number; onlySecond: number; p: number }[];
  readonly percentiles: { values: number[]; low: number; high: number };
};

for (const expected of golden.cases) {
  const { labels, predicted, support } = expected;
  const classes = support.length;
  const probabilities = Float64Array.from(expected.probabilities.flat());

  test(`scikit-learn's ROC curves and AUC of ${expected.name}`, () => {
    for (const [k, curve] of expected.curves.entries()) {
      const found = rocCurve(
        expected.probabilities.map((row) => row[k]),
        (row) => labels[row] === k,
      );
      if (curve === null) {
        assert.equal(found, undefined);
        continue;
      }
      assertClose(found!.falsePositiveRate, curve.fpr, 1e-15, 'false positive rate');
      assertClose(found!.truePositiveRate, curve.tpr, 1e-15, 'true positive rate');
      assert.deepEqual(found!.thresholds, [Infinity, ...curve.thresholds]);
    }
    const auc = rocAuc(probabilities, labels, support.map(String)).value;
    if (expected.auc === null) assert.equal(auc, null);
    else assertClose([auc!], [expected.auc], 1e-12, 'auc');
  });

  test(`scikit-learn's calibration curve, classes and confusion of ${expected.name}`, () => {
    const { bins, ece } = calibration(probabilities, labels, classes);
    const filled = bins.filter(({ rows }) => rows > 0);
    assertClose(
      filled.map((bin) => bin.accuracy),
      expected.calibration.accuracy,
      1e-12,
      'share of right rows',
    );
    assertClose(
      filled.map((bin) => bin.meanConfidence),
      expected.calibration.confidence,
      1e-12,
      'mean confidence',
    );
    assert.equal(
      bins.reduce((sum, { rows }) => sum + rows, 0),
      labels.length,
    );
    assertClose(
      [ece],
      [
        filled.reduce(
          (sum, bin) => sum + (bin.rows * Math.abs(bin.accuracy - bin.meanConfidence)) / labels.length,
          0,
        ),
      ],
      1e-12,
      'ece',
    );
    const confusion = confusionMatrix(labels, predicted, classes);
    assert.deepEqual(confusion, expected.confusion);
    const scores = classScores(confusion);
    assertClose(
      [accuracy(confusion), weightedF1(scores)],
      [expected.accuracy, expected.f1],
      1e-12,
      'accuracy, f1',
    );
    for (const [name, values] of [
      ['precision', expected.precision],
      ['recall', expected.recall],
      ['f1', expected.classF1],
      ['support', support],
    ] as const) {
      assertClose(
        scores.map((score) => score[name]),
        values,
        1e-12,
        name,
      );
    }
  });

  test(`a resample's figures are those of the rows it drew, ${expected.name}`, async () => {
    const resamples = await Resamples.draw(labels.length, 20, 3);
    const classCounts = await bootstrapClassCounts(resamples, labels, classes);
    const f1 = await bootstrapF1(resamples, labels, predicted, classCounts);
    const auc = await bootstrapAuc(resamples, labels, probabilities, classes);
    for (let r = 0; r < resamples.size; r++) {
      const rows = [...resamples.of(r)].flatMap((count, row) => Array<number>(count).fill(row));
      assert.equal(rows.length, labels.length);
      const confusion = confusionMatrix(
        rows.map((row) => labels[row]),
        rows.map((row) => predicted[row]),
        classes,
      );
      assertClose([f1[r]], [weightedF1(classScores(confusion))], 1e-12, 'f1');
      assert.deepEqual(
        [...classCounts.subarray(r * classes, (r + 1) * classes)],
        classScores(confusion).map((score) => score.support),
      );
      const direct = rocAuc(
        Float64Array.from(rows.flatMap((row) => expected.probabilities[row])),
        rows.map((row) => labels[row]),
        support.map(String),
      ).value;
      if (direct === null) assert.ok(Number.isNaN(auc[r]));
      else assertClose([auc[r]], [direct], 1e-12, 'auc');
    }
  });
}

test('the weight of a row in F1: 1 for a perfect model, 2.5 if it never finds a rare class', () => {
  assert.equal(
    f1RowWeight([
      [60, 0],
      [0, 40],
    ]),
    1,
  );
  assert.ok(
    Math.abs(
      f1RowWeight([
        [990, 0],
        [10, 0],
      ]) - 2.5,
    ) < 0.01,
  );
  assert.equal(
    f1RowWeight([
      [50, 0],
      [0, 0],
    ]),
    1.5,
  );
  const confusion = [
    [7000, 1000, 500],
    [400, 1500, 600],
    [100, 300, 600],
  ];
  const f1 = (matrix: number[][]): number => weightedF1(classScores(matrix));
  const rows = confusion.flat().reduce((sum, count) => sum + count, 0);
  // One row of class k that was taken for m is answered right.
  const changes = [0, 1, 2].flatMap((k) =>
    [0, 1, 2]
      .filter((m) => m !== k)
      .map((m) => {
        const righted = confusion.map((row) => [...row]);
        righted[k][m]--;
        righted[k][k]++;
        return rows * (f1(righted) - f1(confusion));
      }),
  );
  assertClose([f1RowWeight(confusion)], [Math.max(...changes)], 2e-3, 'weight');
});

test("McNemar's exact p is scipy's", () => {
  for (const { onlyFirst, onlySecond, p } of golden.mcnemar) {
    const rows = [
      ...Array<number[]>(onlyFirst).fill([1, 0]),
      ...Array<number[]>(onlySecond).fill([0, 1]),
      [1, 1],
      [0, 0],
    ];
    const found = mcnemar(
      rows.map(() => 1),
      rows.map(([first]) => first),
      rows.map(([, second]) => second),
    );
    assert.deepEqual([found.onlyFirst, found.onlySecond], [onlyFirst, onlySecond]);
    assertClose([found.p], [p], 1e-10, 'p');
  }
});

test("interval bounds are numpy's percentiles; resamples without a value are left out", () => {
  const { values, low, high } = golden.percentiles;
  const interval = interval95(Float64Array.from([NaN, ...values, NaN]));
  assertClose([interval!.low, interval!.high], [low, high], 1e-12, 'percentile');
  assert.equal(interval95(Float64Array.of(NaN)), undefined);
});

test('resamples are the same for the same seed, and draw every row about once', async () => {
  const draw = (seed: number): Promise<Resamples> => Resamples.draw(50, 400, seed);
  const [a, b, c] = [await draw(1), await draw(1), await draw(2)];
  assert.deepEqual(a.counts, b.counts);
  assert.notDeepEqual(a.counts, c.counts);
  for (let row = 0; row < 50; row++) {
    let drawn = 0;
    for (let r = 0; r < 400; r++) drawn += a.of(r)[row];
    // 400 expected, standard deviation 20
    assert.ok(Math.abs(drawn - 400) < 100, `row ${row} was drawn ${drawn} times`);
  }
});

test('a thinned curve keeps its ends and stays close to the full one', () => {
  const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.boolean()), {
    minLength: 10,
    maxLength: 300,
  });
  fc.assert(
    fc.property(rows, (scored) => {
      const curve = rocCurve(
        scored.map(([score]) => score),
        (row) => scored[row][1],
      );
      if (!curve) return;
      const thin = thinCurve(curve, 20);
      assert.ok(thin.falsePositiveRate.length <= 20);
      assert.deepEqual([thin.falsePositiveRate[0], thin.truePositiveRate[0]], [0, 0]);
      assert.deepEqual([thin.falsePositiveRate.at(-1), thin.truePositiveRate.at(-1)], [1, 1]);
      for (const [i, x] of curve.falsePositiveRate.entries()) {
        const near = thin.falsePositiveRate.some(
          (other, j) =>
            Math.abs(other - x) <= 2 / 18 + 1e-9 &&
            Math.abs(thin.truePositiveRate[j] - curve.truePositiveRate[i]) <= 2 / 18 + 1e-9,
        );
        assert.ok(near, `point ${i} has no neighbour`);
      }
    }),
  );
});
