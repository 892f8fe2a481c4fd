import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, nearest } from '#attune/nearest.js';

test('the nearest candidate wins, swaps count one, case does not count', () => {
  assert.equal(nearest('lerning-rate', ['logging-steps', 'learning-rate']), 'learning-rate');
  assert.equal(nearest('sede', ['seed', 'side-effect']), 'seed');
  assert.equal(nearest('SEED', ['seed']), 'seed');
});

test('nothing is suggested where nothing is near', () => {
  assert.equal(nearest('banana', ['seed', 'model']), undefined);
  assert.equal(nearest('ab', ['cd']), undefined);
  assert.equal(didYouMean('xyz', []), undefined);
  assert.equal(didYouMean('modle', ['model']), 'Did you mean model?');
});
