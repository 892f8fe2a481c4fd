/** What is wrong with a file of rows: CSV, JSON, JSON lines, parquet. */
import { nearest } from '../../nearest.js';
import type { RecordPlace } from '../phrases/places.js';
import { recordPlace } from '../phrases/places.js';
import { shown, shownNumber } from '../phrases/values.js';
import type { Shell } from '../shell.js';
import type { InnerError, Plain, Wording } from '../wording.js';
import { worded } from '../wording.js';

type Delimiter = ',' | '\t';
type CsvPlace = { file: string; line: number; delimiter: Delimiter };
type JsonPlace = { file: string; line: number; column: number; reason: string };
type FileFacts = { file: string };
type LabelFacts = RecordPlace & { column: string; label: Plain };
type ValueFacts = RecordPlace & { column: string; found: Plain };

const DAMAGED = 'The file may be damaged or cut short; download or write it again.';
const LABELS = 'Labels are integers 0, 1, … K - 1, or names of classes.';

const giveTheColumns = (shell: Shell): string =>
  `Give the columns with ${shell.argument('textColumn')} and ${shell.argument('labelColumn')}.`;

/** A fault of the quotes in the record that begins on a line. */
const quoteFault = (what: (next: string) => string): Wording<CsvPlace> =>
  worded<CsvPlace>({
    says: ({ file, line, delimiter }) =>
      `${file}:${line}: broken ${formatOf(delimiter)}: ${what(separatorOf(delimiter))}`,
    hint: () =>
      'A field that holds a double quote must be in double quotes itself, and the quote within doubled ("").',
  });

const formatOf = (delimiter: Delimiter): string => (delimiter === ',' ? 'CSV' : 'TSV');
const separatorOf = (delimiter: Delimiter): string => (delimiter === ',' ? 'comma' : 'tab');

/** Characters that separate the columns of a file of another kind. */
const SEPARATORS: Readonly<Partial<Record<string, { readonly name: string; readonly hint: string }>>> = {
  ',': { name: 'commas', hint: 'Give the file a name that ends in .csv.' },
  '\t': { name: 'tabs', hint: 'Give the file a name that ends in .tsv.' },
};

const separators = (character: string): string => SEPARATORS[character]?.name ?? JSON.stringify(character);

const labelIs = ({ column, ...place }: Omit<LabelFacts, 'label'>, label: string, why: string): string =>
  `${recordPlace(place)}: column ${JSON.stringify(column)}: the label ${label} ${why}`;

/** A label that is none. */
const labelFault = (why: string): Wording<LabelFacts> =>
  worded<LabelFacts>({
    says: ({ label, ...place }) => labelIs(place, shownNumber(label), why),
    hint: () => LABELS,
  });

const notString = ({ column, found, ...place }: ValueFacts): string =>
  `${recordPlace(place)}: column ${JSON.stringify(column)} is ${shown(found)}, not a string`;

const brokenJson = ({ file, line, column, reason }: JsonPlace): string =>
  `${file}:${line}: broken JSON at column ${column}: ${reason}`;

export const DATA_FILES_ERRORS = {
  'data-file-missing': worded<FileFacts>({
    says: ({ file }) => `${file}: no such file`,
    hint: () => 'Check the path; a relative one starts at the current folder.',
  }),
  'data-file-is-folder': worded<FileFacts>({
    says: ({ file }) => `${file}: is a folder, not a file`,
    hint: () => 'Give the path of a file in it.',
  }),
  'data-file-forbidden': worded<FileFacts>({
    says: ({ file }) => `${file}: permission denied`,
    hint: () => 'Give yourself permission to read the file.',
  }),
  'data-file-unreadable': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `${file}: cannot be read (${reason})`,
    hint: () => 'Check the disk and the permissions of the file.',
  }),
  'data-file-packed': worded<{ file: string; readable: readonly string[] }>({
    says: ({ file }) => `${file}: attune does not unpack this kind of file`,
    hint: ({ readable }) => `Unpack it first. attune reads files that end in ${readable.join(', ')}.`,
  }),
  'data-file-kind': worded<{ file: string; readable: readonly string[] }>({
    says: ({ file }) => `${file}: attune does not read this kind of file`,
    hint: ({ readable }) => `It reads files that end in ${readable.join(', ')}.`,
  }),
  'data-file-empty': worded<FileFacts>({
    says: ({ file }) => `${file}: holds no rows`,
    hint: () => 'Write at least one row with a text and a label into it, or choose another file.',
  }),
  'data-file-not-utf8': worded<{ file: string; line?: number | undefined; utf16?: boolean | undefined }>({
    says: ({ file, line }) => `${recordPlace({ file, line })}: is not UTF-8 text`,
    hint: ({ utf16 }) =>
      utf16 === true
        ? 'The file is UTF-16; save it as UTF-8.'
        : 'Save the file as UTF-8 (it may be in Latin-1 or Windows-1252, or compressed).',
  }),

  'gzip-expansion': worded<{ file: string; limit: number }>({
    says: ({ file, limit }) => `${file}: unpacks to more than ${limit} times its size, as no text does`,
    hint: () => 'If the file is as it should be, unpack it with gunzip and give the result.',
  }),
  'gzip-cut-short': worded<FileFacts>({
    says: ({ file }) => `${file}: the gzip file ends too early`,
    hint: () => DAMAGED,
  }),
  'gzip-damaged': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `${file}: is not a valid gzip file (${reason})`,
    hint: () => DAMAGED,
  }),

  'csv-row-width': worded<CsvPlace & { found: number; expected: number }>({
    says: ({ file, line, found, expected }) =>
      `${file}:${line}: has ${found} ${found === 1 ? 'field' : 'fields'}, but the header has ${expected}`,
    hint: ({ delimiter }) =>
      `A field that holds a ${separatorOf(delimiter)} or a line break must be in double quotes.`,
  }),
  'csv-quote-unclosed': quoteFault(
    () => 'a double quote opens a field in the record that begins here and is never closed',
  ),
  'csv-quote-closed-early': quoteFault(
    (separator) =>
      'a double quote closes a field in the record that begins here, ' +
      `but more text follows before the next ${separator}`,
  ),
  'csv-quote-misplaced': quoteFault(
    () => 'a double quote stands in the middle of a field that does not begin with one',
  ),
  'csv-broken': worded<CsvPlace & { reason: string }>({
    says: ({ file, line, delimiter, reason }) => `${file}:${line}: broken ${formatOf(delimiter)}: ${reason}`,
    hint: ({ delimiter }) =>
      `Write the row again with its fields separated by ${separators(delimiter)}, or save the file as JSON lines.`,
  }),
  'csv-column-twice': worded<{ file: string; line: number; column: string }>({
    says: ({ file, line, column }) => `${file}:${line}: the header has column ${shown(column)} twice`,
    hint: () => 'Give each column a name of its own.',
  }),
  'csv-separator': worded<{ file: string; line: number; found: string; expected: Delimiter }>({
    says: ({ file, line, found, expected }) =>
      `${file}:${line}: the columns are separated by ${separators(found)}, not by ${separators(expected)}`,
    hint: ({ found }) => SEPARATORS[found]?.hint ?? 'Save the file with commas, or as JSON lines.',
  }),

  'json-broken': worded<JsonPlace>({
    says: brokenJson,
    hint: () => 'Correct the file there, or write it again with a program that writes JSON.',
  }),
  'json-array-too-long': worded<{ file: string; limit: number }>({
    says: ({ file, limit }) => `${file}: is a JSON array of more than ${limit / 2 ** 20} MiB`,
    hint: () => 'Write one object per line, which streams; `jq -c ".[]" FILE` does it.',
  }),
  'jsonl-broken': worded<JsonPlace>({
    says: brokenJson,
    hint: () => 'JSON lines hold one object per line, such as {"text": "…", "label": 0}.',
  }),
  'jsonl-array': worded<{ file: string; line: number }>({
    says: ({ file, line }) => `${file}:${line}: is a JSON array, not JSON lines`,
    hint: () => 'Write one object per line; `jq -c ".[]" FILE` does it.',
  }),
  'record-not-object': worded<RecordPlace & { found: Plain }>({
    says: ({ found, ...place }) => `${recordPlace(place)}: is ${shown(found)}, not an object`,
    hint: () => 'Write an object for each row, such as {"text": "…", "label": 0}.',
  }),

  'parquet-damaged': worded<{ file: string; reason: string }>({
    says: ({ file, reason }) => `${file}: is not a valid parquet file: ${reason}`,
    hint: () => DAMAGED,
  }),
  'parquet-text-not-utf8': worded<{ file: string; row: number; column: string }>({
    says: ({ column, ...place }) =>
      `${recordPlace(place)}: column ${JSON.stringify(column)} is not UTF-8 text`,
    hint: () => 'Write the column again as UTF-8 text.',
  }),
  'parquet-value-missing': worded<{ file: string; row: number; column: string }>({
    says: ({ column, ...place }) =>
      `${recordPlace(place)}: column ${JSON.stringify(column)} refers to a value ` +
      'that its dictionary does not have',
    hint: () => 'The file is damaged; download or write it again.',
  }),
  'parquet-column-nested': worded<{ file: string; column: string }>({
    says: ({ file, column }) =>
      `${file}: column ${JSON.stringify(column)} holds lists or structs, not plain values`,
    hint: (_, shell) =>
      `Give other columns with ${shell.argument('textColumn')} and ${shell.argument('labelColumn')}.`,
  }),

  'column-missing': worded<RecordPlace & { column: string; columns: readonly string[] }>({
    says: ({ column, columns, ...place }) => {
      const near = nearest(column, columns);
      const suggestion = near === undefined ? '' : `did you mean ${JSON.stringify(near)}? `;
      const present = columns.map((name) => JSON.stringify(name)).join(', ') || 'none';
      return `${recordPlace(place)}: has no column ${JSON.stringify(column)}; ${suggestion}its columns are ${present}`;
    },
    hint: (_, shell) => giveTheColumns(shell),
  }),
  /** An error in what was read, which may come of columns that were guessed. Its cause is that error. */
  'columns-guessed': worded<{ error: InnerError; textColumn: string; labelColumn: string }>({
    says: ({ error, textColumn, labelColumn }, { sentence }) =>
      `${sentence(error)} (the columns were guessed: text = ${textColumn}, label = ${labelColumn})`,
    hint: (_, shell) => giveTheColumns(shell),
  }),
  'columns-identical': worded<{ column: string }>({
    says: ({ column }) => `the text and the label cannot both be in column ${JSON.stringify(column)}`,
    hint: (_, shell) =>
      `Give different columns with ${shell.argument('textColumn')} and ${shell.argument('labelColumn')}.`,
  }),

  'text-not-string': worded<ValueFacts>({
    says: notString,
    hint: () => 'Write each text as a string; an empty one is "".',
  }),
  'class-name-not-string': worded<ValueFacts>({
    says: notString,
    hint: () =>
      'This column holds the names of the classes, as strings; rename it if it holds something else.',
  }),

  'label-missing': worded<LabelFacts>({
    says: ({ label, column, ...place }) =>
      `${recordPlace(place)}: column ${JSON.stringify(column)}: the label is missing (${shown(label)})`,
    hint: () => LABELS,
  }),
  'label-not-integer': labelFault('is not an integer'),
  'label-negative': worded<LabelFacts>({
    says: ({ label, ...place }) => labelIs(place, shown(label), 'is negative'),
    hint: ({ label }) =>
      Number(label) === -1
        ? 'Many datasets give the rows of a split without labels the label -1: ' +
          'such a split can be neither trained nor tested on.'
        : LABELS,
  }),
  /** The label is spelled out: it may have more digits than a number holds. */
  'label-too-large': worded<RecordPlace & { column: string; label: string }>({
    says: ({ label, ...place }) => labelIs(place, label, 'is too large for a class index'),
    hint: () => LABELS,
  }),
  'label-type': labelFault('is neither an integer nor a name'),
};
