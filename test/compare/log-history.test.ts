import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { logHistory } from '#attune/compare/log-history.js';
import { folder } from '../support/folder.js';

describe('logHistory', () => {
  it('returns the log entries of trainer_state.json', async (t) => {
    const records = [
      { loss: 1.5, step: 1 },
      { eval_loss: null, eval_auc: null, step: 2 },
    ];
    const dir = folder(t, { 'trainer_state.json': JSON.stringify({ log_history: records }) });
    assert.deepEqual(await logHistory(dir), records);
  });

  it('returns no log entries if the folder has no log', async (t) => {
    assert.deepEqual(await logHistory(folder(t)), []);
    assert.deepEqual(await logHistory(folder(t, { 'trainer_state.json': '{}' })), []);
  });

  it('returns no log entries if the log cannot be read', async (t) => {
    for (const content of ['{"log_history": 7}', '{"log_history": null}', 'null', '{"log_history": [']) {
      const dir = folder(t, { 'trainer_state.json': content });
      assert.deepEqual(await logHistory(dir), [], content);
    }
  });

  it('leaves out entries of other kinds, and values that are not numbers', async (t) => {
    const others = [
      null,
      [],
      'text',
      { loss: 1 },
      { loss: '1', step: 1 },
      { test_loss: 1, step: 2 },
      { eval_a_loss: 1, step: 2 },
      { my_metric: 1, epoch: 1, step: 2 },
    ];
    const evaluated = { eval_loss: 0.5, eval_report: { a: 1 }, eval_note: 'good', step: 2 };
    const log = { log_history: [...others, evaluated, { train_runtime: 3, step: 2 }] };
    const dir = folder(t, { 'trainer_state.json': JSON.stringify(log) });
    assert.deepEqual(await logHistory(dir), [
      { eval_loss: 0.5, step: 2 },
      { train_runtime: 3, step: 2 },
    ]);
  });
});
