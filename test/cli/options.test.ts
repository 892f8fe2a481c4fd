import assert from 'node:assert/strict';
import { notice } from '#attune/errors/notices.js';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Command } from 'commander';
import fc from 'fast-check';
import { createCommand, isDone, normalizeArguments } from '#attune/cli/command.js';
import { commandLine, optionName, program } from '#attune/cli/command-arguments.js';
import type { TrainOptions } from '#attune/cli/options.js';
import { addTrainOptions, DATA_OPTIONS, parseTrainOptions, trainOptionsOf } from '#attune/cli/options.js';
import { COMMAND_LINE } from '#attune/cli/shell.js';
import { UsageError } from '#attune/errors/attune-error.js';
import type { ErrorCode, FactsOf } from '#attune/errors/catalogue.js';
import { errorHint, errorSentence } from '#attune/errors/shell.js';
import type { ArgumentSpec } from '#attune/train/argument-table.js';
import { checkValue } from '#attune/train/argument-table.js';
import { filledArguments, resolveArguments, TRAINING_ARGUMENTS } from '#attune/train/arguments.js';
import { isPlanned } from '#attune/train/plan.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

const parse = (...argv: string[]): TrainOptions => parseTrainOptions(argv);

const refuses = <Code extends ErrorCode>(argv: string[], code: Code, facts: Partial<FactsOf<Code>>): void =>
  assert.throws(() => parse(...argv), refusal(UsageError, code, facts));

/** What the command line advises if it refuses these words. */
function advice(argv: string[]): string {
  try {
    parse(...argv);
  } catch (error) {
    if (error instanceof UsageError) return errorHint(error, COMMAND_LINE);
    throw error;
  }
  throw new Error(`${argv.join(' ')}: accepted`);
}

describe('normalizeArguments', () => {
  const { options } = addTrainOptions(createCommand('train'));

  it('rewrites underscores in option names, and leaves values as they are', () => {
    const words = [
      '--learning_rate',
      '1',
      '--output_dir=a_b',
      'x_y',
      '--dataset',
      '--train_rows',
      '--max_steps',
      '3',
      '--',
      '--not_this',
    ];
    // What follows an option that takes a value is that value, whatever it looks like.
    assert.deepEqual(normalizeArguments(words, options), [
      '--learning-rate',
      '1',
      '--output-dir=a_b',
      'x_y',
      '--dataset',
      '--train_rows',
      '--max-steps',
      '3',
      '--',
      '--not_this',
    ]);
  });

  it('rewrites a switch with a value of True or False', () => {
    const words = [
      '--load_best_model_at_end',
      'True',
      '--json',
      'false',
      '--overwrite-output-dir=FALSE',
      '--dataset',
      'True',
      '--json',
      'a',
      '--json',
    ];
    assert.deepEqual(normalizeArguments(words, options), [
      '--load-best-model-at-end',
      '--no-json',
      '--no-overwrite-output-dir',
      '--dataset',
      'True',
      '--json',
      'a',
      '--json',
    ]);
  });
});

describe('addTrainOptions', () => {
  it('lists every option under a heading in the help', () => {
    let out = '';
    const program = createCommand('attune');
    const train = addTrainOptions(createCommand('train', 'Fine-tune a model.')).configureOutput({
      writeOut: (text) => {
        out += text;
      },
    });
    program.addCommand(train);
    assert.throws(() => program.parse(['train', '--help'], { from: 'user' }), isDone);
    assert.match(out, /^Usage: attune train \[options\]/);
    const headings = [...out.matchAll(/^(\S.*):$/gm)].map((match) => match[1]);
    assert.deepEqual(headings, [
      'Model and data',
      'Command',
      'Duration and batches',
      'Optimizer and schedule',
      'Records, evaluation and checkpoints',
      'Best model and early stopping',
      'The run',
    ]);
    for (const name of Object.keys({ ...DATA_OPTIONS, ...TRAINING_ARGUMENTS }))
      assert.match(out, new RegExp(`--(\\[no-\\])?${optionName(name).slice(2)}[ \n]`), name);
    assert.doesNotMatch(out, /evaluation-strategy|default: undefined/);
  });
});

describe('createCommand', () => {
  const attuneTrain = (): Command => {
    const attune = createCommand('attune').configureOutput({ writeErr: () => undefined });
    return attune.addCommand(createCommand('train').action(() => undefined));
  };

  it('suggests the command that a mistyped word may stand for', () => {
    assert.throws(
      () => attuneTrain().parse(['trian'], { from: 'user' }),
      refusal(UsageError, 'command-unknown', { name: 'trian', known: ['train'], within: 'attune' }),
    );
  });

  it('refuses a command line without a command', () => {
    assert.throws(
      () => attuneTrain().parse([], { from: 'user' }),
      refusal(UsageError, 'command-missing', { within: 'attune' }),
    );
  });
});

/** Values that an argument accepts, by its specification. */
function valueOf(spec: ArgumentSpec): fc.Arbitrary<string | number | boolean> {
  const fits = (value: string | number | boolean): boolean => {
    try {
      checkValue(spec, value, 'x');
      return !Object.is(value, -0);
    } catch {
      return false;
    }
  };
  switch (spec.kind) {
    case 'boolean':
      return fc.boolean();
    case 'enum':
      return fc.constantFrom(...spec.choices);
    case 'string':
      return fc.string({ minLength: 1 }).filter((text) => !text.startsWith('-'));
    case 'integer':
      return fc.integer({ min: spec.min ?? 0, max: Math.min(spec.max ?? 1e6, 1e6) });
    case 'steps':
      return fc.oneof(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0.001, max: 0.999 }));
    case 'number':
      return fc.double({ min: spec.min ?? 0, max: spec.max ?? 10, noNaN: true }).filter(fits);
  }
}

describe('commandLine', () => {
  it('quotes words for a shell, and attaches values that begin with a dash', () => {
    const words = commandLine(['compare'], {
      finetuned: "it's mine",
      model: '-x',
      seeds: 3,
      json: true,
      bf16: false,
      margin: undefined,
      dataset: 'a/*.csv',
    });
    assert.equal(
      words.slice(words.indexOf('compare')),
      "compare --finetuned 'it'\\''s mine' --model=-x --seeds 3 --json --no-bf16 --dataset 'a/*.csv'",
    );
  });
});

describe('program', () => {
  it('returns attune if it is installed globally', () => {
    assert.deepEqual(program('/usr/local/bin/attune', '/home/me'), ['attune']);
    assert.deepEqual(program('/usr/lib/node_modules/attune/bin/attune.js', '/home/me'), ['attune']);
  });

  it('returns npx attune if it is installed in a project or started by npx', () => {
    for (const [script, cwd] of [
      ['/home/me/job/node_modules/.bin/attune', '/home/me/job'],
      ['/home/me/.npm/_npx/1f/node_modules/.bin/attune', '/home/me/job/data'],
      ['/home/me/job/node_modules/attune/bin/attune.js', '/home/me/job'],
    ])
      assert.deepEqual(program(script, cwd), ['npx', 'attune'], script);
  });

  it('returns node and the path of the script in a checkout', () => {
    const script = '/home/me/attune/bin/attune.js';
    assert.deepEqual(program(script, '/home/me/attune'), ['node', 'bin/attune.js']);
    assert.deepEqual(program(script, '/home/me/data'), ['node', script]);
  });
});

describe('parseTrainOptions', () => {
  it('gives every argument its default without options', () => {
    const { args, data, explicit, warnings } = parse();
    assert.deepEqual(args, resolveArguments());
    assert.deepEqual(data, {
      model: undefined,
      dataset: undefined,
      datasetConfig: undefined,
      split: undefined,
      evalSplit: undefined,
      evalDataset: undefined,
      testSize: undefined,
      validationSize: undefined,
      trainRows: undefined,
      evalRows: undefined,
      textColumn: undefined,
      labelColumn: undefined,
      device: 'auto',
      threads: undefined,
      preset: undefined,
      config: undefined,
      allowChangedData: false,
      verifyExact: false,
      json: false,
    });
    assert.equal(explicit.size, 0);
    assert.deepEqual(warnings, []);
  });

  it('reads values after a space or an equals sign, switches and their opposites', () => {
    const { args, data, explicit } = parse(
      '--learning-rate=1e-4',
      '--max-steps',
      '-1',
      '--no-load-best-model-at-end',
      '--json',
      '--dataset',
      'tweets',
      '--evaluation-strategy',
      'epoch',
    );
    assert.equal(args.learningRate, 1e-4);
    assert.equal(args.maxSteps, -1);
    assert.equal(args.loadBestModelAtEnd, false);
    assert.equal(args.evalStrategy, 'epoch');
    assert.deepEqual([data.json, data.dataset], [true, 'tweets']);
    assert.deepEqual([...explicit].sort(), [
      'dataset',
      'evalStrategy',
      'json',
      'learningRate',
      'loadBestModelAtEnd',
      'maxSteps',
    ]);
    assert.equal(parse('--resume-from-checkpoint').args.resumeFromCheckpoint, true);
    assert.equal(
      parse('--resume-from-checkpoint', 'out/checkpoint-5').args.resumeFromCheckpoint,
      'out/checkpoint-5',
    );
  });

  it('reads options spelled as in the scripts of Hugging Face', () => {
    assert.equal(parse('--warmup_steps', '7').args.warmupSteps, 7);
    const { args } = parse(
      '--eval_strategy',
      'epoch',
      '--save_strategy',
      'epoch',
      '--load_best_model_at_end',
      'True',
      '--resume_from_checkpoint',
      'True',
    );
    assert.deepEqual([args.loadBestModelAtEnd, args.resumeFromCheckpoint], [true, true]);
    assert.equal(parse('--resume_from_checkpoint', 'False').args.resumeFromCheckpoint, undefined);
    assert.equal(
      parse('--resume-from-checkpoint', 'run/checkpoint-1').args.resumeFromCheckpoint,
      'run/checkpoint-1',
    );
  });

  it('reads short names, and refuses an argument given under two names', () => {
    const { args, explicit } = parse(
      '--epochs',
      '2',
      '--lr',
      '1e-4',
      '--batch-size',
      '16',
      '--output',
      'here',
    );
    assert.deepEqual(
      [args.numTrainEpochs, args.learningRate, args.perDeviceTrainBatchSize, args.outputDir],
      [2, 1e-4, 16, 'here'],
    );
    assert.deepEqual(
      [...explicit],
      ['numTrainEpochs', 'perDeviceTrainBatchSize', 'learningRate', 'outputDir'],
    );
    refuses(['--epochs', '2', '--num-train-epochs', '3'], 'argument-given-twice', {
      arguments: ['numTrainEpochs', 'epochs'],
      file: undefined,
    });
  });

  it('prefers the command line to the config file, then the preset, then the defaults', (t) => {
    const config = join(
      folder(t, {
        'run.json': JSON.stringify({
          preset: 'notebook',
          warmup_steps: 20,
          'train-rows': 50,
          learningRate: 1e-3,
          saveTotalLimit: null,
        }),
      }),
      'run.json',
    );
    const { args, data, explicit } = parse('--config', config, '--learning-rate', '2e-3');
    assert.equal(args.learningRate, 2e-3);
    assert.equal(args.warmupSteps, 20);
    assert.equal(data.trainRows, 50);
    assert.equal(data.evalRows, 200, 'from the preset that the config file gives');
    assert.equal(args.perDeviceTrainBatchSize, 4, 'from the preset');
    assert.equal(args.adamBeta1, 0.9);
    assert.equal(args.saveTotalLimit, undefined);
    assert.deepEqual([...explicit].sort(), ['config', 'learningRate', 'preset', 'trainRows', 'warmupSteps']);
  });

  it('refuses a bad config file with its name and the key or line', (t) => {
    const root = folder(t, { 'run.json': '' });
    const file = join(root, 'run.json');
    const inFile = <Code extends ErrorCode>(
      text: string,
      code: Code,
      facts: Partial<FactsOf<Code>>,
    ): void => {
      writeFileSync(file, text);
      refuses(['--config', file], code, { ...facts, file });
    };
    inFile('{\n  "learningRate": 1,\n}', 'config-file-syntax', {
      line: 2,
      column: 20,
      reason: 'a comma before "}" is not allowed',
    });
    inFile('{"lerning_rate": 1}', 'argument-unknown', { argument: 'lerning_rate' });
    inFile('{"learning_rate": "fast"}', 'argument-invalid', {
      argument: 'learning_rate',
      accepts: { kind: 'number', min: 0 },
      given: 'fast',
    });
    inFile('{"trainRows": 0}', 'argument-invalid', {
      argument: 'trainRows',
      accepts: { kind: 'integer', min: 1 },
      given: 0,
    });
    inFile('{"seed": 1, "config": "other.json"}', 'config-file-nested', {});
    inFile('{"learning_rate": 1, "learningRate": 2}', 'argument-given-twice', {
      arguments: ['learning_rate', 'learningRate'],
    });
    inFile('[1]', 'config-file-not-an-object', {});
    refuses(['--config', 'no-such.json'], 'config-file-unreadable', { file: 'no-such.json' });
  });

  it('suggests a name of the config file in the spelling that is used there', (t) => {
    const file = join(folder(t, { 'run.json': '{"lerning_rate": 1}' }), 'run.json');
    const facts = { argument: 'lerning_rate', file, known: ['learning_rate'] };
    assert.equal(advice(['--config', file]), errorHint({ code: 'argument-unknown', facts }, COMMAND_LINE));
  });

  it('turns planning off if a preset or an argument that a plan would choose is given', () => {
    assert.deepEqual(parse().training, {});
    assert.deepEqual(parse('--num-train-epochs', '2', '--seed', '7').training, {
      numTrainEpochs: 2,
      seed: 7,
    });
    for (const byHand of [
      ['--learning-rate', '1e-4'],
      ['--max-steps', '9'],
      ['--eval-strategy', 'no'],
      ['--save-strategy', 'epoch'],
      ['--preset', 'transformers'],
    ]) {
      const { training, args } = parse(...byHand);
      assert.deepEqual(training, { args }, byHand.join(' '));
    }
    assert.deepEqual(parse('--preset', 'transformers').args, resolveArguments());
  });

  it('refuses mistakes on the command line with a suggestion', () => {
    for (const [words, option] of [
      [['--lerning-rate', '1'], '--lerning-rate'],
      [['--lerning-rate=1'], '--lerning-rate=1'],
    ] as const) {
      refuses([...words], 'option-unknown', { option, within: 'train' });
      const facts = { option, known: ['--learning-rate'], within: 'train' };
      assert.equal(advice([...words]), errorHint({ code: 'option-unknown', facts }, COMMAND_LINE));
    }
    refuses(['--learning-rate'], 'option-value-missing', { option: '--learning-rate', within: 'train' });
    refuses(['--learning-rate', 'fast'], 'argument-invalid', {
      argument: 'learningRate',
      accepts: { kind: 'number', min: 0 },
      given: 'fast',
    });
    refuses(['--eval-strategy', 'epochs'], 'argument-invalid', {
      argument: 'evalStrategy',
      accepts: { kind: 'enum', choices: ['no', 'steps', 'epoch'] },
      given: 'epochs',
    });
    refuses(['tweets.jsonl'], 'command-argument-unexpected', { argument: 'tweets.jsonl', within: 'train' });
    refuses(['--eval-strategy', 'no', '--evaluation-strategy', 'epoch'], 'argument-given-twice', {
      arguments: ['evalStrategy', 'evaluationStrategy'],
      file: undefined,
    });
    refuses(['--preset', 'transformers', '--load-best-model-at-end'], 'best-model-needs-evaluations', {});
    assert.deepEqual(parse('--max-steps', '5', '--num-train-epochs', '2').warnings, [
      notice('argument-overridden', { winner: 'maxSteps', value: 5, loser: 'numTrainEpochs', lost: 2 }),
    ]);
  });

  it('reports every option under its own name, even --config and --dataset-config', () => {
    for (const [name, { kind }] of Object.entries({ ...DATA_OPTIONS, ...TRAINING_ARGUMENTS }))
      if (kind !== 'boolean')
        assert.throws(
          () => parse(`${optionName(name)}=`),
          (error: UsageError) =>
            errorSentence(error, COMMAND_LINE).startsWith(`${optionName(name)} must be `),
          name,
        );
    refuses(['--config='], 'argument-invalid', { argument: 'configFile', given: '' });
    refuses(['--dataset-config='], 'argument-invalid', { argument: 'datasetConfig', given: '' });
  });

  it('reads back any arguments that are written as options', () => {
    const table = { ...DATA_OPTIONS, ...TRAINING_ARGUMENTS };
    const names = (Object.keys(table) as (keyof typeof table)[]).filter(
      (name) => name !== 'config' && name !== 'preset',
    );
    const given = fc
      .subarray(names)
      .chain((subset) =>
        fc.tuple(...subset.map((name) => valueOf(table[name]).map((value) => [name, value] as const))),
      );
    let accepted = 0;
    fc.assert(
      fc.property(given, (pairs) => {
        const values = Object.fromEntries(pairs) as Record<string, string | number | boolean>;
        const argv = pairs.flatMap(([name, value]) =>
          typeof value === 'boolean'
            ? [value ? optionName(name) : optionName(`no-${name}`)]
            : [`${optionName(name)}=${value}`],
        );
        let expected;
        try {
          const training = Object.fromEntries(pairs.filter(([name]) => name in TRAINING_ARGUMENTS));
          expected = isPlanned(training) ? filledArguments(training) : resolveArguments(training);
        } catch {
          assert.throws(() => parse(...argv), UsageError); // a contradiction stays one
          return;
        }
        const read = parse(...argv);
        accepted++;
        assert.deepEqual(read.args, expected);
        for (const [name, value] of Object.entries(values))
          if (name in DATA_OPTIONS) assert.equal(read.data[name as keyof typeof read.data], value);
        assert.deepEqual([...read.explicit].sort(), Object.keys(values).sort());
      }),
      { numRuns: 200 },
    );
    assert.ok(accepted > 20, `${accepted} of 200 were free of contradictions`);
  });

  it('keeps no option of an earlier command', () => {
    const command = addTrainOptions(createCommand('train'));
    command.parse(['--seed', '1'], { from: 'user' });
    assert.equal(trainOptionsOf(command).args.seed, 1);
    assert.equal(parse().args.seed, 42);
  });
});
