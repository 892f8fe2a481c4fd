import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Generator, normal } from '#attune/random/normal.js';
import { assertClose } from '../support/numbers.js';

interface Golden {
  normal: { size: number; seed: number; mean: number; std: number; values: number[] }[];
  sequence: number[][];
}
const golden = JSON.parse(
  readFileSync(new URL('../fixtures/random/torch.json', import.meta.url), 'utf8'),
) as Golden;

describe('normal', () => {
  for (const { size, seed, mean, std, values } of golden.normal) {
    it(`draws ${size} values of N(${mean}, ${std}) from seed ${seed} as torch does`, () => {
      // Below 16 values both compute in double precision; above, torch's polynomials differ in float32's last
      // bit.
      assertClose(normal(size, mean, std, new Generator(seed)), values, size < 16 ? 0 : 1e-6 * std);
    });
  }

  it('draws tensors of 3, 20, 2 and 1 values from one generator as torch does', () => {
    const generator = new Generator(11);
    for (const values of golden.sequence) assertClose(normal(values.length, 0, 1, generator), values, 1e-6);
  });
});
