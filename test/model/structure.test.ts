import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfig } from '#attune/model/config.js';
import { printStructure } from '#attune/model/structure.js';
import { fixtureJson, fixtureText } from '../support/fixtures.js';

describe('printStructure', () => {
  for (const name of ['mini', 'dropouts', 'one-layer', 'python-tanh']) {
    it(`prints the structure "${name}" as PyTorch does`, () => {
      const config = parseConfig(fixtureJson(`model/structure-${name}.json`), name);
      assert.equal(printStructure(config), fixtureText(`model/structure-${name}.txt`));
    });
  }
});
