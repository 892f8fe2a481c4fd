import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { COMMAND_LINE } from '#attune/cli/shell.js';
import { UsageError } from '#attune/errors/attune-error.js';
import type { ErrorCode, FactsOf } from '#attune/errors/catalogue.js';
import type { Accepted } from '#attune/errors/phrases/arguments.js';
import { plain } from '#attune/errors/phrases/values.js';
import { describeRange } from '#attune/errors/phrases/arguments.js';
import { notice } from '#attune/errors/notices.js';
import { errorSentence } from '#attune/errors/shell.js';
import { nearest } from '#attune/nearest.js';
import type { ArgumentSpec } from '#attune/train/argument-table.js';
import { argumentName, checkValue, kebabCase, parseText, snakeCase } from '#attune/train/argument-table.js';
import type { TrainingArguments } from '#attune/train/arguments.js';
import {
  argumentsToJson,
  argumentWarnings,
  requireEvaluation,
  requireMetric,
  resolveArguments,
  TRAINING_ARGUMENTS,
} from '#attune/train/arguments.js';
import { PRESETS } from '#attune/train/presets.js';
import { refusal } from '../support/refusal.js';

const specs = Object.entries(TRAINING_ARGUMENTS) as [keyof TrainingArguments, ArgumentSpec][];

const refused = <Code extends ErrorCode>(
  input: Record<string, unknown>,
  code: Code,
  facts: Partial<FactsOf<Code>>,
): void => assert.throws(() => resolveArguments(input), refusal(UsageError, code, facts));

/** The arguments of a run of transformers 5.17, as its TrainingArguments print them. */
const reference = (): Record<string, unknown> => {
  const events = JSON.parse(
    readFileSync(new URL('../fixtures/tensorboard/reference.json', import.meta.url), 'utf8'),
  ) as {
    readonly events: readonly {
      readonly tag?: string;
      readonly tensor?: { readonly strings: readonly string[] };
    }[];
  };
  return JSON.parse(
    events.events.find((event) => event.tag === 'args/text_summary')!.tensor!.strings[0],
  ) as Record<string, unknown>;
};

/** Only attune has these: 4.x had them, or they belong to EarlyStoppingCallback, the tokenizer or the model. */
const OURS = [
  'warmup_ratio',
  'logging_dir',
  'overwrite_output_dir',
  'early_stopping_patience',
  'early_stopping_threshold',
  'best_model_tolerance',
  'max_length',
  'dropout',
];
/** Set by that run, so that its values are no defaults. */
const SET = [
  'output_dir',
  'max_steps',
  'per_device_train_batch_size',
  'logging_steps',
  'eval_strategy',
  'save_strategy',
];

describe('resolveArguments', () => {
  it('has the names and defaults of TrainingArguments', () => {
    const theirs = reference();
    const ours = JSON.parse(argumentsToJson(resolveArguments())) as Record<string, unknown>;
    let compared = 0;
    for (const [name, value] of Object.entries(ours)) {
      if (OURS.includes(name)) continue;
      assert.ok(name in theirs, name);
      if (SET.includes(name)) continue;
      assert.equal(value, theirs[name], name);
      compared++;
    }
    assert.equal(compared, specs.length - OURS.length - SET.length);
    // The defaults of those that the run set, from training_args.py.
    const args = resolveArguments();
    assert.deepEqual(
      [
        args.maxSteps,
        args.perDeviceTrainBatchSize,
        args.loggingSteps,
        args.evalStrategy,
        args.saveStrategy,
        args.outputDir,
      ],
      [-1, 8, 500, 'no', 'steps', 'trainer_output'],
    );
  });

  it('derives what is not given from other arguments', () => {
    assert.equal(resolveArguments({ evalStrategy: 'steps', loggingSteps: 7 }).evalSteps, 7);
    assert.equal(resolveArguments({ evalStrategy: 'epoch', loggingSteps: 7 }).evalSteps, undefined);
    assert.equal(resolveArguments().metricForBestModel, undefined);
    const best = resolveArguments({ loadBestModelAtEnd: true, evalStrategy: 'epoch', saveStrategy: 'epoch' });
    assert.deepEqual([best.metricForBestModel, best.greaterIsBetter], ['loss', false]);
    assert.equal(resolveArguments({ metricForBestModel: 'f1' }).greaterIsBetter, true);
    assert.equal(
      resolveArguments({ metricForBestModel: 'f1', greaterIsBetter: false }).greaterIsBetter,
      false,
    );
    assert.equal(
      resolveArguments({ earlyStoppingPatience: 2, evalStrategy: 'epoch' }).metricForBestModel,
      'loss',
    );
    assert.equal(resolveArguments({ outputDir: 'out' }).loggingDir, join('out', 'runs'));
    assert.equal(resolveArguments({ outputDir: 'out', loggingDir: 'logs' }).loggingDir, 'logs');
  });

  it('accepts the old name of an argument', () => {
    assert.equal(resolveArguments({ evaluation_strategy: 'epoch' }).evalStrategy, 'epoch');
  });

  it('accepts two spellings with the same value, but not with different ones', () => {
    assert.equal(
      resolveArguments({ evaluationStrategy: 'epoch', 'eval-strategy': 'epoch' }).evalStrategy,
      'epoch',
    );
    refused({ evaluationStrategy: 'epoch', evalStrategy: 'no' }, 'argument-given-twice', {
      arguments: ['evaluationStrategy', 'evalStrategy'],
      file: undefined,
    });
  });

  it('refuses an unknown name and suggests the nearest one in the same spelling', () => {
    for (const [argument, meant] of [
      ['lerningRate', 'learningRate'],
      ['learning_rat', 'learning_rate'],
      ['num-train-epoch', 'num-train-epochs'],
    ])
      assert.throws(
        () => resolveArguments({ [argument]: 1 }),
        (error: UsageError) => {
          refusal(UsageError, 'argument-unknown', { argument, file: undefined })(error);
          assert.equal(nearest(argument, error.facts['known'] as string[]), meant);
          return true;
        },
      );
    refused({ bf16: true }, 'argument-unknown', { argument: 'bf16' });
  });

  it('refuses a value of the wrong type or out of range and reports the range', () => {
    const schedules = ['linear', 'cosine', 'constant', 'constant_with_warmup'];
    const cases: readonly [
      argument: string,
      given: FactsOf<'argument-invalid'>['given'],
      accepts: Accepted,
    ][] = [
      ['numTrainEpochs', 0, { kind: 'number', above: 0 }],
      ['perDeviceTrainBatchSize', 2.5, { kind: 'integer', min: 1 }],
      ['learningRate', '5e-5', { kind: 'number', min: 0 }],
      ['learningRate', Infinity, { kind: 'number', min: 0 }],
      ['learningRate', NaN, { kind: 'number', min: 0 }],
      ['learningRate', null, { kind: 'number', min: 0 }],
      ['adamBeta2', 1, { kind: 'number', min: 0, below: 1 }],
      ['warmupRatio', 1.1, { kind: 'number', min: 0, max: 1 }],
      ['lrSchedulerType', 'polynomial', { kind: 'enum', choices: schedules }],
      ['lr_scheduler_type', 'cosin', { kind: 'enum', choices: schedules }],
      ['loggingSteps', 0, { kind: 'steps', zero: false }],
      ['loggingSteps', 1.5, { kind: 'steps', zero: false }],
      ['warmupSteps', -1, { kind: 'steps', zero: true }],
      ['loadBestModelAtEnd', 'yes', { kind: 'boolean' }],
      ['outputDir', '', { kind: 'string' }],
      ['resumeFromCheckpoint', ['a', 'b'], { kind: 'string', bare: true }],
      ['seed', 2 ** 32, { kind: 'integer', min: 0, max: 2 ** 32 - 1 }],
      ['maxSteps', -2, { kind: 'integer', min: -1 }],
      ['dropout', 1, { kind: 'number', min: 0, below: 1 }],
      ['saveTotalLimit', 0, { kind: 'integer', min: 1 }],
    ];
    for (const [argument, given, accepts] of cases)
      refused({ [argument]: given }, 'argument-invalid', {
        argument,
        given: plain(given),
        accepts,
        file: undefined,
      });
  });

  it('refuses contradictory arguments, as TrainingArguments does', () => {
    const best = { loadBestModelAtEnd: true };
    refused({ ...best }, 'best-model-needs-evaluations', {});
    refused({ ...best, evalStrategy: 'epoch' }, 'best-model-needs-checkpoints', {
      evalStrategy: 'epoch',
      saveStrategy: 'steps',
    });
    for (const [evalSteps, saveSteps] of [
      [3, 10],
      [0.1, 10],
      [0.2, 0.5],
    ])
      refused({ ...best, evalStrategy: 'steps', evalSteps, saveSteps }, 'best-model-save-steps', {
        evalSteps,
        saveSteps,
      });
    assert.ok(resolveArguments({ ...best, evalStrategy: 'steps', evalSteps: 5, saveSteps: 10 }));
    assert.ok(
      resolveArguments({ ...best, evalStrategy: 'steps', evalSteps: 0.1, saveSteps: 0.3 }),
      'fractions are compared in millionths',
    );
    refused({ earlyStoppingPatience: 2 }, 'early-stopping-needs-evaluations', {});
  });
});

describe('argumentName', () => {
  it('finds every argument in camelCase, kebab-case and snake_case', () => {
    for (const [name] of specs) {
      for (const spelled of [name, kebabCase(name), snakeCase(name)])
        assert.equal(argumentName(TRAINING_ARGUMENTS, spelled), name);
    }
  });

  it('finds nothing under a property of every object', () => {
    assert.equal(argumentName(TRAINING_ARGUMENTS, 'toString'), undefined);
    assert.equal(argumentName(TRAINING_ARGUMENTS, '__proto__'), undefined);
  });
});

describe('argumentsToJson', () => {
  it('prints floats as Python does, in the layout of to_json_string', () => {
    const text = argumentsToJson(resolveArguments({ numTrainEpochs: 3, learningRate: 5e-5, maxSteps: 2 }));
    for (const line of [
      '{\n  "num_train_epochs": 3.0,\n',
      '  "learning_rate": 5e-05,\n',
      '  "max_steps": 2,\n',
      '  "warmup_steps": 0,\n',
      '  "adam_epsilon": 1e-08,\n',
      '  "save_total_limit": null,\n',
      '  "adam_beta1": 0.9,\n',
    ]) {
      assert.ok(text.includes(line), line);
    }
  });
});

describe('requireEvaluation', () => {
  it('refuses an evaluation strategy without evaluation rows', () => {
    const args = resolveArguments({ evalStrategy: 'epoch' });
    assert.throws(
      () => requireEvaluation(args, false),
      refusal(UsageError, 'evaluation-without-rows', { evalStrategy: 'epoch' }),
    );
    requireEvaluation(args, true);
    requireEvaluation(resolveArguments(), false);
  });
});

describe('requireMetric', () => {
  it('refuses a metric that is not computed and lists those that are', () => {
    const args = resolveArguments({ evalStrategy: 'epoch', metricForBestModel: 'eval_acuracy' });
    assert.throws(
      () => requireMetric(args, ['eval_loss', 'accuracy', 'f1']),
      refusal(UsageError, 'metric-for-best-model-unknown', {
        given: 'eval_acuracy',
        known: ['loss', 'accuracy', 'f1'],
      }),
    );
    requireMetric(resolveArguments({ metricForBestModel: 'eval_f1' }), ['loss', 'f1']);
  });
});

describe('argumentWarnings', () => {
  it('reports each argument that another one overrides', () => {
    assert.deepEqual(argumentWarnings(resolveArguments()), []);
    const args = resolveArguments({
      maxSteps: 5,
      numTrainEpochs: 2,
      warmupSteps: 3,
      warmupRatio: 0.1,
      earlyStoppingPatience: 1,
      evalStrategy: 'epoch',
      lrSchedulerType: 'constant',
    });
    const warnings = argumentWarnings(args, new Set(['numTrainEpochs']));
    assert.deepEqual(warnings, [
      notice('argument-overridden', { winner: 'maxSteps', value: 5, loser: 'numTrainEpochs', lost: 2 }),
      notice('argument-overridden', { winner: 'warmupSteps', value: 3, loser: 'warmupRatio', lost: 0.1 }),
      notice('constant-schedule-no-warmup', {}),
      notice('early-stopping-keeps-last', {}),
    ]);
    assert.equal(argumentWarnings(args).length, 3, 'a default number of epochs is not worth a warning');
  });
});

describe('PRESETS.notebook', () => {
  it('has the arguments of the reference notebook', () => {
    const args = resolveArguments(PRESETS.notebook.arguments);
    assert.deepEqual(
      [
        args.numTrainEpochs,
        args.perDeviceTrainBatchSize,
        args.perDeviceEvalBatchSize,
        args.warmupSteps,
        args.weightDecay,
        args.learningRate,
        args.loggingSteps,
        args.evalStrategy,
        args.saveStrategy,
        args.maxLength,
      ],
      [3, 4, 4, 500, 0.01, 5e-5, 10, 'epoch', 'epoch', 128],
    );
    assert.deepEqual(PRESETS.notebook.data, { trainRows: 1000, evalRows: 200 });
  });
});

describe('parseText', () => {
  const flag = { kind: 'boolean', default: false, group: 'x', description: 'x' } as const;

  it('reads a value back from the text that JavaScript makes of it', () => {
    const anySpec = fc.constantFrom(...specs.map(([, spec]) => spec));
    let compared = 0;
    fc.assert(
      fc.property(anySpec, fc.oneof(fc.double(), fc.integer(), fc.boolean(), fc.string()), (spec, value) => {
        let expected: unknown;
        try {
          expected = checkValue(spec, value, 'x');
        } catch (error) {
          assert.ok(error instanceof UsageError, String(error));
          return; // texts of values that do not fit are the next test's
        }
        if (Object.is(expected, -0)) return;
        compared++;
        assert.deepEqual(
          parseText(spec, String(expected), 'x'),
          spec.kind === 'string' && expected === true ? 'true' : expected,
        );
      }),
    );
    assert.ok(compared > 0, 'no value fits its argument');
  });

  it('returns a value in range or refuses the text with the range', () => {
    const words = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.constantFrom(
        '',
        ' ',
        '1e',
        '0x10',
        '1_000',
        '1,5',
        'NaN',
        'Infinity',
        '--',
        '١',
        '.5',
        '5.',
        '+3',
        '1e3',
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom(...specs.map(([, spec]) => spec)), words, (spec, word) => {
        try {
          const value = parseText(spec, word, 'x');
          assert.equal(checkValue(spec, value, 'x'), value);
          if (typeof value === 'number') assert.equal(value, Number(word));
        } catch (error) {
          const given = (error as UsageError).facts['given'];
          refusal(UsageError, 'argument-invalid', { argument: 'x', given })(error);
          assert.ok(given === word || given === Number(word), word);
          const says = `--x must be ${describeRange(spec)}; got `;
          assert.ok(errorSentence(error as UsageError, COMMAND_LINE).startsWith(says), says);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads true and false in any case', () => {
    assert.deepEqual(
      ['true', 'FALSE', 'True'].map((text) => parseText(flag, text, 'x')),
      [true, false, true],
    );
  });

  it('refuses any other text for a boolean, even the name of a property of every object', () => {
    for (const text of ['constructor', '__proto__', 'yes'])
      assert.throws(
        () => parseText(flag, text, 'x'),
        refusal(UsageError, 'argument-invalid', {
          argument: 'x',
          accepts: { kind: 'boolean' },
          given: text,
        }),
      );
  });
});
