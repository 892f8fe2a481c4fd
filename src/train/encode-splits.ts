/** From rows of text to rows of token ids: what training and measuring begin with. */
import type { Splits } from '../data/splits.js';
import type { Dataset } from '../data/dataset.js';
import { UsageError } from '../errors/attune-error.js';
import { factNumber } from '../errors/phrases/values.js';
import type { Gpt2Config } from '../model/config.js';
import { encodeTexts } from '../text/encode-texts.js';
import { encodeCached } from '../text/token-cache.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { LabelledRows } from './evaluate.js';

export interface Encoded {
  readonly train: LabelledRows;
  /**
   * What the run is evaluated on as it learns: an epoch is not chosen by the test rows where there are
   * others.
   */
  readonly evaluation: LabelledRows | undefined;
  readonly test: LabelledRows | undefined;
}

export async function encodeSplits(
  { train, validation, test }: Splits,
  tokenizer: Tokenizer,
  maxLength: number,
  signal: AbortSignal | undefined,
): Promise<Encoded> {
  const encode = async (rows: Dataset | undefined): Promise<LabelledRows | undefined> =>
    rows && encodeDatasetCached(rows, tokenizer, maxLength, signal);
  const [trained, tested] = [
    await encodeDatasetCached(train, tokenizer, maxLength, signal),
    await encode(test),
  ];
  return { train: trained, evaluation: validation ? await encode(validation) : tested, test: tested };
}

/**
 * Token ids and class indices of a dataset's rows.
 *
 * @throws RangeError for a `maxLength` that is no whole number from 1 up; the signal's reason if it is
 *   aborted
 */
export async function encodeDataset(
  dataset: Dataset,
  tokenizer: Tokenizer,
  maxLength: number,
  signal?: AbortSignal,
): Promise<LabelledRows> {
  return {
    rows: await encodeTexts(textsOf(dataset), tokenizer, maxLength, signal),
    labels: labelsOf(dataset),
  };
}

/** The same, from the cache of tokenised texts where they are in it (`encodeCached`). */
export async function encodeDatasetCached(
  dataset: Dataset,
  tokenizer: Tokenizer,
  maxLength: number,
  signal?: AbortSignal,
): Promise<LabelledRows> {
  return {
    rows: await encodeCached(textsOf(dataset), tokenizer, maxLength, { signal }),
    labels: labelsOf(dataset),
  };
}

const textsOf = ({ rows }: Dataset): string[] => rows.map(({ text }) => text);
const labelsOf = ({ rows }: Dataset): Int32Array => Int32Array.from(rows, ({ label }) => label);

/** @throws UsageError `max-length-exceeds-positions` */
export function lengthLimit(maxLength: number | undefined, config: Gpt2Config): number {
  if (maxLength !== undefined && maxLength > config.nPositions)
    throw new UsageError('max-length-exceeds-positions', {
      given: factNumber(maxLength),
      limit: config.nPositions,
    });
  return maxLength ?? config.nPositions;
}
