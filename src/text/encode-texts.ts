/** Texts to rows of token ids, giving way to signals and timers as it goes. */
import type { EncodedRow } from '../engine/batch.js';
import { pacedMap } from '../pace.js';
import type { Tokenizer } from './tokenizer.js';

/**
 * `tokenizer.encode` of every text.
 *
 * @param maxLength tokens that a text is cut to
 * @throws the signal's reason if it is aborted
 */
export function encodeTexts(
  texts: Iterable<string>,
  tokenizer: Tokenizer,
  maxLength: number,
  signal?: AbortSignal,
): Promise<EncodedRow[]> {
  return pacedMap(texts, (text) => tokenizer.encode(text, { maxLength }), signal);
}

/** The same by `tokenizer.encodeWithSpans`: each row with the places of its tokens in the text. */
export function encodeTextsWithSpans(
  texts: Iterable<string>,
  tokenizer: Tokenizer,
  maxLength: number,
  signal?: AbortSignal,
): Promise<ReturnType<Tokenizer['encodeWithSpans']>[]> {
  return pacedMap(texts, (text) => tokenizer.encodeWithSpans(text, { maxLength }), signal);
}
