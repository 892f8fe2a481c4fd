import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ByteLevelPreTokenizer, Tokenizer as HfTokenizer } from '@huggingface/tokenizers';
import type { EncodedRow } from '../engine/batch.js';
import { ModelError } from '../errors/attune-error.js';
import { writeWhole } from '../files.js';
import { BytePairEncoder } from './byte-pair.js';
import type { JsonObject } from './json-file.js';
import type { TokenizerDefinition } from './tokenizer-files.js';
import { readTokenizerFiles } from './tokenizer-files.js';
import { BYTE_CHARACTERS, tokenBytes, tokenSpans } from './token-spans.js';
import type { Span } from './token-spans.js';
import { WordEncoder } from './word-encoder.js';
import { gpt2Words } from './words.js';

/** A row as the reference pads it to a fixed length; both [length]. */
export interface PaddedRow {
  readonly inputIds: Int32Array;
  /** 1 at the tokens of the text, 0 at padding. */
  readonly attentionMask: Int32Array;
}

/**
 * GPT-2's tokenizer: byte-level BPE, from tokenizer.json or from vocab.json and merges.txt. Gives the ids
 * that transformers' GPT2Tokenizer gives. A lone surrogate, which no UTF-8 text can hold, counts as U+FFFD,
 * as UTF-8 encoders have it.
 */
export class Tokenizer {
  /** The highest id + 1, added tokens included: what the model's embedding must cover. */
  readonly vocabSize: number;
  readonly eosTokenId: number;
  /**
   * The end-of-text token, as the notebook sets it, unless the files name a pad token of their own that
   * exists.
   */
  readonly padTokenId: number;
  /**
   * The pad token that the model's pooling goes by: a row is cut before those at its end; null: nothing is
   * cut.
   */
  readonly poolingPadId: number | null;
  readonly #definition: TokenizerDefinition;
  readonly #where: string;
  readonly #tokenizer: HfTokenizer;
  /**
   * Present for GPT-2's plain pipeline; a normal form, or added tokens that take white space along, go
   * through the library.
   */
  readonly #words: WordEncoder | undefined;

  /** @param pooling default: by the tokenizer's own pad token */
  private constructor(
    definition: TokenizerDefinition,
    where: string,
    pooling?: { readonly padId: number | null },
  ) {
    this.#definition = definition;
    this.#where = where;
    const { addPrefixSpace, normalizer, addedTokens } = definition;
    const plain = normalizer === null && addedTokens.every(({ lstrip, rstrip }) => !lstrip && !rstrip);
    const bytePairs = new BytePairEncoder(definition.vocabulary, definition.merges, definition.unknownToken);
    try {
      this.#tokenizer = buildTokenizer(definition, addPrefixSpace && !plain, bytePairs);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ModelError('tokenizer-unbuildable', { dir: where, reason }, { cause });
    }
    this.#words = plain ? new WordEncoder(bytePairs, addedTokens, addPrefixSpace) : undefined;

    const { vocabulary, special } = definition;
    const idOf = (token: string) =>
      addedTokens.find(({ content }) => content === token)?.id ?? vocabulary[token];
    this.eosTokenId = idOf(special.eos);
    this.padTokenId = idOf(special.pad);
    this.poolingPadId = pooling ? pooling.padId : this.padTokenId;
    let highest = -1;
    for (const id of Object.values(vocabulary)) highest = Math.max(highest, id);
    for (const { id } of addedTokens) highest = Math.max(highest, id);
    this.vocabSize = highest + 1;
  }

  /**
   * Reads the tokenizer of a model folder: tokenizer.json where it is, else vocab.json and merges.txt, with
   * tokenizer_config.json and special_tokens_map.json where they are.
   *
   * @throws ModelError naming the file and what is wrong in it: `tokenizer-*`, `vocabulary-*`, `merge-*`,
   *   `added-token-*`
   */
  static async fromDirectory(dir: string): Promise<Tokenizer> {
    return new Tokenizer(await readTokenizerFiles(dir), dir);
  }

  /**
   * The same tokenizer for a model that pools at the last token that is not `padId`, as transformers does by
   * `config.pad_token_id`, or at the last token of all where that is null.
   */
  forPooling(padId: number | null): Tokenizer {
    return padId === this.poolingPadId ? this : new Tokenizer(this.#definition, this.#where, { padId });
  }

  /** All ids of `text`, not truncated; none for an empty text. */
  encodeIds(text: string): Int32Array {
    return Int32Array.from(this.#ids(text, Infinity));
  }

  /**
   * The row the model sees: ids truncated to `maxLength` tokens, then without the pad tokens (`poolingPadId`)
   * at the end.
   *
   * transformers pools at the right-most token that is not the pad token, and in a causal model what follows
   * the pooled token cannot matter. So pad tokens that come last, even where the text itself spells them, are
   * dropped. A text of nothing but pad tokens is pooled at position 0, which attends to itself: one pad
   * token. An empty text is padding as a whole, masked everywhere: one pad token that attends to nothing
   * (`blind`).
   *
   * @throws RangeError for a `maxLength` that is no whole number from 1 up
   */
  encode(text: string, options: { readonly maxLength?: number } = {}): EncodedRow {
    const { all, start, end } = this.#truncated(text, options.maxLength ?? Infinity);
    if (end === start) return { ids: Int32Array.of(this.padTokenId), blind: true };
    return { ids: Int32Array.from(all.slice(start, end)), blind: false };
  }

  /** As `encode`, with the place of each token in the text; none for an empty text. @throws as `encode` */
  encodeWithSpans(
    text: string,
    options: { readonly maxLength?: number } = {},
  ): { readonly row: EncodedRow; readonly spans: readonly Span[] } {
    const { all, start, end } = this.#truncated(text, options.maxLength ?? Infinity);
    const added = new Map(
      this.#definition.addedTokens.map(({ id, content }) => [id, new TextEncoder().encode(content)]),
    );
    const bytes = this.tokens(all.slice(0, end)).map((token, i) => added.get(all[i]) ?? tokenBytes(token));
    return { row: this.encode(text, options), spans: tokenSpans(text, bytes).slice(start, end) };
  }

  /** `all` ids, at least up to the last that is kept; the kept ones are `start` to `end`. */
  #truncated(
    text: string,
    maxLength: number,
  ): { readonly all: readonly number[]; readonly start: number; readonly end: number } {
    if (maxLength !== Infinity && (!Number.isInteger(maxLength) || maxLength < 1)) {
      throw new RangeError(`maxLength must be a whole number of tokens from 1 up, not ${maxLength}`);
    }
    const left = this.#definition.truncationSide === 'left';
    const all = this.#ids(text, left ? Infinity : maxLength);
    const start = left ? Math.max(0, all.length - maxLength) : 0;
    let end = Math.min(all.length, start + maxLength);
    while (end > start + 1 && all[end - 1] === this.poolingPadId) end--;
    return { all, start, end };
  }

  /**
   * `row` padded on the right to `length`, as the notebook shows it. Pad tokens at the end of the text itself
   * were dropped by `encode`, so here they count as padding (the reference's mask has 1 there; the logits are
   * the same).
   *
   * @throws RangeError if the row is longer
   */
  pad(row: EncodedRow, length: number): PaddedRow {
    if (row.ids.length > length)
      throw new RangeError(`a row of ${row.ids.length} tokens does not fit into ${length}`);
    const inputIds = new Int32Array(length).fill(this.padTokenId);
    inputIds.set(row.ids);
    const attentionMask = new Int32Array(length);
    if (!row.blind) attentionMask.fill(1, 0, row.ids.length);
    return { inputIds, attentionMask };
  }

  /**
   * The text that `ids` spell; bytes that are not UTF-8 become U+FFFD. Spaces are left as they are, as
   * transformers 5 does.
   *
   * @throws RangeError for an id that is not in the vocabulary
   */
  decode(ids: ArrayLike<number>, options: { readonly skipSpecialTokens?: boolean } = {}): string {
    if (ids.length === 0) return '';
    this.#checkIds(ids);
    return this.#tokenizer.decode(Array.from(ids), {
      skip_special_tokens: options.skipSpecialTokens ?? false,
      clean_up_tokenization_spaces: false,
    });
  }

  /**
   * Each id's token as the vocabulary spells it (a space is `Ġ`).
   *
   * @throws RangeError for an id that is not in the vocabulary
   */
  tokens(ids: ArrayLike<number>): string[] {
    this.#checkIds(ids);
    return Array.from(ids, (id) => this.#tokenizer.id_to_token(id)!);
  }

  /**
   * The tokenizer files of a checkpoint, file name -> contents: the vocabulary as it was read, and
   * tokenizer_config.json and special_tokens_map.json from which transformers loads the same tokenizer, pad
   * token included. They are held in memory, so the folder they came from may be gone by then.
   *
   * @param modelMaxLength tokens that transformers cuts a text to where it is asked to truncate; absent: as
   *   the files said
   */
  files(modelMaxLength?: number): ReadonlyMap<string, Uint8Array> {
    const { config, specialTokensMap, special, sources, addPrefixSpace } = this.#definition;
    const tokens = {
      bos_token: special.bos,
      eos_token: special.eos,
      unk_token: special.unk,
      pad_token: special.pad,
    };
    const fullConfig: Record<string, unknown> = {
      add_prefix_space: addPrefixSpace,
      tokenizer_class: 'GPT2Tokenizer',
      ...config,
      ...tokens,
    };
    if (modelMaxLength !== undefined) fullConfig['model_max_length'] = modelMaxLength;
    return new Map([
      ...sources,
      ['special_tokens_map.json', jsonBytes({ ...specialTokensMap, ...tokens })],
      ['tokenizer_config.json', jsonBytes(fullConfig)],
    ]);
  }

  /** Adds the vocabulary and the rules to a hash: what two tokenizers must have in common to be one. */
  hashInto(hash: { update(data: string | Uint8Array): unknown }): void {
    for (const [name, bytes] of this.files()) {
      hash.update(`\0${name} ${bytes.length}\0`);
      hash.update(bytes);
    }
  }

  /**
   * Writes `files()` into folder `dir`, which is made where it is missing; each file appears whole or not at
   * all.
   *
   * @throws AttuneError `file-unwritable`
   */
  async save(dir: string, modelMaxLength?: number): Promise<void> {
    await mkdir(dir, { recursive: true });
    for (const [name, bytes] of this.files(modelMaxLength)) await writeWhole(join(dir, name), bytes);
  }

  #ids(text: string, limit: number): readonly number[] {
    return this.#words
      ? this.#words.encode(text, limit)
      : this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
  }

  #checkIds(ids: ArrayLike<number>): void {
    for (let i = 0; i < ids.length; i++) {
      if (this.#tokenizer.id_to_token(ids[i]) === undefined) {
        throw new RangeError(
          `token id ${ids[i]} is not in the vocabulary, whose ids are 0 to ${this.vocabSize - 1}`,
        );
      }
    }
  }
}

function buildTokenizer(
  definition: TokenizerDefinition,
  addPrefixSpace: boolean,
  bytePairs: BytePairEncoder,
): HfTokenizer {
  const { vocabulary, addedTokens, unknownToken, normalizer } = definition;
  const tokenizer = new HfTokenizer(
    {
      version: '1.0',
      added_tokens: addedTokens,
      normalizer,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: addPrefixSpace, use_regex: true },
      post_processor: null,
      decoder: { type: 'ByteLevel' },
      model: { type: 'BPE', vocab: vocabulary, merges: [], unk_token: unknownToken, ignore_merges: false },
    },
    {},
  );
  const bytes = tokenizer.pre_tokenizer;
  if (!(bytes instanceof ByteLevelPreTokenizer)) throw new Error('its pre_tokenizer is not ByteLevel');
  // The library's words and pairs in the way of words.ts and byte-pair.ts: its pattern differs from the
  // reference's in two white-space characters and overflows on runs of millions, bytes that the vocabulary
  // lacks it leaves out after merging rather than before, and on long words it is fifty times slower.
  const utf8 = new TextEncoder();
  bytes.pre_tokenize_text = (text) => {
    const spaced = addPrefixSpace && !text.startsWith(' ') ? ` ${text}` : text;
    return Array.from(gpt2Words(spaced), (word) =>
      Array.from(utf8.encode(word), (byte) => BYTE_CHARACTERS[byte]).join(''),
    );
  };
  tokenizer.model.bpe = (word) => {
    const ids: number[] = [];
    bytePairs.encode(tokenBytes(word), ids);
    return ids.map((id) => tokenizer.id_to_token(id)!);
  };
  return tokenizer;
}

function jsonBytes(value: JsonObject): Uint8Array {
  const sorted = Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return new TextEncoder().encode(`${JSON.stringify(sorted, null, 2)}\n`);
}
