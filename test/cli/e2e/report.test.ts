/** attune report */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { initialState, stateToJson } from '#attune/train/state.js';
import { attune, jsonLines } from '../../support/cli.js';
import { comparisonFixture } from '../../support/comparison.js';
import { folder, namesIn } from '../../support/folder.js';

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

test('a comparison: the path on stdout, the page in the folder', async (t) => {
  const cwd = folder(t, { 'comparison.json': JSON.stringify(comparison), 'trainer_state.json': state });
  const { code, stdout, stderr } = await attune(['report', '.'], { cwd });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, 'report.html\n');
  assert.ok(readFileSync(join(cwd, 'report.html'), 'utf8').includes('made-up-sentences'));
});

test('a training run: its curves; --json gives a record; an earlier page is replaced', async (t) => {
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

test('refusals say what and where, and leave what was there', async (t) => {
  const cut = { ...comparison, verdict: { best: comparison.verdict.best } };
  const cwd = folder(t, { 'comparison.json': JSON.stringify(cut), 'report.html': 'old' });
  const damaged = await attune(['report', '.'], { cwd });
  assert.equal(damaged.code, 1);
  assert.match(
    damaged.stderr,
    /comparison\.json: verdict\.margin: is missing; expected a number from 0 to 1/,
  );
  assert.equal(damaged.stdout, '');
  assert.equal(readFileSync(join(cwd, 'report.html'), 'utf8'), 'old');
  const half = await attune(['report', '.'], {
    cwd: folder(t, { 'trainer_state.json': state.slice(0, 400) }),
  });
  assert.equal(half.code, 1);
  assert.match(half.stderr, /trainer_state\.json:\d+:\d+: /);
  assert.doesNotMatch(half.stderr, /resume/);
  const early = await attune(['report', '.'], {
    cwd: folder(t, {
      'trainer_state.json': state.replace(/"log_history": \[[^]*?\n {2}\]/, '"log_history": []'),
    }),
  });
  assert.equal(early.code, 1);
  assert.match(early.stderr, /no records yet/);
});

test('a folder without a run, and no folder: usage', async (t) => {
  const cwd = folder(t);
  const empty = await attune(['report', cwd], { cwd });
  assert.equal(empty.code, 2);
  assert.match(empty.stderr, /holds neither comparison\.json nor trainer_state\.json/);
  const none = await attune(['report'], { cwd });
  assert.equal(none.code, 2);
  assert.match(none.stderr, /DIR/);
});
