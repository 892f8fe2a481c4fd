// Which columns hold the text and the label, where nobody says: those of these very names, else the ones that
// are called or look like it.
import { DataError, UsageError } from '../errors/attune-error.js';
import { described } from '../errors/wording.js';
import type { Notice } from '../errors/notices.js';
import { notice } from '../errors/notices.js';
import { readerFor } from './readers.js';
import { fieldOf, MissingColumnError } from './records.js';
import type { ColumnOptions, RawRow, ReadOptions } from './rows.js';
import { readRows } from './rows.js';

export interface Columns {
  readonly textColumn: string;
  readonly labelColumn: string;
}

export const DEFAULT_COLUMNS: Columns = { textColumn: 'text', labelColumn: 'label' };

/** Names that people give such columns, in lower case. */
const TEXT_NAMES: readonly string[] = [
  'text',
  'texts',
  'sentence',
  'review',
  'message',
  'content',
  'tweet',
  'comment',
  'body',
  'document',
  'utterance',
  'question',
  'query',
  'post',
  'headline',
  'title',
  'description',
  'feedback',
  'phrase',
  'input',
];
const LABEL_NAMES: readonly string[] = [
  'label',
  'labels',
  'class',
  'category',
  'sentiment',
  'target',
  'intent',
  'topic',
  'emotion',
  'rating',
  'stars',
  'tag',
  'y',
];

/** Records that a guess must hold for. */
const SAMPLE = 200;

/**
 * The columns of a dataset, the same in all of its files: as they are given, else as the first file has them.
 */
export class DatasetColumns {
  #names: Columns | undefined;
  #isGuess = false;
  readonly #options: ColumnOptions;

  constructor({ textColumn, labelColumn, usualColumns }: ColumnOptions) {
    this.#options = { textColumn, labelColumn, usualColumns };
  }

  get names(): Columns {
    return this.#names ?? this.#named(this.#options.usualColumns ?? DEFAULT_COLUMNS);
  }

  /** What a user should be told of columns that were guessed. */
  get note(): Notice | undefined {
    return this.#isGuess ? notice('columns-guessed', this.names) : undefined;
  }

  /**
   * The rows of a file. The first file decides on the columns: the usual ones, else `text` and `label`, else
   * those that are guessed.
   *
   * @throws as `readRows`; if there is nothing to guess, for the usual columns
   */
  async read(file: string, options: ReadOptions): Promise<RawRow[]> {
    if (this.#names) return readRows(file, { ...options, ...this.#names });
    const { names } = this;
    try {
      const rows = await readRows(file, { ...options, ...names });
      this.#names = names;
      return rows;
    } catch (error) {
      if (!(error instanceof MissingColumnError)) throw error;
      const { columns } = error;
      const defaults = this.#named(DEFAULT_COLUMNS);
      const hasDefaults = columns.includes(defaults.textColumn) && columns.includes(defaults.labelColumn);
      const guessed = hasDefaults ? defaults : await guess(file, columns, this.#options);
      if (!guessed) throw error;
      const rows = await readRows(file, { ...options, ...guessed }).catch((second: unknown) => {
        // One record lacked a column that the others have: the guess was wrong, and what it led to says
        // nothing.
        throw second instanceof MissingColumnError ? error : second;
      });
      [this.#names, this.#isGuess] = [guessed, true];
      return rows;
    }
  }

  /** An error in what was read, which may come of columns that were guessed. */
  explained(error: unknown): unknown {
    const { note } = this;
    if (
      note === undefined ||
      !(error instanceof DataError || error instanceof UsageError) ||
      error.code === 'columns-guessed'
    )
      return error;
    const Kind = error instanceof UsageError ? UsageError : DataError;
    return new Kind('columns-guessed', { error: described(error), ...this.names }, { cause: error });
  }

  #named({ textColumn, labelColumn }: Columns): Columns {
    return {
      textColumn: this.#options.textColumn ?? textColumn,
      labelColumn: this.#options.labelColumn ?? labelColumn,
    };
  }
}

/**
 * @returns undefined where what is given is missing, where more than one column could be meant, and where
 * what is in them does not look like texts and labels
 */
async function guess(
  file: string,
  columns: readonly string[],
  given: ColumnOptions,
): Promise<Columns | undefined> {
  const known = (name: string | undefined, usual: string): string | undefined =>
    name ?? (columns.includes(usual) ? usual : undefined);
  const text = known(given.textColumn, DEFAULT_COLUMNS.textColumn);
  const label = known(given.labelColumn, DEFAULT_COLUMNS.labelColumn);
  if ([text, label].some((name) => name !== undefined && !columns.includes(name))) return undefined;
  const byName = (names: readonly string[], taken: string | undefined): string | undefined => {
    const called = columns.filter((name) => name !== taken && names.includes(name.trim().toLowerCase()));
    return called.length === 1 ? called[0] : undefined;
  };
  const other = (name: string | undefined): string | undefined =>
    columns.length === 2 && name !== undefined ? columns.find((each) => each !== name) : undefined;
  const [textByName, labelByName] = [text ?? byName(TEXT_NAMES, label), label ?? byName(LABEL_NAMES, text)];
  const [textColumn, labelColumn] = [textByName ?? other(labelByName), labelByName ?? other(textByName)];
  if (textColumn !== undefined && labelColumn !== undefined) {
    const named = { textColumn, labelColumn };
    return textColumn !== labelColumn && (await looksRight(file, named, labelByName !== undefined))
      ? named
      : undefined;
  }
  if (columns.length !== 2 || textColumn !== undefined || labelColumn !== undefined) return undefined;
  for (const [textColumn, labelColumn] of [columns, [...columns].reverse()])
    if (await looksRight(file, { textColumn, labelColumn }, false)) return { textColumn, labelColumn };
  return undefined;
}

/**
 * Whether the labels of the first records can be labels, are shorter than the texts, and come again and
 * again: of a column that is not called so, at least five times on average, so that neither numbers of rows
 * nor dates are taken for labels.
 */
async function looksRight(
  file: string,
  { textColumn, labelColumn }: Columns,
  isNamed: boolean,
): Promise<boolean> {
  const texts = new Set<string>();
  const labels = new Set<string>();
  let [records, ofTexts, ofLabels] = [0, 0, 0];
  for await (const record of (await readerFor(file))(file, [textColumn, labelColumn])) {
    const [text, label] = [fieldOf(record, textColumn) ?? '', fieldOf(record, labelColumn)];
    if (typeof text !== 'string' || !isLabel(label)) return false;
    texts.add(text);
    labels.add(String(label));
    ofTexts += text.length;
    ofLabels += String(label).length;
    if (++records === SAMPLE) break;
  }
  const comesAgain = 2 * labels.size <= records && (isNamed || labels.size <= Math.max(2, records / 5));
  return comesAgain && ofLabels < ofTexts && labels.size < texts.size;
}

/** The name of a class or its index. */
function isLabel(value: unknown): value is string | number | boolean {
  if (typeof value === 'string')
    return value.trim() !== '' && (Number.isNaN(Number(value)) || isLabel(Number(value)));
  return typeof value === 'boolean' || (Number.isSafeInteger(value) && (value as number) >= 0);
}
