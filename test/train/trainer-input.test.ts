/** A Trainer checks the rows and labels that a caller supplies before it computes with them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UsageError } from '#attune/errors/attune-error.js';
import { Trainer } from '#attune/train/trainer.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';
import { TINY, tinyTrainer } from '../support/tiny-run.js';

const NAMES = ['train', 'evaluation'] as const;

describe('Trainer', () => {
  it('refuses fewer or more labels than training or evaluation rows', async (t) => {
    const { source } = await tinyTrainer(t, { dir: folder(t) });
    for (const name of NAMES) {
      const { rows } = source[name]!;
      for (const length of [0, 1, rows.length - 1, rows.length + 1])
        assert.throws(
          () => new Trainer({ ...source, [name]: { rows, labels: new Int32Array(length) } }),
          refusal(UsageError, 'labeled-rows-length', { name, labels: length, rows: rows.length }),
        );
    }
  });

  it('refuses a label that is not a class of the model and names the row', async (t) => {
    const { source } = await tinyTrainer(t, { dir: folder(t) });
    const classes = TINY.labelNames.length;
    for (const name of NAMES) {
      const { rows, labels } = source[name]!;
      for (const label of [-1, classes, 99]) {
        const wrong = labels.slice();
        wrong[2] = label;
        assert.throws(
          () => new Trainer({ ...source, [name]: { rows, labels: wrong } }),
          refusal(UsageError, 'labeled-rows-class', { name, row: 2, label, classes }),
        );
      }
    }
  });

  it('refuses an empty list of training or evaluation rows', async (t) => {
    const { source } = await tinyTrainer(t, { dir: folder(t) });
    const none = { rows: [], labels: new Int32Array(0) };
    for (const name of NAMES)
      assert.throws(
        () => new Trainer({ ...source, [name]: none }),
        refusal(UsageError, 'labeled-rows-empty', { name }),
      );
  });
});

describe('Trainer.measure', () => {
  it('refuses labels that do not fit the rows before it computes', async (t) => {
    let computed = 0;
    const { trainer, source } = await tinyTrainer(t, {
      dir: folder(t),
      callbacks: [{ onEvaluationProgress: () => computed++ }],
    });
    const { rows, labels } = source.evaluation!;
    await assert.rejects(
      trainer.measure({ rows, labels: labels.slice(1) }),
      refusal(UsageError, 'labeled-rows-length', { name: 'evaluation', labels: 8, rows: 9 }),
    );
    assert.equal(computed, 0);
  });
});
