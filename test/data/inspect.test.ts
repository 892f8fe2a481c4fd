/** The report on a dataset: classes, lengths, duplicates, leaked and contradictory rows, examples. */
import assert from 'node:assert/strict';
import type { Notice } from '#attune/errors/notices.js';
import { notice } from '#attune/errors/notices.js';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Dataset } from '#attune/data/dataset.js';
import { DataError, UsageError } from '#attune/errors/attune-error.js';
import { inspectSplits } from '#attune/data/inspect.js';
import { loadSplits } from '#attune/data/splits.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { refusal } from '../support/refusal.js';
import { sharedPath } from '../support/shared.js';

const END = '<|endoftext|>';
const tokenizer = await Tokenizer.fromDirectory(
  fileURLToPath(new URL('../../models/gpt2-mini', import.meta.url)),
);
const names = ['bad', 'good', 'ugly'];
const split = (name: string, ...rows: [string, number][]) =>
  new Dataset(
    name,
    `${name}.jsonl`,
    rows.map(([text, label]) => ({ text, label })),
    names,
  );

const train = split(
  'train',
  ['hi there', 1],
  ['', 0],
  [' hi  there ', 1],
  ['no', 0],
  ['hi there', 0],
  ['one two three four five six', 1],
);
const held = split('test', ['no\n', 2], ['', 1], ['new', 0], ['hi There', 1]);
const NOTE = notice('columns-guessed', { textColumn: 'a', labelColumn: 'b' });
const report = await inspectSplits({ train, test: held, labelNames: names, notes: [NOTE] }, tokenizer, 4, 2);
const [first, second] = report.splits;
const tweets = sharedPath('data', 'tweets');

describe('inspectSplits', () => {
  it('gives a report that JSON preserves', () => {
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
    assert.deepEqual(report.notes, [NOTE]);
  });

  it('counts the rows of each class', () => {
    assert.deepEqual(first.classes, [
      { label: 0, name: 'bad', rows: 3, share: 0.5 },
      { label: 1, name: 'good', rows: 3, share: 0.5 },
      { label: 2, name: 'ugly', rows: 0, share: 0 },
    ]);
  });

  it('gives the distribution of the lengths in tokens', () => {
    const lengths = [2, 0, 4, 1, 2, 6];
    assert.deepEqual(
      train.rows.map(({ text }) => tokenizer.encodeIds(text).length),
      lengths,
    );
    assert.deepEqual(first.lengths, {
      total: 15,
      mean: 2.5,
      min: 0,
      max: 6,
      quantiles: [
        { share: 0.5, tokens: 2 },
        { share: 0.9, tokens: 6 },
        { share: 0.95, tokens: 6 },
        { share: 0.99, tokens: 6 },
      ],
      histogram: [1, 1, 2, 0, 1, 0, 1].map((rows, length) => ({ from: length, to: length, rows })),
    });
  });

  it('lists the rows that are truncated and those that are empty', () => {
    assert.deepEqual(first.truncated, { count: 1, share: 1 / 6, rows: [5] });
    assert.deepEqual([first.emptyTexts, second.emptyTexts], [[1], [1]]);
  });

  it('lists duplicates within a split, and test rows that occur in the training split', () => {
    assert.deepEqual(first.duplicates, {
      count: 2,
      pairs: [
        [0, 2],
        [0, 4],
      ],
    });
    assert.deepEqual(second.duplicates, { count: 0, pairs: [] });
    assert.deepEqual(report.leaked, {
      count: 2,
      pairs: [
        [3, 0],
        [1, 1],
      ],
    });
  });

  it('lists equal texts with different labels, in any split', () => {
    assert.deepEqual(report.conflicts, [
      {
        text: 'hi there',
        rows: [
          { split: 'train', row: 0, label: 1 },
          { split: 'train', row: 2, label: 1 },
          { split: 'train', row: 4, label: 0 },
        ],
      },
      {
        text: '',
        rows: [
          { split: 'train', row: 1, label: 0 },
          { split: 'test', row: 1, label: 1 },
        ],
      },
      {
        text: 'no',
        rows: [
          { split: 'train', row: 3, label: 0 },
          { split: 'test', row: 0, label: 2 },
        ],
      },
    ]);
  });

  it('shows the requested number of training examples with their tokens', () => {
    assert.deepEqual(first.examples, [
      {
        row: 0,
        text: 'hi there',
        label: 1,
        labelName: 'good',
        ids: [3132, 530],
        tokens: ['hi', 'Ġthere'],
        decoded: 'hi there',
        decodedPadded: `hi there${END}${END}`,
      },
      {
        row: 1,
        text: '',
        label: 0,
        labelName: 'bad',
        ids: [],
        tokens: [],
        decoded: '',
        decodedPadded: END.repeat(4),
      },
    ]);
    assert.deepEqual(second.examples, []);
    assert.deepEqual(report.padToken, { id: 8191, token: END });
  });

  it('shows a long example truncated', async () => {
    const text = 'one two three four five six';
    const {
      splits: [{ examples }],
    } = await inspectSplits({ train: split('train', [text, 0]), labelNames: names, notes: [] }, tokenizer, 3);
    assert.equal(examples[0].ids.length, 3);
    assert.equal(examples[0].decoded, 'one two three');
    assert.equal(examples[0].decodedPadded, 'one two three');
  });

  it('reports no leaked rows if there is no test split', async () => {
    const report = await inspectSplits(
      { train: split('train', ['a', 0], ['a', 0]), labelNames: names, notes: [] },
      tokenizer,
      8,
    );
    assert.equal(report.splits.length, 1);
    assert.deepEqual(report.leaked, { count: 0, pairs: [] });
    assert.deepEqual(report.conflicts, []);
  });

  it('makes a histogram of at most 20 adjacent bins that hold every row', async () => {
    for (const words of [0, 1, 19, 20, 39, 40, 99, 100, 199, 250, 1999]) {
      const rows: [string, number][] = [
        [' a'.repeat(words), 0],
        ['', 1],
        [' a a a', 0],
      ];
      const {
        splits: [{ lengths }],
      } = await inspectSplits({ train: split('train', ...rows), labelNames: names, notes: [] }, tokenizer, 8);
      assert.ok(lengths.histogram.length <= 20);
      assert.equal(
        lengths.histogram.reduce((sum, bin) => sum + bin.rows, 0),
        3,
      );
      const last = lengths.histogram[lengths.histogram.length - 1];
      assert.ok(last.from <= lengths.max && lengths.max <= last.to && last.rows > 0);
      for (const [i, bin] of lengths.histogram.entries())
        assert.equal(bin.from, i === 0 ? 0 : lengths.histogram[i - 1].to + 1);
    }
  });

  it('finds one empty text and 8 leaked texts in the tweets', { skip: tweets === undefined }, async () => {
    const report = await inspectSplits(await loadSplits({ dataset: tweets!, seed: 42 }), tokenizer, 128);
    assert.deepEqual(
      report.splits.map(({ rows }) => rows),
      [27_481, 3_534],
    );
    assert.deepEqual(report.splits[0].emptyTexts, [314]);
    assert.equal(report.leaked.count, 8);
    assert.deepEqual(
      report.splits[0].classes.map(({ rows }) => rows),
      [7781, 11118, 8582],
    );
  });

  const full = split('train', ['a', 0], ['b', 1]);
  const notes: Notice[] = [];

  it('refuses a training or test split without rows', async () => {
    const empty = (name: string): Dataset => split(name, ['a', 0]).filter(() => false);
    await assert.rejects(
      inspectSplits({ train: empty('train'), labelNames: names, notes }, tokenizer, 8),
      refusal(DataError, 'split-empty', { source: 'train.jsonl', use: 'train' }),
    );
    await assert.rejects(
      inspectSplits({ train: full, test: empty('test'), labelNames: names, notes }, tokenizer, 8),
      refusal(DataError, 'split-empty', { source: 'test.jsonl', use: 'test' }),
    );
  });

  it('refuses a test split with other classes', async () => {
    const test = new Dataset('test', 'test.jsonl', [{ text: 'a', label: 0 }], ['good', 'bad']);
    await assert.rejects(
      inspectSplits({ train: full, test, labelNames: names, notes }, tokenizer, 8),
      refusal(UsageError, 'classes-differ', { train: ['bad', 'good', 'ugly'], test: ['good', 'bad'] }),
    );
  });
});
