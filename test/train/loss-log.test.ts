import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LossLog } from '#attune/train/loss-log.js';
import { planOf, stepWindow } from '#attune/train/schedule.js';
import { resolveArguments } from '#attune/train/arguments.js';
import { fixture } from './fixtures.js';

interface Accumulation {
  readonly options: Readonly<Record<string, number>>;
  readonly micro_batches: readonly (readonly [rows: number, loss: number])[];
  readonly log_history: readonly Readonly<Record<string, number>>[];
}

describe('LossLog', () => {
  it('records the losses of an accumulating run as the Trainer did, bit for bit', () => {
    const golden = fixture<Accumulation>('accumulation.json');
    const args = resolveArguments(golden.options);
    const plan = planOf(args, 601);
    const records = golden.log_history.filter((record) => 'loss' in record);
    assert.equal(records.length, plan.totalSteps);
    const log = new LossLog();
    let micro = 0;
    for (let step = 1; step <= plan.totalSteps; step++) {
      const { batches } = stepWindow(plan, step);
      for (let b = 0; b < batches; b++) log.add(golden.micro_batches[micro++][1]);
      assert.equal(log.record(step), records[step - 1]['loss']);
    }
    assert.equal(micro, golden.micro_batches.length);
    assert.equal(log.mean(plan.totalSteps), golden.log_history.at(-1)!['train_loss']);
    // The last step of an epoch has one batch and records the loss of that batch, not a third of it.
    assert.deepEqual(golden.micro_batches[120], [1, records[40]['loss']]);
  });

  it('continues from a saved state', () => {
    const losses = Array.from({ length: 25 }, (_, i) => Math.fround(1 + Math.sin(i)));
    const whole = new LossLog();
    let resumed = new LossLog();
    for (const [i, loss] of losses.entries()) {
      whole.add(loss);
      resumed.add(loss);
      if (i === 13)
        resumed = new LossLog(JSON.parse(JSON.stringify(resumed.state())) as ReturnType<LossLog['state']>);
      if ((i + 1) % 10 === 0) {
        assert.equal(resumed.hasUnrecorded(i + 1), true);
        assert.equal(resumed.record(i + 1), whole.record(i + 1));
        assert.equal(resumed.hasUnrecorded(i + 1), false);
      }
    }
    assert.equal(resumed.mean(25), whole.mean(25));
  });
});
