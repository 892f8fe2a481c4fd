/** Training on a model of the Hub by the real command line, through a server of the Hub's protocol. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { jsonLines } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { HubCli } from '../../support/hub-cli.js';
import { pattern } from '../../support/pattern.js';

let hub: HubCli;
before(async () => {
  hub = await HubCli.start();
});
after(() => hub.stop());

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
    message: RegExp,
  ])[] = [
    [
      'a model that is not on the Hub',
      ['train', '--model', 'tiny/none', ...TRAIN, '--output-dir', 'refused'],
      {},
      pattern(
        /^error: tiny\/none: there is no file or folder .*none, /m,
        /and there is no model tiny\/none on the Hub, or it is private\n +Is it spelled/,
      ),
    ],
    [
      'a model that is not in the cache if it is offline',
      ['predict', '--model', 'tiny/gpt2', '--text', 'a'],
      { HF_HUB_OFFLINE: '1' },
      /^error: tiny\/gpt2: there is no file or folder .*, and the model tiny\/gpt2 is not in the cache/m,
    ],
    [
      'a token that the Hub does not accept',
      ['predict', '--model', 'tiny/gpt2', '--text', 'a'],
      { HF_TOKEN: 'hf_wrong' },
      /^error: tiny\/gpt2: there is no file or folder .*, and the Hub does not accept the token/m,
    ],
  ];
  for (const [what, words, env, message] of REFUSALS) {
    it(`refuses ${what}`, async () => {
      const { code, stdout, stderr } = await hub.run('cold', words, env);
      assert.equal(code, 1, stderr);
      assert.match(stderr, message);
      assert.equal(stdout, '');
      assert.doesNotMatch(stderr, /hf_wrong|defect/);
      assert.ok(!existsSync(join(hub.cwd, 'refused')));
    });
  }
});
