import type { DATA_FILES_ERRORS } from '#attune/errors/codes/data-files-errors.js';
import type { Examples } from './examples.js';

const record = { file: 'rows.jsonl', line: 17 };
const row = { file: 'rows.parquet', row: 17 };
const readable = ['.jsonl', '.csv', '.parquet'];

export const DATA_FILES_EXAMPLES: Examples<typeof DATA_FILES_ERRORS> = {
  'data-file-missing': [{ file: 'data/rows.csv' }],
  'data-file-is-folder': [{ file: 'data/rows.csv' }],
  'data-file-forbidden': [{ file: 'data/rows.csv' }],
  'data-file-unreadable': [{ file: 'data/rows.csv', reason: 'EIO' }],
  'data-file-packed': [{ file: 'rows.csv.zip', readable }],
  'data-file-kind': [{ file: 'rows.xlsx', readable }],
  'data-file-empty': [{ file: 'rows.csv' }],
  'data-file-not-utf8': [
    { file: 'rows.json' },
    { file: 'rows.csv', line: 4, utf16: false },
    { file: 'rows.csv', line: 1, utf16: true },
  ],

  'gzip-expansion': [{ file: 'rows.csv.gz', limit: 256 }],
  'gzip-cut-short': [{ file: 'rows.csv.gz' }],
  'gzip-damaged': [{ file: 'rows.csv.gz', reason: 'incorrect header check' }],

  'csv-row-width': [
    { file: 'rows.csv', line: 3, found: 1, expected: 2, delimiter: ',' },
    { file: 'rows.tsv', line: 3, found: 3, expected: 2, delimiter: '\t' },
  ],
  'csv-quote-unclosed': [
    { file: 'rows.csv', line: 3, delimiter: ',' },
    { file: 'rows.tsv', line: 3, delimiter: '\t' },
  ],
  'csv-quote-closed-early': [
    { file: 'rows.csv', line: 4, delimiter: ',' },
    { file: 'rows.tsv', line: 4, delimiter: '\t' },
  ],
  'csv-quote-misplaced': [{ file: 'rows.csv', line: 4, delimiter: ',' }],
  'csv-broken': [
    { file: 'rows.csv', line: 4, delimiter: ',', reason: 'Max Record Size: 10 bytes' },
    { file: 'rows.tsv', line: 4, delimiter: '\t', reason: 'Max Record Size: 10 bytes' },
  ],
  'csv-column-twice': [{ file: 'rows.csv', line: 1, column: 'text' }],
  'csv-separator': [
    { file: 'rows.csv', line: 1, found: ';', expected: ',' },
    { file: 'rows.csv', line: 1, found: '\t', expected: ',' },
    { file: 'rows.tsv', line: 1, found: ',', expected: '\t' },
  ],

  'json-broken': [
    { file: 'rows.json', line: 2, column: 9, reason: 'expected "," or "]", found the end of the text' },
  ],
  'json-array-too-long': [{ file: 'rows.json', limit: 2 ** 28 }],
  'jsonl-broken': [{ ...record, column: 9, reason: 'expected a value, found "t"' }],
  'jsonl-array': [{ file: 'rows.jsonl', line: 1 }],
  'record-not-object': [
    { ...record, found: ['a', 1] },
    { file: 'rows.json', row: 2, found: 7 },
  ],

  'parquet-damaged': [{ file: 'rows.parquet', reason: 'it is too short' }],
  'parquet-text-not-utf8': [{ ...row, column: 'text' }],
  'parquet-value-missing': [{ ...row, column: 'text' }],
  'parquet-column-nested': [{ file: 'rows.parquet', column: 'text' }],

  'column-missing': [
    { ...record, column: 'text', columns: ['texts', 'label'] },
    { ...row, column: 'text', columns: ['id', 'label'] },
    { file: 'rows.parquet', column: 'text', columns: [] },
  ],
  'columns-guessed': [
    {
      error: { code: 'part-takes-all-rows', facts: { name: 'testSize', given: 0.99, taken: 8, rows: 8 } },
      textColumn: 'review',
      labelColumn: 'stars',
    },
  ],
  'columns-identical': [{ column: 'text' }],

  'text-not-string': [
    { ...record, column: 'text', found: 5 },
    {
      ...row,
      column: 'text',
      found: { words: 'a text of more than sixty characters, which is cut short there' },
    },
  ],
  'class-name-not-string': [{ ...record, column: 'label_text', found: 3 }],

  'label-missing': [
    { ...record, column: 'label', label: null },
    { ...row, column: 'label', label: ' ' },
  ],
  'label-not-integer': [{ ...row, column: 'label', label: 0.5 }],
  'label-negative': [
    { ...record, column: 'label', label: -1 },
    { ...record, column: 'label', label: '-2' },
  ],
  'label-too-large': [{ ...row, column: 'label', label: '18446744073709551615' }],
  'label-type': [{ ...record, column: 'label', label: [0, 1] }],
};
