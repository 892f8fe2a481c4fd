import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ModelError } from '#attune/errors/attune-error.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { folder } from '../support/folder.js';

const END = '<|endoftext|>';
const VOCAB = JSON.stringify({ a: 0, b: 1, ab: 2, [END]: 3 });
const MERGES = '#version: 0.2\na b\n';

const json = (over: Record<string, unknown> = {}, model: Record<string, unknown> = {}) =>
  JSON.stringify({
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
    ...over,
    model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, [END]: 3 }, merges: [['a', 'b']], ...model },
  });

const refused: [name: string, files: Record<string, string | Uint8Array>, message: RegExp][] = [
  [
    'a folder without tokenizer files',
    {},
    /no tokenizer: there is neither a tokenizer\.json nor a vocab\.json with merges\.txt/,
  ],
  ['a missing merges.txt', { 'vocab.json': VOCAB }, /merges\.txt is missing/],
  ['a missing vocab.json', { 'merges.txt': MERGES }, /vocab\.json is missing/],
  [
    'a broken vocab.json',
    { 'vocab.json': '{"a": 0, ', 'merges.txt': MERGES },
    /vocab\.json:1:10: broken JSON: /,
  ],
  ['an empty vocab.json', { 'vocab.json': '', 'merges.txt': MERGES }, /vocab\.json:1:1: broken JSON/],
  [
    'a vocab.json that is an array',
    { 'vocab.json': '["a"]', 'merges.txt': MERGES },
    /vocab\.json: holds an array, not a JSON object/,
  ],
  [
    'a vocab.json without tokens',
    { 'vocab.json': '{}', 'merges.txt': MERGES },
    /vocab\.json: the vocabulary is empty/,
  ],
  [
    'a fractional token id',
    { 'vocab.json': '{"a": 0.5}', 'merges.txt': MERGES },
    /vocab\.json: the id of token "a" is 0\.5/,
  ],
  ['a negative token id', { 'vocab.json': '{"a": -1}', 'merges.txt': MERGES }, /the id of token "a" is -1/],
  [
    'a token id that is a string',
    { 'vocab.json': '{"a": "0"}', 'merges.txt': MERGES },
    /the id of token "a" is "0"/,
  ],
  [
    'two tokens with the same id',
    { 'vocab.json': '{"a": 0, "b": 0}', 'merges.txt': MERGES },
    /tokens "a" and "b" have the same id 0/,
  ],
  [
    'a gap in the token ids',
    { 'vocab.json': `{"a": 0, "b": 1, "ab": 3, "${END}": 4}`, 'merges.txt': MERGES },
    /ids are not contiguous: the highest is 4, but no token has id 2/,
  ],
  [
    'a merge of three tokens',
    { 'vocab.json': VOCAB, 'merges.txt': '#version: 0.2\na b\na b b\n' },
    /merges\.txt:3: malformed merge "a b b"/,
  ],
  [
    'a merge of one token',
    { 'vocab.json': VOCAB, 'merges.txt': 'a b\nab\n' },
    /merges\.txt:2: malformed merge "ab"/,
  ],
  [
    'a merge with an empty token',
    { 'vocab.json': VOCAB, 'merges.txt': 'a \n' },
    /merges\.txt:1: malformed merge "a "/,
  ],
  [
    'a merge of tokens that are not in the vocabulary',
    { 'vocab.json': VOCAB, 'merges.txt': '#version: 0.2\n\na c\n' },
    /merges\.txt:3: the merge of "a" and "c" needs token "c", which is not in the vocabulary/,
  ],
  [
    'a merge into a token that is not in the vocabulary',
    { 'vocab.json': VOCAB, 'merges.txt': 'b a\n' },
    /merges\.txt:1: the merge of "b" and "a" needs token "ba"/,
  ],
  [
    'a merges.txt that is not UTF-8',
    { 'vocab.json': VOCAB, 'merges.txt': Uint8Array.of(0x61, 0x20, 0xff) },
    /merges\.txt: is not UTF-8 text/,
  ],
  [
    'a broken tokenizer_config.json',
    { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'tokenizer_config.json': '{' },
    /tokenizer_config\.json:1:2: broken JSON/,
  ],
  [
    'add_bos_token',
    { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'tokenizer_config.json': '{"add_bos_token": true}' },
    /tokenizer_config\.json: add_bos_token is true/,
  ],
  [
    'padding on the left',
    { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'tokenizer_config.json': '{"padding_side": "left"}' },
    /tokenizer_config\.json: padding_side is "left"/,
  ],
  [
    'an added token whose id is taken',
    { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'added_tokens.json': '{"[PAD]": 2}' },
    /added_tokens\.json: added token "\[PAD\]" has id 2, but that is the id of "ab"/,
  ],
  [
    'an added token with another id than in the vocabulary',
    { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'added_tokens.json': '{"ab": 4}' },
    /added token "ab" has id 4, but its id in the vocabulary is 2/,
  ],
  [
    'an added token that leaves a gap in the ids',
    { 'vocab.json': VOCAB, 'merges.txt': MERGES, 'added_tokens.json': '{"[PAD]": 5}' },
    /no token has id 4/,
  ],
  ['a broken tokenizer.json', { 'tokenizer.json': '{"model": ' }, /tokenizer\.json:1:11: broken JSON/],
  ['a tokenizer.json without a model', { 'tokenizer.json': '{}' }, /tokenizer\.json: has no "model"/],
  [
    'a WordPiece tokenizer',
    { 'tokenizer.json': json({}, { type: 'WordPiece' }) },
    /a tokenizer of kind "WordPiece"/,
  ],
  [
    'a tokenizer of unknown kind',
    { 'tokenizer.json': '{"model": {"vocab": {"a": 0}}}' },
    /a tokenizer of kind "unknown"/,
  ],
  [
    'BPE dropout',
    { 'tokenizer.json': json({}, { dropout: 0.1 }) },
    /model\.dropout is 0\.1, which attune does not do/,
  ],
  [
    'an end-of-word suffix',
    { 'tokenizer.json': json({}, { end_of_word_suffix: '</w>' }) },
    /model\.end_of_word_suffix is "<\/w>"/,
  ],
  ['byte fallback', { 'tokenizer.json': json({}, { byte_fallback: true }) }, /model\.byte_fallback is true/],
  [
    'an unk_token that is not in the vocabulary',
    { 'tokenizer.json': json({}, { unk_token: '<unk>' }) },
    /model\.unk_token "<unk>" is not in the vocabulary/,
  ],
  [
    'a tokenizer.json without a vocabulary',
    { 'tokenizer.json': json({}, { vocab: null }) },
    /tokenizer\.json model\.vocab: is not an object/,
  ],
  [
    'a tokenizer.json without merges',
    { 'tokenizer.json': json({}, { merges: null }) },
    /tokenizer\.json model\.merges: is not an array/,
  ],
  [
    'a malformed merge in tokenizer.json',
    { 'tokenizer.json': json({}, { merges: ['a b', 7] }) },
    /tokenizer\.json model\.merges\[1\]: malformed merge 7/,
  ],
  [
    'a merge of unknown tokens in tokenizer.json',
    { 'tokenizer.json': json({}, { merges: ['a x'] }) },
    /model\.merges\[0\]: the merge of "a" and "x" needs token "x"/,
  ],
  [
    'a tokenizer.json without a pre-tokenizer',
    { 'tokenizer.json': json({ pre_tokenizer: null }) },
    /has no pre_tokenizer/,
  ],
  [
    'a Metaspace pre-tokenizer',
    { 'tokenizer.json': json({ pre_tokenizer: { type: 'Metaspace' } }) },
    /a pre_tokenizer of kind "Metaspace"/,
  ],
  [
    'a ByteLevel pre-tokenizer without its pattern',
    { 'tokenizer.json': json({ pre_tokenizer: { type: 'ByteLevel', use_regex: false } }) },
    /use_regex is false/,
  ],
  [
    'a Lowercase normalizer',
    { 'tokenizer.json': json({ normalizer: { type: 'Lowercase' } }) },
    /a normalizer of kind "Lowercase"/,
  ],
  [
    'a WordPiece decoder',
    { 'tokenizer.json': json({ decoder: { type: 'WordPiece' } }) },
    /a decoder of kind "WordPiece"/,
  ],
  [
    'a normalizer without a type',
    { 'tokenizer.json': json({ normalizer: {} }) },
    /normalizer: is not an object with a "type"/,
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
    /post_processor \("TemplateProcessing"\) may add tokens/,
  ],
  [
    'a post-processor in a sequence that may add tokens',
    {
      'tokenizer.json': json({
        post_processor: { type: 'Sequence', processors: [{ type: 'ByteLevel' }, { type: 'BertProcessing' }] },
      }),
    },
    /post_processor \("BertProcessing"\) may add tokens/,
  ],
  [
    'an added token without content',
    { 'tokenizer.json': json({ added_tokens: [{ id: 4 }] }) },
    /added_tokens\[0\]: has no "content"/,
  ],
  [
    'an added token without an id',
    { 'tokenizer.json': json({ added_tokens: [{ content: 'x' }] }) },
    /added_tokens\[0\]: the id of "x" is undefined/,
  ],
  [
    'added tokens that are not an array',
    { 'tokenizer.json': json({ added_tokens: {} }) },
    /added_tokens: is not an array/,
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
    /added token "y" has id 4, but that is the id of "x"/,
  ],
  [
    'an added token with single_word',
    { 'tokenizer.json': json({ added_tokens: [{ id: 4, content: 'x', single_word: true }] }) },
    /single_word is true/,
  ],
];

describe('Tokenizer.fromDirectory', () => {
  for (const [name, files, message] of refused) {
    it(`refuses ${name}`, async (t) => {
      const dir = folder(t, files);
      await assert.rejects(Tokenizer.fromDirectory(dir), (error) => {
        assert.ok(error instanceof ModelError, String(error));
        assert.match(error.message, message);
        assert.ok(error.message.startsWith(dir), error.message);
        return true;
      });
    });
  }

  it('refuses a missing folder', async (t) => {
    await assert.rejects(Tokenizer.fromDirectory(join(folder(t), 'nowhere')), /nowhere: no tokenizer/);
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
