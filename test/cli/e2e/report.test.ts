/** `attune report` as a user runs it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { initialState, stateToJson } from '#attune/train/state.js';
import { attune, jsonLines } from '../../support/cli.js';
import { comparisonFixture } from '../../support/comparison.js';
import { folder, namesIn } from '../../support/folder.js';
import { printed, printedWithHint } from '../../support/refusal.js';

const comparison = comparisonFixture({ testRows: 30, trainRows: 40, errors: 1 });
const state = stateToJson({
  ...initialState({
    eval_steps: 500,
    logging_steps: 10,
    save_steps: 500,
    max_steps: 750,
    num_train_epochs: 3,
    train_batch_size: 4,
  }),
  log_history: comparison.logHistory,
});

describe('attune report', () => {
  it('writes the page of a comparison into its folder, and the path to stdout', async (t) => {
    const cwd = folder(t, { 'comparison.json': JSON.stringify(comparison), 'trainer_state.json': state });
    const { code, stdout, stderr } = await attune(['report', '.'], { cwd });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'report.html\n');
    assert.ok(readFileSync(join(cwd, 'report.html'), 'utf8').includes('made-up-sentences'));
  });

  it('writes the page of a training run with its curves, and replaces an earlier page', async (t) => {
    const cwd = folder(t, { 'trainer_state.json': state });
    const first = await attune(['report', cwd], { cwd });
    assert.equal(first.code, 0, first.stderr);
    writeFileSync(join(cwd, 'report.html'), 'old');
    const { code, stdout, stderr } = await attune(['report', cwd, '--json'], { cwd });
    assert.equal(code, 0, stderr);
    assert.deepEqual(jsonLines(stdout), [{ type: 'report', path: join(cwd, 'report.html') }]);
    assert.ok(readFileSync(join(cwd, 'report.html'), 'utf8').includes('Learning rate'));
    assert.deepEqual(namesIn(cwd), ['report.html', 'trainer_state.json']);
  });

  it('refuses a comparison that lacks a field, and keeps the earlier page', async (t) => {
    const cut = { ...comparison, verdict: { best: comparison.verdict.best } };
    const cwd = folder(t, { 'comparison.json': JSON.stringify(cut), 'report.html': 'old' });
    const { code, stdout, stderr } = await attune(['report', '.'], { cwd });
    assert.equal(code, 1);
    const expected = printed('comparison-file-invalid', {
      file: 'comparison.json',
      field: 'verdict.margin',
      problem: 'is missing; expected a number from 0 to 1',
    });
    assert.ok(stderr.includes(expected), stderr);
    assert.equal(stdout, '');
    assert.equal(readFileSync(join(cwd, 'report.html'), 'utf8'), 'old');
  });

  it('refuses a trainer_state.json that is cut, with line and column', async (t) => {
    const cut = state.slice(0, 400);
    const cwd = folder(t, { 'trainer_state.json': cut });
    const { code, stderr } = await attune(['report', '.'], { cwd });
    assert.equal(code, 1);
    const file = 'trainer_state.json';
    const lines = cut.split('\n');
    const place = { file, line: lines.length, column: lines.at(-1)!.length + 1 };
    const reason = 'expected "," or "}", found the end of the text';
    const error = { code: 'trainer-state-not-json', facts: { ...place, reason } };
    assert.equal(stderr, `${printedWithHint('report-source-damaged', { file, error })}\n`);
  });

  it('refuses a run with an empty log', async (t) => {
    const empty = state.replace(/"log_history": \[[^]*?\n {2}\]/, '"log_history": []');
    const cwd = folder(t, { 'trainer_state.json': empty });
    const { code, stderr } = await attune(['report', '.'], { cwd });
    assert.equal(code, 1);
    assert.ok(stderr.includes(printed('log-history-empty', { file: 'trainer_state.json' })), stderr);
  });

  it('refuses a folder that holds no run', async (t) => {
    const cwd = folder(t);
    const { code, stderr } = await attune(['report', cwd], { cwd });
    assert.equal(code, 2);
    const files = ['comparison.json', 'trainer_state.json'] as const;
    assert.ok(stderr.includes(printed('report-source-missing', { folder: cwd, files })), stderr);
  });

  it('refuses to start without a folder', async (t) => {
    const { code, stderr } = await attune(['report'], { cwd: folder(t) });
    assert.equal(code, 2);
    const expected = printed('command-argument-missing', { argument: 'DIR', within: 'attune report' });
    assert.ok(stderr.includes(expected), stderr);
  });

  it('shows a run whose metrics have no name or that of a property of every object', async (t) => {
    const records = [{ eval_loss: 0.5, eval_: 0.25, eval_constructor: 0.75, step: 3 }];
    const named = state.replace(
      /"log_history": \[[^]*?\n {2}\]/,
      `"log_history": ${JSON.stringify(records)}`,
    );
    const cwd = folder(t, { 'trainer_state.json': named });
    const { code, stderr } = await attune(['report', '.'], { cwd });
    assert.equal(code, 0, stderr);
    assert.match(readFileSync(join(cwd, 'report.html'), 'utf8'), />Constructor</);
  });
});
