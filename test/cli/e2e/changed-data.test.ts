/** Going on from a checkpoint with data or arguments that are not those of its run. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { writeByteModel } from '../../support/byte-model.js';
import { attune, readJson, ROWS, toJsonl, writeData } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
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
const [TRAIN, TEST] = [ROWS.slice(0, 12), ROWS.slice(12)];

describe('resuming', () => {
  before(async () => {
    const { code, stderr } = await train('--max-steps', '2');
    assert.equal(code, 0, stderr);
  });

  it('refuses other texts, labels, or an order of the rows, in training and evaluation', async () => {
    const saved = snapshot(at('run'));
    const turned = (rows: readonly (typeof ROWS)[number][]): object[] =>
      rows.map((row) => ({ ...row, label: 1 - row.label, label_text: row.label === 0 ? 'good' : 'bad' }));
    for (const [split, rows, ...which] of [
      ['train', TRAIN.map((row) => ({ ...row, text: `${row.text}!` })), 'last'],
      ['train', turned(TRAIN)],
      ['train', [...TRAIN].reverse(), 'run/checkpoint-1'],
      ['test', TEST.map((row) => ({ ...row, text: `${row.text}!` }))],
    ] as const) {
      putRows(split, rows);
      const { code, stderr } = await train('--max-steps', '3', '--resume-from-checkpoint', ...which);
      assert.equal(code, 2, stderr);
      const role = split === 'train' ? 'training' : 'evaluation';
      const refusal = `the ${role} rows are not those of the run that run.checkpoint-\\d is of`;
      assert.match(stderr, new RegExp(`${refusal}.*--allow-changed-data`, 's'));
      writeData(at('data'));
    }
    assert.deepEqual(snapshot(at('run')), saved);
  });

  it('takes the same classes under other numbers for the same rows, and says every other change', async () => {
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

  it('goes on with other rows where that is allowed, and says so', async () => {
    putRows(
      'train',
      TRAIN.map((row) => ({ ...row, text: `${row.text}!` })),
    );
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
