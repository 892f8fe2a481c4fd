// What a person should know of a dataset before training on it, as plain data: `JSON.stringify` gives the whole report.
// Rows are numbered from 0, as `select` and Hugging Face's datasets number them. Two texts are the same where they differ in nothing but
// white space, which scraped texts gain and lose.
import type { Tokenizer } from '../text/tokenizer.js';
import type { Dataset, Row } from './dataset.js';
import type { Splits } from './splits.js';

export interface Inspection {
  readonly maxLength: number;
  readonly labelNames: readonly string[];
  readonly padToken: { readonly id: number; readonly token: string };
  readonly splits: readonly SplitInspection[];
  /** Rows of the test split whose text occurs in the training split, which a model may simply remember. `first` is a training row. */
  readonly leaked: Repeats;
  /** Texts that occur with different labels, in any split, in order of their first row. */
  readonly conflicts: readonly Conflict[];
  readonly notes: readonly string[];
}

export interface SplitInspection {
  readonly name: string;
  readonly source: string;
  readonly rows: number;
  /** [K] in order of the class index; a class without rows counts 0. */
  readonly classes: readonly { readonly label: number; readonly name: string; readonly rows: number; readonly share: number }[];
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

/** Looks over every row of the splits. `examples` rows of the training split are shown in full. */
export function inspectSplits(splits: Splits, tokenizer: Tokenizer, maxLength: number, examples = 3): Inspection {
  const { train, test, labelNames, notes } = splits;
  const all = test ? [train, test] : [train];
  return {
    maxLength,
    labelNames: [...labelNames],
    padToken: { id: tokenizer.padTokenId, token: tokenizer.tokens([tokenizer.padTokenId])[0] },
    splits: all.map((split) => inspectSplit(split, tokenizer, maxLength, split === train ? examples : 0)),
    leaked: test ? repeats(test.rows, firstRows(train.rows)) : { count: 0, pairs: [] },
    conflicts: conflicts(all),
    notes: [...notes],
  };
}

function inspectSplit(split: Dataset, tokenizer: Tokenizer, maxLength: number, examples: number): SplitInspection {
  const { rows, labelNames } = split;
  const lengths = rows.map(({ text }) => tokenizer.encodeIds(text).length);
  const counts = labelNames.map(() => 0);
  for (const { label } of rows) counts[label]++;
  const truncated = [...lengths.keys()].filter((row) => lengths[row] > maxLength);
  return {
    name: split.name,
    source: split.source,
    rows: rows.length,
    classes: counts.map((count, label) => ({ label, name: labelNames[label], rows: count, share: count / rows.length })),
    lengths: tokenLengths(lengths),
    truncated: { count: truncated.length, share: truncated.length / rows.length, rows: truncated },
    emptyTexts: [...rows.keys()].filter((row) => rows[row].text === ''),
    duplicates: repeats(rows),
    examples: rows.slice(0, examples).map((row, i) => example(row, i, labelNames, tokenizer, maxLength)),
  };
}

function example({ text, label }: Row, row: number, labelNames: readonly string[], tokenizer: Tokenizer, maxLength: number): Example {
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

function tokenLengths(lengths: readonly number[]): TokenLengths {
  const sorted = Float64Array.from(lengths).sort();
  const total = sorted.reduce((sum, length) => sum + length, 0);
  const max = sorted[sorted.length - 1];
  const width = binWidth(max);
  const histogram = Array.from({ length: Math.floor(max / width) + 1 }, (_, bin) => ({ from: bin * width, to: (bin + 1) * width - 1, rows: 0 }));
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

/** The same for all texts that count as the same. */
function identity(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

function firstRows(rows: readonly Row[]): Map<string, number> {
  const first = new Map<string, number>();
  for (const [i, { text }] of rows.entries()) {
    const key = identity(text);
    if (!first.has(key)) first.set(key, i);
  }
  return first;
}

/** The rows whose text `first` has in another place: an earlier row of the same rows, or any row of the other split. */
function repeats(rows: readonly Row[], other?: ReadonlyMap<string, number>): Repeats {
  const first = other ?? firstRows(rows);
  const pairs: [number, number][] = [];
  for (const [i, { text }] of rows.entries()) {
    const where = first.get(identity(text));
    if (where !== undefined && (other !== undefined || where !== i)) pairs.push([where, i]);
  }
  return { count: pairs.length, pairs };
}

function conflicts(splits: readonly Dataset[]): Conflict[] {
  const byText = new Map<string, { text: string; rows: { split: string; row: number; label: number }[] }>();
  for (const split of splits) {
    for (const [row, { text, label }] of split.rows.entries()) {
      const key = identity(text);
      const seen = byText.get(key) ?? { text, rows: [] };
      seen.rows.push({ split: split.name, row, label });
      byText.set(key, seen);
    }
  }
  return [...byText.values()].filter(({ rows }) => rows.some(({ label }) => label !== rows[0].label));
}
