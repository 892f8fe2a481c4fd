import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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

describe('rocCurve', () => {
  for (const { name, probabilities, labels, curves } of golden.cases) {
    it(`gives scikit-learn's curves: ${name}`, () => {
      for (const [k, curve] of curves.entries()) {
        const found = rocCurve(
          probabilities.map((row) => row[k]),
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
    });
  }

  it('refuses a score that is not finite', () => {
    assert.throws(() => rocCurve([0.5, NaN], (row) => row === 0), /^RangeError: row 1 has the score NaN$/);
  });
});

describe('rocAuc', () => {
  for (const { name, probabilities, labels, support, auc: expected } of golden.cases) {
    it(`gives scikit-learn's AUC, and null if it is undefined: ${name}`, () => {
      const auc = rocAuc(Float64Array.from(probabilities.flat()), labels, support.map(String)).value;
      if (expected === null) assert.equal(auc, null);
      else assertClose([auc!], [expected], 1e-12, 'auc');
    });
  }
});

describe('thinCurve', () => {
  it('keeps the ends of the curve and stays close to it', () => {
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
          assert.ok(near, `point ${i} has no neighbor`);
        }
      }),
    );
  });
});

describe('calibration', () => {
  for (const expected of golden.cases) {
    it(`gives scikit-learn's calibration curve: ${expected.name}`, () => {
      const { labels, support } = expected;
      const probabilities = Float64Array.from(expected.probabilities.flat());
      const { bins, ece } = calibration(probabilities, labels, support.length);
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
    });
  }

  const refused = (message: RegExp, ...given: Parameters<typeof calibration>): void =>
    assert.throws(
      () => calibration(...given),
      (error) => error instanceof RangeError && message.test(error.message),
    );

  it('refuses no rows', () => refused(/^metrics of no rows$/, [], [], 2));

  it('refuses probabilities that are not as many as the rows need', () => {
    refused(/^3 probabilities for 2 rows of 2 classes$/, [0.5, 0.5, 1], [0, 1], 2);
    refused(/^6 probabilities for 2 rows of 2 classes$/, [1, 0, 1, 0, 1, 0], [0, 1], 2);
  });

  it('refuses a label that is no class, and a probability that is not finite', () => {
    refused(/^row 1 has the label 2, not 0 to 1$/, [1, 0, 1, 0], [0, 2], 2);
    refused(/^row 1 has the probability NaN$/, [1, 0, 1, NaN], [0, 1], 2);
  });

  it('refuses a number of bins that is not a whole number from 1', () => {
    for (const bins of [0, -1, 2.5, NaN, Infinity])
      refused(/the number of bins must be a whole number from 1$/, [1, 0], [0], 2, bins);
  });

  it('takes one bin', () => {
    const { bins, ece } = calibration([0.75, 0.25, 0.5, 0.5], [0, 1], 2, 1);
    assert.deepEqual(bins, [{ from: 0, to: 1, rows: 2, meanConfidence: 0.625, accuracy: 0.5 }]);
    assert.equal(ece, 0.125);
  });
});

describe('confusionMatrix, classScores, accuracy and weightedF1', () => {
  for (const expected of golden.cases) {
    it(`give scikit-learn's metrics: ${expected.name}`, () => {
      const { labels, predicted, support } = expected;
      const confusion = confusionMatrix(labels, predicted, support.length);
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
  }
});

describe('f1RowWeight', () => {
  it('is 1 for a perfect model', () => {
    assert.equal(
      f1RowWeight([
        [60, 0],
        [0, 40],
      ]),
      1,
    );
  });

  it('is 2.5 if a rare class is never found', () => {
    assert.ok(
      Math.abs(
        f1RowWeight([
          [990, 0],
          [10, 0],
        ]) - 2.5,
      ) < 0.01,
    );
  });

  it('is 1.5 if a class has no rows', () => {
    assert.equal(
      f1RowWeight([
        [50, 0],
        [0, 0],
      ]),
      1.5,
    );
  });

  it('is the largest change of F1 by one row that is predicted right instead of wrong', () => {
    const confusion = [
      [7000, 1000, 500],
      [400, 1500, 600],
      [100, 300, 600],
    ];
    const f1 = (matrix: number[][]): number => weightedF1(classScores(matrix));
    const rows = confusion.flat().reduce((sum, count) => sum + count, 0);
    // One row of class k that was predicted as m is predicted right.
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
});

describe('mcnemar', () => {
  it("gives scipy's exact p", () => {
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

  it('refuses predictions that are not as many as the labels', () => {
    assert.throws(() => mcnemar([0, 1], [0], [0, 1]), /^RangeError: 1 and 2 predictions for 2 rows$/);
    assert.throws(() => mcnemar([0, 1], [0, 1], [0, 1, 1]), /^RangeError: 2 and 3 predictions for 2 rows$/);
  });
});

describe('interval95', () => {
  it("gives numpy's percentiles of the resamples that have a value, if any do", () => {
    const { values, low, high } = golden.percentiles;
    const interval = interval95(Float64Array.from([NaN, ...values, NaN]));
    assertClose([interval!.low, interval!.high], [low, high], 1e-12, 'percentile');
    assert.equal(interval95(Float64Array.of(NaN)), undefined);
  });
});

describe('Resamples.draw', () => {
  it('draws the same for the same seed, and every row about once', async () => {
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
});

describe('bootstrapClassCounts, bootstrapF1 and bootstrapAuc', () => {
  for (const expected of golden.cases) {
    it(`give each resample the metrics of the rows it drew: ${expected.name}`, async () => {
      const { labels, predicted, support } = expected;
      const classes = support.length;
      const probabilities = Float64Array.from(expected.probabilities.flat());
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
});
