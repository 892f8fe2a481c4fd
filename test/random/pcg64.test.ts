import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Pcg64 } from '#attune/random/pcg64.js';

interface Golden {
  cases: { seed: number; uint64: string[]; mixed: number[] }[];
  far: { seed: number; skipped: number; doubles: number[] };
}
const golden = JSON.parse(
  readFileSync(new URL('../fixtures/random/numpy.json', import.meta.url), 'utf8'),
) as Golden;

for (const { seed, uint64, mixed } of golden.cases) {
  test(`seed ${seed} draws what numpy's default_rng draws`, () => {
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

test("the 100,000th double is numpy's too", () => {
  const { seed, skipped, doubles } = golden.far;
  const generator = new Pcg64(seed);
  for (let i = 0; i < skipped; i++) generator.nextDouble();
  assert.deepEqual(
    doubles.map(() => generator.nextDouble()),
    doubles,
  );
});

test('a seed that numpy would refuse, or that is no exact integer here, is refused', () => {
  for (const seed of [-1, 1.5, NaN, Infinity, 2 ** 53]) assert.throws(() => new Pcg64(seed), RangeError);
});
