import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MT19937 } from '#attune/random/mt19937.js';

describe('MT19937', () => {
  it('generates the published first and 10,000th values of seed 5489', () => {
    // The C++ standard, [rand.predef]: the 10,000th consecutive invocation of a default-constructed mt19937.
    const generator = new MT19937(5489);
    assert.equal(generator.nextUint32(), 3499211612);
    for (let i = 2; i < 10_000; i++) generator.nextUint32();
    assert.equal(generator.nextUint32(), 4123659995);
  });

  it('uses only the low 32 bits of a seed', () => {
    const first = (seed: number): number => new MT19937(seed).nextUint32();
    assert.equal(first(2 ** 32 + 7), first(7));
    assert.equal(first(-1), first(2 ** 32 - 1));
    assert.notEqual(first(8), first(7));
  });

  it('refuses a seed that is not an integer', () => {
    for (const seed of [1.5, NaN, Infinity, 2 ** 53]) assert.throws(() => new MT19937(seed), RangeError);
  });
});
