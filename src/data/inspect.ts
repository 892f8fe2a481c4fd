// What a person should know of a dataset before training on it, as plain data: `JSON.stringify` gives the
// whole report. Rows are numbered from 0, as `select` and Hugging Face's datasets number them. Two texts are
// the same where they differ in nothing but white space, which scraped texts gain and lose.
import { DataError } from '../errors/attune-error.js';
import type { Notice } from '../errors/notices.js';
import { Pace } from '../pace.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { Dataset, Row } from './dataset.js';
import { textIdentity } from './identity.js';
import { requireSameClasses } from './labels.js';
import type { Splits } from './splits.js';

export interface Inspection {
  readonly maxLength: number;
  readonly labelNames: readonly string[];
  readonly padToken: { readonly id: number; readonly token: string };
  readonly splits: readonly SplitInspection[];
  /**
   * Rows of the test split whose text occurs in the training split, which a model may simply remember.
   * `first` is a training row.
   */
  readonly leaked: Repeats;
  /** Texts that occur with different labels, in any split, in order of their first row. */
  readonly conflicts: readonly Conflict[];
  readonly notes: readonly Notice[];
}

export interface SplitInspection {
  readonly name: string;
  readonly source: string;
  readonly rows: number;
  /** [K] in order of the class index; a class without rows counts 0. */
  readonly classes: readonly {
    readonly label: number;
    readonly name: string;
    readonly rows: number;
    readonly share: number;
  }[];
  readonly lengths: TokenLengths;
  /** Rows of more than maxLength tokens, whose end the model does not see. */
  readonly truncated: { readonly count: number; readonly share: number; readonly rows: readonly number[] };
  /** Rows without a single character, which the model sees as padding. */
  readonly emptyTexts: readonly number[];
  /** Rows whose text occurred in an earlier row of the split. */
  readonly duplicates: Repeats;
  readonly examples: readonly Example[];
}

/** Tokens a text, before truncation; an empty text has none. */
export interface TokenLengths {
  readonly total: number;
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** The shortest length that at least this share of the rows does not exceed (nearest rank). */
  readonly quantiles: readonly { readonly share: number; readonly tokens: number }[];
  /** Bins of one width from 0 to the longest row, `from` and `to` included. */
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly rows: number }[];
}

/** `pairs`: the first row with the text, and the row that repeats it; one pair a repeating row. */
export interface Repeats {
  readonly count: number;
  readonly pairs: readonly (readonly [first: number, repeating: number])[];
}

export interface Conflict {
  /** As its first row has it. */
  readonly text: string;
  readonly rows: readonly { readonly split: string; readonly row: number; readonly label: number }[];
}

/** One row on its way into the model. */
export interface Example {
  readonly row: number;
  readonly text: string;
  readonly label: number;
  readonly labelName: string;
  /** Truncated to maxLength, not padded. */
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
  readonly decoded: string;
  /** The ids padded to maxLength and decoded, as the notebook shows them. */
  readonly decodedPadded: string;
}

const QUANTILES = [0.5, 0.9, 0.95, 0.99];
const MOST_BINS = 20;

/**
 * Looks over every row of the splits. `examples` rows of the training split are shown in full.
 *
 * @throws DataError `split-empty`; UsageError `classes-differ`; the signal's reason if it is aborted
 */
export async function inspectSplits(
  splits: Pick<Splits, 'train' | 'test' | 'labelNames' | 'notes'>,
  tokenizer: Tokenizer,
  maxLength: number,
  examples = 3,
  signal?: AbortSignal,
): Promise<Inspection> {
  signal?.throwIfAborted();
  const { train, test, labelNames, notes } = splits;
  requireRows(train, 'train');
  if (test) {
    requireRows(test, 'test');
    requireSameClasses(train, test);
  }
  const pace = new Pace(signal);
  const trained = await inspectSplit(train, tokenizer, maxLength, examples, pace);
  const tested = test && (await inspectSplit(test, tokenizer, maxLength, 0, pace));
  return {
    maxLength,
    labelNames: [...labelNames],
    padToken: { id: tokenizer.padTokenId, token: tokenizer.tokens([tokenizer.padTokenId])[0] },
    splits: [trained.inspection, tested?.inspection].filter((inspection) => inspection !== undefined),
    leaked: tested ? await leaks(trained.firstRows, tested.identities, pace) : { count: 0, pairs: [] },
    conflicts: await conflicts(tested ? [trained, tested] : [trained], pace),
    notes: [...notes],
  };
}

/** Of no rows, there are no lengths and no shares. */
function requireRows({ source, length }: Dataset, use: 'train' | 'test'): void {
  if (length === 0) throw new DataError('split-empty', { source, use });
}

/** A split with the `textIdentity` of each of its texts, [rows], and the first row of each. */
interface Inspected {
  readonly split: Dataset;
  readonly identities: readonly string[];
  readonly firstRows: ReadonlyMap<string, number>;
  readonly inspection: SplitInspection;
}

async function inspectSplit(
  split: Dataset,
  tokenizer: Tokenizer,
  maxLength: number,
  examples: number,
  pace: Pace,
): Promise<Inspected> {
  const { rows, labelNames } = split;
  const lengths = new Float64Array(rows.length);
  const identities: string[] = [];
  const firstRows = new Map<string, number>();
  const repeated: [number, number][] = [];
  const counts = labelNames.map(() => 0);
  const truncated: number[] = [];
  const emptyTexts: number[] = [];
  for (const [i, { text, label }] of rows.entries()) {
    if (pace.due) await pace.rest();
    lengths[i] = tokenizer.encodeIds(text).length;
    const key = textIdentity(text);
    identities.push(key);
    const first = firstRows.get(key);
    if (first === undefined) firstRows.set(key, i);
    else repeated.push([first, i]);
    counts[label]++;
    if (lengths[i] > maxLength) truncated.push(i);
    if (text === '') emptyTexts.push(i);
  }
  const inspection = {
    name: split.name,
    source: split.source,
    rows: rows.length,
    classes: counts.map((count, label) => ({
      label,
      name: labelNames[label],
      rows: count,
      share: count / rows.length,
    })),
    lengths: tokenLengths(lengths),
    truncated: { count: truncated.length, share: truncated.length / rows.length, rows: truncated },
    emptyTexts,
    duplicates: { count: repeated.length, pairs: repeated },
    examples: rows.slice(0, examples).map((row, i) => example(row, i, labelNames, tokenizer, maxLength)),
  };
  return { split, identities, firstRows, inspection };
}

function example(
  { text, label }: Row,
  row: number,
  labelNames: readonly string[],
  tokenizer: Tokenizer,
  maxLength: number,
): Example {
  const encoded = tokenizer.encode(text, { maxLength });
  const ids = encoded.blind ? [] : [...encoded.ids];
  return {
    row,
    text,
    label,
    labelName: labelNames[label],
    ids,
    tokens: tokenizer.tokens(ids),
    decoded: tokenizer.decode(ids),
    decodedPadded: tokenizer.decode(tokenizer.pad(encoded, maxLength).inputIds),
  };
}

function tokenLengths(lengths: Float64Array): TokenLengths {
  const sorted = lengths.slice().sort();
  const total = sorted.reduce((sum, length) => sum + length, 0);
  const max = sorted[sorted.length - 1];
  const width = binWidth(max);
  const histogram = Array.from({ length: Math.floor(max / width) + 1 }, (_, bin) => ({
    from: bin * width,
    to: (bin + 1) * width - 1,
    rows: 0,
  }));
  for (const length of lengths) histogram[Math.floor(length / width)].rows++;
  return {
    total,
    mean: total / sorted.length,
    min: sorted[0],
    max,
    quantiles: QUANTILES.map((share) => ({ share, tokens: sorted[Math.ceil(share * sorted.length) - 1] })),
    histogram,
  };
}

/** The smallest of 1, 2, 5, 10, 20, 50, … with which the lengths 0 to `max` fit into MOST_BINS bins. */
function binWidth(max: number): number {
  for (let decade = 1; ; decade *= 10) {
    for (const step of [1, 2, 5]) if (Math.floor(max / (step * decade)) < MOST_BINS) return step * decade;
  }
}

async function leaks(
  train: ReadonlyMap<string, number>,
  test: readonly string[],
  pace: Pace,
): Promise<Repeats> {
  const pairs: [number, number][] = [];
  for (const [i, key] of test.entries()) {
    if (pace.due) await pace.rest();
    const where = train.get(key);
    if (where !== undefined) pairs.push([where, i]);
  }
  return { count: pairs.length, pairs };
}

async function conflicts(inspected: readonly Inspected[], pace: Pace): Promise<Conflict[]> {
  type Seen = { readonly text: string; conflicting: boolean; readonly rows: Conflict['rows'][number][] };
  const byText = new Map<string, Seen>();
  for (const { split, identities } of inspected) {
    for (const [row, { text, label }] of split.rows.entries()) {
      if (pace.due) await pace.rest();
      const place = { split: split.name, row, label };
      const seen = byText.get(identities[row]);
      if (!seen) {
        byText.set(identities[row], { text, conflicting: false, rows: [place] });
        continue;
      }
      seen.conflicting ||= label !== seen.rows[0].label;
      seen.rows.push(place);
    }
  }
  return [...byText.values()].flatMap(({ text, conflicting, rows }) => (conflicting ? [{ text, rows }] : []));
}
