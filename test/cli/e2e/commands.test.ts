/** What every command does when all is well. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attune, bin, jsonLines, readJson, toJsonl, writeData, writeTinyModel } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { workspace } from '../../support/workspace.js';

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

const cwd = workspace(async (cwd) => {
  await writeTinyModel(join(cwd, 'model'));
  writeData(join(cwd, 'data'));
  trained = await attune([...TRAIN, '--json'], { cwd });
});

test('train: records on stdout, people’s text on stderr without escapes, everything saved', () => {
  assert.equal(trained.code, 0, trained.stderr);
  const records = jsonLines(trained.stdout);
  const types = records.map(({ type }) => type);
  assert.deepEqual(
    types.filter((type) => type !== 'saved'),
    ['run', 'train', 'train', 'train', 'eval', 'train', 'train', 'train', 'eval', 'final', 'result'],
  );
  // Written beside the steps that follow: after their own, and before the end.
  assert.equal(types.filter((type) => type === 'saved').length, 2);
  assert.ok(
    types.indexOf('saved') > types.indexOf('eval') && types.lastIndexOf('saved') < types.indexOf('final'),
  );
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
  ]) {
    assert.ok(trained.stderr.includes(words), words);
  }
  assert.deepEqual(readdirSync(join(cwd, 'run')).sort(), [
    '.attune-files.json',
    'attune.json',
    'attune_model.json',
    'attune_rows.json',
    'checkpoint-3',
    'checkpoint-6',
    'config.json',
    'merges.txt',
    'model.safetensors',
    'runs',
    'special_tokens_map.json',
    'tokenizer_config.json',
    'trainer_state.json',
    'training_args.json',
    'vocab.json',
  ]);
  const config = readJson(join(cwd, 'run', 'config.json'));
  assert.deepEqual(config['id2label'], { 0: 'bad', 1: 'good' });
  assert.deepEqual(config['architectures'], ['GPT2ForSequenceClassification']);
  assert.equal(config['pad_token_id'], 8191);
  const { log_history: history } = readJson(join(cwd, 'run', 'trainer_state.json')) as {
    log_history: object[];
  };
  const logged = records.filter(({ type }) => ['train', 'eval', 'final'].includes(type as string));
  assert.deepEqual(
    history,
    logged.map((record) => Object.fromEntries(Object.entries(record).filter(([key]) => key !== 'type'))),
  );
  assert.ok(
    readFileSync(join(cwd, 'run', 'model.safetensors')).equals(
      readFileSync(join(cwd, 'run', 'checkpoint-6', 'model.safetensors')),
    ),
  );
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

test('train: the same seed gives the same records, except times', async () => {
  const again = await attune([...TRAIN.map((word) => (word === 'run' ? 'again' : word)), '--json'], { cwd });
  assert.equal(again.code, 0, again.stderr);
  const timeless = (text: string): object[] =>
    jsonLines(text)
      .filter(({ type }) => type !== 'saved' && type !== 'run')
      .map((record) =>
        Object.fromEntries(Object.entries(record).filter(([key]) => !/runtime|per_second/.test(key))),
      );
  assert.deepEqual(timeless(again.stdout), timeless(trained.stdout));
  assert.ok(
    readFileSync(join(cwd, 'again', 'model.safetensors')).equals(
      readFileSync(join(cwd, 'run', 'model.safetensors')),
    ),
  );
});

test('train: preset, config file and command line, in this order', async () => {
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

test('evaluate gives the figures of the run’s last evaluation, whatever the batches', async () => {
  const { code, stdout, stderr } = await attune(
    ['evaluate', '--model', 'run', '--dataset', 'data', '--max-length', '32', '--batch-size', '3', '--json'],
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

test('predict: texts in order, twice the same text, an empty one, any Unicode', async () => {
  const texts = ['a fine day', '', '日本語 🙂🏽 \u202e', 'a fine day', 'x'.repeat(3000)];
  const byText = await attune(['predict', '--model', 'run', ...texts.flatMap((text) => ['--text', text])], {
    cwd,
  });
  assert.equal(byText.code, 0, byText.stderr);
  const records = jsonLines(byText.stdout);
  assert.deepEqual(
    records.map(({ text }) => text),
    texts,
  );
  for (const record of records) {
    assert.deepEqual(Object.keys(record), ['text', 'label', 'label_id', 'score', 'scores']);
    const scores = record['scores'] as Record<string, number>;
    assert.deepEqual(Object.keys(scores), ['bad', 'good']);
    assert.equal(record['score'], Math.max(...Object.values(scores)));
    assert.equal(scores[record['label'] as string], record['score']);
  }
  assert.deepEqual(records[3], records[0]);

  const lines = toJsonl(texts.map((text) => ({ text })));
  const byPipe = await attune(['predict', '--model', 'run', '--input', '-', '--logits'], {
    cwd,
    input: lines,
  });
  assert.deepEqual(
    jsonLines(byPipe.stdout).map(
      ({ logits, ...rest }) => (assert.equal((logits as number[]).length, 2), rest),
    ),
    records,
  );
  writeFileSync(join(cwd, 'texts.jsonl'), lines);
  const byFile = await attune(
    ['predict', '--model', 'run', '--input', 'texts.jsonl', '--output', 'out.jsonl'],
    { cwd },
  );
  assert.equal(byFile.stdout, '');
  assert.match(byFile.stderr, /5 texts classified into out\.jsonl/);
  assert.deepEqual(jsonLines(readFileSync(join(cwd, 'out.jsonl'), 'utf8')), records);
});

test('predict: thousands of rows come out in order', async () => {
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

test('inspect: for people and for programs', async () => {
  writeFileSync(
    join(cwd, 'odd.csv'),
    'words,class\n"a fine day",good\n"a fine day",bad\n"",bad\n"two\nlines",good\n',
  );
  const args = [
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
  const people = await attune(args, { cwd });
  assert.equal(people.code, 0, people.stderr);
  assert.equal(people.stdout, '');
  for (const words of [
    '<|endoftext|>',
    'two\\nlines',
    'empty texts',
    '1 rows repeat an earlier text',
    '4 test rows whose text is in the training split',
    '1 texts with different labels',
  ])
    assert.ok(people.stderr.includes(words), words);
  const [report] = jsonLines((await attune([...args, '--json'], { cwd })).stdout);
  assert.equal((report['splits'] as { rows: number }[])[0].rows, 4);
});

test('doctor finds everything that attune needs', async () => {
  const { code, stdout } = await attune(['doctor'], { cwd });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /CPU engine\s+onnxruntime-node/);
});

test('--help and --version of every command end with 0, and leave nothing', async () => {
  const before = readdirSync(cwd);
  for (const words of [
    ['--version'],
    ['--help'],
    [],
    ...['train', 'evaluate', 'predict', 'inspect', 'doctor', 'demo'].map((command) => [command, '--help']),
  ]) {
    const { code, stdout } = await attune(words, { cwd });
    assert.equal(code, 0, words.join(' '));
    assert.ok(stdout.length > 5, words.join(' '));
  }
  assert.deepEqual(readdirSync(cwd), before);
  assert.ok(!existsSync(join(cwd, 'trainer_output')));
});

test('help for a reader that goes away is no error', async () => {
  const child = spawn(process.execPath, [bin, 'train', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  assert.deepEqual([code, stderr], [0, '']);
});

/** A device on which every write fails for want of space. */
const FULL = '/dev/full';

test(
  'results that cannot be written are a failure, whatever the command has done',
  { skip: !existsSync(FULL) && `there is no ${FULL}` },
  async () => {
    for (const words of [
      ['--help'],
      ['train', '--help'],
      ['evaluate', '--model', 'run', '--dataset', 'data', '--json'],
      ['predict', '--model', 'run', '--text', 'a'],
    ]) {
      const child = spawn(process.execPath, [bin, ...words], {
        cwd,
        stdio: ['ignore', openSync(FULL, 'w'), 'pipe'],
      });
      let stderr = '';
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        stderr += text;
      });
      const [code] = (await once(child, 'close')) as [number | null];
      assert.equal(code, 1, words.join(' '));
      assert.match(stderr, /^error: the results cannot be written: ENOSPC/m);
      assert.equal(stderr.match(/^error:/gm)?.length, 1, stderr);
      assert.doesNotMatch(stderr, /^\s+at /m);
    }
  },
);

test(
  'messages that cannot be written end nothing',
  { skip: !existsSync(FULL) && `there is no ${FULL}` },
  async () => {
    const child = spawn(
      process.execPath,
      [bin, 'evaluate', '--model', 'run', '--dataset', 'data', '--json'],
      { cwd, stdio: ['ignore', 'pipe', openSync(FULL, 'w')] },
    );
    let stdout = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    assert.deepEqual([code, jsonLines(stdout).map(({ type }) => type)], [0, ['result']]);
  },
);
