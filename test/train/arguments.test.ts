import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { UsageError } from '#attune/errors/attune-error.js';
import { describeRange } from '#attune/errors/phrases/arguments.js';
import type { ArgumentSpec } from '#attune/train/argument-table.js';
import { notice } from '#attune/errors/notices.js';
import {
  argumentName,
  checkValue,
  kebabCase,
  parseText,
  snakeCase,
} from '#attune/train/argument-table.js';
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

const specs = Object.entries(TRAINING_ARGUMENTS) as [keyof TrainingArguments, ArgumentSpec][];

const refused = (input: Record<string, unknown>, message: RegExp, hint?: RegExp): void =>
  assert.throws(
    () => resolveArguments(input),
    (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, message);
      if (hint) assert.match(error.hint ?? '', hint);
      return true;
    },
  );

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
    refused(
      { evaluationStrategy: 'epoch', evalStrategy: 'no' },
      /evaluationStrategy and evalStrategy are the same argument/,
    );
  });

  it('refuses an unknown name and suggests the nearest one in the same spelling', () => {
    refused({ lerningRate: 1 }, /^lerningRate is not an argument/, /learningRate/);
    refused({ learning_rat: 1 }, /^learning_rat is not/, /learning_rate/);
    refused({ 'num-train-epoch': 1 }, /^num-train-epoch is not/, /num-train-epochs/);
    refused({ bf16: true }, /^bf16 is not an argument/);
  });

  it('refuses a value of the wrong type or out of range and states the range', () => {
    const cases: readonly [input: Record<string, unknown>, message: RegExp][] = [
      [{ numTrainEpochs: 0 }, /^numTrainEpochs must be a number, above 0; got 0$/],
      [
        { perDeviceTrainBatchSize: 2.5 },
        /^perDeviceTrainBatchSize must be a whole number, at least 1; got 2.5$/,
      ],
      [{ learningRate: '5e-5' }, /^learningRate must be a number, at least 0; got "5e-5"$/],
      [{ learningRate: Infinity }, /got Infinity$/],
      [{ learningRate: NaN }, /got NaN$/],
      [{ learningRate: null }, /got null$/],
      [{ adamBeta2: 1 }, /^adamBeta2 must be a number, at least 0 and below 1; got 1$/],
      [{ warmupRatio: 1.1 }, /at least 0 and at most 1; got 1.1$/],
      [
        { lrSchedulerType: 'polynomial' },
        /^lrSchedulerType must be one of linear, cosine, constant, constant_with_warmup; got "polynomial"$/,
      ],
      [
        { loggingSteps: 0 },
        /whole number of steps, at least 1, or a fraction of all steps, above 0 and below 1; got 0$/,
      ],
      [{ loggingSteps: 1.5 }, /got 1.5$/],
      [{ warmupSteps: -1 }, /at least 0, or a fraction/],
      [{ loadBestModelAtEnd: 'yes' }, /^loadBestModelAtEnd must be true or false; got "yes"$/],
      [{ outputDir: '' }, /^outputDir must be a text that is not empty; got ""$/],
      [{ seed: 2 ** 32 }, /at most 4294967295/],
      [{ maxSteps: -2 }, /at least -1/],
      [{ dropout: 1 }, /^dropout must be a number, at least 0 and below 1/],
      [{ saveTotalLimit: 0 }, /at least 1/],
    ];
    for (const [input, message] of cases) refused(input, message);
    refused({ lrSchedulerType: 'cosin' }, /one of/, /Did you mean cosine/);
  });

  it('refuses contradictory arguments, as TrainingArguments does', () => {
    const best = { loadBestModelAtEnd: true };
    refused({ ...best }, /evalStrategy is "no"/);
    refused(
      { ...best, evalStrategy: 'epoch' },
      /evalStrategy is "epoch" and saveStrategy is "steps"/,
      /both to "epoch"/,
    );
    refused(
      { ...best, evalStrategy: 'steps', evalSteps: 3, saveSteps: 10 },
      /saveSteps to be a multiple of evalSteps, but they are 10 and 3/,
    );
    refused({ ...best, evalStrategy: 'steps', evalSteps: 0.1, saveSteps: 10 }, /multiple/);
    refused({ ...best, evalStrategy: 'steps', evalSteps: 0.2, saveSteps: 0.5 }, /multiple/);
    assert.ok(resolveArguments({ ...best, evalStrategy: 'steps', evalSteps: 5, saveSteps: 10 }));
    assert.ok(
      resolveArguments({ ...best, evalStrategy: 'steps', evalSteps: 0.1, saveSteps: 0.3 }),
      'fractions are compared in millionths',
    );
    refused({ earlyStoppingPatience: 2 }, /earlyStoppingPatience counts evaluations/);
    assert.throws(
      () => resolveArguments({ earlyStoppingPatience: 2 }, (name) => `--${kebabCase(name)}`),
      /^UsageError: --early-stopping-patience counts evaluations, but --eval-strategy is "no"/,
    );
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
      /evalStrategy is "epoch", but there are no evaluation rows/,
    );
    requireEvaluation(args, true);
    requireEvaluation(resolveArguments(), false);
  });
});

describe('requireMetric', () => {
  it('refuses a metric that is not computed and suggests the nearest one', () => {
    const args = resolveArguments({ evalStrategy: 'epoch', metricForBestModel: 'eval_acuracy' });
    assert.throws(
      () => requireMetric(args, ['eval_loss', 'accuracy', 'f1']),
      (error) =>
        error instanceof UsageError &&
        /one of loss, accuracy, f1; got "eval_acuracy"/.test(error.message) &&
        error.hint === 'Did you mean accuracy?',
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
          parseText(spec, String(expected), '--x'),
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
          const value = parseText(spec, word, '--x');
          assert.equal(checkValue(spec, value, 'x'), value);
          if (typeof value === 'number') assert.equal(value, Number(word));
        } catch (error) {
          assert.ok(error instanceof UsageError);
          assert.ok(error.message.startsWith(`--x must be ${describeRange(spec)}; got `), error.message);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('reads true and false in any case', () => {
    assert.deepEqual(
      ['true', 'FALSE', 'True'].map((text) => parseText(flag, text, '--x')),
      [true, false, true],
    );
  });

  it('refuses any other text for a boolean, even the name of a property of every object', () => {
    for (const text of ['constructor', '__proto__', 'yes'])
      assert.throws(
        () => parseText(flag, text, '--x'),
        (error) =>
          error instanceof UsageError && error.message === `--x must be true or false; got "${text}"`,
      );
  });
});
