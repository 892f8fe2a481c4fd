/**
 * GPT-2's config.json. Every field that changes the mathematics is honoured or refused by name; all others
 * are kept and written back. Defaults are those of transformers' GPT2Config (5.17).
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from '../errors/attune-error.js';
import { readPlainFile } from '../files.js';
import { dumps, float } from '../json/python.js';
import type { PythonValue } from '../json/python.js';
import { parseJson } from '../json/syntax.js';
import { FieldReader, isJsonObject } from './config-fields.js';
import type { JsonObject } from './config-fields.js';
import { readLabelNames } from './config-labels.js';

/** The names of the tanh approximation of GELU in transformers; all three are the same function. */
const ACTIVATIONS = ['gelu_new', 'gelu_pytorch_tanh', 'gelu_python_tanh'] as const;
export type ActivationFunction = (typeof ACTIVATIONS)[number];

export interface Gpt2Config {
  readonly vocabSize: number;
  readonly nPositions: number;
  readonly nEmbd: number;
  readonly nLayer: number;
  readonly nHead: number;
  /** Width of the MLP's hidden layer: `n_inner`, or 4 nEmbd where that is null. */
  readonly nInner: number;
  readonly activationFunction: ActivationFunction;
  readonly embdPdrop: number;
  readonly attnPdrop: number;
  readonly residPdrop: number;
  readonly layerNormEpsilon: number;
  /** Standard deviation of a newly drawn head. */
  readonly initializerRange: number;
  /** Scores are divided by the square root of the head's width. */
  readonly scaleAttnWeights: boolean;
  /** Scores of layer i (from 0) are divided by i + 1 as well. */
  readonly scaleAttnByInverseLayerIdx: boolean;
  /** null where the model has none yet, as a pretrained GPT-2. */
  readonly padTokenId: number | null;
  /** Names of the classes, by index. */
  readonly labelNames: readonly string[];
  /** The fields of config.json as they were read, those of attune's own included. */
  readonly fields: JsonObject;
}

/** What GPT2Config of transformers holds where config.json is silent, and therefore writes. */
const DEFAULTS: JsonObject = {
  activation_function: 'gelu_new',
  add_cross_attention: false,
  attn_pdrop: 0.1,
  bos_token_id: 50256,
  embd_pdrop: 0.1,
  eos_token_id: 50256,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  n_embd: 768,
  n_head: 12,
  n_inner: null,
  n_layer: 12,
  n_positions: 1024,
  pad_token_id: null,
  reorder_and_upcast_attn: false,
  resid_pdrop: 0.1,
  scale_attn_by_inverse_layer_idx: false,
  scale_attn_weights: true,
  summary_activation: null,
  summary_first_dropout: 0.1,
  summary_proj_to_labels: true,
  summary_type: 'cls_index',
  summary_use_proj: true,
  tie_word_embeddings: true,
  use_cache: true,
  vocab_size: 50257,
};

/** Other names under which transformers reads the same fields (GPT2Config.attribute_map). */
const ALIASES: Readonly<Record<string, string>> = {
  n_embd: 'hidden_size',
  n_positions: 'max_position_embeddings',
  n_head: 'num_attention_heads',
  n_layer: 'num_hidden_layers',
};

const FLOAT_FIELDS: ReadonlySet<string> = new Set([
  'attn_pdrop',
  'embd_pdrop',
  'resid_pdrop',
  'summary_first_dropout',
  'layer_norm_epsilon',
  'initializer_range',
]);

/**
 * Bounds that no GPT-2 comes near, so that a damaged config is refused before anything is allocated by it.
 */
const MAX_LAYERS = 4096;
const MAX_WIDTH = 2 ** 24;
const MAX_VOCABULARY = 2 ** 27;

/** What the folder of a classical model has in place of config.json (baselines/saved.ts). */
export const ESTIMATOR_FILE = 'estimator.json';

/** Whether a folder holds a classical model. */
export const isClassical = (dir: string): Promise<boolean> =>
  stat(join(dir, ESTIMATOR_FILE)).then(
    () => true,
    () => false,
  );

/**
 * Reads `dir`/config.json.
 *
 * @throws ModelError `model-folder-classical`, `config-unreadable`, `config-not-json`, and as `parseConfig`
 */
export async function readConfig(dir: string): Promise<Gpt2Config> {
  const file = join(dir, 'config.json');
  let text: string;
  try {
    text = await readPlainFile(file);
  } catch (cause) {
    if (await isClassical(dir)) throw new ModelError('model-folder-classical', { folder: dir }, { cause });
    throw new ModelError('config-unreadable', { file }, { cause });
  }
  const result = parseJson(text);
  if ('error' in result) {
    const { line, column, message: reason } = result.error;
    throw new ModelError('config-not-json', { file, line, column, reason });
  }
  return parseConfig(result.value, file);
}

/**
 * @param file its path; undefined: the config that attune makes for a classifier
 * @throws ModelError naming the field that is wrong or that asks for mathematics attune does not do
 */
export function parseConfig(json: unknown, file: string | undefined): Gpt2Config {
  if (!isJsonObject(json)) throw new ModelError('config-not-object', { file });
  const read = new FieldReader(json, file, DEFAULTS, ALIASES);
  refuseOtherMathematics(read);

  const nEmbd = read.integer('n_embd', 1, MAX_WIDTH);
  const nHead = read.integer('n_head', 1, MAX_WIDTH);
  if (nEmbd % nHead !== 0)
    throw new ModelError('config-width-not-divisible', { file, heads: nHead, width: nEmbd });
  const vocabSize = read.integer('vocab_size', 1, MAX_VOCABULARY);
  return {
    vocabSize,
    // n_ctx, which older configs hold beside it, sized a mask buffer once and has no meaning in transformers
    // now.
    nPositions: read.integer('n_positions', 1, MAX_WIDTH),
    nEmbd,
    nLayer: read.integer('n_layer', 1, MAX_LAYERS),
    nHead,
    nInner: read.value('n_inner') === null ? 4 * nEmbd : read.integer('n_inner', 1, MAX_WIDTH),
    activationFunction: readActivation(read),
    embdPdrop: read.probability('embd_pdrop'),
    attnPdrop: read.probability('attn_pdrop'),
    residPdrop: read.probability('resid_pdrop'),
    layerNormEpsilon: read.positive('layer_norm_epsilon'),
    initializerRange: read.positive('initializer_range'),
    scaleAttnWeights: read.boolean('scale_attn_weights'),
    scaleAttnByInverseLayerIdx: read.boolean('scale_attn_by_inverse_layer_idx'),
    padTokenId: read.value('pad_token_id') === null ? null : read.integer('pad_token_id', 0, vocabSize - 1),
    labelNames: readLabelNames(read),
    fields: json,
  };
}

function readActivation(read: FieldReader): ActivationFunction {
  const value = read.value('activation_function');
  const known = ACTIVATIONS.find((name) => name === value);
  if (known === undefined)
    throw new ModelError('config-activation-unsupported', { file: read.file, value, known: ACTIVATIONS });
  return known;
}

function refuseOtherMathematics(read: FieldReader): void {
  const { file } = read;
  const modelType = read.value('model_type');
  if (modelType !== 'gpt2') throw new ModelError('config-not-gpt2', { file, modelType });
  if (read.boolean('add_cross_attention')) throw new ModelError('config-cross-attention', { file });
  // Changes how half precision rounds; in fp32, which attune computes in, both ways are the same mathematics.
  read.boolean('reorder_and_upcast_attn');
  for (const field of ['quantization_config', 'pruned_heads']) {
    const value = read.value(field);
    const empty =
      value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
    if (!empty) throw new ModelError('config-quantized-or-pruned', { file, field });
  }
}

/**
 * The config of a classifier trained from `config`: its labels, its pad token, its dropout (all three) where
 * given, and the fields the Trainer of transformers leaves behind.
 *
 * @throws ModelError for fewer than two labels, two of one name, a pad token outside the vocabulary, or a
 *   dropout outside 0 to 1
 */
export function withLabels(
  config: Gpt2Config,
  labelNames: readonly string[],
  padTokenId: number | null,
  dropout?: number,
): Gpt2Config {
  const rates =
    dropout === undefined ? {} : { embd_pdrop: dropout, attn_pdrop: dropout, resid_pdrop: dropout };
  const fields = {
    ...without(config.fields, ['num_labels']),
    ...rates,
    pad_token_id: padTokenId,
    id2label: Object.fromEntries(labelNames.entries()),
    problem_type: 'single_label_classification',
    use_cache: false,
  };
  return parseConfig(fields, undefined);
}

/**
 * config.json of the classifier as transformers writes it: sorted keys, 2-space indent, a final line break.
 * Weights are always saved as float32, so that is its dtype.
 */
export function toJson(config: Gpt2Config): string {
  const { labelNames } = config;
  const fields: JsonObject = {
    ...DEFAULTS,
    ...without(config.fields, ['num_labels', 'torch_dtype', ...Object.values(ALIASES)]),
    // These may have come under another name.
    n_embd: config.nEmbd,
    n_positions: config.nPositions,
    n_head: config.nHead,
    n_layer: config.nLayer,
    architectures: ['GPT2ForSequenceClassification'],
    dtype: 'float32',
    id2label: Object.fromEntries(labelNames.entries()),
    label2id: Object.fromEntries(labelNames.map((name, i) => [name, i])),
  };
  const lines = Object.keys(fields)
    .sort()
    .map((key) => {
      const value = fields[key] as PythonValue; // of JSON, all of it
      // Python's id2label has integer keys, which it sorts as numbers; so do objects of JavaScript.
      const options = { indent: 2, sortKeys: key !== 'id2label' };
      const text = dumps(FLOAT_FIELDS.has(key) && typeof value === 'number' ? float(value) : value, options);
      return `  ${dumps(key)}: ${text.replaceAll('\n', '\n  ')}`;
    });
  return `{\n${lines.join(',\n')}\n}\n`;
}

function without(fields: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !keys.includes(key)));
}

/**
 * @param tokens number of ids the tokenizer can give: its highest id + 1
 * @throws ModelError `model-vocabulary-exceeds-embedding`; an embedding with rows to spare is common and fine
 */
export function requireVocabulary(config: Gpt2Config, tokens: number, folder: string): void {
  if (tokens > config.vocabSize)
    throw new ModelError('model-vocabulary-exceeds-embedding', { folder, tokens, rows: config.vocabSize });
}
