import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '#attune/model/config.js';
import { printStructure } from '#attune/model/structure.js';
import { fixtureJson, fixtureText } from '../support/fixtures.js';

for (const name of ['mini', 'dropouts', 'one-layer', 'python-tanh']) {
  test(`the structure "${name}" is printed as PyTorch prints it`, () => {
    const config = parseConfig(fixtureJson(`model/structure-${name}.json`), name);
    assert.equal(printStructure(config), fixtureText(`model/structure-${name}.txt`));
  });
}
