import type { TOKENIZER_ERRORS } from '#attune/errors/codes/tokenizer-errors.js';
import type { Examples } from './examples.js';

const file = 'model/tokenizer.json';
const vocabulary = { file, field: 'model.vocab' };
const added = { file: 'model/added_tokens.json', token: '[PAD]' };

export const TOKENIZER_EXAMPLES: Examples<typeof TOKENIZER_ERRORS> = {
  'model-file-not-utf8': [{ file }],
  'model-file-broken-json': [{ file, line: 1, column: 11, reason: 'expected a value, found "}"' }],
  'model-file-not-object': [
    { file, found: [] },
    { file, found: null },
  ],

  'tokenizer-missing': [
    { dir: 'model', missing: ['vocab.json', 'merges.txt'] },
    { dir: 'model', missing: ['merges.txt'] },
  ],
  'tokenizer-unbuildable': [{ dir: 'model', reason: 'its pre_tokenizer is not ByteLevel' }],
  'tokenizer-model-missing': [{ file }],
  'tokenizer-kind': [{ file, kind: 'WordPiece' }],
  'tokenizer-option-unsupported': [
    { file, option: 'model.dropout', value: 0.1 },
    { file, field: 'added_tokens[0]', option: 'single_word', value: true },
  ],
  'tokenizer-adds-token': [{ file: 'model/tokenizer_config.json', option: 'add_bos_token' }],
  'tokenizer-pads-left': [{ file: 'model/tokenizer_config.json' }],
  'tokenizer-post-processor': [{ file, kind: 'TemplateProcessing' }],
  'tokenizer-pre-tokenizer-missing': [{ file }],
  'tokenizer-component-kind': [{ file, component: 'pre_tokenizer', kind: 'Metaspace', known: ['ByteLevel'] }],
  'tokenizer-component-malformed': [{ file, component: 'normalizer' }],

  'vocabulary-not-object': [vocabulary],
  'vocabulary-empty': [{ file: 'model/vocab.json' }],
  'vocabulary-gap': [{ file: 'model/vocab.json', highest: 300, missing: 4 }],
  'unknown-token-missing': [{ file, token: '<unk>' }],
  'token-id-invalid': [
    { ...vocabulary, token: 'a', id: -1 },
    { file, field: 'added_tokens[0]', token: '[PAD]', id: undefined },
  ],
  'token-id-shared': [{ ...vocabulary, tokens: ['a', 'b'], id: 1 }],

  'merges-not-list': [{ file, field: 'model.merges' }],
  'merge-malformed': [
    { file: 'model/merges.txt', line: 2, found: 'a b c' },
    { file, field: 'model.merges[1]', found: 7 },
  ],
  'merge-token-unknown': [{ file: 'model/merges.txt', line: 2, left: 'a', right: 'x', token: 'ax' }],

  'added-tokens-not-list': [{ file, field: 'added_tokens' }],
  'added-token-content-missing': [{ file, field: 'added_tokens[0]' }],
  'added-token-id-differs': [{ ...added, id: 4, known: 2 }],
  'added-token-id-taken': [{ ...added, id: 2, holder: 'ab' }],
};
