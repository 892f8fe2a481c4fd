// Which columns of a file hold the text and the label, where nobody says: those of these very names, else the ones that are called or look like it.
import { readerFor } from './readers.js';
import { fieldOf, MissingColumnError } from './records.js';
import { readRows, type ColumnOptions, type RawRow, type ReadOptions } from './rows.js';

export interface Columns {
  readonly textColumn: string;
  readonly labelColumn: string;
}

export const DEFAULT_COLUMNS: Columns = { textColumn: 'text', labelColumn: 'label' };

/** Names that people give such columns, in lower case. */
const TEXT_NAMES: readonly string[] = ['text', 'texts', 'sentence', 'review', 'message', 'content', 'tweet', 'comment', 'body', 'document', 'utterance', 'question', 'query', 'post', 'headline', 'title', 'description', 'feedback', 'phrase', 'input'];
const LABEL_NAMES: readonly string[] = ['label', 'labels', 'class', 'category', 'sentiment', 'target', 'intent', 'topic', 'emotion', 'rating', 'stars', 'tag', 'y'];

/** Records that are looked at where names do not tell. */
const SAMPLE = 200;

/** The columns of a dataset, the same in all of its files: as they are given, else as the first file has them. */
export class DatasetColumns {
  #found: Columns | undefined;
  readonly #given: ColumnOptions;

  constructor({ textColumn, labelColumn }: ColumnOptions) {
    this.#given = { textColumn, labelColumn };
  }

  get names(): Columns {
    return this.#found ?? withDefaults(this.#given);
  }

  /** What a user should be told of columns that were guessed. */
  get note(): string | undefined {
    return this.#found && `the columns are guessed: text = ${this.#found.textColumn}, label = ${this.#found.labelColumn}`;
  }

  /**
   * The rows of a file. Columns that were not given, and that the first file does not have, are guessed once.
   *
   * @throws as `readRows`, also where there is nothing to guess
   */
  async read(file: string, options: ReadOptions): Promise<RawRow[]> {
    try {
      return await readRows(file, { ...options, ...this.names });
    } catch (error) {
      if (!(error instanceof MissingColumnError) || this.#found) throw error;
      const guessed = await guess(file, error.columns, this.#given);
      if (!guessed) throw error;
      const rows = await readRows(file, { ...options, ...guessed }).catch((second: unknown) => {
        // One record lacked a column that the others have: the guess was wrong, and what it led to says nothing.
        throw second instanceof MissingColumnError ? error : second;
      });
      this.#found = guessed;
      return rows;
    }
  }
}

const withDefaults = ({ textColumn = DEFAULT_COLUMNS.textColumn, labelColumn = DEFAULT_COLUMNS.labelColumn }: ColumnOptions): Columns => ({ textColumn, labelColumn });

/** @returns undefined where what is given is missing, or where more than one column could be meant */
async function guess(file: string, columns: readonly string[], given: ColumnOptions): Promise<Columns | undefined> {
  const known = (name: string | undefined, usual: string): string | undefined => name ?? (columns.includes(usual) ? usual : undefined);
  const text = known(given.textColumn, DEFAULT_COLUMNS.textColumn);
  const label = known(given.labelColumn, DEFAULT_COLUMNS.labelColumn);
  if ([text, label].some((name) => name !== undefined && !columns.includes(name))) return undefined;
  const byName = (names: readonly string[], taken: string | undefined): string | undefined => {
    const called = columns.filter((name) => name !== taken && names.includes(name.trim().toLowerCase()));
    return called.length === 1 ? called[0] : undefined;
  };
  const other = (name: string | undefined): string | undefined => (columns.length === 2 && name !== undefined ? columns.find((each) => each !== name) : undefined);
  const [textByName, labelByName] = [text ?? byName(TEXT_NAMES, label), label ?? byName(LABEL_NAMES, text)];
  const [textColumn, labelColumn] = [textByName ?? other(labelByName), labelByName ?? other(textByName)];
  if (textColumn !== undefined && labelColumn !== undefined) return textColumn === labelColumn ? undefined : { textColumn, labelColumn };
  return columns.length === 2 && text === undefined && label === undefined ? byContents(file, columns) : undefined;
}

/** Of two columns, the one of few and short values has the labels. */
async function byContents(file: string, columns: readonly string[]): Promise<Columns | undefined> {
  const values = columns.map((): string[] => []);
  let records = 0;
  for await (const record of (await readerFor(file))(file, columns)) {
    for (const [i, column] of columns.entries()) {
      const value = fieldOf(record, column);
      values[i].push(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
    }
    if (++records === SAMPLE) break;
  }
  const looks = values.map((each) => ({ distinct: new Set(each).size, length: each.reduce((sum, value) => sum + value.length, 0) }));
  const label = looks[0].distinct < looks[1].distinct ? 0 : 1;
  const [ofLabel, ofText] = [looks[label], looks[1 - label]];
  if (2 * ofLabel.distinct > records || ofLabel.distinct === ofText.distinct || ofLabel.length >= ofText.length) return undefined;
  return { textColumn: columns[1 - label], labelColumn: columns[label] };
}
