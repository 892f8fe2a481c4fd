import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseConfig, readConfig, requireVocabulary, toJson, withLabels } from '#attune/model/config.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { ModelError } from '#attune/errors/attune-error.js';
import type { FactsOf } from '#attune/errors/catalogue.js';
import type { MODEL_ERRORS } from '#attune/errors/codes/model-errors.js';
import { fixtureJson, fixtureText } from '../support/fixtures.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

type Fields = Record<string, unknown>;
/** What the config means, without the fields it was read from. */
const meaning = (config: Gpt2Config): object =>
  Object.fromEntries(Object.entries(config).filter(([name]) => name !== 'fields'));
const parse = (fields: Fields = {}): Gpt2Config =>
  parseConfig({ model_type: 'gpt2', ...fields }, 'config.json');

type ConfigCode = Extract<keyof typeof MODEL_ERRORS, `config-${string}`>;
type Refused = {
  [Code in ConfigCode]: readonly [Fields, Code, Omit<FactsOf<Code>, 'file' | 'known' | 'min' | 'max'>];
}[ConfigCode];

const refusals: readonly Refused[] = [
  [{ model_type: 'llama' }, 'config-not-gpt2', { modelType: 'llama' }],
  [{ model_type: undefined }, 'config-not-gpt2', { modelType: undefined }],
  [{ activation_function: 'gelu' }, 'config-activation-unsupported', { value: 'gelu' }],
  [{ activation_function: 'relu' }, 'config-activation-unsupported', { value: 'relu' }],
  [{ activation_function: null }, 'config-activation-unsupported', { value: null }],
  [{ add_cross_attention: true }, 'config-cross-attention', {}],
  [{ quantization_config: { bits: 4 } }, 'config-quantized-or-pruned', { field: 'quantization_config' }],
  [{ pruned_heads: { 0: [1] } }, 'config-quantized-or-pruned', { field: 'pruned_heads' }],
  [{ n_embd: 10, n_head: 3 }, 'config-width-not-divisible', { heads: 3, width: 10 }],
  [
    { n_embd: 8, n_head: 2, hidden_size: 16 },
    'config-names-differ',
    { field: 'n_embd', value: 8, alias: 'hidden_size', other: 16 },
  ],
  [{ n_layer: 0 }, 'config-not-integer', { field: 'n_layer', value: 0 }],
  [{ n_layer: 1e9 }, 'config-not-integer', { field: 'n_layer', value: 1e9 }],
  [{ n_layer: '2' }, 'config-not-integer', { field: 'n_layer', value: '2' }],
  [{ n_layer: null }, 'config-not-integer', { field: 'n_layer', value: null }],
  [{ n_positions: 1.5 }, 'config-not-integer', { field: 'n_positions', value: 1.5 }],
  [{ vocab_size: -1 }, 'config-not-integer', { field: 'vocab_size', value: -1 }],
  [{ n_inner: 0 }, 'config-not-integer', { field: 'n_inner', value: 0 }],
  [{ layer_norm_epsilon: 0 }, 'config-not-positive', { field: 'layer_norm_epsilon', value: 0 }],
  [{ layer_norm_epsilon: 'small' }, 'config-not-positive', { field: 'layer_norm_epsilon', value: 'small' }],
  [{ embd_pdrop: 1 }, 'config-not-probability', { field: 'embd_pdrop', value: 1 }],
  [{ attn_pdrop: -0.1 }, 'config-not-probability', { field: 'attn_pdrop', value: -0.1 }],
  [{ resid_pdrop: null }, 'config-not-probability', { field: 'resid_pdrop', value: null }],
  [{ scale_attn_weights: 1 }, 'config-not-boolean', { field: 'scale_attn_weights', value: 1 }],
  [
    { scale_attn_by_inverse_layer_idx: 'yes' },
    'config-not-boolean',
    { field: 'scale_attn_by_inverse_layer_idx', value: 'yes' },
  ],
  [
    { reorder_and_upcast_attn: null },
    'config-not-boolean',
    { field: 'reorder_and_upcast_attn', value: null },
  ],
  [{ vocab_size: 10, pad_token_id: 10 }, 'config-not-integer', { field: 'pad_token_id', value: 10 }],
  [{ pad_token_id: -1 }, 'config-not-integer', { field: 'pad_token_id', value: -1 }],
  [{ problem_type: 'regression' }, 'config-problem-type', { value: 'regression' }],
  [
    { problem_type: 'multi_label_classification' },
    'config-problem-type',
    { value: 'multi_label_classification' },
  ],
  [{ num_labels: 1 }, 'config-one-label', { field: 'num_labels' }],
  [{ id2label: { 0: 'score' } }, 'config-one-label', { field: 'id2label' }],
  [{ num_labels: 3, id2label: { 0: 'a', 1: 'b' } }, 'config-label-count', { count: 3, names: 2 }],
  [{ id2label: { 0: 'a', 2: 'b' } }, 'config-label-missing', { count: 2, missing: 1 }],
  [{ id2label: { 1: 'a', 2: 'b' } }, 'config-label-missing', { count: 2, missing: 0 }],
  [{ id2label: { zero: 'a', one: 'b' } }, 'config-label-missing', { count: 2, missing: 0 }],
  [{ id2label: { 0: 'a', 1: 2 } }, 'config-label-not-text', { index: 1, value: 2 }],
  [{ id2label: { 0: 'a', 1: 'a' } }, 'config-label-twice', { first: 0, second: 1, label: 'a' }],
  [{ id2label: ['a', 'b'] }, 'config-labels-not-object', {}],
];

describe('parseConfig', () => {
  it("fills in the defaults of transformers' GPT2Config", () => {
    const config = parse();
    assert.deepEqual(config.fields, { model_type: 'gpt2' });
    assert.deepEqual(meaning(config), {
      vocabSize: 50257,
      nPositions: 1024,
      nEmbd: 768,
      nLayer: 12,
      nHead: 12,
      nInner: 3072,
      activationFunction: 'gelu_new',
      embdPdrop: 0.1,
      attnPdrop: 0.1,
      residPdrop: 0.1,
      layerNormEpsilon: 1e-5,
      initializerRange: 0.02,
      scaleAttnWeights: true,
      scaleAttnByInverseLayerIdx: false,
      padTokenId: null,
      labelNames: ['LABEL_0', 'LABEL_1'],
    });
  });

  it('reads every field that changes the computation', () => {
    const config = parse({
      vocab_size: 99,
      n_positions: 17,
      n_ctx: 5,
      n_embd: 12,
      n_layer: 3,
      n_head: 4,
      n_inner: 7,
      activation_function: 'gelu_pytorch_tanh',
      embd_pdrop: 0,
      attn_pdrop: 0.25,
      resid_pdrop: 0.5,
      layer_norm_epsilon: 1e-6,
      initializer_range: 0.5,
      scale_attn_weights: false,
      scale_attn_by_inverse_layer_idx: true,
      reorder_and_upcast_attn: true,
      pad_token_id: 98,
      num_labels: 4,
      problem_type: 'single_label_classification',
      quantization_config: null,
      pruned_heads: {},
    });
    assert.deepEqual(meaning(config), {
      vocabSize: 99,
      nPositions: 17,
      nEmbd: 12,
      nLayer: 3,
      nHead: 4,
      nInner: 7,
      activationFunction: 'gelu_pytorch_tanh',
      embdPdrop: 0,
      attnPdrop: 0.25,
      residPdrop: 0.5,
      layerNormEpsilon: 1e-6,
      initializerRange: 0.5,
      scaleAttnWeights: false,
      scaleAttnByInverseLayerIdx: true,
      padTokenId: 98,
      labelNames: ['LABEL_0', 'LABEL_1', 'LABEL_2', 'LABEL_3'],
    });
  });

  it('takes four times n_embd if n_inner is null', () =>
    assert.equal(parse({ n_embd: 24, n_inner: null }).nInner, 96));

  it('reads fields under the other names that transformers has for them', () => {
    const config = parse({
      hidden_size: 12,
      max_position_embeddings: 9,
      num_attention_heads: 2,
      num_hidden_layers: 5,
    });
    assert.deepEqual([config.nEmbd, config.nPositions, config.nHead, config.nLayer], [12, 9, 2, 5]);
    assert.equal(parse({ hidden_size: 12, n_embd: 12 }).nEmbd, 12);
    const written = JSON.parse(toJson(config)) as Fields;
    assert.equal(written['n_embd'], 12);
    assert.ok(!('hidden_size' in written));
  });

  it('orders labels by the numbers in id2label', () => {
    const names = Array.from({ length: 12 }, (_, i) => `label ${i}`);
    // As a text: JSON may list the keys in any order.
    const id2label = JSON.parse(
      `{${names
        .map((name, i) => `"${i}": "${name}"`)
        .reverse()
        .join(', ')}}`,
    ) as Fields;
    assert.deepEqual(parse({ id2label, num_labels: 12 }).labelNames, names);
  });
  for (const [fields, code, facts] of refusals) {
    it(`refuses ${JSON.stringify(fields)} and names the field`, () =>
      assert.throws(() => parse(fields), refusal(ModelError, code, { ...facts, file: 'config.json' })));
  }

  it('lists the activation functions that it knows', () => {
    const known = ['gelu_new', 'gelu_pytorch_tanh', 'gelu_python_tanh'];
    assert.throws(
      () => parse({ activation_function: 'gelu' }),
      refusal(ModelError, 'config-activation-unsupported', { known }),
    );
  });

  it('gives the range of a whole number', () =>
    assert.throws(
      () => parse({ vocab_size: 10, pad_token_id: 10 }),
      refusal(ModelError, 'config-not-integer', { min: 0, max: 9 }),
    ));
});

describe('toJson', () => {
  it("writes the config of a classifier byte for byte as transformers' Trainer does", () => {
    const base = parseConfig(fixtureJson('model/config-base.json'), 'config-base.json');
    const classifier = withLabels(base, ['negative', 'neutral', 'positive'], 12, 0);
    assert.equal(toJson(classifier), fixtureText('model/config-trained.json'));
    assert.deepEqual(
      [classifier.embdPdrop, classifier.attnPdrop, classifier.residPdrop, classifier.padTokenId],
      [0, 0, 0, 12],
    );
    assert.deepEqual(classifier.labelNames, ['negative', 'neutral', 'positive']);
  });

  it('writes many labels, and labels outside ASCII, byte for byte as transformers does', () => {
    const text = fixtureText('model/config-labels.json');
    assert.equal(toJson(parseConfig(JSON.parse(text), 'config-labels.json')), text);
  });

  it('keeps unknown fields and renames those with a newer name', () => {
    const config = parse({
      task_specific_params: { generation: { lengths: [1, 2.5, 1e-7], empty: {} } },
      torch_dtype: 'float16',
      num_labels: 3,
    });
    const written = JSON.parse(toJson(withLabels(config, ['a', 'b'], 0))) as Fields;
    assert.deepEqual(written['task_specific_params'], { generation: { lengths: [1, 2.5, 1e-7], empty: {} } });
    assert.equal(written['dtype'], 'float32');
    assert.deepEqual(written['id2label'], { 0: 'a', 1: 'b' });
    assert.deepEqual(written['label2id'], { a: 0, b: 1 });
    assert.ok(!('torch_dtype' in written) && !('num_labels' in written));
  });

  it('writes a config that reads back the same', () => {
    const config = withLabels(
      parse({ n_inner: 7, layer_norm_epsilon: 1e-6 }),
      ['a', 'b', '__proto__'],
      3,
      0.2,
    );
    assert.deepEqual(meaning(parseConfig(JSON.parse(toJson(config)), 'again')), meaning(config));
  });
});

describe('withLabels', () => {
  it("keeps the model's dropout rates if none is given", () => {
    const config = withLabels(parse({ embd_pdrop: 0, attn_pdrop: 0.25, resid_pdrop: 0.5 }), ['a', 'b'], 0);
    assert.deepEqual([config.embdPdrop, config.attnPdrop, config.residPdrop], [0, 0.25, 0.5]);
  });

  it('refuses invalid labels, pad tokens and dropout rates', () => {
    const config = parse({ vocab_size: 10 });
    const file = undefined;
    assert.throws(
      () => withLabels(config, ['only'], 0),
      refusal(ModelError, 'config-one-label', { file, field: 'id2label' }),
    );
    assert.throws(
      () => withLabels(config, ['a', 'a'], 0),
      refusal(ModelError, 'config-label-twice', { file, first: 0, second: 1, label: 'a' }),
    );
    assert.throws(
      () => withLabels(config, ['a', 'b'], 10),
      refusal(ModelError, 'config-not-integer', { file, field: 'pad_token_id', value: 10 }),
    );
    assert.throws(
      () => withLabels(config, ['a', 'b'], 9, 1),
      refusal(ModelError, 'config-not-probability', { file, field: 'embd_pdrop', value: 1 }),
    );
  });
});

describe('readConfig', () => {
  it('refuses a missing or malformed config.json and reports file and position', async (t) => {
    const empty = folder(t);
    await assert.rejects(
      readConfig(empty),
      refusal(ModelError, 'config-unreadable', { file: join(empty, 'config.json') }),
    );
    const broken = folder(t, { 'config.json': '{\n"model_type": "gpt2"\n"n_embd": 8}' });
    await assert.rejects(
      readConfig(broken),
      refusal(ModelError, 'config-not-json', { file: join(broken, 'config.json'), line: 3, column: 1 }),
    );
    const list = folder(t, { 'config.json': '[]' });
    await assert.rejects(
      readConfig(list),
      refusal(ModelError, 'config-not-object', { file: join(list, 'config.json') }),
    );
  });
});

describe('requireVocabulary', () => {
  it('accepts fewer tokens than the embedding has rows, but not more', () => {
    const config = parse({ vocab_size: 10 });
    requireVocabulary(config, 9, 'model');
    requireVocabulary(config, 10, 'model');
    assert.throws(
      () => requireVocabulary(config, 11, 'model'),
      refusal(ModelError, 'model-vocabulary-exceeds-embedding', { folder: 'model', tokens: 11, rows: 10 }),
    );
  });
});
