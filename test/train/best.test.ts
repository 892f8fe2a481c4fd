import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TrainingError } from '#attune/errors.js';
import { resolveArguments } from '#attune/train/arguments.js';
import { bestRuleOf, BestTracker, checkpointName, checkpointsToDelete, checkpointsToDeleteAtEnd, checkpointStep, sortCheckpoints } from '#attune/train/best.js';
import { evalRecord, type EvalRecord } from '#attune/train/records.js';
import { fixture } from './fixtures.js';

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

const record = (name: string, value: number | null, step: number): EvalRecord => evalRecord(1, { [name]: value }, { seconds: 1, rows: 2, batches: 1 }, { epoch: step / 2, step });

/** Two steps an epoch, eight epochs, evaluated and saved each epoch: how the golden file was made. */
test('best metric, early stopping and kept checkpoints are those of runs of the Trainer', () => {
  const { cases } = fixture<Golden>('best.json');
  assert.equal(cases.length, 13);
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
      const what = `${JSON.stringify(golden.values)}, patience ${golden.patience}, limit ${golden.save_total_limit}, step ${step}`;
      const { stop } = tracker.observe(record(golden.metric_for_best_model.replace('eval_', ''), golden.values[i], step));
      best = tracker.step === null ? undefined : checkpointName(tracker.step);
      kept.push(checkpointName(step));
      const gone = checkpointsToDelete(kept, args.saveTotalLimit, best);
      kept = kept.filter((name) => !gone.includes(name));
      assert.equal(stopped, false, what);
      stopped = stop;
      assert.deepEqual(
        { step, best_metric: tracker.metric, best_global_step: tracker.step, best_model_checkpoint: best ?? null, counter: golden.patience === null ? null : tracker.withoutImprovement, kept, stop: stop || step === 16 },
        event,
        what,
      );
      // A resumed run goes on in the same way, but for a first evaluation that was undefined: a state file cannot say -Infinity.
      if (tracker.metric !== null) {
        const state = tracker.earlyStoppingState();
        tracker = new BestTracker(tracker.rule, { best_metric: tracker.metric, best_global_step: tracker.step, stateful_callbacks: state === undefined ? {} : { EarlyStoppingCallback: state } });
      }
    }
    const gone = checkpointsToDeleteAtEnd(kept, args.saveTotalLimit, best);
    assert.deepEqual(kept.filter((name) => !gone.includes(name)), golden.kept_at_end);
  }
});

test('an evaluation without the metric is an error that says what there was', () => {
  const tracker = new BestTracker({ metric: 'eval_f2', greaterIsBetter: true, patience: undefined, threshold: 0 });
  assert.throws(() => tracker.observe(record('f1', 0.5, 7)), (error) => error instanceof TrainingError && /"eval_f2", which the evaluation at step 7/.test(error.message) && /eval_loss, eval_f1/.test(error.hint!));
});

test('without a metric nothing is best; the name may carry the prefix', () => {
  assert.equal(bestRuleOf(resolveArguments()), undefined);
  assert.deepEqual(bestRuleOf(resolveArguments({ metricForBestModel: 'eval_loss' })), { metric: 'eval_loss', greaterIsBetter: false, patience: undefined, threshold: 0 });
});

test('rotation keeps the newest and the best, and never more than it must', () => {
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
      // What is deleted is older than whatever is kept, but for the best.
      const oldest = Math.min(...kept.filter((name) => name !== best).map((name) => checkpointStep(name)!), Infinity);
      for (const name of gone) assert.ok(checkpointStep(name)! < oldest);
    }),
  );
});

test('checkpoints are sorted by step, other names are ignored', () => {
  assert.deepEqual(sortCheckpoints(['checkpoint-1000', 'checkpoint-250', 'runs', 'checkpoint-x', '.checkpoint-3.tmp']), ['checkpoint-250', 'checkpoint-1000']);
  assert.deepEqual(checkpointsToDelete(['checkpoint-1', 'checkpoint-2'], undefined, undefined), []);
  assert.deepEqual(checkpointsToDeleteAtEnd(['checkpoint-1', 'checkpoint-2'], 2, 'checkpoint-1'), []);
});
