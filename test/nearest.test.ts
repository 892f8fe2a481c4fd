import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { didYouMean, nearest } from '#attune/nearest.js';

describe('nearest', () => {
  it('returns the candidate with the smallest edit distance', () => {
    assert.equal(nearest('lerning-rate', ['logging-steps', 'learning-rate']), 'learning-rate');
  });

  it('counts a swap of adjacent letters as one edit', () => {
    assert.equal(nearest('sede', ['seed', 'side-effect']), 'seed');
  });

  it('ignores case', () => {
    assert.equal(nearest('SEED', ['seed']), 'seed');
  });

  it('returns undefined if no candidate is close', () => {
    assert.equal(nearest('banana', ['seed', 'model']), undefined);
    assert.equal(nearest('ab', ['cd']), undefined);
  });
});

describe('didYouMean', () => {
  it('suggests a close candidate', () => {
    assert.equal(didYouMean('modle', ['model']), 'Did you mean model?');
  });

  it('returns undefined if there are no candidates', () => {
    assert.equal(didYouMean('xyz', []), undefined);
  });
});
