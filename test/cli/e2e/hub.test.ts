/** Training on a model of the Hub by the real command line, through a server of the Hub's protocol. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
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

test('train on a model of the Hub, then offline from the cache, with the same records', async () => {
  const first = await hub.run('train', ['train', '--model', 'tiny/gpt2', ...TRAIN, '--output-dir', 'first']);
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

test('what cannot be had is refused in one line with what to do', async () => {
  for (const [args, more, code, message] of [
    [
      ['train', '--model', 'tiny/none', ...TRAIN],
      {},
      1,
      pattern(
        /^error: tiny\/none: there is no file or folder .*none, /m,
        /and there is no model tiny\/none on the Hub, or it is private\n +Is it spelled/,
      ),
    ],
    [
      ['predict', '--model', 'tiny/gpt2', '--text', 'a'],
      { HF_HUB_OFFLINE: '1' },
      1,
      /^error: tiny\/gpt2: there is no file or folder .*, and the model tiny\/gpt2 is not in the cache/m,
    ],
    [
      ['predict', '--model', 'tiny/gpt2', '--text', 'a'],
      { HF_TOKEN: 'hf_wrong' },
      1,
      /^error: tiny\/gpt2: there is no file or folder .*, and the Hub does not accept the token/m,
    ],
  ] as const) {
    const result = await hub.run(
      'cold',
      [...args, ...(args[0] === 'train' ? ['--output-dir', 'refused'] : [])],
      more,
    );
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, message);
    assert.equal(result.stdout, '');
    assert.doesNotMatch(result.stderr, /hf_wrong|defect/);
    assert.ok(!existsSync(join(hub.cwd, 'refused')));
  }
});
