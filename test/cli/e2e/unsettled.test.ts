/** A promise that never settles, in each kind of place: the command fails and reports it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { writeByteModel } from '../../support/byte-model.js';
import { attune } from '../../support/cli.js';
import { DEAF_THREADS, endsEarly, preloaded } from '../../support/unsettled.js';
import { modelAndData } from '../../support/workspace.js';

const cwd = modelAndData(writeByteModel);
const TRAIN = [
  'train',
  '--model',
  'model',
  '--dataset',
  'data',
  '--max-steps',
  '1',
  '--save-strategy',
  'no',
  '--threads',
  '1',
];

const SILENT_STDIN = `if (isMainThread)
  process.stdin[Symbol.asyncIterator] = () => ({
    next: () => new Promise(() => {}),
    [Symbol.asyncIterator]() { return this; },
  });`;
const DEAF_DNS = `import dns from 'node:dns';
  import { syncBuiltinESMExports } from 'node:module';
  dns.lookup = () => {};
  syncBuiltinESMExports();`;

describe('a command that waits for something that never comes', () => {
  before(async () => {
    const { code, stderr } = await attune([...TRAIN, '--output-dir', 'classifier'], { cwd });
    assert.equal(code, 0, stderr);
  });

  it('fails if the thread of the engine never answers attune train', () =>
    endsEarly([...TRAIN, '--output-dir', 'never', '--json'], { cwd, env: preloaded(DEAF_THREADS) }));

  for (const words of [
    ['predict', '--text', 'a'],
    ['evaluate', '--dataset', 'data', '--json'],
  ]) {
    it(`fails if the thread of the engine never answers attune ${words[0]}`, () =>
      endsEarly([...words, '--model', 'classifier'], { cwd, env: preloaded(DEAF_THREADS) }));
  }

  it('fails if stdin never delivers the texts to classify', () =>
    endsEarly(['predict', '--model', 'classifier', '--input', '-'], {
      cwd,
      env: preloaded(SILENT_STDIN),
    }));

  it('fails if the host of a download is never looked up', () =>
    endsEarly(['predict', '--model', 'owner/name', '--text', 'a'], {
      cwd,
      env: {
        ...preloaded(DEAF_DNS),
        HF_ENDPOINT: 'http://hub.invalid',
        HF_HUB_OFFLINE: '',
        HF_HOME: join(cwd, 'hub'),
      },
    }));
});
