import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ModelError } from '#attune/errors/attune-error.js';
import type { ErrorCode, FactsOf } from '#attune/errors/catalogue.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

const END = '<|endoftext|>';
const VOCAB = JSON.stringify({ a: 0, b: 1, ab: 2, [END]: 3 });
const MERGES = '#version: 0.2\na b\n';

const json = (over: Record<string, unknown> = {}, model: Record<string, unknown> = {}) =>
  JSON.stringify({
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
    ...over,
    model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, [END]: 3 }, merges: [['a', 'b']], ...model },
  });

/** A refusal of a file of the folder with this code and these facts. */
const refuses =
  <Code extends ErrorCode>(code: Code, file: string, facts: Partial<FactsOf<Code>> = {}) =>
  (error: unknown): true => {
    assert.equal(basename((error as ModelError).facts.file as string), file);
    return refusal(ModelError, code, facts)(error);
  };

const refused: [
  name: string,
  files: Record<string, string | Uint8Array>,
  refusal: (error: unknown) => true,
][] = [
  [
    'a folder without tokenizer files',
    {},
    refusal(ModelError, 'tokenizer-missing', { missing: ['vocab.json', 'merges.txt'] }),
  ],
  [
    'a missing merges.txt',
    { 'vocab.json': VOCAB },
    refusal(ModelError, 'tokenizer-missing', { missing: ['merges.txt'] }),
  ],
  [
    'a missing vocab.json',
    { 'merges.txt': MERGES },
    refusal(ModelError, 'tokenizer-missing', { missing: ['vocab.json'] }),
  ],
  [
    'a broken vocab.json',
    { 'vocab.json': '{"a": 0, ', 'merges.txt': MERGES },
    refuses('model-file-broken-json', 'vocab.json', { line: 1, column: 10 }),
  ],
  [
    'an empty vocab.json',
    { 'vocab.json': '', 'merges.txt': MERGES },
    refuses('model-file-broken-json', 'vocab.json', { line: 1, column: 1 }),
  ],
  [
    'a vocab.json that is an array',
    { 'vocab.json': '["a"]', 'merges.txt': MERGES },
    refuses('model-file-not-object', 'vocab.json', { found: ['a'] }),
  ],
  [
    'a vocab.json without tokens',
    { 'vocab.json': '{}', 'merges.txt': MERGES },
    refuses('vocabulary-empty', 'vocab.json'),
  ],
  [
    'a fractional token id',
    { 'vocab.json': '{"a": 0.5}', 'merges.txt': MERGES },
    refuses('token-id-invalid', 'vocab.json', { token: 'a', id: 0.5 }),
  ],
  [
    'a negative token id',
    { 'vocab.json': '{"a": -1}', 'merges.txt': MERGES },
    refuses('token-id-invalid', 'vocab.json', { token: 'a', id: -1 }),
  ],
  [
    'a token id that is a string',
    { 'vocab.json': '{"a": "0"}', 'merges.txt': MERGES },
    refuses('token-id-invalid', 'vocab.json', { token: 'a', id: '0' }),
  ],
  [
    'two tokens with the same id',
    { 'vocab.json': '{"a": 0, "b": 0}', 'merges.txt': MERGES },
    refuses('token-id-shared', 'vocab.json', { tokens: ['a', 'b'], id: 0 }),
  ],
  [
    'a gap in the token ids',
    { 'vocab.json': `{"a": 0, "b": 1, "ab": 3, "${END}": 4}`, 'merges.txt': MERGES },
    refuses('vocabulary-gap', 'vocab.json', { highest: 4, missing: 2 }),
  ],
  [
    'a merge of three tokens',
    { 'vocab.json': VOCAB, 'merges.txt': '#version: 0.2\na b\na b b\n' },
    refuses('merge-malformed', 'merges.txt', { line: 3, found: 'a b b' }),
  ],
  [
    'a merge of one token',
    { 'vocab.json': VOCAB, 'merges.txt': 'a b\nab\n' },
    refuses('merge-malformed', 'merges.txt', { line: 2, found: 'ab' }),
  ],
  [
    'a merge with an empty token',
    { 'vocab.json': VOCAB, 'merges.txt': 'a \n' },
    refuses('merge-malformed', 'merges.txt', { line: 1, found: 'a ' }),
  ],
  [
    'a merge of tokens that are not in the vocabulary',
    { 'vocab.json': VOCAB, 'merges.txt': '#version: 0.2\n\na c\n' },
    refuses('merge-token-unknown', 'merges.txt', { line: 3, left: 'a', right: 'c', token: 'c' }),
  ],
  [
    'a merge into a token that is not in the vocabulary',
    { 'vocab.json': VOCAB, 'merges.txt': 'b a\n' },
    refuses('merge-token-unknown', 'merges.txt', { line: 1, left: 'b', right: 'a', token: 'ba' }),
  ],
  [
    'a merges.txt that is not UTF-8',
    { 'vocab.json': VOCAB, 'merges.txt': Uint8Array.of(0x61, 0x20, 0xff) },
    refuses('model-file-not-utf8', 'merges.txt'),
  ],
  [
    'a broken tokenizer_config.json',
    { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'tokenizer_config.json': '{' },
    refuses('model-file-broken-json', 'tokenizer_config.json', { line: 1, column: 2 }),
  ],
  [
    'add_bos_token',
    { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'tokenizer_config.json': '{"add_bos_token": true}' },
    refuses('tokenizer-adds-token', 'tokenizer_config.json', { option: 'add_bos_token' }),
  ],
  [
    'padding on the left',
    { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'tokenizer_config.json': '{"padding_side": "left"}' },
    refuses('tokenizer-pads-left', 'tokenizer_config.json'),
  ],
  [
    'an added token whose id is taken',
    { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'added_tokens.json': '{"[PAD]": 2}' },
    refuses('added-token-id-taken', 'added_tokens.json', { token: '[PAD]', id: 2, holder: 'ab' }),
  ],
  [
    'an added token with another id than in the vocabulary',
    { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'added_tokens.json': '{"ab": 4}' },
    refuses('added-token-id-differs', 'added_tokens.json', { token: 'ab', id: 4, known: 2 }),
  ],
  [
    'an added token that leaves a gap in the ids',
    { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'added_tokens.json': '{"[PAD]": 5}' },
    refuses('vocabulary-gap', 'vocab.json', { highest: 5, missing: 4 }),
  ],
  [
    'a broken tokenizer.json',
    { 'tokenizer.json': '{"model": ' },
    refuses('model-file-broken-json', 'tokenizer.json', { line: 1, column: 11 }),
  ],
  [
    'a tokenizer.json without a model',
    { 'tokenizer.json': '{}' },
    refuses('tokenizer-model-missing', 'tokenizer.json'),
  ],
  [
    'a WordPiece tokenizer',
    { 'tokenizer.json': json({}, { type: 'WordPiece' }) },
    refuses('tokenizer-kind', 'tokenizer.json', { kind: 'WordPiece' }),
  ],
  [
    'a tokenizer of unknown kind',
    { 'tokenizer.json': '{"model": {"vocab": {"a": 0}}}' },
    refuses('tokenizer-kind', 'tokenizer.json', { kind: 'unknown' }),
  ],
  [
    'BPE dropout',
    { 'tokenizer.json': json({}, { dropout: 0.1 }) },
    refuses('tokenizer-option-unsupported', 'tokenizer.json', { option: 'model.dropout', value: 0.1 }),
  ],
  [
    'an end-of-word suffix',
    { 'tokenizer.json': json({}, { end_of_word_suffix: '</w>' }) },
    refuses('tokenizer-option-unsupported', 'tokenizer.json', {
      option: 'model.end_of_word_suffix',
      value: '</w>',
    }),
  ],
  [
    'byte fallback',
    { 'tokenizer.json': json({}, { byte_fallback: true }) },
    refuses('tokenizer-option-unsupported', 'tokenizer.json', { option: 'model.byte_fallback', value: true }),
  ],
  [
    'an unk_token that is not in the vocabulary',
    { 'tokenizer.json': json({}, { unk_token: '<unk>' }) },
    refuses('unknown-token-missing', 'tokenizer.json', { token: '<unk>' }),
  ],
  [
    'a tokenizer.json without a vocabulary',
    { 'tokenizer.json': json({}, { vocab: null }) },
    refuses('vocabulary-not-object', 'tokenizer.json', { field: 'model.vocab' }),
  ],
  [
    'a tokenizer.json without merges',
    { 'tokenizer.json': json({}, { merges: null }) },
    refuses('merges-not-list', 'tokenizer.json', { field: 'model.merges' }),
  ],
  [
    'a malformed merge in tokenizer.json',
    { 'tokenizer.json': json({}, { merges: ['a b', 7] }) },
    refuses('merge-malformed', 'tokenizer.json', { field: 'model.merges[1]', found: 7 }),
  ],
  [
    'a merge of unknown tokens in tokenizer.json',
    { 'tokenizer.json': json({}, { merges: ['a x'] }) },
    refuses('merge-token-unknown', 'tokenizer.json', {
      field: 'model.merges[0]',
      left: 'a',
      right: 'x',
      token: 'x',
    }),
  ],
  [
    'a tokenizer.json without a pre-tokenizer',
    { 'tokenizer.json': json({ pre_tokenizer: null }) },
    refuses('tokenizer-pre-tokenizer-missing', 'tokenizer.json'),
  ],
  [
    'a Metaspace pre-tokenizer',
    { 'tokenizer.json': json({ pre_tokenizer: { type: 'Metaspace' } }) },
    refuses('tokenizer-component-kind', 'tokenizer.json', { component: 'pre_tokenizer', kind: 'Metaspace' }),
  ],
  [
    'a ByteLevel pre-tokenizer without its pattern',
    { 'tokenizer.json': json({ pre_tokenizer: { type: 'ByteLevel', use_regex: false } }) },
    refuses('tokenizer-option-unsupported', 'tokenizer.json', {
      option: 'pre_tokenizer.use_regex',
      value: false,
    }),
  ],
  [
    'a Lowercase normalizer',
    { 'tokenizer.json': json({ normalizer: { type: 'Lowercase' } }) },
    refuses('tokenizer-component-kind', 'tokenizer.json', { component: 'normalizer', kind: 'Lowercase' }),
  ],
  [
    'a WordPiece decoder',
    { 'tokenizer.json': json({ decoder: { type: 'WordPiece' } }) },
    refuses('tokenizer-component-kind', 'tokenizer.json', { component: 'decoder', kind: 'WordPiece' }),
  ],
  [
    'a normalizer without a type',
    { 'tokenizer.json': json({ normalizer: {} }) },
    refuses('tokenizer-component-malformed', 'tokenizer.json', { component: 'normalizer' }),
  ],
  [
    'a post-processor template that adds a token',
    {
      'tokenizer.json': json({
        post_processor: {
          type: 'TemplateProcessing',
          single: [{ SpecialToken: { id: END } }, { Sequence: { id: 'A' } }],
        },
      }),
    },
    refuses('tokenizer-post-processor', 'tokenizer.json', { kind: 'TemplateProcessing' }),
  ],
  [
    'a post-processor in a sequence that may add tokens',
    {
      'tokenizer.json': json({
        post_processor: { type: 'Sequence', processors: [{ type: 'ByteLevel' }, { type: 'BertProcessing' }] },
      }),
    },
    refuses('tokenizer-post-processor', 'tokenizer.json', { kind: 'BertProcessing' }),
  ],
  [
    'an added token without content',
    { 'tokenizer.json': json({ added_tokens: [{ id: 4 }] }) },
    refuses('added-token-content-missing', 'tokenizer.json', { field: 'added_tokens[0]' }),
  ],
  [
    'an added token without an id',
    { 'tokenizer.json': json({ added_tokens: [{ content: 'x' }] }) },
    refuses('token-id-invalid', 'tokenizer.json', { field: 'added_tokens[0]', token: 'x', id: undefined }),
  ],
  [
    'added tokens that are not an array',
    { 'tokenizer.json': json({ added_tokens: {} }) },
    refuses('added-tokens-not-list', 'tokenizer.json', { field: 'added_tokens' }),
  ],
  [
    'two added tokens with the same id',
    {
      'tokenizer.json': json({
        added_tokens: [
          { id: 4, content: 'x' },
          { id: 4, content: 'y' },
        ],
      }),
    },
    refuses('added-token-id-taken', 'tokenizer.json', { token: 'y', id: 4, holder: 'x' }),
  ],
  [
    'an added token with single_word',
    { 'tokenizer.json': json({ added_tokens: [{ id: 4, content: 'x', single_word: true }] }) },
    refuses('tokenizer-option-unsupported', 'tokenizer.json', {
      field: 'added_tokens[0]',
      option: 'single_word',
      value: true,
    }),
  ],
];

describe('Tokenizer.fromDirectory', () => {
  for (const [name, files, isExpected] of refused) {
    it(`refuses ${name}`, async (t) => {
      const dir = folder(t, files);
      await assert.rejects(Tokenizer.fromDirectory(dir), (error) => {
        const { facts } = error as ModelError;
        assert.equal(facts.dir ?? dirname(facts.file as string), dir);
        return isExpected(error);
      });
    });
  }

  it('refuses a missing folder', async (t) => {
    const dir = join(folder(t), 'nowhere');
    await assert.rejects(
      Tokenizer.fromDirectory(dir),
      refusal(ModelError, 'tokenizer-missing', { dir, missing: ['vocab.json', 'merges.txt'] }),
    );
  });

  it('accepts CRLF, blank lines, a byte order mark and a missing version line', async (t) => {
    const crlf = await Tokenizer.fromDirectory(
      folder(t, { 'vocab.json': `\ufeff${VOCAB}`, 'merges.txt': 'a b\r\n\r\n' }),
    );
    assert.deepEqual([...crlf.encodeIds('abb')], [2, 1]);
  });

  it('accepts post-processors that add no tokens', async (t) => {
    const template = {
      type: 'TemplateProcessing',
      single: [{ Sequence: { id: 'A', type_id: 0 } }],
      special_tokens: {},
    };
    const single = await Tokenizer.fromDirectory(
      folder(t, {
        'tokenizer.json': json({
          post_processor: { type: 'Sequence', processors: [{ type: 'ByteLevel' }, template] },
        }),
      }),
    );
    assert.deepEqual([...single.encodeIds(`abb${END}`)], [2, 1, 3]);
  });
});

describe('Tokenizer.encodeIds', () => {
  // The ids are those of AutoTokenizer in transformers 5.17.
  it('drops bytes that the vocabulary lacks before merging, or maps them to the unknown token', async (t) => {
    const vocab = { a: 0, b: 1, ab: 2, [END]: 3, '?': 4 };
    const load = (tokenizerClass?: string) =>
      Tokenizer.fromDirectory(
        folder(t, {
          'tokenizer.json': json({}, { vocab, unk_token: '?' }),
          'tokenizer_config.json': JSON.stringify({ tokenizer_class: tokenizerClass }),
        }),
      );
    for (const name of [undefined, 'GPT2Tokenizer']) {
      const plain = await load(name);
      assert.deepEqual([...plain.encodeIds('axxb é')], [2]);
      assert.deepEqual([...plain.encodeIds('xa?')], [0, 4]);
    }
    const generic = await load('PreTrainedTokenizerFast');
    assert.deepEqual([...generic.encodeIds('axxb é')], [0, 4, 4, 1, 4, 4, 4]);
  });
});

describe('Tokenizer.save', () => {
  it('saves either layout so that it loads as the same tokenizer, even if the source is gone', async (t) => {
    for (const files of [
      { 'vocab.json': VOCAB, 'merges.txt': MERGES },
      {
        'tokenizer.json': json({ added_tokens: [{ id: 4, content: '[PAD]', special: true }] }),
        'tokenizer_config.json': '{"pad_token": "[PAD]", "model_max_length": 7}',
      },
    ]) {
      const source = folder(t, files);
      const tokenizer = await Tokenizer.fromDirectory(source);
      rmSync(source, { recursive: true });
      const saved = join(folder(t), 'deep', 'checkpoint');
      await tokenizer.save(saved);
      const expected = [...Object.keys(files), 'special_tokens_map.json', 'tokenizer_config.json'];
      assert.deepEqual(readdirSync(saved).sort(), [...new Set(expected)].sort());
      assert.deepEqual([...tokenizer.files().keys()].sort(), [...new Set(expected)].sort());
      const again = await Tokenizer.fromDirectory(saved);
      assert.deepEqual(
        [again.vocabSize, again.padTokenId, again.eosTokenId],
        [tokenizer.vocabSize, tokenizer.padTokenId, tokenizer.eosTokenId],
      );
      const text = `abab${END}[PAD]ba`;
      assert.deepEqual(again.encodeIds(text), tokenizer.encodeIds(text));
      assert.deepEqual(again.files(), tokenizer.files());
      if (existsSync(join(saved, 'vocab.json')))
        assert.equal(readFileSync(join(saved, 'vocab.json'), 'utf8'), VOCAB);
    }
  });

  it('writes the class and the special tokens and keeps other settings', async (t) => {
    const own = { model_max_length: 1024, tokenizer_class: 'GPT2TokenizerFast', unk_token: 'b' };
    const tokenizer = await Tokenizer.fromDirectory(
      folder(t, { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'tokenizer_config.json': JSON.stringify(own) }),
    );
    const dir = folder(t);
    await tokenizer.save(dir);
    const read = (name: string) => JSON.parse(readFileSync(join(dir, name), 'utf8')) as unknown;
    const tokens = { bos_token: END, eos_token: END, pad_token: END, unk_token: 'b' };
    assert.deepEqual(read('tokenizer_config.json'), { add_prefix_space: false, ...own, ...tokens });
    assert.deepEqual(read('special_tokens_map.json'), tokens);

    const plain = await Tokenizer.fromDirectory(
      fileURLToPath(new URL('../../models/gpt2-mini', import.meta.url)),
    );
    const config = JSON.parse(
      new TextDecoder().decode(plain.files().get('tokenizer_config.json')),
    ) as unknown;
    assert.deepEqual(config, {
      add_prefix_space: false,
      tokenizer_class: 'GPT2Tokenizer',
      ...tokens,
      unk_token: END,
    });
  });
});
