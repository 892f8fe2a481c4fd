import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { planSlots } from '#attune/engine/webgpu/slots.js';

describe('planSlots', () => {
  it('gives values that are alive at once different slots, each large enough', () => {
    const lifetime = fc
      .record({ first: fc.nat(20), length: fc.nat(8), floats: fc.integer({ min: 1, max: 50 }) })
      .map(({ first, length, floats }) => ({ first, last: first + length, floats }));
    fc.assert(
      fc.property(fc.array(lifetime, { maxLength: 40 }), (lifetimes) => {
        const { slots, of } = planSlots(lifetimes);
        for (const [i, a] of lifetimes.entries()) {
          assert.ok(slots[of[i]] >= a.floats);
          for (const [j, b] of lifetimes.entries()) {
            if (i < j && of[i] === of[j])
              assert.ok(a.last < b.first || b.last < a.first, `${i} and ${j} share slot ${of[i]}`);
          }
        }
      }),
    );
  });

  it('needs two slots for a chain of results', () => {
    assert.deepEqual(
      planSlots(Array.from({ length: 9 }, (_, i) => ({ first: i, last: i + 1, floats: 4 }))).slots,
      [4, 4],
    );
  });
});
