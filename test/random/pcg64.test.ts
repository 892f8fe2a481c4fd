import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Pcg64 } from '#attune/random/pcg64.js';

interface Golden {
  cases: { seed: number; uint64: string[]; mixed: number[] }[];
  far: { seed: number; skipped: number; doubles: number[] };
}
const golden = JSON.parse(
  readFileSync(new URL('../fixtures/random/numpy.json', import.meta.url), 'utf8'),
) as Golden;

describe('Pcg64', () => {
  for (const { seed, uint64, mixed } of golden.cases) {
    it(`draws what numpy's default_rng draws from seed ${seed}`, () => {
      const words = new Pcg64(seed);
      assert.deepEqual(
        uint64.map(() => String(words.nextUint64())),
        uint64,
      );

      const generator = new Pcg64(seed);
      const drawn = mixed.map((_, i) =>
        i % 5 === 1 || i % 5 === 3 ? generator.nextDouble() : generator.nextFloat32(),
      );
      assert.deepEqual(drawn, mixed);
    });
  }

  it("draws numpy's doubles around the 100,000th", () => {
    const { seed, skipped, doubles } = golden.far;
    const generator = new Pcg64(seed);
    for (let i = 0; i < skipped; i++) generator.nextDouble();
    assert.deepEqual(
      doubles.map(() => generator.nextDouble()),
      doubles,
    );
  });

  it('refuses a seed that is negative, fractional or too large to be exact', () => {
    for (const seed of [-1, 1.5, NaN, Infinity, 2 ** 53]) assert.throws(() => new Pcg64(seed), RangeError);
  });
});
