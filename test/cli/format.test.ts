import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatDuration, formatRate, formatRecord } from '#attune/cli/format.js';
import { evalRecord, finalRecord, trainRecord } from '#attune/train/records.js';

describe('formatDuration', () => {
  it('shows minutes and seconds, and hours if there are any', () => {
    assert.deepEqual([0, 54.4, 59.6, 723, 3723, -1].map(formatDuration), [
      '0:00',
      '0:54',
      '1:00',
      '12:03',
      '1:02:03',
      '0:00',
    ]);
  });
});

describe('formatRate', () => {
  it('shows steps per second, or seconds per step if they are slow', () => {
    assert.deepEqual(
      [8.14, 120, 1, 0.25, 0.001].map((rate) => formatRate(rate)),
      ['8.1 steps/s', '120 steps/s', '1.0 steps/s', '4.0 s/step', '1000 s/step'],
    );
  });

  it('uses the given unit', () => {
    assert.equal(formatRate(3, 'row'), '3.0 rows/s');
  });
});

describe('formatRecord', () => {
  const at = { epoch: 0.04, step: 10 };

  it('shows a training log entry on one line', () => {
    assert.equal(
      formatRecord(trainRecord({ loss: 1.16773, gradNorm: 26.636, learningRate: 9e-7 }, at), 750),
      'step  10/750  epoch 0.04  loss 1.1677  grad norm 26.64  lr 9.00e-7',
    );
    assert.equal(
      formatRecord(trainRecord({ loss: 1, gradNorm: 2, learningRate: 0 }, at), 750),
      'step  10/750  epoch 0.04  loss 1.0000  grad norm 2.00  lr 0',
    );
  });

  it('shows an evaluation on one line, also if a metric is undefined', () => {
    const evaluation = evalRecord(
      0.8933,
      { accuracy: 0.59, auc: null },
      { seconds: 0.46, rows: 200, batches: 50 },
      { epoch: 1, step: 250 },
    );
    assert.equal(
      formatRecord(evaluation, 750),
      'step 250/750  epoch 1.00  evaluation: loss 0.8933  accuracy 0.5900  auc undefined  (0.5 s)',
    );
  });

  it('shows the final log entry on one line', () => {
    const final = finalRecord(
      { loss: 0.69289, flops: 1 },
      { seconds: 61, samples: 3000, steps: 750 },
      { epoch: 3, step: 750 },
    );
    assert.equal(formatRecord(final, 750), 'step 750/750  epoch 3.00  done in 1:01, mean loss 0.6929');
  });
});
