import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { initializeHead } from '#attune/model/head.js';
import { assertClose } from '../support/numbers.js';

interface Head {
  from: string;
  numLabels: number;
  nEmbd: number;
  initializerRange: number;
  seed: number;
  values: number[];
}
const heads = JSON.parse(
  readFileSync(new URL('../fixtures/random/heads.json', import.meta.url), 'utf8'),
) as Head[];

describe('initializeHead', () => {
  for (const { from, numLabels, nEmbd, initializerRange, seed, values } of heads) {
    it(`draws the [${numLabels}, ${nEmbd}] head of seed ${seed} as in ${from}`, () => {
      // Two units in the last place of the largest value drawn, |x| < 4 standard deviations.
      assertClose(
        initializeHead(numLabels, nEmbd, initializerRange, seed),
        values,
        4 * initializerRange * 2 ** -22,
      );
    });
  }

  it('draws a different head for a different seed', () => {
    assert.notDeepEqual(initializeHead(3, 384, 0.02, 42), initializeHead(3, 384, 0.02, 43));
  });
});
