import type { MODEL_ERRORS } from '#attune/errors/codes/model-errors.js';
import type { Examples } from './examples.js';

const file = 'model/config.json';
const page = 'https://hub.example/tiny/model';
const weights = ['model.safetensors', 'model.safetensors.index.json'];

export const MODEL_EXAMPLES: Examples<typeof MODEL_ERRORS> = {
  'model-folder-missing': [{ folder: 'model' }],
  'model-folder-unreadable': [{ folder: 'model', reason: "EACCES: permission denied, scandir 'model'" }],
  'model-folder-classical': [{ folder: 'model' }],
  'model-head-missing': [{ folder: 'model', tensor: 'score.weight' }],
  'model-weights-missing': [{ folder: 'model', names: weights }],
  'model-weights-pickled': [{ folder: 'model', name: 'pytorch_model.bin' }],
  'model-file-missing': [{ folder: 'model', name: 'model-00002-of-00003.safetensors' }],
  'model-vocabulary-exceeds-embedding': [{ folder: 'model', tokens: 11, rows: 10 }],

  'config-unreadable': [{ file }],
  'config-not-json': [{ file, line: 3, column: 1, reason: 'expected , or }' }],
  'config-not-object': [{ file }, { file: undefined }],
  'config-not-gpt2': [
    { file, modelType: undefined },
    { file, modelType: 'llama' },
  ],
  'config-names-differ': [{ file, field: 'n_embd', value: 8, alias: 'hidden_size', other: 16 }],
  'config-not-integer': [{ file, field: 'n_layer', value: '2', min: 1, max: 4096 }],
  'config-not-positive': [{ file, field: 'layer_norm_epsilon', value: 0 }],
  'config-not-probability': [{ file: undefined, field: 'embd_pdrop', value: 1 }],
  'config-not-boolean': [{ file, field: 'scale_attn_weights', value: 1 }],
  'config-activation-unsupported': [{ file, value: 'relu', known: ['gelu_new', 'gelu_pytorch_tanh'] }],
  'config-cross-attention': [{ file }],
  'config-quantized-or-pruned': [{ file, field: 'pruned_heads' }],
  'config-width-not-divisible': [{ file, heads: 3, width: 10 }],
  'config-problem-type': [{ file, value: 'regression' }],
  'config-label-count': [{ file, count: 3, names: 2 }],
  'config-one-label': [
    { file, field: 'num_labels' },
    { file: undefined, field: 'id2label' },
  ],
  'config-labels-not-object': [{ file }],
  'config-label-missing': [{ file, count: 2, missing: 1 }],
  'config-label-not-text': [{ file, index: 1, value: 2 }],
  'config-label-twice': [{ file, first: 0, second: 1, label: 'a' }],

  'hub-model-without-tokenizer': [{ model: 'tiny/model', page }],
  'hub-model-without-config': [{ model: 'tiny/model', name: 'config.json', page }],
  'hub-model-without-shards': [
    { model: 'tiny/model', index: weights[1], shards: ['a.safetensors', 'b.safetensors'], page },
  ],
  'hub-model-without-weights': [{ model: 'tiny/model', names: weights, page }],
  'hub-model-pickled': [{ model: 'tiny/model@main', name: 'pytorch_model.bin', page }],
};
