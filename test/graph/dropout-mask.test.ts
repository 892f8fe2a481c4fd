/** The pinned numbers come from a second implementation, in Python with integers of any size. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ATTENTION_STRIDE,
  dropoutFactor,
  dropoutKey,
  dropoutThreshold,
  mix32,
} from '#attune/graph/dropout-mask.js';
import type { DropoutKey } from '#attune/graph/dropout-mask.js';

const COUNTERS = 200_000;
/** Allowed standard deviations: more than these fixed draws reach by chance, far fewer than a defect shows. */
const SIGMAS = 5;

function mask(key: DropoutKey, probability: number, first = 0): Uint8Array {
  return Uint8Array.from({ length: COUNTERS }, (_, i) =>
    dropoutFactor(key, first + i, probability) === 0 ? 0 : 1,
  );
}

function assertRate(hits: number, expected: number, what: string): void {
  const deviation = Math.sqrt((expected * (1 - expected)) / COUNTERS);
  const rate = hits / COUNTERS;
  assert.ok(
    Math.abs(rate - expected) <= SIGMAS * deviation,
    `${what}: rate ${rate}, expected ${expected} within ${SIGMAS * deviation}`,
  );
}

/** Two independent masks of keep rate k are both 1 in k^2 of the elements. */
function assertIndependent(a: Uint8Array, b: Uint8Array, keep: number, what: string): void {
  assertRate(
    a.reduce((sum, kept, i) => sum + (kept & b[i]), 0),
    keep * keep,
    what,
  );
}

describe('mix32', () => {
  it('is lowbias32', () => {
    assert.deepEqual(
      [0, 1, 2, 0xffffffff, 0x12345678].map(mix32),
      [0, 0x688990c0, 0xd1132181, 0x6768824a, 0xf5e71c96],
    );
  });
});

describe('dropoutKey', () => {
  it('mixes seed, forward pass and site into the pinned keys', () => {
    assert.deepEqual(dropoutKey(42, 0, 0), { key0: 121511231, key1: 9976734 });
    assert.deepEqual(dropoutKey(42, 1, 0), { key0: 3682944779, key1: 3256922620 });
    assert.deepEqual(dropoutKey(42, 0, 1), { key0: 2029128576, key1: 1763293698 });
    assert.deepEqual(dropoutKey(0, 0, 0), { key0: 2428060415, key1: 4285878351 });
    assert.deepEqual(dropoutKey(-1, 3, 7), { key0: 3930251730, key1: 4097148653 });
  });

  it('gives a different key to each of 37 sites in 1,000 forward passes', () => {
    const keys = new Set<string>();
    for (let pass = 0; pass < 1000; pass++) {
      for (let site = 0; site < 37; site++) {
        const { key0, key1 } = dropoutKey(42, pass, site);
        keys.add(`${key0} ${key1}`);
      }
    }
    assert.equal(keys.size, 37_000);
  });
});

describe('dropoutThreshold', () => {
  it('is p of 2^32, and at most 2^32 - 1', () => {
    assert.equal(dropoutThreshold(0.1), 429496730);
    assert.equal(dropoutThreshold(0.5), 2 ** 31);
    assert.equal(dropoutThreshold(1 - 1e-12), 2 ** 32 - 1);
  });
});

describe('ATTENTION_STRIDE', () => {
  // Another stride would draw other masks for the same seed.
  it('leaves room for 4096 keys per query of attention', () => {
    assert.equal(ATTENTION_STRIDE, 4096);
  });
});

describe('dropoutFactor', () => {
  it('drops the pinned elements, also when counters wrap at 2^32', () => {
    const key = dropoutKey(42, 0, 0);
    const dropped = (first: number, count: number): number[] =>
      Array.from({ length: count }, (_, i) => first + i).filter(
        (counter) => dropoutFactor(key, counter, 0.1) === 0,
      );
    assert.deepEqual(dropped(0, 64), [23, 33, 36, 40, 57]);
    assert.deepEqual(
      dropped(2 ** 32 - 33, 97),
      [4294967274, 4294967275, 4294967287, 4294967319, 4294967329, 4294967332, 4294967336, 4294967353],
    );
  });

  it('scales what is kept by 1 / (1 - p)', () => {
    const factors = new Set(
      Array.from({ length: 100 }, (_, i) => dropoutFactor(dropoutKey(1, 2, 3), i, 0.25)),
    );
    assert.deepEqual([...factors].sort(), [0, 1 / 0.75]);
  });

  for (const probability of [0.1, 0.5, 0.9]) {
    const keep = 1 - probability;
    it(`draws masks of p = ${probability} independently for sites, passes, seeds and neighbors`, () => {
      const base = mask(dropoutKey(42, 0, 0), probability);
      assertRate(
        base.reduce((sum, kept) => sum + kept, 0),
        keep,
        'keep rate',
      );
      for (const [what, other] of [
        ['the next site', dropoutKey(42, 0, 1)],
        ['a far site', dropoutKey(42, 0, 36)],
        ['the next forward pass', dropoutKey(42, 1, 0)],
        ['a far forward pass', dropoutKey(42, 749, 0)],
        ['the next seed', dropoutKey(43, 0, 0)],
        ['another seed', dropoutKey(0, 0, 0)],
      ] as const) {
        const drawn = mask(other, probability);
        assertRate(
          drawn.reduce((sum, kept) => sum + kept, 0),
          keep,
          `keep rate of ${what}`,
        );
        assertIndependent(base, drawn, keep, what);
      }
      // Neighbors in a row, in a column (as wide as gpt2-mini and GPT-2), and the same key of the next head.
      for (const lag of [1, 2, 384, 768, 4096])
        assertIndependent(base, mask(dropoutKey(42, 0, 0), probability, lag), keep, `lag ${lag}`);
    });
  }
});
