/** Resuming from a checkpoint with data or arguments that are not those of its run. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { writeByteModel } from '../../support/byte-model.js';
import { attune, readJson, ROWS, toJsonl, writeData } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { printedWithHint } from '../../support/refusal.js';
import { snapshot } from '../../support/users-files.js';
import { modelAndData } from '../../support/workspace.js';

const cwd = modelAndData(writeByteModel);
const at = (...path: string[]): string => join(cwd, ...path);
const train = (...more: string[]): Promise<CliResult> =>
  attune(
    [
      'train',
      '--model',
      'model',
      '--dataset',
      'data',
      '--output-dir',
      'run',
      '--save-steps',
      '1',
      '--threads',
      '1',
      '--eval-strategy',
      'epoch',
      ...more,
    ],
    { cwd },
  );
const putRows = (split: 'train' | 'test', rows: readonly object[]): void =>
  writeFileSync(at('data', `${split}.jsonl`), toJsonl(rows));
const NEWEST = join('run', 'checkpoint-2');
const [TRAIN, TEST] = [ROWS.slice(0, 12), ROWS.slice(12)];

describe('attune train --resume-from-checkpoint', () => {
  before(async () => {
    const { code, stderr } = await train('--max-steps', '2');
    assert.equal(code, 0, stderr);
  });

  type Row = (typeof ROWS)[number];
  const edited = (rows: readonly Row[]): Row[] => rows.map((row) => ({ ...row, text: `${row.text}!` }));
  const CHANGES: readonly (readonly [
    what: string,
    split: 'train' | 'test',
    rows: readonly object[],
    given: readonly string[],
    checkpoint: string,
  ])[] = [
    ['other training texts', 'train', edited(TRAIN), ['last'], NEWEST],
    [
      'other training labels',
      'train',
      TRAIN.map((row) => ({
        ...row,
        label: 1 - row.label,
        label_text: row.label === 0 ? 'good' : 'bad',
      })),
      [],
      NEWEST,
    ],
    [
      'another order of the training rows',
      'train',
      [...TRAIN].reverse(),
      ['run/checkpoint-1'],
      'run/checkpoint-1',
    ],
    ['other evaluation texts', 'test', edited(TEST), [], NEWEST],
  ];
  for (const [what, split, rows, given, checkpoint] of CHANGES) {
    it(`refuses ${what}, and leaves the run as it was`, async () => {
      const saved = snapshot(at('run'));
      putRows(split, rows);
      const { code, stderr } = await train('--max-steps', '3', '--resume-from-checkpoint', ...given);
      writeData(at('data'));
      assert.equal(code, 2, stderr);
      const expected = printedWithHint('resume-data-changed', {
        checkpoint,
        rows: split === 'train' ? 'training' : 'evaluation',
      });
      assert.ok(stderr.includes(`${expected}\n`), stderr);
      assert.deepEqual(snapshot(at('run')), saved);
    });
  }

  it('accepts other numbers for the same label names, and warns of each changed argument', async () => {
    // `label_text` names the classes: 0 and 1 are only what this file calls them.
    putRows(
      'train',
      TRAIN.map((row) => ({ ...row, label: 1 - row.label })),
    );
    const { code, stderr } = await train(
      '--max-steps',
      '3',
      '--resume-from-checkpoint',
      '--learning-rate',
      '1e-3',
      '--max-length',
      '20',
    );
    writeData(at('data'));
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /warning: not as it was when run.checkpoint-2 was saved: learningRate was 0\.00005, then 0\.001/,
    );
    assert.match(stderr, /warning: not as it was when run.checkpoint-2 was saved: maxLength was .*, then 20/);
    assert.match(stderr, /warning: not as it was when run.checkpoint-2 was saved: maxSteps was 2, then 3/);
    assert.deepEqual(readJson(at('run', 'config.json'))['id2label'], { 0: 'bad', 1: 'good' });
  });

  it('resumes with other rows and a warning if --allow-changed-data is given', async () => {
    putRows('train', edited(TRAIN));
    const { code, stderr } = await train(
      '--max-steps',
      '4',
      '--resume-from-checkpoint',
      '--allow-changed-data',
    );
    writeData(at('data'));
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /warning: not as it was when run.checkpoint-3 was saved: the training rows were others/,
    );
    assert.ok(readdirSync(at('run')).includes('checkpoint-4'));
  });
});
