import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveArguments } from '#attune/train/arguments.js';
import type { TrainingArguments } from '#attune/train/arguments.js';
import { dueAfterEpoch, dueAfterStep, intervalsOf } from '#attune/train/flow.js';
import { planOf, stepWindow } from '#attune/train/schedule.js';
import { fixture } from './fixtures.js';

interface Strategies {
  readonly strategies: readonly {
    readonly rows: number;
    readonly batch_size: number;
    readonly epochs: number;
    readonly options: Readonly<Record<string, unknown>>;
    readonly logged: readonly number[];
    readonly evaluated: readonly number[];
    readonly saved: readonly number[];
    readonly state: {
      readonly logging_steps: number;
      readonly eval_steps: number;
      readonly save_steps: number;
    };
    readonly order: readonly string[];
  }[];
}

const { strategies } = fixture<Strategies>('plans.json');
type Run = Strategies['strategies'][number];

const argumentsOf = (run: Run): TrainingArguments =>
  resolveArguments({
    numTrainEpochs: run.epochs,
    perDeviceTrainBatchSize: run.batch_size,
    ...run.options,
  });

describe('dueAfterStep and dueAfterEpoch', () => {
  it('log, evaluate and save when 8 runs of the Trainer did', () => {
    assert.equal(strategies.length, 8);
    for (const golden of strategies) {
      const args = argumentsOf(golden);
      const plan = planOf(args, golden.rows);
      const logged: number[] = [];
      const evaluated: number[] = [];
      const saved: number[] = [];
      const order: string[] = [];
      for (let step = 1; step <= plan.totalSteps; step++) {
        const dues = [dueAfterStep(args, step, plan.totalSteps)];
        if (stepWindow(plan, step).lastOfEpoch || step === plan.totalSteps) dues.push(dueAfterEpoch(args));
        for (const due of dues) {
          if (due.log && logged.at(-1) !== step) {
            logged.push(step);
            order.push('train');
          }
          if (due.evaluate) {
            evaluated.push(step);
            order.push('eval');
          }
          if (due.save) saved.push(step);
        }
      }
      assert.deepEqual(
        { logged, evaluated, saved, order: [...order, 'final'] },
        { logged: golden.logged, evaluated: golden.evaluated, saved: golden.saved, order: golden.order },
        JSON.stringify(golden.options),
      );
    }
  });
});

describe('intervalsOf', () => {
  it('returns the intervals in the state of 8 runs of the Trainer', () => {
    assert.equal(strategies.length, 8);
    for (const golden of strategies) {
      const args = argumentsOf(golden);
      const intervals = intervalsOf(args, planOf(args, golden.rows).totalSteps);
      assert.deepEqual(
        [intervals.loggingSteps, intervals.evalSteps, intervals.saveSteps],
        [golden.state.logging_steps, golden.state.eval_steps, golden.state.save_steps],
        JSON.stringify(golden.options),
      );
    }
  });
});
