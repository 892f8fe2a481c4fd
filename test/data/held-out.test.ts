/**
 * Rows that are held out: parts of the training rows, or splits of the dataset, and the options that hold out
 * the same rows again.
 */
import assert from 'node:assert/strict';
import { notice } from '#attune/errors/notices.js';
import { describe, it } from 'node:test';
import type { Dataset } from '#attune/data/dataset.js';
import { UsageError } from '#attune/errors/attune-error.js';
import type { PlannedParts } from '#attune/data/held-out.js';
import { labelledRows, MOST_VALIDATION_ROWS } from '#attune/data/held-out.js';
import { loadSplits } from '#attune/data/splits.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

const seed = 42;
const PLANNED: PlannedParts = { testSize: 0.2, validationSize: 0.15 };

/** Row i has the text `NAME i`; every third row has the class b. */
const rows = (count: number, name = 'text'): string =>
  Array.from({ length: count }, (_, i) =>
    JSON.stringify({ text: `${name} ${i}`, label: i % 3 === 0 ? 'b' : 'a' }),
  ).join('\n');
const texts = (part: Dataset | undefined): string[] => part!.rows.map(({ text }) => text);

describe('loadSplits with plannedParts', () => {
  it('splits test rows off a file, then validation rows off the rest, both stratified', async (t) => {
    const dataset = `${folder(t, { 'rows.jsonl': rows(300) })}/rows.jsonl`;
    const { train, validation, test, heldOut } = await loadSplits({ dataset, seed, plannedParts: PLANNED });
    assert.deepEqual([train.length, validation!.length, test!.length], [204, 36, 60]);
    assert.deepEqual([train.name, validation!.name, test!.name], ['train', 'validation', 'test']);
    assert.deepEqual(
      [train, validation!, test!].map(({ classLabels }) => classLabels.map((each) => each.rows)),
      [
        [136, 68],
        [24, 12],
        [40, 20],
      ],
    );
    assert.equal(new Set([...texts(train), ...texts(validation), ...texts(test)]).size, 300);
    assert.deepEqual(heldOut, { testSize: 0.2, validationSize: 0.15 });
    assert.deepEqual(texts(labelledRows({ train, validation: validation! })), [
      ...texts(train),
      ...texts(validation),
    ]);
    // The test rows are those that testSize gives without a plan, and the reported options give the same rows.
    assert.deepEqual(texts((await loadSplits({ dataset, seed, testSize: 0.2 })).test), texts(test));
    const again = await loadSplits({ dataset, seed, ...heldOut });
    assert.deepEqual(
      [texts(again.train), texts(again.validation), texts(again.test)],
      [texts(train), texts(validation), texts(test)],
    );
  });

  it('takes the test and validation splits that the dataset has', async (t) => {
    const dataset = folder(t, {
      'train.jsonl': rows(60),
      'dev.jsonl': rows(20, 'dev'),
      'test.jsonl': rows(20, 'test'),
    });
    const { train, validation, test, heldOut, notes } = await loadSplits({
      dataset,
      seed,
      plannedParts: PLANNED,
    });
    assert.deepEqual([train.length, validation!.length, test!.length], [60, 20, 20]);
    assert.equal(texts(validation)[0], 'dev 0');
    assert.deepEqual(heldOut, { evalSplit: 'test', validationSplit: 'validation' });
    assert.deepEqual(notes, []);
    const again = await loadSplits({ dataset, seed, ...heldOut });
    assert.deepEqual(texts(again.validation), texts(validation));
  });

  it('does not choose the epoch by the split that is evaluated on', async (t) => {
    const dataset = folder(t, { 'train.jsonl': rows(60), 'validation.jsonl': rows(20, 'validation') });
    const { train, validation, test, heldOut } = await loadSplits({
      dataset,
      seed,
      evalSplit: 'validation',
      plannedParts: PLANNED,
    });
    assert.deepEqual([train.length, validation!.length, test!.length], [51, 9, 20]);
    assert.deepEqual(heldOut, { evalSplit: 'validation', validationSize: 0.15 });
  });

  it('leaves a given testSize and validationSize unchanged', async (t) => {
    const dataset = `${folder(t, { 'rows.jsonl': rows(60) })}/rows.jsonl`;
    const { validation, test, heldOut } = await loadSplits({
      dataset,
      seed,
      testSize: 6,
      validationSize: 0.5,
      plannedParts: PLANNED,
    });
    assert.deepEqual([validation!.length, test!.length], [27, 6]);
    assert.deepEqual(heldOut, { testSize: 6, validationSize: 0.5 });
  });

  it('splits validation rows off the training split if an evaluation file is given', async (t) => {
    const dataset = folder(t, { 'train.jsonl': rows(60), 'validation.jsonl': rows(20, 'validation') });
    const { train, validation, test } = await loadSplits({
      dataset,
      evalDataset: `${dataset}/validation.jsonl`,
      seed,
      plannedParts: PLANNED,
    });
    assert.deepEqual([train.length, validation!.length, test!.length], [51, 9, 20]);
    assert.equal(new Set([...texts(train), ...texts(validation), ...texts(test)]).size, 80);
  });

  it('holds out nothing, with a note, if the rows are too few or a class has one row only', async (t) => {
    const few = folder(t, {
      'rows.jsonl': rows(19),
      'lonely.jsonl': `${rows(60)}\n{"text":"only","label":"c"}`,
    });
    for (const [name, obstacle] of [
      ['rows', { kind: 'too-few-rows', rows: 19 }],
      ['lonely', { kind: 'class-of-one-row', name: 'c' }],
    ] as const) {
      const { train, validation, test, heldOut, notes } = await loadSplits({
        dataset: `${few}/${name}.jsonl`,
        seed,
        plannedParts: PLANNED,
      });
      assert.equal(train.length, name === 'rows' ? 19 : 61);
      assert.deepEqual([validation, test], [undefined, undefined]);
      assert.deepEqual(notes, [
        notice('no-test-rows', { obstacle }),
        notice('no-validation-rows', { obstacle }),
      ]);
      assert.deepEqual(heldOut, {});
    }
  });

  it('holds out nothing, with a note, if the held-out rows could not contain each class', async (t) => {
    const many = folder(t, {
      'rows.jsonl': Array.from({ length: 100 }, (_, i) =>
        JSON.stringify({ text: `text ${i}`, label: `class ${i % 50}` }),
      ).join('\n'),
    });
    const splits = await loadSplits({ dataset: `${many}/rows.jsonl`, seed, plannedParts: PLANNED });
    assert.deepEqual([splits.train.length, splits.validation, splits.test], [100, undefined, undefined]);
    assert.deepEqual(splits.notes, [
      notice('no-test-rows', { obstacle: { kind: 'part-too-small', part: 20, rows: 100, classes: 50 } }),
      notice('no-validation-rows', {
        obstacle: { kind: 'part-too-small', part: 15, rows: 100, classes: 50 },
      }),
    ]);
  });

  it('limits the validation rows, and takes them from the first trainRows rows', async (t) => {
    const dataset = `${folder(t, { 'rows.jsonl': rows(4000) })}/rows.jsonl`;
    const all = await loadSplits({ dataset, seed, plannedParts: { validationSize: 0.15 } });
    assert.deepEqual(
      [all.train.length, all.validation!.length],
      [4000 - MOST_VALIDATION_ROWS, MOST_VALIDATION_ROWS],
    );
    assert.deepEqual(all.heldOut, { validationSize: MOST_VALIDATION_ROWS });
    const first = await loadSplits({ dataset, seed, trainRows: 100, plannedParts: { validationSize: 0.15 } });
    assert.deepEqual(
      [...texts(first.train), ...texts(first.validation)].sort(),
      Array.from({ length: 100 }, (_, i) => `text ${i}`).sort(),
    );
    assert.equal(first.validation!.length, 15);
  });
});

describe('loadSplits', () => {
  it('refuses to choose the epoch by the split that is trained or evaluated on', async (t) => {
    const dataset = folder(t, { 'train.jsonl': rows(60), 'validation.jsonl': rows(20, 'validation') });
    await assert.rejects(
      loadSplits({ dataset, seed, evalSplit: 'validation', validationSplit: 'validation' }),
      refusal(UsageError, 'validation-split-in-use', { split: 'validation', use: 'test' }),
    );
    await assert.rejects(
      loadSplits({ dataset, seed, validationSplit: 'train' }),
      refusal(UsageError, 'validation-split-in-use', { split: 'train', use: 'train' }),
    );
  });

  it('refuses a validationSize of all rows, or beside a validationSplit', async (t) => {
    const dataset = `${folder(t, { 'rows.jsonl': rows(60) })}/rows.jsonl`;
    await assert.rejects(
      loadSplits({ dataset, seed, validationSize: 60 }),
      refusal(UsageError, 'part-takes-all-rows', {
        name: 'validationSize',
        given: 60,
        taken: 60,
        rows: 60,
      }),
    );
    await assert.rejects(
      loadSplits({ dataset, seed, validationSize: 5, validationSplit: 'dev' }),
      refusal(UsageError, 'held-out-twice', { one: 'validationSize', other: 'validationSplit' }),
    );
  });
});
