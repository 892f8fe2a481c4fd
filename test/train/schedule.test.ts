import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { SchedulerType } from '#attune/train/arguments.js';
import { resolveArguments } from '#attune/train/arguments.js';
import {
  batchRows,
  epochAt,
  learningRateAt,
  learningRateFactor,
  planOf,
  rowOrder,
  stepPlan,
  stepWindow,
  warmupStepsOf,
} from '#attune/train/schedule.js';
import { fixture } from './fixtures.js';

interface Schedules {
  readonly cases: readonly {
    readonly type: SchedulerType;
    readonly warmup_steps: number;
    readonly resolved_warmup_steps: number;
    readonly total: number;
    readonly learning_rate: number;
    readonly stride: number;
    readonly rates: readonly number[];
  }[];
}

interface Plans {
  readonly cases: readonly {
    readonly rows: number;
    readonly batch_size: number;
    readonly accumulation: number;
    readonly epochs: number;
    readonly max_steps: number;
    readonly state_max_steps: number;
    readonly state_num_train_epochs: number;
    readonly step_epochs: readonly number[];
    readonly evaluations: readonly (readonly [step: number, epoch: number])[];
    readonly samples: number;
    readonly first_rows: readonly (readonly number[])[];
  }[];
}

describe('learningRateAt', () => {
  it('matches the four schedulers of transformers', () => {
    const { cases } = fixture<Schedules>('schedules.json');
    assert.equal(cases.length, 32);
    for (const golden of cases) {
      const args = {
        learningRate: golden.learning_rate,
        lrSchedulerType: golden.type,
        warmupSteps: golden.warmup_steps,
        warmupRatio: 0,
      };
      assert.equal(warmupStepsOf(args, golden.total), golden.resolved_warmup_steps);
      for (const [i, rate] of golden.rates.entries()) {
        const difference = Math.abs(learningRateAt(args, i * golden.stride, golden.total) - rate);
        // Only the cosine may differ between mathematics libraries, in its last bit.
        assert.ok(
          golden.type === 'cosine' ? difference < 1e-19 : difference === 0,
          `${golden.type}, warmup ${golden.warmup_steps}, total ${golden.total}, step ${i * golden.stride}`,
        );
      }
    }
  });

  it('matches the rates that the reference notebook logged', () => {
    const args = resolveArguments({ learningRate: 5e-5, warmupSteps: 500 });
    const recorded = [
      [10, 9e-7],
      [20, 1.9e-6],
      [250, 2.4900000000000002e-5],
      [730, 4.2000000000000004e-6],
      [740, 2.2e-6],
      [750, 2.0000000000000002e-7],
    ] as const;
    for (const [step, rate] of recorded) assert.equal(learningRateAt(args, step - 1, 750), rate);
    assert.equal(learningRateAt(args, 0, 750), 0);
    assert.equal(learningRateAt(args, 500, 750), 5e-5);
  });
});

describe('learningRateFactor', () => {
  it('stays between 0 and 1, never falls during warm-up and never rises afterwards', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<SchedulerType>('linear', 'cosine', 'constant', 'constant_with_warmup'),
        fc.nat(50),
        fc.integer({ min: 1, max: 200 }),
        (type, warmup, total) => {
          let last = 0;
          for (let step = 0; step < total; step++) {
            const factor = learningRateFactor(type, step, warmup, total);
            assert.ok(factor >= 0 && factor <= 1);
            if (step > 0) assert.ok(step <= warmup ? factor >= last : factor <= last);
            last = factor;
          }
        },
      ),
    );
  });
});

describe('warmupStepsOf', () => {
  it('prefers warmupSteps to warmupRatio and rounds fractions up', () => {
    assert.equal(warmupStepsOf({ warmupSteps: 7, warmupRatio: 0.5 }, 100), 7);
    assert.equal(warmupStepsOf({ warmupSteps: 0, warmupRatio: 0.105 }, 100), 11);
    assert.equal(warmupStepsOf({ warmupSteps: 0.105, warmupRatio: 0.5 }, 100), 11);
    assert.equal(warmupStepsOf({ warmupSteps: 0, warmupRatio: 0 }, 100), 0);
  });
});

describe('stepPlan', () => {
  it('matches steps, epochs and row order of 12 runs of the Trainer', () => {
    const { cases } = fixture<Plans>('plans.json');
    assert.equal(cases.length, 12);
    for (const golden of cases) {
      const plan = stepPlan({
        rows: golden.rows,
        batchSize: golden.batch_size,
        accumulation: golden.accumulation,
        epochs: golden.epochs,
        maxSteps: golden.max_steps,
      });
      const what = JSON.stringify({ ...plan });
      assert.equal(plan.totalSteps, golden.state_max_steps, what);
      assert.equal(plan.epochsBegun, golden.state_num_train_epochs, what);
      assert.equal(plan.samples, golden.samples, what);
      const epochs = golden.step_epochs.map((_, i) => epochAt(plan, i + 1));
      assert.deepEqual(epochs, golden.step_epochs, what); // bit for bit
      const ends = Array.from({ length: plan.totalSteps }, (_, i) => i + 1).filter(
        (step) => stepWindow(plan, step).lastOfEpoch || step === plan.totalSteps,
      );
      assert.deepEqual(
        ends.map((step) => [step, epochAt(plan, step)]),
        golden.evaluations,
        what,
      );
      for (const [epoch, rows] of golden.first_rows.entries())
        assert.deepEqual([...rowOrder(golden.rows, 42, epoch).subarray(0, rows.length)], rows, what);
    }
  });
});

describe('stepWindow', () => {
  it('visits every row of an epoch once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat(1000),
        (rows, batchSize, accumulation, epochs, seed) => {
          const plan = stepPlan({ rows, batchSize, accumulation, epochs, maxSteps: -1 });
          const seen = new Map<number, number[]>();
          for (let step = 1; step <= plan.totalSteps; step++) {
            const { epoch, firstBatch, batches } = stepWindow(plan, step);
            assert.ok(batches >= 1 && batches <= accumulation);
            const order = rowOrder(rows, seed, epoch);
            for (let b = 0; b < batches; b++) {
              const batch = [...batchRows(order, batchSize, firstBatch + b)];
              assert.ok(batch.length >= 1 && batch.length <= batchSize);
              seen.set(epoch, [...(seen.get(epoch) ?? []), ...batch]);
            }
          }
          assert.equal(seen.size, epochs);
          for (const order of seen.values())
            assert.deepEqual(
              order.toSorted((a, b) => a - b),
              Array.from({ length: rows }, (_, i) => i),
            );
        },
      ),
    );
  });
});

describe('planOf', () => {
  it('derives the steps of a run from its arguments', () => {
    const plan = planOf(
      resolveArguments({ perDeviceTrainBatchSize: 5, gradientAccumulationSteps: 3, numTrainEpochs: 2 }),
      601,
    );
    assert.deepEqual([plan.batchesPerEpoch, plan.stepsPerEpoch, plan.totalSteps], [121, 41, 82]);
    assert.deepEqual(stepWindow(plan, 41), { epoch: 0, firstBatch: 120, batches: 1, lastOfEpoch: true });
    assert.equal(epochAt(plan, 0), 0);
  });

  it('refuses a run without training rows', () => {
    assert.throws(() => planOf(resolveArguments(), 0), /at least one training row/);
  });
});
