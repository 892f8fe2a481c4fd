import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfig } from '#attune/model/config.js';
import { parameterCount, parameterSpecs } from '#attune/model/parameters.js';
import { fixtureJson } from '../support/fixtures.js';

interface NamedParameter {
  name: string;
  shape: number[];
  decay: boolean;
}

describe('parameterSpecs', () => {
  it('lists names, shapes, order and weight decay as PyTorch and the Trainer do', () => {
    const golden = fixtureJson('model/parameters.json') as { config: unknown; parameters: NamedParameter[] };
    assert.deepEqual(parameterSpecs(parseConfig(golden.config, 'parameters.json')), golden.parameters);
  });
});

describe('parameterCount', () => {
  it("counts 124,442,112 parameters for the Hub's gpt2 with three labels", () => {
    // 124,439,808 of the language model, whose head is its embedding, and 3 x 768.
    const gpt2 = parseConfig({ model_type: 'gpt2', num_labels: 3 }, 'gpt2');
    assert.equal(parameterCount(parameterSpecs(gpt2)), 124_442_112);
  });
});
