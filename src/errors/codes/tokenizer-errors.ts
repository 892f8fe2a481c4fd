/** What is wrong with a tokenizer's files, and with any JSON file of a model folder. */
import { DOWNLOAD_FILE_AGAIN } from '../phrases/hints.js';
import type { FieldPlace } from '../phrases/places.js';
import { fieldPlace } from '../phrases/places.js';
import { shown } from '../phrases/values.js';
import type { Plain } from '../wording.js';
import { worded } from '../wording.js';

const INCOMPLETE = 'The vocabulary is incomplete; download the file again.';
const OF_ANOTHER_KIND = 'The file is damaged, or is another kind of file; download it again.';
const OTHER_TOKENIZER =
  'attune supports tokenizers that work as GPT-2’s does. Choose a model with such a tokenizer.';
const SAVE_AGAIN =
  'Save the tokenizer again with the program that it comes from, or download the file again.';

export const TOKENIZER_ERRORS = {
  'model-file-not-utf8': worded<{ file: string }>({
    says: ({ file }) => `${file}: is not UTF-8 text`,
    hint: () => OF_ANOTHER_KIND,
  }),
  'model-file-broken-json': worded<{ file: string; line: number; column: number; reason: string }>({
    says: ({ file, line, column, reason }) => `${file}:${line}:${column}: broken JSON: ${reason}`,
    hint: () => DOWNLOAD_FILE_AGAIN,
  }),
  'model-file-not-object': worded<{ file: string; found: Plain }>({
    says: ({ file, found }) =>
      `${file}: holds ${Array.isArray(found) ? 'an array' : shown(found)}, not a JSON object`,
    hint: () => OF_ANOTHER_KIND,
  }),

  'tokenizer-missing': worded<{ dir: string; missing: readonly string[] }>({
    says: ({ dir, missing }) => `${dir}: has no tokenizer: ${whatIsMissing(missing)}`,
    hint: () =>
      'A model folder holds either tokenizer.json, or vocab.json and merges.txt, ' +
      'beside config.json and the weights.',
  }),
  'tokenizer-unbuildable': worded<{ dir: string; reason: string }>({
    says: ({ dir, reason }) => `${dir}: the tokenizer cannot be built (${reason})`,
    hint: () => 'The tokenizer’s files may be damaged or of different tokenizers; download them again.',
  }),
  'tokenizer-model-missing': worded<{ file: string }>({
    says: ({ file }) => `${file}: has no "model"`,
    hint: () => OF_ANOTHER_KIND,
  }),
  'tokenizer-kind': worded<{ file: string; kind: Plain }>({
    says: ({ file, kind }) =>
      `${file}: a tokenizer of kind ${JSON.stringify(kind)}; attune supports only byte-level BPE, as in GPT-2`,
    hint: () => 'Choose a GPT-2 model with its own tokenizer.',
  }),
  'tokenizer-option-unsupported': worded<FieldPlace & { option: string; value: Plain }>({
    says: ({ option, value, ...place }) =>
      `${fieldPlace(place)}: ${option} is ${JSON.stringify(value)}, which attune does not support`,
    hint: () => OTHER_TOKENIZER,
  }),
  'tokenizer-adds-token': worded<{ file: string; option: string }>({
    says: ({ file, option }) => `${file}: ${option} is true, but attune adds no tokens to a text`,
    hint: ({ option }) =>
      `To fine-tune this model without the token, set ${JSON.stringify(option)} to false in that file.`,
  }),
  'tokenizer-pads-left': worded<{ file: string }>({
    says: ({ file }) =>
      `${file}: padding_side is "left"; attune classifies at the last token of a row, as with padding on the right`,
    hint: () =>
      'Padding on the left shifts the positions and so the logits. To fine-tune this model with ' +
      'padding on the right, set "padding_side" to "right" in that file.',
  }),
  'tokenizer-post-processor': worded<{ file: string; kind: Plain }>({
    says: ({ file, kind }) =>
      `${file}: its post_processor (${JSON.stringify(kind)}) may add tokens to a text, which attune does not support`,
    hint: () => OTHER_TOKENIZER,
  }),
  'tokenizer-pre-tokenizer-missing': worded<{ file: string }>({
    says: ({ file }) => `${file}: has no pre_tokenizer; attune supports only ByteLevel, as in GPT-2`,
    hint: () => OTHER_TOKENIZER,
  }),
  'tokenizer-component-kind': worded<{
    file: string;
    component: string;
    kind: string;
    known: readonly string[];
  }>({
    says: ({ file, component, kind, known }) =>
      `${file}: a ${component} of kind ${JSON.stringify(kind)}; attune supports only ${known.join(', ')}`,
    hint: () => OTHER_TOKENIZER,
  }),
  'tokenizer-component-malformed': worded<{ file: string; component: string }>({
    says: ({ file, component }) => `${file} ${component}: is not an object with a "type"`,
    hint: () => SAVE_AGAIN,
  }),

  'vocabulary-not-object': worded<FieldPlace>({
    says: (place) => `${fieldPlace(place)}: is not an object of tokens and their ids`,
    hint: () => SAVE_AGAIN,
  }),
  'vocabulary-empty': worded<FieldPlace>({
    says: (place) => `${fieldPlace(place)}: the vocabulary is empty`,
    hint: () => INCOMPLETE,
  }),
  'vocabulary-gap': worded<FieldPlace & { highest: number; missing: number }>({
    says: ({ highest, missing, ...place }) =>
      `${fieldPlace(place)}: ids are not contiguous: the highest is ${highest}, but no token has id ${missing}`,
    hint: () => INCOMPLETE,
  }),
  'unknown-token-missing': worded<{ file: string; token: string }>({
    says: ({ file, token }) => `${file}: model.unk_token ${JSON.stringify(token)} is not in the vocabulary`,
    hint: () => 'Set unk_token in that file to null, or to a token of the vocabulary.',
  }),
  'token-id-invalid': worded<FieldPlace & { token: string; id: Plain }>({
    says: ({ token, id, ...place }) =>
      `${fieldPlace(place)}: the id of token ${JSON.stringify(token)} must be a whole number, ` +
      `at least 0; got ${JSON.stringify(id)}`,
    hint: () => SAVE_AGAIN,
  }),
  'token-id-shared': worded<FieldPlace & { tokens: readonly [string, string]; id: number }>({
    says: ({ tokens: [first, second], id, ...place }) =>
      `${fieldPlace(place)}: tokens ${JSON.stringify(first)} and ${JSON.stringify(second)} have the same id ${id}`,
    hint: () => SAVE_AGAIN,
  }),

  'merges-not-list': worded<FieldPlace>({
    says: (place) => `${fieldPlace(place)}: is not an array of merges`,
    hint: () => SAVE_AGAIN,
  }),
  'merge-malformed': worded<FieldPlace & { found: Plain }>({
    says: ({ found, ...place }) =>
      `${fieldPlace(place)}: malformed merge ${JSON.stringify(found)}; expected two tokens separated by one space`,
    hint: () => DOWNLOAD_FILE_AGAIN,
  }),
  'merge-token-unknown': worded<FieldPlace & { left: string; right: string; token: string }>({
    says: ({ left, right, token, ...place }) =>
      `${fieldPlace(place)}: the merge of ${JSON.stringify(left)} and ${JSON.stringify(right)} ` +
      `needs token ${JSON.stringify(token)}, which is not in the vocabulary`,
    hint: () => 'Merges and vocabulary must come from the same tokenizer.',
  }),

  'added-tokens-not-list': worded<FieldPlace>({
    says: (place) => `${fieldPlace(place)}: is not an array`,
    hint: () => SAVE_AGAIN,
  }),
  'added-token-content-missing': worded<FieldPlace>({
    says: (place) => `${fieldPlace(place)}: has no "content"`,
    hint: () => 'Every added token needs its text as "content".',
  }),
  /** `known` is the id that the vocabulary has for the token. */
  'added-token-id-differs': worded<FieldPlace & { token: string; id: number; known: number }>({
    says: ({ token, id, known, ...place }) =>
      `${fieldPlace(place)}: added token ${JSON.stringify(token)} has id ${id}, ` +
      `but its id in the vocabulary is ${known}`,
    hint: () =>
      'All files of the tokenizer must have the same id for a token: download them again from one place.',
  }),
  'added-token-id-taken': worded<FieldPlace & { token: string; id: number; holder: string }>({
    says: ({ token, id, holder, ...place }) =>
      `${fieldPlace(place)}: added token ${JSON.stringify(token)} has id ${id}, ` +
      `but that is the id of ${JSON.stringify(holder)}`,
    hint: () => 'Give the added token an id that no other token has.',
  }),
};

function whatIsMissing(files: readonly string[]): string {
  return files.length === 1
    ? `${files[0]} is missing`
    : 'there is neither a tokenizer.json nor a vocab.json with merges.txt';
}
