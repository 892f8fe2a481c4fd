import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InterruptedError } from '#attune/errors/attune-error.js';
import { isTrainRecord } from '#attune/train/records.js';
import type { LogRecord } from '#attune/train/records.js';
import { rowOrder } from '#attune/train/schedule.js';
import { folder } from '../support/folder.js';
import { assertClose } from '../support/numbers.js';
import { notebookGolden, notebookRun, skipNotebook } from './notebook.js';

/** notebook.slow.test.ts compares the whole run. */
const STEPS = 30;

describe('PRESETS.notebook', () => {
  it(
    `takes the first ${STEPS} steps as transformers does`,
    { skip: skipNotebook, timeout: 1_800_000 },
    async (t) => {
      const golden = notebookGolden('dropout-0.json');
      const records: LogRecord[] = [];
      const abort = new AbortController();
      const run = await notebookRun(folder(t), {
        seed: 42,
        dropout: 0,
        callbacks: [
          { onLog: (record) => records.push(record), onStep: (step) => step === STEPS && abort.abort() },
        ],
        signal: abort.signal,
      });
      t.after(() => run.close());
      assertClose(
        await run.session.readTensor('parameter', 'score.weight'),
        golden.init_score.flat(),
        1e-7,
        'the drawn head',
      );
      for (const [epoch, rows] of golden.epoch_first_rows.entries())
        assert.deepEqual([...rowOrder(1000, 42, epoch).subarray(0, rows.length)], rows);
      await assert.rejects(run.train(), InterruptedError);
      assert.equal(records.length, STEPS / 10);
      for (const [i, record] of records.entries()) {
        const expected = golden.log_history[i];
        assert.ok(isTrainRecord(record) && isTrainRecord(expected));
        assertClose([record.loss], [expected.loss], 1e-4, 'loss');
        assertClose([record.grad_norm / expected.grad_norm], [1], 1e-3, 'grad_norm');
        assertClose([record.learning_rate], [expected.learning_rate], 1e-12, 'learning rate');
      }
    },
  );
});
