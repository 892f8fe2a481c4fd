import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { randperm } from '#attune/random/permutation.js';

interface Golden {
  randperm: { n: number; seed: number; order: number[] }[];
  long: { n: number; seed: number; last: number[] };
}
const golden = JSON.parse(
  readFileSync(new URL('../fixtures/random/torch.json', import.meta.url), 'utf8'),
) as Golden;

describe('randperm', () => {
  for (const { n, seed, order } of golden.randperm) {
    it(`permutes ${n} rows with seed ${seed} as torch does`, () =>
      assert.deepEqual([...randperm(n, seed)], order));
  }

  it("ends as torch does if the permutation is longer than the generator's state", () => {
    const { n, seed, last } = golden.long;
    assert.deepEqual([...randperm(n, seed).slice(-last.length)], last);
  });

  it('begins the three epochs of the reference notebook with the same rows', () => {
    const begin = (epoch: number): number[] => [...randperm(1000, 42 + epoch).slice(0, 4)];
    assert.deepEqual([0, 1, 2].map(begin), [
      [542, 618, 816, 68],
      [588, 148, 223, 575],
      [732, 96, 853, 374],
    ]);
  });

  it('contains every index once', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.integer(), (n, seed) => {
        assert.deepEqual(
          [...randperm(n, seed).sort()],
          Array.from({ length: n }, (_, i) => i),
        );
      }),
    );
  });

  it('refuses a length that is negative, fractional or too large', () => {
    for (const n of [-1, 1.5, NaN, 2 ** 31]) assert.throws(() => randperm(n, 0), RangeError);
  });
});
