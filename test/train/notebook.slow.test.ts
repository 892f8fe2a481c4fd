/** The run of the reference notebook, 750 steps and three evaluations, beside that of transformers' Trainer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isEvalRecord, isFinalRecord, isTrainRecord } from '#attune/train/records.js';
import { folder } from '../support/folder.js';
import { assertClose } from '../support/numbers.js';
import { notebookGolden, notebookRun, skipNotebook } from './notebook.js';

describe('PRESETS.notebook', () => {
  it(
    'matches the log, evaluations and test logits of transformers with dropout 0',
    { skip: skipNotebook },
    async (t) => {
      const golden = notebookGolden('dropout-0.json');
      const run = await notebookRun(folder(t), { seed: 42, dropout: 0 });
      t.after(() => run.close());
      const { state, evaluation } = await run.train();
      assert.equal(state.log_history.length, golden.log_history.length);
      const worst = { loss: 0, gradNorm: 0, evalLoss: 0, auc: 0, logit: 0 };
      for (const [i, expected] of golden.log_history.entries()) {
        const actual = state.log_history[i];
        assert.deepEqual([actual.step, actual.epoch], [expected.step, expected.epoch]);
        if (isTrainRecord(expected)) {
          assert.ok(isTrainRecord(actual));
          assertClose([actual.learning_rate], [expected.learning_rate], 1e-12, 'learning rate');
          worst.loss = Math.max(worst.loss, Math.abs(actual.loss - expected.loss));
          worst.gradNorm = Math.max(worst.gradNorm, Math.abs(actual.grad_norm / expected.grad_norm - 1));
        } else if (isEvalRecord(expected)) {
          assert.ok(isEvalRecord(actual));
          assertClose(
            [actual.eval_accuracy!, actual.eval_f1!],
            [expected.eval_accuracy!, expected.eval_f1!],
            1e-12,
            'accuracy and F1',
          );
          worst.evalLoss = Math.max(worst.evalLoss, Math.abs(actual.eval_loss - expected.eval_loss));
          worst.auc = Math.max(worst.auc, Math.abs(actual.eval_auc! - expected.eval_auc!));
        } else {
          assert.ok(isFinalRecord(actual));
          assert.equal(actual.total_flos, expected.total_flos);
          worst.loss = Math.max(worst.loss, Math.abs(actual.train_loss - expected.train_loss));
        }
      }
      for (const [i, logit] of golden.test_logits.flat().entries())
        worst.logit = Math.max(worst.logit, Math.abs(logit - evaluation!.logits[i]));
      t.diagnostic(`largest differences: ${JSON.stringify(worst)}`);
      assert.ok(worst.loss <= 1e-4, `loss ${worst.loss}`);
      assert.ok(worst.gradNorm <= 1e-3, `grad_norm ${worst.gradNorm}`);
      assert.ok(worst.evalLoss <= 1e-4, `eval_loss ${worst.evalLoss}`);
      assert.ok(worst.auc <= 1e-4, `AUC ${worst.auc}`);
      assert.ok(worst.logit <= 2e-3, `logits ${worst.logit}`);
    },
  );

  for (const seed of [1, 2, 3]) {
    it(
      `reaches the AUC and accuracy of transformers with dropout 0.1 and seed ${seed}`,
      { skip: skipNotebook },
      async (t) => {
        const run = await notebookRun(folder(t), { seed, dropout: 0.1 });
        t.after(() => run.close());
        const { metrics } = (await run.train()).evaluation!;
        t.diagnostic(
          `accuracy ${metrics.accuracy}, F1 ${metrics.f1.toFixed(4)}, AUC ${metrics.auc?.toFixed(4)}`,
        );
        assert.ok(metrics.auc! >= 0.8 && metrics.auc! <= 0.9, `AUC ${metrics.auc}`);
        assert.ok(metrics.accuracy >= 0.62 && metrics.accuracy <= 0.75, `accuracy ${metrics.accuracy}`);
      },
    );
  }
});
