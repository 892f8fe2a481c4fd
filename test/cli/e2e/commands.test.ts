/** What the commands print, write and return if nothing goes wrong, and if output cannot be written. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { before, describe, it } from 'node:test';
import { packageVersion } from '#attune/cli/version.js';
import { attune, bin, jsonLines, readJson, toJsonl, writeData, writeTinyModel } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { printed } from '../../support/refusal.js';
import { workspace } from '../../support/workspace.js';
import { FINISHED_RUN } from '../../support/folder-contents.js';

let trained: CliResult;
const TRAIN = [
  'train',
  '--model',
  'model',
  '--dataset',
  'data',
  '--output-dir',
  'run',
  '--num-train-epochs',
  '2',
  '--per-device-train-batch-size',
  '4',
  '--logging-steps',
  '1',
  '--eval-strategy',
  'epoch',
  '--save-strategy',
  'epoch',
  '--learning-rate',
  '0.01',
  '--max-length',
  '32',
];

/** Waits for the end of a process. Returns its exit status and what it wrote to one of its streams. */
async function ended(child: ChildProcess, stream: Readable): Promise<{ code: number | null; text: string }> {
  let text = '';
  stream.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, text };
}

const cwd = workspace(async (cwd) => {
  await writeTinyModel(join(cwd, 'model'));
  writeData(join(cwd, 'data'));
  trained = await attune([...TRAIN, '--json'], { cwd });
});

describe('attune train', () => {
  const recordsOf = ({ stdout }: CliResult): Record<string, unknown>[] => jsonLines(stdout);

  it('writes a record to stdout for each log entry, evaluation and checkpoint', () => {
    assert.equal(trained.code, 0, trained.stderr);
    const types = recordsOf(trained).map(({ type }) => type);
    assert.deepEqual(
      types.filter((type) => type !== 'saved'),
      ['run', 'train', 'train', 'train', 'eval', 'train', 'train', 'train', 'eval', 'final', 'result'],
    );
    // Checkpoints are written while the next steps run: after the evaluation of their step, before the end.
    assert.equal(types.filter((type) => type === 'saved').length, 2);
    assert.ok(
      types.indexOf('saved') > types.indexOf('eval') && types.lastIndexOf('saved') < types.indexOf('final'),
    );
  });

  it('writes text for people to stderr, without escape sequences', () => {
    assert.doesNotMatch(trained.stderr, /\u001b/);
    for (const words of [
      'newly initialized',
      'LOAD REPORT',
      'score.weight',
      'CPU',
      'step 6/6',
      'what it means',
      'confusion',
      'attune.js predict --model run',
    ])
      assert.ok(trained.stderr.includes(words), words);
  });

  it('saves the model, its tokenizer and configuration, the log and the checkpoints', () => {
    assert.deepEqual(
      readdirSync(join(cwd, 'run')).sort(),
      [...FINISHED_RUN, 'checkpoint-3', 'checkpoint-6'].sort(),
    );
    assert.ok(
      readFileSync(join(cwd, 'run', 'model.safetensors')).equals(
        readFileSync(join(cwd, 'run', 'checkpoint-6', 'model.safetensors')),
      ),
    );
  });

  it('saves the label names, the architecture and the padding token in config.json', () => {
    const config = readJson(join(cwd, 'run', 'config.json'));
    assert.deepEqual(config['id2label'], { 0: 'bad', 1: 'good' });
    assert.deepEqual(config['architectures'], ['GPT2ForSequenceClassification']);
    assert.equal(config['pad_token_id'], 8191);
  });

  it('saves the same records in trainer_state.json as it writes to stdout', () => {
    const { log_history: history } = readJson(join(cwd, 'run', 'trainer_state.json'));
    const logged = recordsOf(trained).filter(({ type }) =>
      ['train', 'eval', 'final'].includes(type as string),
    );
    assert.deepEqual(
      history,
      logged.map((record) => Object.fromEntries(Object.entries(record).filter(([key]) => key !== 'type'))),
    );
  });

  it('writes an event file with the tags that the Trainer of transformers uses', () => {
    const [events] = readdirSync(join(cwd, 'run', 'runs'));
    const bytes = readFileSync(join(cwd, 'run', 'runs', events)).toString('latin1');
    for (const tag of [
      'train/loss',
      'train/grad_norm',
      'train/learning_rate',
      'train/epoch',
      'eval/loss',
      'eval/accuracy',
      'args',
      'train/train_runtime',
    ])
      assert.ok(bytes.includes(tag), tag);
  });

  it('gives the same records and weights for the same seed, except for times', async () => {
    const again = await attune([...TRAIN.map((word) => (word === 'run' ? 'again' : word)), '--json'], {
      cwd,
    });
    assert.equal(again.code, 0, again.stderr);
    const timeless = (result: CliResult): object[] =>
      recordsOf(result)
        .filter(({ type }) => type !== 'saved' && type !== 'run')
        .map((record) =>
          Object.fromEntries(Object.entries(record).filter(([key]) => !/runtime|per_second/.test(key))),
        );
    assert.deepEqual(timeless(again), timeless(trained));
    assert.ok(
      readFileSync(join(cwd, 'again', 'model.safetensors')).equals(
        readFileSync(join(cwd, 'run', 'model.safetensors')),
      ),
    );
  });

  it('prefers the command line to the config file, and the config file to the preset', async () => {
    writeFileSync(
      join(cwd, 'run.json'),
      JSON.stringify({ learning_rate: 0.003, 'logging-steps': 2, warmupSteps: 1, maxLength: 16 }),
    );
    const { code, stderr } = await attune(
      [
        'train',
        '--preset',
        'notebook',
        '--config',
        'run.json',
        '--model',
        'model',
        '--dataset',
        'data/train.jsonl',
        '--eval-dataset',
        'data/test.jsonl',
        '--output-dir',
        'mixed',
        '--learning_rate=0.004',
        '--train-rows',
        '8',
        '--num-train-epochs',
        '1',
      ],
      { cwd, env: { NO_COLOR: '1' } },
    );
    assert.equal(code, 0, stderr);
    const args = readJson(join(cwd, 'mixed', 'training_args.json'));
    assert.deepEqual(
      [
        args['learning_rate'],
        args['logging_steps'],
        args['warmup_steps'],
        args['weight_decay'],
        args['max_length'],
        args['per_device_train_batch_size'],
      ],
      [0.004, 2, 1, 0.01, 16, 4],
    );
    assert.match(stderr, /train: 8 rows/);
  });
});

describe('attune evaluate', () => {
  it('gives the metrics of the last evaluation of the run, for any batch size', async () => {
    const { code, stdout, stderr } = await attune(
      [
        'evaluate',
        '--model',
        'run',
        '--dataset',
        'data',
        '--max-length',
        '32',
        '--batch-size',
        '3',
        '--json',
      ],
      { cwd },
    );
    assert.equal(code, 0, stderr);
    const [result] = jsonLines(stdout);
    const last = jsonLines(trained.stdout).find(({ type }) => type === 'result')!;
    assert.ok(Math.abs((result['loss'] as number) - (last['loss'] as number)) < 1e-5);
    assert.deepEqual(
      [result['accuracy'], result['f1'], result['confusion']],
      [last['accuracy'], last['f1'], last['confusion']],
    );
  });
});

describe('attune predict', () => {
  const TEXTS = ['a fine day', '', '日本語 🙂🏽 \u202e', 'a fine day', 'x'.repeat(3000)];
  const LINES = toJsonl(TEXTS.map((text) => ({ text })));
  let byText: CliResult;
  before(async () => {
    byText = await attune(['predict', '--model', 'run', ...TEXTS.flatMap((text) => ['--text', text])], {
      cwd,
    });
  });

  it('writes a record for each --text in order, also for equal and empty texts', () => {
    assert.equal(byText.code, 0, byText.stderr);
    const records = jsonLines(byText.stdout);
    assert.deepEqual(
      records.map(({ text }) => text),
      TEXTS,
    );
    for (const record of records) {
      assert.deepEqual(Object.keys(record), ['text', 'label', 'label_id', 'score', 'scores']);
      const scores = record['scores'] as Record<string, number>;
      assert.deepEqual(Object.keys(scores), ['bad', 'good']);
      assert.equal(record['score'], Math.max(...Object.values(scores)));
      assert.equal(scores[record['label'] as string], record['score']);
    }
    assert.deepEqual(records[3], records[0]);
  });

  it('gives the same records for texts on stdin, with logits if they are asked for', async () => {
    const { stdout } = await attune(['predict', '--model', 'run', '--input', '-', '--logits'], {
      cwd,
      input: LINES,
    });
    const records = jsonLines(stdout).map(({ logits, ...rest }) => {
      assert.equal((logits as number[]).length, 2);
      return rest;
    });
    assert.deepEqual(records, jsonLines(byText.stdout));
  });

  it('writes the same records to --output for texts in a file', async () => {
    writeFileSync(join(cwd, 'texts.jsonl'), LINES);
    const { stdout, stderr } = await attune(
      ['predict', '--model', 'run', '--input', 'texts.jsonl', '--output', 'out.jsonl'],
      { cwd },
    );
    assert.equal(stdout, '');
    assert.match(stderr, /5 texts classified into out\.jsonl/);
    assert.deepEqual(jsonLines(readFileSync(join(cwd, 'out.jsonl'), 'utf8')), jsonLines(byText.stdout));
  });

  it('keeps the order of thousands of rows', async () => {
    const texts = Array.from({ length: 1500 }, (_, i) => `${'very '.repeat(i % 7)}good ${i}`);
    const { code, stdout } = await attune(['predict', '--model', 'run', '--input', '-'], {
      cwd,
      input: toJsonl(texts.map((text) => ({ text }))),
    });
    assert.equal(code, 0);
    assert.deepEqual(
      jsonLines(stdout).map(({ text }) => text),
      texts,
    );
  });
});

describe('attune inspect', () => {
  const INSPECT = [
    'inspect',
    '--dataset',
    'odd.csv',
    '--text-column',
    'words',
    '--label-column',
    'class',
    '--eval-dataset',
    'odd.csv',
    '--examples',
    '4',
  ];
  before(() =>
    writeFileSync(
      join(cwd, 'odd.csv'),
      'words,class\n"a fine day",good\n"a fine day",bad\n"",bad\n"two\nlines",good\n',
    ),
  );

  it('describes examples and suspicious rows on stderr', async () => {
    const { code, stdout, stderr } = await attune(INSPECT, { cwd });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, '');
    for (const words of [
      '<|endoftext|>',
      'two\\nlines',
      'empty texts',
      '1 rows repeat an earlier text',
      '4 test rows whose text is in the training split',
      '1 texts with different labels',
    ])
      assert.ok(stderr.includes(words), words);
  });

  it('writes a record to stdout with --json', async () => {
    const [report] = jsonLines((await attune([...INSPECT, '--json'], { cwd })).stdout);
    assert.equal((report['splits'] as { rows: number }[])[0].rows, 4);
  });
});

describe('attune doctor', () => {
  it('finds everything that attune needs', async () => {
    const { code, stdout } = await attune(['doctor'], { cwd });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /CPU engine\s+onnxruntime-node/);
  });
});

/** The names under "Commands:" in a help text. The further lines of a description are indented more. */
function commandsIn(help: string): string[] {
  const list = /^Commands:\n((?: .*\n)*)/m.exec(help)?.[1] ?? '';
  return [...list.matchAll(/^ {2}([a-z][\w-]*)/gm)].map(([, name]) => name);
}

describe('attune --help', () => {
  /** Runs `attune … --help`, and that of each command it lists. Returns all commands found. */
  async function walk(...command: string[]): Promise<string[]> {
    const { code, stdout } = await attune([...command, '--help'], { cwd });
    assert.equal(code, 0, command.join(' '));
    assert.ok(stdout.startsWith(`Usage: ${['attune', ...command].join(' ')} [`), stdout);
    const found = await Promise.all(commandsIn(stdout).map((name) => walk(...command, name)));
    return [command.join(' '), ...found.flat()];
  }

  it('ends with 0 for the program and each of its commands, and leaves no file', async () => {
    const files = readdirSync(cwd);
    const commands = await walk();
    for (const command of ['train', 'demo', 'cache prune']) assert.ok(commands.includes(command), command);
    assert.deepEqual(readdirSync(cwd), files);
    assert.ok(!existsSync(join(cwd, 'trainer_output')));
  });

  it('is what attune prints without a command', async () => {
    const [bare, help] = await Promise.all([[], ['--help']].map((words) => attune(words, { cwd })));
    assert.deepEqual([bare.code, bare.stdout], [0, help.stdout]);
  });

  it('ends with 0 and no error if its reader closes the pipe', async () => {
    const child = spawn(process.execPath, [bin, 'train', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    assert.deepEqual(await ended(child, child.stderr), { code: 0, text: '' });
  });
});

describe('attune --version', () => {
  it('prints the version of the package', async () => {
    const { code, stdout } = await attune(['--version'], { cwd });
    assert.deepEqual([code, stdout], [0, `${packageVersion()}\n`]);
  });
});

/** A device on which every write fails because it is full. */
const FULL = '/dev/full';

describe('attune with stdout on a full device', { skip: !existsSync(FULL) && `there is no ${FULL}` }, () => {
  for (const words of [
    ['--help'],
    ['train', '--help'],
    ['evaluate', '--model', 'run', '--dataset', 'data', '--json'],
    ['predict', '--model', 'run', '--text', 'a'],
  ]) {
    it(`fails with one error: attune ${words.join(' ')}`, async () => {
      const child = spawn(process.execPath, [bin, ...words], {
        cwd,
        stdio: ['ignore', openSync(FULL, 'w'), 'pipe'],
      });
      const { code, text: stderr } = await ended(child, child.stderr!);
      assert.equal(code, 1, words.join(' '));
      const reason = 'ENOSPC: no space left on device, write';
      assert.ok(stderr.includes(`error: ${printed('results-unwritable', { reason })}\n`), stderr);
      assert.equal(stderr.match(/^error:/gm)?.length, 1, stderr);
      assert.doesNotMatch(stderr, /^\s+at /m);
    });
  }
});

describe('attune with stderr on a full device', { skip: !existsSync(FULL) && `there is no ${FULL}` }, () => {
  it('still writes the result and ends with 0: attune evaluate', async () => {
    const child = spawn(
      process.execPath,
      [bin, 'evaluate', '--model', 'run', '--dataset', 'data', '--json'],
      { cwd, stdio: ['ignore', 'pipe', openSync(FULL, 'w')] },
    );
    const { code, text: stdout } = await ended(child, child.stdout!);
    assert.deepEqual([code, jsonLines(stdout).map(({ type }) => type)], [0, ['result']]);
  });
});
