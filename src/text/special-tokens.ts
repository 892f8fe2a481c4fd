// Which tokens are special, and which are looked for in the text before it is cut into words. Checkpoints say
// so in up to four places: tokenizer.json's added_tokens, tokenizer_config.json, special_tokens_map.json and
// added_tokens.json.
import { join } from 'node:path';
import { ModelError } from '../errors/attune-error.js';
import type { FieldPlace } from '../errors/phrases/places.js';
import { plain } from '../errors/phrases/values.js';
import type { JsonObject } from './json-file.js';
import { isJsonObject } from './json-file.js';
import type { Vocabulary } from './vocabulary.js';

/** GPT-2's only special token: end of text, beginning of text and unknown at once. */
export const END_OF_TEXT = '<|endoftext|>';

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  /** Takes the white space before (after) it along. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Looked for after normalisation rather than before. */
  readonly normalized: boolean;
}

export interface SpecialTokens {
  readonly bos: string;
  readonly eos: string;
  readonly unk: string;
  readonly pad: string;
}

export interface SpecialTokenSources {
  readonly dir: string;
  /** The file that holds the vocabulary, for messages. */
  readonly vocabularyFile: string;
  readonly vocabulary: Vocabulary;
  /** tokenizer.json's own list. */
  readonly listed: readonly AddedToken[];
  /** tokenizer_config.json, special_tokens_map.json and added_tokens.json; `{}` where absent. */
  readonly config: JsonObject;
  readonly specialTokensMap: JsonObject;
  readonly addedTokensJson: JsonObject;
}

/**
 * All added tokens in order of id, and the roles among them. The pad token is the one the files name where it
 * exists, else the end-of-text token; an end-of-text token that the vocabulary lacks gets the next free id,
 * as GPT2Tokenizer does it.
 */
export function resolveSpecialTokens(sources: SpecialTokenSources): {
  addedTokens: AddedToken[];
  special: SpecialTokens;
} {
  const { dir, vocabularyFile, vocabulary } = sources;
  const named = namedTokens(sources);
  const byContent = new Map<string, AddedToken>();
  const tokenOfId = new Map(Object.entries(vocabulary).map(([token, id]) => [id, token]));

  const add = (token: AddedToken, place: FieldPlace) => {
    if (byContent.has(token.content)) return;
    const facts = { ...place, token: token.content, id: token.id };
    const own = Object.hasOwn(vocabulary, token.content) ? vocabulary[token.content] : token.id;
    if (own !== token.id) throw new ModelError('added-token-id-differs', { ...facts, known: own });
    const holder = tokenOfId.get(token.id) ?? token.content;
    if (holder !== token.content) throw new ModelError('added-token-id-taken', { ...facts, holder });
    byContent.set(token.content, token);
    tokenOfId.set(token.id, token.content);
  };

  for (const token of sources.listed) add(token, { file: vocabularyFile });
  if (isJsonObject(sources.config.added_tokens_decoder)) {
    const place = { file: join(dir, 'tokenizer_config.json'), field: 'added_tokens_decoder' };
    for (const [id, token] of Object.entries(sources.config.added_tokens_decoder)) {
      const own = { ...place, field: `${place.field}[${JSON.stringify(id)}]` };
      add(parseAddedToken(token, Number(id), own), place);
    }
  }
  for (const [content, id] of Object.entries(sources.addedTokensJson)) {
    const place = { file: join(dir, 'added_tokens.json') };
    add(parseAddedToken({ content, special: Object.values(named).includes(content) }, id, place), place);
  }
  // A special token that the vocabulary holds but no list mentions is found in the text all the same, as
  // transformers does.
  const usual = { special: true, lstrip: false, rstrip: false, normalized: false };
  const eos = named.eos ?? END_OF_TEXT;
  for (const content of [eos, named.bos, named.unk, named.pad]) {
    if (content !== undefined && Object.hasOwn(vocabulary, content))
      add({ id: vocabulary[content], content, ...usual }, { file: vocabularyFile });
  }
  if (!byContent.has(eos)) {
    let next = tokenOfId.size;
    while (tokenOfId.has(next)) next++;
    add({ id: next, content: eos, ...usual }, { file: vocabularyFile });
  }

  const orEos = (token: string | undefined) => (token !== undefined && byContent.has(token) ? token : eos);
  return {
    addedTokens: [...byContent.values()].sort((a, b) => a.id - b.id),
    special: { bos: orEos(named.bos), eos, unk: orEos(named.unk), pad: orEos(named.pad) },
  };
}

type NamedTokens = { -readonly [Role in keyof SpecialTokens]?: string };

/**
 * The names of the roles: tokenizer_config.json first, then special_tokens_map.json. A name is a string or
 * `{content}`.
 */
function namedTokens({ config, specialTokensMap }: SpecialTokenSources): NamedTokens {
  const named: NamedTokens = {};
  for (const role of ['bos', 'eos', 'unk', 'pad'] as const) {
    for (const source of [config, specialTokensMap]) {
      const value = source[`${role}_token`];
      const name = isJsonObject(value) ? value.content : value;
      if (typeof name === 'string' && name !== '') named[role] ??= name;
    }
  }
  return named;
}

/**
 * One entry of an added_tokens list. `single_word` (match whole words only) is refused: nothing here does it.
 */
export function parseAddedToken(token: unknown, id: unknown, place: FieldPlace): AddedToken {
  if (!isJsonObject(token) || typeof token.content !== 'string' || token.content === '') {
    throw new ModelError('added-token-content-missing', place);
  }
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 0) {
    throw new ModelError('token-id-invalid', { ...place, token: token.content, id: plain(id) });
  }
  if (token.single_word === true)
    throw new ModelError('tokenizer-option-unsupported', { ...place, option: 'single_word', value: true });
  const special = token.special === true;
  return {
    id,
    content: token.content,
    special,
    lstrip: token.lstrip === true,
    rstrip: token.rstrip === true,
    normalized: typeof token.normalized === 'boolean' ? token.normalized : !special,
  };
}
