/** Training on a model of the Hub by the real command line, through a server of the Hub's protocol. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { COMMAND_LINE } from '#attune/cli/shell.js';
import type { ErrorCode, FactsOf } from '#attune/errors/catalogue.js';
import { errorHint } from '#attune/errors/shell.js';
import { jsonLines } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { HubCli } from '../../support/hub-cli.js';
import { printed } from '../../support/refusal.js';

let hub: HubCli;
before(async () => {
  hub = await HubCli.start();
});
after(() => hub.stop());

/** Sentence and hint that are printed if a name is of nothing here and the Hub refuses it. */
function notHere<Code extends ErrorCode>(
  name: string,
  because: Code,
  facts: FactsOf<Code>,
): readonly [sentence: string, advice: string] {
  const path = resolve(realpathSync(hub.cwd), name);
  const error = { code: because, facts };
  return [printed('hub-name-not-here', { name, path, error }), errorHint(error, COMMAND_LINE)];
}

const TRAIN = [
  '--dataset',
  'data',
  '--max-steps',
  '2',
  '--logging-steps',
  '1',
  '--save-strategy',
  'no',
  '--json',
];

describe('attune with a model of the Hub', () => {
  it('downloads it once, and trains the same offline from the cache', async () => {
    const first = await hub.run('train', [
      'train',
      '--model',
      'tiny/gpt2',
      ...TRAIN,
      '--output-dir',
      'first',
    ]);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /^downloading tiny\/gpt2: 5 files, \d+ kB, into .*train.hub$/m);
    const requests = hub.server.requests.length;
    const second = await hub.run(
      'train',
      ['train', '--model', 'tiny/gpt2', ...TRAIN, '--output-dir', 'second'],
      { HF_HUB_OFFLINE: '1' },
    );
    assert.equal(second.code, 0, second.stderr);
    assert.equal(hub.server.requests.length, requests);
    assert.doesNotMatch(second.stderr, /downloading/);
    const losses = ({ stdout }: CliResult): unknown[] =>
      jsonLines(stdout)
        .filter(({ type }) => type === 'train')
        .map(({ loss }) => loss);
    assert.equal(losses(first).length, 2);
    assert.deepEqual(losses(second), losses(first));
    assert.equal(
      (jsonLines(first.stdout).find(({ type }) => type === 'run') as { model: string }).model,
      'tiny/gpt2',
    );
    assert.deepEqual(
      readFileSync(join(hub.cwd, 'first', 'model.safetensors')),
      readFileSync(join(hub.cwd, 'second', 'model.safetensors')),
    );
  });

  const REFUSALS: readonly (readonly [
    what: string,
    words: readonly string[],
    env: Readonly<Record<string, string>>,
    message: () => readonly [sentence: string, advice: string],
  ])[] = [
    [
      'a model that is not on the Hub',
      ['train', '--model', 'tiny/none', ...TRAIN, '--output-dir', 'refused'],
      {},
      () =>
        notHere('tiny/none', 'hub-repository-not-found', {
          type: 'model',
          id: 'tiny/none',
          page: `${hub.server.url}/tiny/none`,
          hasToken: false,
        }),
    ],
    [
      'a model that is not in the cache if it is offline',
      ['predict', '--model', 'tiny/gpt2', '--text', 'a'],
      { HF_HUB_OFFLINE: '1' },
      () =>
        notHere('tiny/gpt2', 'cache-repository-missing', {
          type: 'model',
          repository: 'tiny/gpt2',
          folder: join(hub.cwd, 'cold', 'hub', 'models--tiny--gpt2'),
        }),
    ],
    [
      'a token that the Hub does not accept',
      ['predict', '--model', 'tiny/gpt2', '--text', 'a'],
      { HF_TOKEN: 'hf_wrong' },
      () =>
        notHere('tiny/gpt2', 'hub-token-rejected', { reason: 'Invalid credentials in Authorization header' }),
    ],
  ];
  for (const [what, words, env, message] of REFUSALS) {
    it(`refuses ${what}`, async () => {
      const { code, stdout, stderr } = await hub.run('cold', words, env);
      assert.equal(code, 1, stderr);
      const [sentence, advice] = message();
      assert.ok(stderr.startsWith(`error: ${sentence}\n`), stderr);
      assert.ok(stderr.replace(/\s+/g, ' ').includes(` ${advice} `), stderr);
      assert.equal(stdout, '');
      assert.doesNotMatch(stderr, /hf_wrong|defect/);
      assert.ok(!existsSync(join(hub.cwd, 'refused')));
    });
  }
});
