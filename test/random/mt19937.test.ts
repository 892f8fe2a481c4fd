import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MT19937 } from '#attune/random/mt19937.js';

test("the generator's published values: seed 5489 begins 3499211612 and its 10,000th value is 4123659995", () => {
  // The C++ standard, [rand.predef]: the 10,000th consecutive invocation of a default-constructed mt19937.
  const generator = new MT19937(5489);
  assert.equal(generator.nextUint32(), 3499211612);
  for (let i = 2; i < 10_000; i++) generator.nextUint32();
  assert.equal(generator.nextUint32(), 4123659995);
});

test('only the low 32 bits of a seed count', () => {
  const first = (seed: number): number => new MT19937(seed).nextUint32();
  assert.equal(first(2 ** 32 + 7), first(7));
  assert.equal(first(-1), first(2 ** 32 - 1));
  assert.notEqual(first(8), first(7));
});

test('a seed that is no integer is refused', () => {
  for (const seed of [1.5, NaN, Infinity, 2 ** 53]) assert.throws(() => new MT19937(seed), RangeError);
});
