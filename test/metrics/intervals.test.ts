import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareWithBest } from '#attune/metrics/best-set.js';
import { standardError } from '#attune/metrics/bootstrap.js';
import { betaCdf, betaQuantile, normalTail } from '#attune/metrics/distributions.js';
import { clopperPearson, differenceReach, effectiveInterval } from '#attune/metrics/proportion.js';
import { fixtureJson } from '../support/fixtures.js';
import { assertClose } from '../support/numbers.js';

interface GoldenComparison {
  readonly name: string;
  readonly rows: number;
  readonly values: number[];
  readonly resampled: number[][];
  readonly weights: number[];
  readonly best: number;
  readonly low: number[];
  readonly high: number[];
  readonly mayBeBest: boolean[];
  readonly optimism: number;
  readonly interval: [number, number];
}

const golden = fixtureJson('metrics/intervals.json') as {
  readonly tails: readonly (readonly [number, number])[];
  readonly quantiles: readonly (readonly [number, number, number, number])[];
  readonly exact: readonly { count: number; rows: number; low: number; high: number }[];
  readonly comparisons: readonly GoldenComparison[];
};

describe('normalTail', () => {
  it("gives scipy's tails", () => {
    for (const [z, tail] of golden.tails)
      assert.ok(
        Math.abs(normalTail(z) / tail - 1) < (z > 6 ? 1e-3 : 1e-6),
        `${z}: ${normalTail(z)}, not ${tail}`,
      );
  });
});

describe('betaQuantile', () => {
  it("gives scipy's quantiles", () => {
    for (const [p, a, b, x] of golden.quantiles)
      assert.ok(
        Math.abs(betaQuantile(p, a, b) / x - 1) < 1e-9,
        `${p}, ${a}, ${b}: ${betaQuantile(p, a, b)}, not ${x}`,
      );
  });

  it('is the inverse of betaCdf', () => {
    const parameter = fc.double({ min: 0.05, max: 3000, noNaN: true });
    fc.assert(
      fc.property(fc.double({ min: 1e-4, max: 1 - 1e-4, noNaN: true }), parameter, parameter, (p, a, b) => {
        const x = betaQuantile(p, a, b);
        // If the distribution piles up at an end, neighboring numbers are far apart in probability.
        if (x > 1e-12 && x < 1 - 1e-9) assert.ok(Math.abs(betaCdf(x, a, b) - p) < 1e-6, `${p}, ${a}, ${b}`);
      }),
    );
  });
});

describe('clopperPearson', () => {
  it("gives scipy's exact intervals, with a lower bound of 0.962 for 96 of 96", () => {
    for (const { count, rows, low, high } of golden.exact) {
      const found = clopperPearson(count, rows, 0.025);
      assertClose([found.low, found.high], [low, high], 1e-10, `${count} of ${rows}`);
    }
    assert.equal(clopperPearson(96, 96, 0.025).low.toFixed(3), '0.962');
  });
});

describe('effectiveInterval', () => {
  it('is exact if the standard error is that of a share, and counts no more rows than there are', () => {
    const error = Math.sqrt((0.8 * 0.2) / 150);
    const [found, exact] = [effectiveInterval(0.8, error, 150, 1, 0.025), clopperPearson(120, 150, 0.025)];
    assertClose([found.low, found.high], [exact.low, exact.high], 1e-9, 'bound');
    const capped = effectiveInterval(0.8, error / 3, 150, 1, 0.025);
    assertClose([capped.low, capped.high], [exact.low, exact.high], 1e-9, 'bound');
  });

  it('has a width at 0 and 1, although all resamples agree', () => {
    for (const value of [0, 1]) {
      const [found, exact] = [
        effectiveInterval(value, 0, 96, 1, 0.025),
        clopperPearson(96 * value, 96, 0.025),
      ];
      assertClose([found.low, found.high], [exact.low, exact.high], 1e-12, 'bound');
    }
  });

  it('reaches 1.5 times as far if a row counts for 1.5 rows', () => {
    assertClose(
      [1 - effectiveInterval(1, 0, 96, 1.5, 0.025).low],
      [1.5 * (1 - clopperPearson(96, 96, 0.025).low)],
      1e-12,
      'reach',
    );
  });

  it('contains the value and stays within 0 and 1 for any input', () => {
    const value = fc.oneof(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(0, 1, 0.5, 1 + 2e-16, 1 - 2e-16, 5e-324),
    );
    fc.assert(
      fc.property(
        value,
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 1, max: 2.5, noNaN: true }),
        (metric, error, rows, weight) => {
          const { low, high } = effectiveInterval(metric, error, rows, weight, 0.003, 0.025);
          assert.ok(
            low >= 0 && low <= metric && metric <= high && high <= 1 + 3e-16,
            `${low} ${metric} ${high}`,
          );
        },
      ),
    );
  });
});

describe('differenceReach', () => {
  it('gives the exact bound if the models differ on no row', () => {
    const { below, above } = differenceReach(0, 0, 200, 1, 0.05);
    assertClose([below, above], [1 - 0.05 ** (1 / 200), 1 - 0.05 ** (1 / 200)], 1e-12, 'reach');
  });

  it('gives the normal approximation if they differ on many rows', () => {
    const error = Math.sqrt((0.2 - 0.04 ** 2) / 20_000);
    const { below, above } = differenceReach(0.04, error, 20_000, 1, 0.025);
    assertClose([below / error, above / error], [1.96, 1.96], 0.03, 'standard errors');
  });

  it('is mirrored if the difference changes its sign', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 0.2, noNaN: true }),
        fc.integer({ min: 2, max: 1_000_000 }),
        fc.double({ min: 1, max: 2.5, noNaN: true }),
        (difference, error, rows, weight) => {
          const one = differenceReach(difference, error, rows, weight, 0.03, 0.01);
          const other = differenceReach(-difference, error, rows, weight, 0.01, 0.03);
          assertClose([one.below, one.above], [other.above, other.below], 1e-9, 'reach');
          assert.ok(one.below >= 0 && one.above >= 0);
        },
      ),
    );
  });
});

describe('compareWithBest', () => {
  for (const expected of golden.comparisons) {
    it(`agrees with the method in numpy and scipy: ${expected.name}`, () => {
      const found = compareWithBest(
        expected.values,
        expected.resampled.map((values) => Float64Array.from(values)),
        expected.rows,
        expected.weights,
      );
      assert.equal(found.best, expected.best);
      assertClose(
        found.models.map(({ low }) => low),
        expected.low,
        1e-9,
        'low',
      );
      assertClose(
        found.models.map(({ high }) => high),
        expected.high,
        1e-9,
        'high',
      );
      assert.deepEqual(
        found.models.map(({ mayBeBest }) => mayBeBest),
        expected.mayBeBest,
      );
      assertClose(
        [found.optimism, found.interval.low, found.interval.high],
        [expected.optimism, ...expected.interval],
        1e-9,
        'optimism, interval',
      );
    });
  }

  it('gives the interval of a single model, which may be the best, without optimism', () => {
    const { best, models, optimism, interval } = compareWithBest(
      [0.8],
      [Float64Array.of(0.75, 0.8, 0.85)],
      40,
      [1],
    );
    assert.deepEqual([best, models[0].mayBeBest], [0, true]);
    assertClose([optimism], [0], 1e-15, 'optimism');
    assert.deepEqual(
      interval,
      effectiveInterval(0.8, standardError(Float64Array.of(0.75, 0.8, 0.85)), 40, 1, 0.025),
    );
  });
});
