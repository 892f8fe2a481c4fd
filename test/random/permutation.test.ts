import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { randperm } from '#attune/random/permutation.js';

interface Golden {
  randperm: { n: number; seed: number; order: number[] }[];
  long: { n: number; seed: number; last: number[] };
}
const golden = JSON.parse(
  readFileSync(new URL('../fixtures/random/torch.json', import.meta.url), 'utf8'),
) as Golden;

for (const { n, seed, order } of golden.randperm) {
  test(`randperm(${n}) of seed ${seed} is torch's`, () => assert.deepEqual([...randperm(n, seed)], order));
}

test("a permutation longer than the generator's state ends as torch's does", () => {
  const { n, seed, last } = golden.long;
  assert.deepEqual([...randperm(n, seed).slice(-last.length)], last);
});

test("the row order of the notebook's three epochs begins as the reference's", () => {
  const begin = (epoch: number): number[] => [...randperm(1000, 42 + epoch).slice(0, 4)];
  assert.deepEqual([0, 1, 2].map(begin), [
    [542, 618, 816, 68],
    [588, 148, 223, 575],
    [732, 96, 853, 374],
  ]);
});

test('every index occurs once', () => {
  fc.assert(
    fc.property(fc.nat(500), fc.integer(), (n, seed) => {
      assert.deepEqual(
        [...randperm(n, seed).sort()],
        Array.from({ length: n }, (_, i) => i),
      );
    }),
  );
});

test('a length that is no count is refused', () => {
  for (const n of [-1, 1.5, NaN, 2 ** 31]) assert.throws(() => randperm(n, 0), RangeError);
});
