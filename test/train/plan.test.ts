import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { UsageError } from '#attune/errors/attune-error.js';
import type { TrainingArgumentsInput } from '#attune/train/arguments.js';
import { resolveArguments } from '#attune/train/arguments.js';
import type { PlanFacts } from '#attune/train/plan.js';
import {
  argumentsByHand,
  BY_HAND,
  begunWith,
  isPlanned,
  lengthOf,
  partsOfComparison,
  partsOfTraining,
  planArguments,
} from '#attune/train/plan.js';
import { planOf } from '#attune/train/schedule.js';
import { refusal } from '../support/refusal.js';

const FACTS: PlanFacts = {
  trainRows: 850,
  validationRows: 150,
  classes: 2,
  width: 384,
  maxLength: 256,
  fullRows: 0,
};
const plan = (
  given: TrainingArgumentsInput = {},
  facts: Partial<PlanFacts> = {},
): ReturnType<typeof planArguments> => planArguments(given, { ...FACTS, ...facts });
const named = ({ lines }: ReturnType<typeof planArguments>): string[] =>
  lines.map(({ argument }) => argument);

describe('planArguments', () => {
  it('sets epochs, batch size and learning rate by the number of rows', () => {
    const of = (trainRows: number): number[] => {
      const { numTrainEpochs, perDeviceTrainBatchSize, learningRate } = plan({}, { trainRows }).args;
      return [numTrainEpochs, perDeviceTrainBatchSize, learningRate];
    };
    assert.deepEqual(of(100), [10, 8, 2e-4]);
    assert.deepEqual(of(500), [10, 8, 1.4e-4]);
    assert.deepEqual(of(850), [6, 8, 1.1e-4]);
    assert.deepEqual(of(1000), [5, 8, 1e-4]);
    assert.deepEqual(of(1700), [3, 8, 1e-4]);
    assert.deepEqual(of(4500), [3, 16, 1e-4]);
    assert.deepEqual(of(100_000), [3, 16, 1e-4]);
  });

  it('raises the learning rate with the number of classes', () => {
    assert.deepEqual(
      [2, 3, 20].map((classes) => plan({}, { trainRows: 1000, classes }).args.learningRate),
      [1e-4, 1.2e-4, 2e-4],
    );
  });

  it('lowers the learning rate for wide models', () => {
    const of = (width: number): number => plan({}, { trainRows: 100, width }).args.learningRate;
    assert.deepEqual([16, 384, 768, 1024, 1600].map(of), [2e-4, 2e-4, 5e-5, 2.8e-5, 1.2e-5]);
  });

  it('keeps the best epoch by F1 on the validation rows and stops early', () => {
    const { args } = plan();
    const {
      evalStrategy,
      saveStrategy,
      loadBestModelAtEnd,
      metricForBestModel,
      greaterIsBetter,
      earlyStoppingPatience,
      saveTotalLimit,
    } = args;
    assert.deepEqual(
      [
        evalStrategy,
        saveStrategy,
        loadBestModelAtEnd,
        metricForBestModel,
        greaterIsBetter,
        earlyStoppingPatience,
        saveTotalLimit,
      ],
      ['epoch', 'epoch', true, 'f1', true, 3, 1],
    );
    assert.equal(
      args.bestModelTolerance,
      0.02,
      'half the standard error of a share of one half on 150 rows, to two digits',
    );
    assert.deepEqual([args.warmupRatio, args.weightDecay, args.maxLength, args.seed], [0.1, 0.01, 256, 42]);
  });

  it('logs at least 16 times, or at every step, and at most 30 times', () => {
    for (const trainRows of [20, 100, 850, 5000]) {
      const { args } = plan({}, { trainRows });
      const { totalSteps } = planOf(args, trainRows);
      const entries = Math.floor(totalSteps / args.loggingSteps);
      assert.ok(entries >= Math.min(totalSteps, 16) && entries <= 30, `${entries} of ${totalSteps} steps`);
    }
  });

  it('lists each planned argument with its value and the reason for it', () => {
    const planned = plan();
    assert.deepEqual(named(planned), [
      'numTrainEpochs',
      'perDeviceTrainBatchSize',
      'learningRate',
      'warmupRatio',
      'weightDecay',
      'maxLength',
      'loadBestModelAtEnd',
      'bestModelTolerance',
      'earlyStoppingPatience',
      'loggingSteps',
    ]);
    for (const { argument, value, reason } of planned.lines) {
      assert.equal(value, planned.args[argument as keyof typeof planned.args], argument);
      assert.match(reason, /\w{3}/, argument);
    }
    assert.match(
      plan({}, { fullRows: 12 }).lines.find(({ argument }) => argument === 'maxLength')!.reason,
      /at most 12 of 850 training rows/,
    );
  });

  it('chooses by a given metric, with a tolerance only for metrics that are proportions', () => {
    const { args, lines } = plan({ metricForBestModel: 'eval_loss' });
    assert.deepEqual(
      [args.metricForBestModel, args.greaterIsBetter, args.bestModelTolerance],
      ['eval_loss', false, undefined],
    );
    assert.match(lines.find(({ argument }) => argument === 'loadBestModelAtEnd')!.reason, /best loss/);
    assert.equal(plan({ metricForBestModel: 'accuracy' }).args.bestModelTolerance, 0.02);
    assert.deepEqual(plan({ numTrainEpochs: undefined }), plan());
  });

  it('keeps every argument that is given', () => {
    const given = {
      perDeviceTrainBatchSize: 4,
      warmupSteps: 7,
      weightDecay: 0,
      maxLength: 64,
      loggingSteps: 1,
      seed: 7,
      outputDir: 'mine',
      earlyStoppingPatience: 1,
      metricForBestModel: 'loss',
    } as const;
    const planned = plan(given);
    for (const [name, value] of Object.entries(given))
      assert.equal(planned.args[name as keyof typeof given], value, name);
    assert.deepEqual(named(planned), ['numTrainEpochs', 'learningRate', 'loadBestModelAtEnd']);
    assert.equal(planned.args.warmupRatio, 0);
    assert.equal(
      plan({ lrSchedulerType: 'constant' }).args.warmupRatio,
      0,
      'a constant schedule has no warm-up',
    );
  });

  it('trains a given number of epochs without early stopping', () => {
    const { args, lines } = plan({ numTrainEpochs: 2 });
    assert.deepEqual(
      [
        args.numTrainEpochs,
        args.loadBestModelAtEnd,
        args.earlyStoppingPatience,
        args.metricForBestModel,
        args.evalStrategy,
      ],
      [2, false, undefined, undefined, 'epoch'],
    );
    assert.ok(
      !lines.some(
        ({ argument }) => argument === 'loadBestModelAtEnd' || argument === 'earlyStoppingPatience',
      ),
    );
    assert.equal(plan({ loadBestModelAtEnd: false }).args.earlyStoppingPatience, undefined);
  });

  it('keeps no best epoch without validation rows, and refuses a request for one', () => {
    const { args } = plan({}, { validationRows: 0 });
    assert.deepEqual(
      [args.evalStrategy, args.loadBestModelAtEnd, args.earlyStoppingPatience, args.saveStrategy],
      ['no', false, undefined, 'epoch'],
    );
    for (const given of [{ loadBestModelAtEnd: true }, { earlyStoppingPatience: 2 }]) {
      assert.throws(() => plan(given, { validationRows: 0 }), refusal(UsageError, 'best-epoch-without-rows'));
    }
  });
});

/** Arguments of which each decides how the model learns. */
const byHand = [
  { learningRate: 1e-4 },
  { maxSteps: 5 },
  { evalStrategy: 'no' },
  { evalSteps: 5 },
  { saveStrategy: 'epoch' },
  { saveSteps: 5 },
] as const;
const notPlanned = [...byHand, { args: resolveArguments() }];

describe('isPlanned', () => {
  it('is true unless the caller decides how the model learns', () => {
    assert.ok(isPlanned({}) && isPlanned({ numTrainEpochs: 2, perDeviceTrainBatchSize: 4, seed: 1 }));
    assert.deepEqual(byHand.flatMap(Object.keys).sort(), [...BY_HAND].sort());
    for (const given of notPlanned) assert.ok(!isPlanned(given), JSON.stringify(given));
  });

  it('recognizes the spelling of transformers', () => {
    assert.ok(!isPlanned({ ...({ learning_rate: 1e-4 } as object) }));
  });
});

describe('partsOfTraining', () => {
  it('is undefined without a plan', () => {
    for (const given of notPlanned) assert.equal(partsOfTraining(given), undefined);
  });
});

describe('partsOfComparison', () => {
  it('holds out test and validation rows with a plan, and only test rows without one', () => {
    assert.deepEqual(partsOfComparison({}), { testSize: 0.2, validationSize: 0.15 });
    for (const given of notPlanned) assert.deepEqual(partsOfComparison(given), { testSize: 0.2 });
  });
});

describe('begunWith', () => {
  it('uses what is given, and defaults until the plan is made', () => {
    const options = { model: 'm', dataset: 'd', seed: 7, output_dir: 'mine', threads: 2 };
    const begun = begunWith(options);
    assert.deepEqual([begun.seed, begun.outputDir, begun.loggingDir], [7, 'mine', join('mine', 'runs')]);
  });

  it('refuses single arguments beside a full set of arguments', () => {
    assert.throws(
      () => begunWith({ args: resolveArguments(), numTrainEpochs: 7 }),
      refusal(UsageError, 'arguments-beside-args', { argument: 'numTrainEpochs' }),
    );
  });

  it('refuses invalid and contradictory arguments', () => {
    assert.throws(
      () => begunWith({ seed: -1 }),
      refusal(UsageError, 'argument-invalid', { argument: 'seed', given: -1 }),
    );
    assert.throws(
      () => begunWith({ learningRate: 1e-3, loadBestModelAtEnd: true }),
      refusal(UsageError, 'best-model-needs-evaluations'),
    );
  });
});

describe('lengthOf', () => {
  it('is the planned length unless one is given or the model has fewer positions', () => {
    assert.deepEqual(
      [lengthOf({}, 1024), lengthOf({}, 64), lengthOf({ maxLength: 512 }, 1024)],
      [256, 64, 512],
    );
  });

  it('is the number of positions without a plan', () => {
    assert.equal(lengthOf({ learningRate: 1e-3 }, 1024), 1024);
  });
});

describe('argumentsByHand', () => {
  it('keeps a given argument', () => {
    assert.equal(argumentsByHand({ learningRate: 1e-3 }).learningRate, 1e-3);
  });
});
