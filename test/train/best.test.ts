import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TrainingError } from '#attune/errors/attune-error.js';
import { resolveArguments } from '#attune/train/arguments.js';
import {
  bestRuleOf,
  BestTracker,
  checkpointName,
  checkpointsToDelete,
  checkpointsToDeleteAtEnd,
  checkpointStep,
  sortCheckpoints,
} from '#attune/train/best.js';
import type { EvalRecord } from '#attune/train/records.js';
import { evalRecord } from '#attune/train/records.js';
import { fixture } from './fixtures.js';
import { refusal } from '../support/refusal.js';

interface Golden {
  readonly cases: readonly {
    readonly values: readonly (number | null)[];
    readonly save_total_limit: number | null;
    readonly patience: number | null;
    readonly threshold: number;
    readonly metric_for_best_model: string;
    readonly greater_is_better: boolean;
    readonly events: readonly {
      readonly step: number;
      readonly best_metric: number | null;
      readonly best_global_step: number | null;
      readonly best_model_checkpoint: string | null;
      readonly counter: number | null;
      readonly kept: readonly string[];
      readonly stop: boolean;
    }[];
    readonly kept_at_end: readonly string[];
  }[];
}

const record = (name: string, value: number | null, step: number): EvalRecord =>
  evalRecord(1, { [name]: value }, { seconds: 1, rows: 2, batches: 1 }, { epoch: step / 2, step });

describe('BestTracker', () => {
  it("matches the Trainer's best metric, early stopping and kept checkpoints", () => {
    const { cases } = fixture<Golden>('best.json');
    assert.equal(cases.length, 13);
    // The golden runs have two steps per epoch and eight epochs, evaluated and saved after each.
    for (const golden of cases) {
      const args = resolveArguments({
        loadBestModelAtEnd: true,
        evalStrategy: 'epoch',
        saveStrategy: 'epoch',
        metricForBestModel: golden.metric_for_best_model,
        greaterIsBetter: golden.greater_is_better,
        earlyStoppingPatience: golden.patience ?? undefined,
        earlyStoppingThreshold: golden.threshold,
        saveTotalLimit: golden.save_total_limit ?? undefined,
      });
      let tracker = new BestTracker(bestRuleOf(args)!);
      let kept: string[] = [];
      let stopped = false;
      let best: string | undefined;
      for (const [i, event] of golden.events.entries()) {
        const step = 2 * (i + 1);
        const what =
          `${JSON.stringify(golden.values)}, patience ${golden.patience}, ` +
          `limit ${golden.save_total_limit}, step ${step}`;
        const { stop } = tracker.observe(
          record(golden.metric_for_best_model.replace('eval_', ''), golden.values[i], step),
        );
        best = tracker.step === null ? undefined : checkpointName(tracker.step);
        kept.push(checkpointName(step));
        const gone = checkpointsToDelete(kept, args.saveTotalLimit, best);
        kept = kept.filter((name) => !gone.includes(name));
        assert.equal(stopped, false, what);
        stopped = stop;
        assert.deepEqual(
          {
            step,
            best_metric: tracker.metric,
            best_global_step: tracker.step,
            best_model_checkpoint: best ?? null,
            counter: golden.patience === null ? null : tracker.withoutImprovement,
            kept,
            stop: stop || step === 16,
          },
          event,
          what,
        );
        // A resumed run continues in the same way, except after an undefined first evaluation: a state file
        // cannot hold -Infinity.
        if (tracker.metric !== null) {
          const state = tracker.earlyStoppingState();
          tracker = new BestTracker(tracker.rule, {
            best_metric: tracker.metric,
            best_global_step: tracker.step,
            stateful_callbacks: state === undefined ? {} : { EarlyStoppingCallback: state },
          });
        }
      }
      const gone = checkpointsToDeleteAtEnd(kept, args.saveTotalLimit, best);
      assert.deepEqual(
        kept.filter((name) => !gone.includes(name)),
        golden.kept_at_end,
      );
    }
  });

  it('refuses an evaluation without the metric and lists the metrics it has', () => {
    const tracker = new BestTracker({
      metric: 'eval_f2',
      greaterIsBetter: true,
      tolerance: 0,
      patience: undefined,
      threshold: 0,
    });
    assert.throws(
      () => tracker.observe(record('f1', 0.5, 7)),
      refusal(TrainingError, 'best-metric-unreported', {
        metric: 'eval_f2',
        step: 7,
        reported: [
          'eval_loss',
          'eval_f1',
          'eval_runtime',
          'eval_samples_per_second',
          'eval_steps_per_second',
        ],
      }),
    );
  });

  it('prefers a later evaluation within the tolerance, without resetting patience', () => {
    const rule = {
      metric: 'eval_f1',
      greaterIsBetter: true,
      tolerance: 0.02,
      patience: 3,
      threshold: 0,
    } as const;
    let tracker = new BestTracker(rule);
    const seen = [0.5, 0.7, 0.69, 0.675, 0.685, 0.71].map((value, i) => {
      const { improved, stop } = tracker.observe(record('f1', value, i + 1));
      const { metric, step, peak, withoutImprovement } = tracker;
      // A resumed run continues in the same way.
      tracker = new BestTracker(rule, {
        best_metric: metric,
        best_global_step: step,
        peak,
        stateful_callbacks: { EarlyStoppingCallback: tracker.earlyStoppingState()! },
      });
      return [improved, metric, step, withoutImprovement, stop];
    });
    assert.deepEqual(seen, [
      [true, 0.5, 1, 0, false],
      [true, 0.7, 2, 0, false],
      [true, 0.69, 3, 1, false],
      [false, 0.69, 3, 2, false],
      [true, 0.685, 5, 3, true],
      [true, 0.71, 6, 0, false],
    ]);
  });

  it('accepts a loss within the tolerance above the lowest', () => {
    const tracker = new BestTracker({
      metric: 'eval_loss',
      greaterIsBetter: false,
      tolerance: 0.1,
      patience: undefined,
      threshold: 0,
    });
    const observe = (loss: number, step: number): boolean =>
      tracker.observe({ ...record('f1', 1, step), eval_loss: loss }).improved;
    assert.deepEqual(
      [observe(0.5, 1), observe(0.55, 2), observe(0.65, 3), observe(0.4, 4)],
      [true, true, false, true],
    );
    assert.equal(tracker.peak, undefined, 'the best is the one that was chosen');
  });
});

describe('bestRuleOf', () => {
  it('is undefined without a metric', () => {
    assert.equal(bestRuleOf(resolveArguments()), undefined);
  });

  it('accepts a metric with or without the prefix eval_', () => {
    for (const metricForBestModel of ['eval_loss', 'loss'])
      assert.deepEqual(bestRuleOf(resolveArguments({ metricForBestModel })), {
        metric: 'eval_loss',
        greaterIsBetter: false,
        tolerance: 0,
        patience: undefined,
        threshold: 0,
      });
  });
});

describe('sortCheckpoints', () => {
  it('sorts checkpoints by step and ignores other names', () => {
    assert.deepEqual(
      sortCheckpoints(['checkpoint-1000', 'checkpoint-250', 'runs', 'checkpoint-x', '.checkpoint-3.tmp']),
      ['checkpoint-250', 'checkpoint-1000'],
    );
  });
});

describe('checkpointsToDelete', () => {
  it('keeps the newest and the best checkpoint and deletes no more than it must', () => {
    const steps = fc.uniqueArray(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 6 }), fc.nat(11), (list, limit, pick) => {
        const names = list.map(checkpointName);
        const best = names[pick % names.length];
        const gone = checkpointsToDelete([...names, 'runs', 'checkpoint-old', 'config.json'], limit, best);
        const kept = names.filter((name) => !gone.includes(name));
        const newest = checkpointName(Math.max(...list));
        assert.ok(kept.includes(best) && kept.includes(newest));
        assert.equal(kept.length, Math.min(names.length, Math.max(limit, best === newest ? 1 : 2)));
        // What is deleted is older than everything that is kept, except the best.
        const oldest = Math.min(
          ...kept.filter((name) => name !== best).map((name) => checkpointStep(name)!),
          Infinity,
        );
        for (const name of gone) assert.ok(checkpointStep(name)! < oldest);
      }),
    );
  });

  it('deletes nothing without a limit', () => {
    assert.deepEqual(checkpointsToDelete(['checkpoint-1', 'checkpoint-2'], undefined, undefined), []);
  });
});

describe('checkpointsToDeleteAtEnd', () => {
  it('deletes nothing with a limit above 1', () => {
    assert.deepEqual(checkpointsToDeleteAtEnd(['checkpoint-1', 'checkpoint-2'], 2, 'checkpoint-1'), []);
  });
});
