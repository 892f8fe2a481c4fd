/** What is wrong with a model: its folder, its config.json, its repository on the Hub. */
import { CHECK_PATH } from '../phrases/hints.js';
import type { Plain } from '../wording.js';
import { worded } from '../wording.js';

/** `undefined`: the config that attune makes for a classifier. */
type ConfigFile = string | undefined;
/** A field of a config with the value that it must not have. */
type ConfigField = { file: ConfigFile; field: string; value: Plain };

const nameOf = (file: ConfigFile): string => file ?? 'the classifier’s config';
const json = (value: Plain): string => JSON.stringify(value);
const field = (facts: ConfigField): string => `${nameOf(facts.file)}: ${facts.field} is ${json(facts.value)}`;

const FOLDER_HOLDS = 'A model folder holds config.json, model.safetensors and the tokenizer’s files.';
const RESTORE = 'Set the value that the model was trained with, or download the file again.';

export const MODEL_ERRORS = {
  'model-folder-missing': worded<{ folder: string }>({
    says: ({ folder }) => `${folder} is not a folder`,
    hint: () => 'Give a folder with config.json, model.safetensors and the tokenizer’s files.',
  }),
  'model-folder-unreadable': worded<{ folder: string; reason: string }>({
    says: ({ folder, reason }) => `cannot read the model folder ${folder}: ${reason}`,
    hint: () => CHECK_PATH,
  }),
  'model-folder-classical': worded<{ folder: string }>({
    says: ({ folder }) => `${folder} holds a classical model, not a GPT-2`,
    hint: () => 'TextClassifier takes such a folder; training and comparing start from a GPT-2.',
  }),
  'model-head-missing': worded<{ folder: string; tensor: string }>({
    says: ({ folder, tensor }) => `the model in ${folder} has no classification head (${tensor})`,
    hint: () => 'It has not been trained to classify: fine-tune it first.',
  }),
  'model-weights-missing': worded<{ folder: string; names: readonly string[] }>({
    says: ({ folder, names }) => `${folder} holds neither ${names.join(' nor ')}`,
    hint: () => FOLDER_HOLDS,
  }),
  'model-weights-pickled': worded<{ folder: string; name: string }>({
    says: ({ folder, name }) => `${folder} holds ${name}, a pickle, which attune does not run`,
    hint: ({ name }) => `Convert it once, in that folder: python -c "${conversion(name)}"`,
  }),
  'model-file-missing': worded<{ folder: string; name: string }>({
    says: ({ folder, name }) => `${folder}: ${name} is missing`,
    hint: () => 'Download the folder again.',
  }),
  'model-vocabulary-exceeds-embedding': worded<{ folder: string; tokens: number; rows: number }>({
    says: ({ folder, tokens, rows }) =>
      `${folder} has ${tokens} tokens, but the model’s embedding has only ${rows} rows (vocab_size)`,
    hint: () => 'Tokenizer and weights do not belong together: take both from the same model folder.',
  }),

  'config-unreadable': worded<{ file: string }>({
    says: ({ file }) => `cannot read ${file}`,
    hint: () => FOLDER_HOLDS,
  }),
  'config-not-json': worded<{ file: string; line: number; column: number; reason: string }>({
    says: ({ file, line, column, reason }) => `${file}:${line}:${column}: broken JSON: ${reason}`,
    hint: () => 'Correct the file there, or download it again.',
  }),
  'config-not-object': worded<{ file: ConfigFile }>({
    says: ({ file }) => `${nameOf(file)} is not a JSON object`,
    hint: () => 'Download the file again.',
  }),
  'config-not-gpt2': worded<{ file: ConfigFile; modelType: Plain }>({
    says: ({ file, modelType }) =>
      modelType === undefined
        ? `${nameOf(file)}: model_type is missing; it must be "gpt2"`
        : `${nameOf(file)}: model_type is ${json(modelType)}; attune supports only "gpt2"`,
    hint: () => 'Give a GPT-2, such as openai-community/gpt2 or distilbert/distilgpt2.',
  }),
  'config-names-differ': worded<ConfigField & { alias: string; other: Plain }>({
    says: (facts) =>
      `${field(facts)}, but ${facts.alias}, another name of the same field, is ${json(facts.other)}`,
    hint: () => 'Keep only one of the two, with the value that the model was trained with.',
  }),
  'config-not-integer': worded<ConfigField & { min: number; max: number }>({
    says: (facts) => `${field(facts)}, not a whole number from ${facts.min} to ${facts.max}`,
    hint: () => RESTORE,
  }),
  'config-not-positive': worded<ConfigField>({
    says: (facts) => `${field(facts)}, not a number above 0`,
    hint: () => RESTORE,
  }),
  'config-not-probability': worded<ConfigField>({
    says: (facts) => `${field(facts)}, not a number from 0 to below 1`,
    hint: () => 'Dropout is a probability: 0 turns it off, 0.1 is usual.',
  }),
  'config-not-boolean': worded<ConfigField>({
    says: (facts) => `${field(facts)}, neither true nor false`,
    hint: () => RESTORE,
  }),
  'config-activation-unsupported': worded<{ file: ConfigFile; value: Plain; known: readonly string[] }>({
    says: ({ file, value, known }) =>
      `${field({ file, field: 'activation_function', value })}; attune supports only ${known.join(', ')}`,
    hint: () => 'Start from a model with one of these, such as any GPT-2 of OpenAI.',
  }),
  'config-cross-attention': worded<{ file: ConfigFile }>({
    says: ({ file }) => `${nameOf(file)}: add_cross_attention is true; attune has no cross-attention`,
    hint: () => 'Start from a GPT-2 that is not the decoder of an encoder-decoder model.',
  }),
  'config-quantized-or-pruned': worded<{ file: ConfigFile; field: string }>({
    says: (facts) =>
      `${nameOf(facts.file)}: ${facts.field} is set; attune reads neither quantized nor pruned models`,
    hint: () => 'Start from the original model.',
  }),
  'config-width-not-divisible': worded<{ file: ConfigFile; heads: number; width: number }>({
    says: ({ file, heads, width }) =>
      `${nameOf(file)}: n_head is ${heads}, which does not divide n_embd = ${width}`,
    hint: () => RESTORE,
  }),
  'config-problem-type': worded<{ file: ConfigFile; value: Plain }>({
    says: ({ file, value }) =>
      `${field({ file, field: 'problem_type', value })}; attune supports only single_label_classification`,
    hint: () => 'Use a model that gives each text one class, or one without a classification head.',
  }),
  'config-label-count': worded<{ file: ConfigFile; count: number; names: number }>({
    says: ({ file, count, names }) =>
      `${nameOf(file)}: num_labels is ${count}, but id2label has ${names} names`,
    hint: () => 'Remove num_labels, or have id2label name every class.',
  }),
  'config-one-label': worded<{ file: ConfigFile; field: string }>({
    says: (facts) =>
      `${nameOf(facts.file)}: ${facts.field} has one label, which means regression; ` +
      'attune classifies into two or more',
    hint: ({ file }) =>
      file === undefined
        ? 'Use rows of two or more classes.'
        : 'Use a model of two or more classes, or one without a classification head.',
  }),
  'config-labels-not-object': worded<{ file: ConfigFile }>({
    says: ({ file }) => `${nameOf(file)}: id2label is not an object from class index to name`,
    hint: () => 'Write it as in {"0": "negative", "1": "positive"}.',
  }),
  'config-label-missing': worded<{ file: ConfigFile; count: number; missing: number }>({
    says: ({ file, count, missing }) =>
      `${nameOf(file)}: id2label must number its ${count} labels 0 to ${count - 1}; it lacks ${missing}`,
    hint: () => 'Number the classes in the order of the rows of the classification head.',
  }),
  'config-label-not-text': worded<{ file: ConfigFile; index: number; value: Plain }>({
    says: ({ file, index, value }) =>
      `${nameOf(file)}: the name of label ${index} in id2label is ${json(value)}, not a string`,
    hint: () => 'Put the name in quotes.',
  }),
  'config-label-twice': worded<{ file: ConfigFile; first: number; second: number; label: string }>({
    says: ({ file, first, second, label }) =>
      `${nameOf(file)}: id2label gives labels ${first} and ${second} the same name, ${json(label)}`,
    hint: () => 'Give every class a name of its own.',
  }),

  'hub-model-without-tokenizer': worded<{ model: string; page: string }>({
    says: ({ model }) =>
      `the model ${model} on the Hub has no tokenizer: neither tokenizer.json nor vocab.json with merges.txt`,
    hint: ({ page }) => whatIsThere(page),
  }),
  'hub-model-without-config': worded<{ model: string; name: string; page: string }>({
    says: ({ model, name }) => `${model} on the Hub has no ${name}, so it is not a transformers model`,
    hint: ({ page }) => whatIsThere(page),
  }),
  'hub-model-without-shards': worded<{
    model: string;
    index: string;
    shards: readonly string[];
    page: string;
  }>({
    says: ({ model, index, shards }) =>
      `${index} of ${model} lists ${shards.join(', ')}, which the repository does not have`,
    hint: ({ page }) => whatIsThere(page),
  }),
  'hub-model-without-weights': worded<{ model: string; names: readonly string[]; page: string }>({
    says: ({ model, names }) =>
      `the model ${model} on the Hub has no weights that attune reads: neither ${names.join(' nor ')}`,
    hint: ({ page }) => whatIsThere(page),
  }),
  'hub-model-pickled': worded<{ model: string; name: string; page: string }>({
    says: ({ model, name }) =>
      `the model ${model} on the Hub has its weights only in ${name}, a pickle, which attune does not run`,
    hint: ({ model, page }) =>
      `A pull request with safetensors may be waiting at ${page}/discussions: ` +
      `then give the id with its number, as in ${model.replace(/@.*/, '')}@refs/pr/1. ` +
      'Or load it once in Python and save it: model.save_pretrained("folder").',
  }),
};

const whatIsThere = (page: string): string => `Choose another model; ${page} lists what this one has.`;

/** Python that saves every tensor under its own name, whatever kind of model the file is of. */
const conversion = (name: string): string =>
  [
    'import torch',
    'from safetensors.torch import save_file',
    `weights = torch.load('${name}', map_location='cpu', weights_only=True)`,
    'save_file({name: tensor.clone().contiguous() for name, tensor in weights.items()}, ' +
      "'model.safetensors', metadata={'format': 'pt'})",
  ].join('; ');
