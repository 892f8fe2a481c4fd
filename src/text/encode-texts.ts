/** Texts to rows of token ids, giving way to signals and timers as it goes. */
import type { EncodedRow } from '../engine/batch.js';
import { Pace } from '../pace.js';
import type { Tokenizer } from './tokenizer.js';

/**
 * `tokenizer.encode` of every text.
 *
 * @param maxLength tokens that a text is cut to
 * @throws the signal's reason if it is aborted
 */
export async function encodeTexts(
  texts: Iterable<string>,
  tokenizer: Tokenizer,
  maxLength: number,
  signal?: AbortSignal,
): Promise<EncodedRow[]> {
  signal?.throwIfAborted();
  const rows: EncodedRow[] = [];
  const pace = new Pace(signal);
  for (const text of texts) {
    if (pace.due) await pace.rest();
    rows.push(tokenizer.encode(text, { maxLength }));
  }
  return rows;
}
