/**
 * Ctrl-C in each phase of the commands that read, tokenize, evaluate and predict: exit status 130, no result, and
 * no file half written.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Verdict } from '#attune/compare/comparison.js';
import { attune, readJson, toJsonl, writeData, writeTinyModel } from '../../support/cli.js';
import type { SignalAt } from '../../support/cli.js';
import { workspace } from '../../support/workspace.js';
import { printed } from '../../support/refusal.js';

const ROWS = 20_000;

const cwd = workspace(async (dir) => {
  await writeTinyModel(join(dir, 'model'));
  await writeTinyModel(join(dir, 'classifier'), {}, true);
  writeData(join(dir, 'data'));
  writeFileSync(
    join(dir, 'many.jsonl'),
    toJsonl(Array.from({ length: ROWS }, (_, i) => ({ text: `day ${i} ${'so '.repeat(30)}`, label: i % 2 }))),
  );
});

const at = (when: RegExp, signal: NodeJS.Signals = 'SIGINT'): SignalAt[] => [{ when, on: 'open', signal }];
const DATA = /many\.jsonl$/;
const WEIGHTS = /(?:model|classifier).model\.safetensors$/;

const train = [
  'train',
  '--model',
  'model',
  '--dataset',
  'many.jsonl',
  '--test-size',
  '0.1',
  '--output-dir',
  'run',
  '--max-steps',
  '2',
];
const evaluate = ['evaluate', '--model', 'classifier', '--dataset', 'many.jsonl'];
const predict = ['predict', '--model', 'classifier', '--input', 'many.jsonl'];
const inspect = ['inspect', '--model', 'model', '--dataset', 'many.jsonl'];

const CASES: readonly (readonly [what: string, words: readonly string[], signals: SignalAt[]])[] = [
  ['attune train while it reads the rows', train, at(DATA)],
  ['attune train while it loads the weights', train, at(WEIGHTS, 'SIGTERM')],
  ['attune evaluate while it loads the weights', evaluate, at(WEIGHTS)],
  ['attune evaluate while it reads the rows', evaluate, at(DATA, 'SIGTERM')],
  ['attune inspect while it reads the rows', inspect, at(DATA)],
  ['attune predict while it loads the weights', predict, at(WEIGHTS)],
  ['attune predict --output while it reads the rows', [...predict, '--output', 'out.jsonl'], at(DATA)],
  [
    'attune predict --explain while it reads the rows',
    [...predict, '--explain', '--output', 'out.jsonl'],
    at(DATA),
  ],
];

describe('a signal', () => {
  for (const [what, words, signals] of CASES) {
    it(`ends ${what}, with 130, no result and no file`, async () => {
      const before = readdirSync(cwd).sort();
      const { code, stdout, stderr } = await attune(words, { cwd, signals });
      assert.equal(code, 130, stderr);
      assert.equal(stdout, '');
      assert.ok(
        stderr.includes(`once more to stop at once.\nerror: ${printed('interrupted', {})}\n`),
        stderr,
      );
      assert.equal(stderr.match(/^error:/gm)?.length, 1, stderr);
      assert.deepEqual(readdirSync(cwd).sort(), before);
    });
  }

  for (const more of [[], ['--explain']]) {
    it(`ends ${['attune predict', ...more].join(' ')} while it waits for more on stdin`, async () => {
      // As many texts as are classified at a time: then the command waits for more.
      const input = toJsonl(Array.from({ length: 512 }, (_, i) => ({ text: `day ${i}` })));
      const last: SignalAt[] = [{ when: /day 511"/, on: 'stdout', signal: 'SIGINT' }];
      const result = await attune(['predict', '--model', 'classifier', '--input', '-', ...more], {
        cwd,
        input,
        openStdin: true,
        signals: last,
      });
      assert.equal(result.code, 130, result.stderr);
      assert.equal(result.stdout.split('\n').length, 513, 'the predictions made before it are whole');
      assert.ok(result.stderr.includes(`\nerror: ${printed('interrupted', {})}\n`), result.stderr);
    });
  }

  it('ends attune train in its last evaluation with 130, after the model is saved', async () => {
    const best = [
      '--load-best-model-at-end',
      '--eval-strategy',
      'steps',
      '--eval-steps',
      '2',
      '--save-strategy',
      'steps',
      '--save-steps',
      '2',
    ];
    const words = [
      'train',
      '--model',
      'model',
      '--dataset',
      'data',
      '--output-dir',
      'best',
      '--max-steps',
      '2',
      ...best,
    ];
    const { code, stderr } = await attune(words, { cwd, signals: at(/checkpoint-2.model\.safetensors$/) });
    assert.equal(code, 130, stderr);
    const expected = printed('evaluation-interrupted', { folder: 'best', command: '' });
    assert.ok(stderr.includes(`error: ${expected}\n`), stderr);
    for (const file of ['model.safetensors', 'trainer_state.json', 'training_args.json'])
      assert.ok(existsSync(join(cwd, 'best', file)), file);
  });

  it('ends attune compare at another seed, and the printed command finishes it bit for bit', async () => {
    const words = (dir: string): string[] => [
      'compare',
      '--model',
      'model',
      '--dataset',
      'data',
      '--output-dir',
      dir,
      '--max-steps',
      '400',
      '--save-steps',
      '100',
      '--seeds',
      '3',
    ];
    const whole = await attune(words('whole'), { cwd });
    assert.equal(whole.code, 0, whole.stderr);
    const { code, stderr } = await attune(words('seeds'), {
      cwd,
      signals: [{ when: /into seeds-seed-44\n[^]*checkpoint-200/, signal: 'SIGINT' }],
    });
    assert.equal(code, 130, stderr);
    assert.ok(stderr.includes(`error: ${printed('other-seed-interrupted', { command: '' })}\n`), stderr);
    assert.match(stderr, /\n *node .*attune\.js compare --finetuned seeds --model model --seeds 3\n/);
    const on = await attune(
      ['compare', '--finetuned', 'seeds', '--model', 'model', '--seeds', '3', '--json'],
      { cwd },
    );
    assert.equal(on.code, 0, on.stderr);
    assert.match(
      on.stderr,
      /Fine-tuned under seed 43 before, in seeds-seed-43\.[^]*Fine-tuning under seed 44, into seeds-seed-44/,
    );
    assert.doesNotMatch(on.stderr, /checkpoint-100/);
    for (const end of ['', '-seed-43', '-seed-44']) {
      const weights = (dir: string): Buffer => readFileSync(join(cwd, `${dir}${end}`, 'model.safetensors'));
      assert.ok(weights('seeds').equals(weights('whole')), end);
    }
    const spread = (dir: string): unknown =>
      (readJson(join(cwd, dir, 'comparison.json'))['verdict'] as Verdict).seeds;
    assert.deepEqual(spread('seeds'), spread('whole'));
  });
});
