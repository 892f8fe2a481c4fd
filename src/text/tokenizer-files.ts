// Reads the files of a GPT-2 tokenizer, in either of the two layouts found in checkpoints:
//   tokenizer.json                 everything in one file (Rust tokenizers' format)
//   vocab.json + merges.txt        GPT-2's own
// beside the optional tokenizer_config.json, special_tokens_map.json and added_tokens.json, which name the
// special tokens. The outcome is one checked description. Whatever would change the ids and is not done here
// is refused by name: the pipeline is GPT-2's (ByteLevel with its pattern), with Unicode's NFC before it
// where the file asks for that.
import { join } from 'node:path';
import { ModelError } from '../errors/attune-error.js';
import { plain } from '../errors/phrases/values.js';
import type { JsonObject } from './json-file.js';
import { isJsonObject, parseJsonObject, readIfPresent } from './json-file.js';
import type { AddedToken, SpecialTokens } from './special-tokens.js';
import { parseAddedToken, resolveSpecialTokens } from './special-tokens.js';
import type { Merge, Vocabulary } from './vocabulary.js';
import { checkContiguous, checkMerges, checkVocabulary, parseMerges } from './vocabulary.js';

export interface TokenizerDefinition {
  readonly vocabulary: Vocabulary;
  readonly merges: readonly Merge[];
  /** Tokens found in the text before anything else is done with it. */
  readonly addedTokens: readonly AddedToken[];
  readonly special: SpecialTokens;
  /** Stands for a byte that the vocabulary lacks; null: such a byte is left out. */
  readonly unknownToken: string | null;
  readonly normalizer: JsonObject | null;
  /** A text that does not begin with a space gets one. */
  readonly addPrefixSpace: boolean;
  readonly truncationSide: 'left' | 'right';
  /** tokenizer_config.json as read, `{}` where there is none. */
  readonly config: JsonObject;
  /** special_tokens_map.json as read, `{}` where there is none. */
  readonly specialTokensMap: JsonObject;
  /** File name -> bytes of the files that hold vocabulary and merges, as they were read. */
  readonly sources: ReadonlyMap<string, Uint8Array>;
}

/** The files that a tokenizer is read from, where they are there. */
export const TOKENIZER_FILES = [
  'tokenizer.json',
  'vocab.json',
  'merges.txt',
  'added_tokens.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
] as const;

/**
 * Whether a folder that holds files of these names holds a vocabulary with its merges, in either of the two
 * layouts.
 */
export function holdsTokenizer(names: { has(name: string): boolean }): boolean {
  return names.has('tokenizer.json') || (names.has('vocab.json') && names.has('merges.txt'));
}

/** Reads and checks the tokenizer in folder `dir`; ModelError says which file and what in it is wrong. */
export async function readTokenizerFiles(dir: string): Promise<TokenizerDefinition> {
  const contents = await Promise.all(TOKENIZER_FILES.map((name) => readIfPresent(dir, name)));
  const files = new Map<string, Uint8Array>();
  for (const [i, bytes] of contents.entries()) if (bytes) files.set(TOKENIZER_FILES[i], bytes);

  const json = (name: string): JsonObject => {
    const bytes = files.get(name);
    return bytes ? parseJsonObject(bytes, join(dir, name)) : {};
  };
  const config = json('tokenizer_config.json');
  const specialTokensMap = json('special_tokens_map.json');
  refuseUnsupportedConfig(config, join(dir, 'tokenizer_config.json'));

  const single = files.get('tokenizer.json');
  const parts = single
    ? fromTokenizerJson(
        parseJsonObject(single, join(dir, 'tokenizer.json')),
        join(dir, 'tokenizer.json'),
        config,
      )
    : fromVocabAndMerges(dir, files, config);
  const { addedTokens, special } = resolveSpecialTokens({
    dir,
    vocabularyFile: parts.where,
    vocabulary: parts.vocabulary,
    listed: parts.addedTokens,
    config,
    specialTokensMap,
    addedTokensJson: json('added_tokens.json'),
  });
  checkContiguous([...Object.values(parts.vocabulary), ...addedTokens.map(({ id }) => id)], {
    file: parts.where,
  });
  const sources = new Map(
    [...files].filter(([name]) => name !== 'tokenizer_config.json' && name !== 'special_tokens_map.json'),
  );
  return {
    ...parts,
    addedTokens,
    special,
    truncationSide: config.truncation_side === 'left' ? 'left' : 'right',
    config,
    specialTokensMap,
    sources,
  };
}

interface Parts {
  /** The file that holds the vocabulary, for messages. */
  readonly where: string;
  readonly vocabulary: Vocabulary;
  readonly merges: readonly Merge[];
  readonly addedTokens: readonly AddedToken[];
  readonly unknownToken: string | null;
  readonly normalizer: JsonObject | null;
  /** A text that does not begin with a space gets one. */
  readonly addPrefixSpace: boolean;
}

function fromVocabAndMerges(dir: string, files: ReadonlyMap<string, Uint8Array>, config: JsonObject): Parts {
  const vocab = files.get('vocab.json');
  const merges = files.get('merges.txt');
  if (!vocab || !merges) {
    const missing = ['vocab.json', 'merges.txt'].filter((name) => !files.has(name));
    throw new ModelError('tokenizer-missing', { dir, missing });
  }
  const where = join(dir, 'vocab.json');
  const vocabulary = checkVocabulary(parseJsonObject(vocab, where), { file: where });
  return {
    where,
    vocabulary,
    merges: parseMerges(merges, join(dir, 'merges.txt'), vocabulary),
    addedTokens: [],
    unknownToken: null,
    normalizer: null,
    addPrefixSpace: config.add_prefix_space === true,
  };
}

function fromTokenizerJson(json: JsonObject, file: string, config: JsonObject): Parts {
  const { model } = json;
  if (!isJsonObject(model)) throw new ModelError('tokenizer-model-missing', { file });
  // Files of 2020, the Hub's gpt2 among them, carry no type.
  const type = model.type ?? ('merges' in model ? 'BPE' : 'unknown');
  if (type !== 'BPE') throw new ModelError('tokenizer-kind', { file, kind: plain(type) });
  for (const option of [
    'dropout',
    'continuing_subword_prefix',
    'end_of_word_suffix',
    'fuse_unk',
    'byte_fallback',
    'ignore_merges',
  ]) {
    const value = model[option];
    if (value !== undefined && value !== null && value !== '' && value !== 0 && value !== false)
      throw new ModelError('tokenizer-option-unsupported', {
        file,
        option: `model.${option}`,
        value: plain(value),
      });
  }
  const vocabulary = checkVocabulary(model.vocab, { file, field: 'model.vocab' });
  const unknownToken = typeof model.unk_token === 'string' ? model.unk_token : null;
  if (unknownToken !== null && !Object.hasOwn(vocabulary, unknownToken))
    throw new ModelError('unknown-token-missing', { file, token: unknownToken });
  refuseAddedTokens(json.post_processor, file);
  component(json, 'decoder', file, ['ByteLevel']);
  const preTokenizer = component(json, 'pre_tokenizer', file, ['ByteLevel']);
  if (!preTokenizer) throw new ModelError('tokenizer-pre-tokenizer-missing', { file });
  if (preTokenizer.use_regex === false)
    throw new ModelError('tokenizer-option-unsupported', {
      file,
      option: 'pre_tokenizer.use_regex',
      value: false,
    });
  const normalizer = component(json, 'normalizer', file, ['NFC']);
  // transformers 5 takes only vocabulary, merges and added tokens from the file where the class is
  // GPT2Tokenizer, as it is for want of another; the generic classes take the pipeline too, and then the
  // configuration has no say in it.
  const generic =
    typeof config.tokenizer_class === 'string' && !/^GPT2Tokenizer(Fast)?$/.test(config.tokenizer_class);
  return {
    where: file,
    vocabulary,
    merges: checkMerges(model.merges, { file, field: 'model.merges' }, vocabulary),
    addedTokens: listOfAddedTokens(json.added_tokens, file),
    unknownToken: generic ? unknownToken : null,
    normalizer: generic ? normalizer : null,
    addPrefixSpace: (generic ? preTokenizer : config).add_prefix_space === true,
  };
}

/**
 * A component of the pipeline, null where there is none. Kinds whose ids were not compared with the
 * reference's are refused.
 */
function component(
  json: JsonObject,
  name: string,
  file: string,
  known: readonly string[],
): JsonObject | null {
  const value = json[name];
  if (value === undefined || value === null) return null;
  if (!isJsonObject(value) || typeof value.type !== 'string')
    throw new ModelError('tokenizer-component-malformed', { file, component: name });
  if (!known.includes(value.type))
    throw new ModelError('tokenizer-component-kind', { file, component: name, kind: value.type, known });
  return value;
}

function refuseUnsupportedConfig(config: JsonObject, file: string): void {
  for (const option of ['add_bos_token', 'add_eos_token']) {
    if (config[option] === true) throw new ModelError('tokenizer-adds-token', { file, option });
  }
  if (config.padding_side === 'left') throw new ModelError('tokenizer-pads-left', { file });
}

/** ByteLevel only trims offsets; a template is harmless where it adds no special token to a single text. */
function refuseAddedTokens(post: unknown, file: string): void {
  if (post === undefined || post === null) return;
  const processor = isJsonObject(post) ? post : {};
  if (processor.type === 'ByteLevel') return;
  if (processor.type === 'Sequence' && Array.isArray(processor.processors)) {
    for (const each of processor.processors) refuseAddedTokens(each, file);
    return;
  }
  const template =
    processor.type === 'TemplateProcessing' && Array.isArray(processor.single) ? processor.single : undefined;
  if (template?.every((item) => isJsonObject(item) && 'Sequence' in item)) return;
  throw new ModelError('tokenizer-post-processor', { file, kind: plain(processor.type) });
}

function listOfAddedTokens(value: unknown, file: string): AddedToken[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new ModelError('added-tokens-not-list', { file, field: 'added_tokens' });
  return value.map((token: unknown, i) =>
    parseAddedToken(token, isJsonObject(token) ? token.id : undefined, {
      file,
      field: `added_tokens[${i}]`,
    }),
  );
}
