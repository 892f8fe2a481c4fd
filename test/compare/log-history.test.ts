import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { logHistory } from '#attune/compare/log-history.js';
import { ModelError } from '#attune/errors.js';
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

  it('refuses a log history that is not a list of log entries, and names file and key', async (t) => {
    for (const history of ['[null]', '[[]]', '[{"loss": 1}]', '[{"loss": "1", "step": 1}]', '7', 'null']) {
      const dir = folder(t, { 'trainer_state.json': `{"log_history": ${history}}` });
      await assert.rejects(
        logHistory(dir),
        (error) =>
          error instanceof ModelError &&
          /trainer_state\.json: "log_history" must be a list of records/.test(error.message) &&
          error.hint !== undefined,
        history,
      );
    }
  });
});
