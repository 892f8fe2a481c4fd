/** A promise that never settles, in each kind of place: the command fails, and says so. */
import { join } from 'node:path';
import { before, test } from 'node:test';
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

before(async () => void (await attune([...TRAIN, '--output-dir', 'classifier'], { cwd })));

test('the engine’s thread never answers while a model is trained', () =>
  endsEarly([...TRAIN, '--output-dir', 'never', '--json'], { cwd, env: preloaded(DEAF_THREADS) }));

for (const words of [
  ['predict', '--text', 'a'],
  ['evaluate', '--dataset', 'data', '--json'],
]) {
  test(`the engine’s thread never answers ${words[0]}`, () =>
    endsEarly([...words, '--model', 'classifier'], { cwd, env: preloaded(DEAF_THREADS) }));
}

const SILENT_STDIN = `if (isMainThread)
  process.stdin[Symbol.asyncIterator] = () => ({
    next: () => new Promise(() => {}),
    [Symbol.asyncIterator]() { return this; },
  });`;
const DEAF_DNS = `import dns from 'node:dns';
  import { syncBuiltinESMExports } from 'node:module';
  dns.lookup = () => {};
  syncBuiltinESMExports();`;

test('the stream of texts to classify never goes on', () =>
  endsEarly(['predict', '--model', 'classifier', '--input', '-'], {
    cwd,
    env: preloaded(SILENT_STDIN),
  }));

test('a download never goes on', () =>
  endsEarly(['predict', '--model', 'owner/name', '--text', 'a'], {
    cwd,
    env: {
      ...preloaded(DEAF_DNS),
      HF_ENDPOINT: 'http://hub.invalid',
      HF_HUB_OFFLINE: '',
      HF_HOME: join(cwd, 'hub'),
    },
  }));
