import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfig, readConfig, requireVocabulary, toJson, withLabels } from '#attune/model/config.js';
import type { Gpt2Config } from '#attune/model/config.js';
import { ModelError } from '#attune/errors/attune-error.js';
import { fixtureJson, fixtureText } from '../support/fixtures.js';
import { folder } from '../support/folder.js';

type Fields = Record<string, unknown>;
/** What the config means, without the fields it was read from. */
const meaning = (config: Gpt2Config): object =>
  Object.fromEntries(Object.entries(config).filter(([name]) => name !== 'fields'));
const parse = (fields: Fields = {}): Gpt2Config =>
  parseConfig({ model_type: 'gpt2', ...fields }, 'config.json');

const refusals: [Fields, RegExp][] = [
  [{ model_type: 'llama' }, /model_type is "llama"/],
  [{ model_type: undefined }, /model_type is missing/],
  [{ activation_function: 'gelu' }, /activation_function is "gelu".*gelu_new/],
  [{ activation_function: 'relu' }, /activation_function is "relu"/],
  [{ activation_function: null }, /activation_function is null/],
  [{ add_cross_attention: true }, /add_cross_attention is true/],
  [{ quantization_config: { bits: 4 } }, /quantization_config is set/],
  [{ pruned_heads: { 0: [1] } }, /pruned_heads is set/],
  [{ n_embd: 10, n_head: 3 }, /n_head is 3, which does not divide n_embd = 10/],
  [{ n_embd: 8, n_head: 2, hidden_size: 16 }, /n_embd is 8, but hidden_size.* is 16/],
  [{ n_layer: 0 }, /n_layer is 0/],
  [{ n_layer: 1e9 }, /n_layer is 1000000000/],
  [{ n_layer: '2' }, /n_layer is "2"/],
  [{ n_layer: null }, /n_layer is null/],
  [{ n_positions: 1.5 }, /n_positions is 1.5/],
  [{ vocab_size: -1 }, /vocab_size is -1/],
  [{ n_inner: 0 }, /n_inner is 0/],
  [{ layer_norm_epsilon: 0 }, /layer_norm_epsilon is 0/],
  [{ layer_norm_epsilon: 'small' }, /layer_norm_epsilon is "small"/],
  [{ embd_pdrop: 1 }, /embd_pdrop is 1/],
  [{ attn_pdrop: -0.1 }, /attn_pdrop is -0.1/],
  [{ resid_pdrop: null }, /resid_pdrop is null/],
  [{ scale_attn_weights: 1 }, /scale_attn_weights is 1/],
  [{ scale_attn_by_inverse_layer_idx: 'yes' }, /scale_attn_by_inverse_layer_idx is "yes"/],
  [{ reorder_and_upcast_attn: null }, /reorder_and_upcast_attn is null/],
  [{ vocab_size: 10, pad_token_id: 10 }, /pad_token_id is 10/],
  [{ pad_token_id: -1 }, /pad_token_id is -1/],
  [{ problem_type: 'regression' }, /problem_type is "regression"/],
  [{ problem_type: 'multi_label_classification' }, /problem_type is "multi_label_classification"/],
  [{ num_labels: 1 }, /num_labels has one label, which means regression/],
  [{ id2label: { 0: 'score' } }, /id2label has one label, which means regression/],
  [{ num_labels: 3, id2label: { 0: 'a', 1: 'b' } }, /num_labels is 3, but id2label names 2/],
  [{ id2label: { 0: 'a', 2: 'b' } }, /id2label must number its 2 labels 0 to 1; it lacks 1/],
  [{ id2label: { 1: 'a', 2: 'b' } }, /id2label .* lacks 0/],
  [{ id2label: { zero: 'a', one: 'b' } }, /id2label .* lacks 0/],
  [{ id2label: { 0: 'a', 1: 2 } }, /id2label names label 1 2, which is not a string/],
  [{ id2label: { 0: 'a', 1: 'a' } }, /id2label gives labels 0 and 1 the same name, "a"/],
  [{ id2label: ['a', 'b'] }, /id2label is not an object/],
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
  for (const [fields, message] of refusals) {
    it(`refuses ${JSON.stringify(fields)} and names the field`, () => {
      assert.throws(
        () => parse(fields),
        (error) =>
          error instanceof ModelError &&
          message.test(error.message) &&
          error.message.startsWith('config.json: '),
      );
    });
  }
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
    assert.throws(() => withLabels(config, ['only'], 0), /one label/);
    assert.throws(() => withLabels(config, ['a', 'a'], 0), /same name/);
    assert.throws(() => withLabels(config, ['a', 'b'], 10), /pad_token_id is 10/);
    assert.throws(() => withLabels(config, ['a', 'b'], 9, 1), /embd_pdrop is 1/);
  });
});

describe('readConfig', () => {
  it('refuses a missing or malformed config.json and reports file and position', async (t) => {
    const empty = folder(t);
    await assert.rejects(
      readConfig(empty),
      (error) => error instanceof ModelError && error.message.includes('config.json'),
    );
    const broken = folder(t, { 'config.json': '{\n"model_type": "gpt2"\n"n_embd": 8}' });
    await assert.rejects(
      readConfig(broken),
      (error) => error instanceof ModelError && /config\.json, line 3, column 1: /.test(error.message),
    );
    const list = folder(t, { 'config.json': '[]' });
    await assert.rejects(
      readConfig(list),
      (error) => error instanceof ModelError && /config\.json is not a JSON object/.test(error.message),
    );
  });
});

describe('requireVocabulary', () => {
  it('accepts fewer tokens than the embedding has rows, but not more', () => {
    const config = parse({ vocab_size: 10 });
    requireVocabulary(config, 9, 'vocab.json');
    requireVocabulary(config, 10, 'vocab.json');
    assert.throws(
      () => requireVocabulary(config, 11, 'vocab.json'),
      (error) => error instanceof ModelError && /vocab\.json has 11 tokens.* 10 rows/.test(error.message),
    );
  });
});
