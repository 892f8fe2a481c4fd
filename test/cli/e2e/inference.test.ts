/**
 * `predict` and `evaluate` agree with the run that trained the model and can be stopped; the event file of the run
 * is sound.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { maskedCrc } from '#attune/report/event-file.js';
import { attune, jsonLines, ROWS, toJsonl, writeData, writeTinyModel } from '../../support/cli.js';
import { printed, printedWithHint } from '../../support/refusal.js';
import { workspace } from '../../support/workspace.js';

let evalLoss = 0;
let records = 0;
const cwd = workspace(async (cwd) => {
  await writeTinyModel(join(cwd, 'model'));
  writeData(join(cwd, 'data'));
  const { code, stdout, stderr } = await attune(
    [
      'train',
      '--model',
      'model',
      '--dataset',
      'data',
      '--output-dir',
      'run',
      '--max-steps',
      '4',
      '--logging-steps',
      '1',
      '--eval-strategy',
      'steps',
      '--eval-steps',
      '2',
      '--learning-rate',
      '0.01',
      '--json',
    ],
    { cwd },
  );
  assert.equal(code, 0, stderr);
  const logged = jsonLines(stdout).filter(({ type }) => ['train', 'eval', 'final'].includes(type as string));
  records = logged.reduce((sum, record) => sum + Object.keys(record).length - 2, 0); // all but type and step
  evalLoss = logged.filter(({ type }) => type === 'eval').at(-1)!['eval_loss'] as number;
});

describe('the model saved by attune train', () => {
  it('gives the logits of the last evaluation in attune predict', async () => {
    const { code, stdout, stderr } = await attune(
      ['predict', '--model', 'run', '--input', 'data/test.jsonl', '--logits'],
      { cwd },
    );
    assert.equal(code, 0, stderr);
    const rows = ROWS.slice(12);
    const losses = jsonLines(stdout).map(({ logits }, i) => {
      const values = logits as number[];
      return Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0)) - values[rows[i].label];
    });
    assert.equal(losses.length, rows.length);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    assert.ok(Math.abs(mean - evalLoss) < 1e-6, `${mean} against ${evalLoss}`);
  });
});

describe('the event file of attune train', () => {
  it('has valid checksums, and an event for the version, two texts and each number in the log', () => {
    const [name, ...more] = readdirSync(join(cwd, 'run', 'runs'));
    assert.deepEqual(more, []);
    assert.match(name, /^events\.out\.tfevents\.\d{10}\./);
    const file = readFileSync(join(cwd, 'run', 'runs', name));
    let events = 0;
    for (let at = 0; at < file.length; events++) {
      const length = Number(file.readBigUInt64LE(at));
      assert.equal(file.readUInt32LE(at + 8), maskedCrc(file.subarray(at, at + 8)));
      assert.equal(file.readUInt32LE(at + 12 + length), maskedCrc(file.subarray(at + 12, at + 12 + length)));
      at += 16 + length;
    }
    assert.equal(events, 1 + 2 + records);
  });
});

describe('attune evaluate', () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`ends with 130, one error and no result on ${signal}`, async () => {
      writeFileSync(
        join(cwd, 'many.jsonl'),
        toJsonl(
          Array.from({ length: 4000 }, (_, i) => ({ text: `day ${i} ${'so '.repeat(40)}`, label: i % 2 })),
        ),
      );
      // The data's heading comes just before the first batch.
      const { code, stdout, stderr } = await attune(
        ['evaluate', '--model', 'run', '--dataset', 'many.jsonl', '--batch-size', '1'],
        { cwd, signals: [{ when: /many\.jsonl/, signal }] },
      );
      assert.equal(code, 130, stderr);
      assert.equal(stdout, '');
      assert.ok(
        stderr.includes(`once more to stop at once.\nerror: ${printed('interrupted', {})}\n`),
        stderr,
      );
      assert.equal(stderr.match(/^error:/gm)?.length, 1, stderr);
    });
  }
});

describe('attune predict --output', () => {
  it('leaves no file if the file cannot be written', async () => {
    const files = readdirSync(cwd);
    const { code, stderr } = await attune(
      ['predict', '--model', 'run', '--text', 'a', '--output', 'nowhere/out.jsonl'],
      { cwd },
    );
    assert.equal(code, 1);
    const facts = { path: 'nowhere/out.jsonl', folder: 'nowhere' };
    assert.equal(stderr, `${printedWithHint('output-file-without-folder', facts)}\n`);
    assert.deepEqual(readdirSync(cwd), files);
  });

  it('leaves no file if a line of the input is broken', async () => {
    const files = readdirSync(cwd);
    const { code, stderr } = await attune(
      ['predict', '--model', 'run', '--input', '-', '--output', 'out.jsonl'],
      { cwd, input: '{"text": "a"}\nbroken\n' },
    );
    assert.equal(code, 1);
    const expected = printedWithHint('jsonl-broken', {
      file: 'stdin',
      line: 2,
      column: 1,
      reason: 'expected a value, found "b"',
    });
    assert.equal(stderr, `${expected}\n`);
    assert.deepEqual(readdirSync(cwd), files);
  });
});
