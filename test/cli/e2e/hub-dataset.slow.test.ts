/**
 * `--model` and `--dataset` by their ids, from a server of the Hub's protocol, through the real command line.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attune, jsonLines, ROWS, toJsonl, writeTinyModel } from '../../support/cli.js';
import { folder } from '../../support/folder.js';
import { filesIn, HubServer } from '../../support/hub-server.js';
import { classLabels, parquetBytes } from '../../support/parquet.js';

const CARD = `---
configs:
- config_name: small
  data_files: [{split: train, path: small/*.jsonl}]
- config_name: whole
  data_files: [{split: train, path: whole/train*}, {split: validation, path: whole/held.jsonl}]
---
`;

test('a run with model and dataset of the Hub, then offline from the cache', async (t) => {
  const cwd = folder(t);
  await writeTinyModel(join(cwd, 'source'));
  const rows = ROWS.slice(0, 12);
  const parquet = parquetBytes(
    [
      { name: 'text', data: rows.map(({ text }) => text) },
      { name: 'label', data: rows.map(({ label }) => BigInt(label)), type: 'INT64' },
    ],
    { kvMetadata: classLabels('label', ['bad', 'good']) },
  );
  const converted = { 'default/train/0000.parquet': parquet };
  const SCRIPT = {
    type: 'dataset',
    id: 'tiny/script',
    files: { 'script.py': 'raise SystemExit' },
    revisions: { 'refs/convert/parquet': converted },
  } as const;
  const hub = await HubServer.start(t, [
    { type: 'model', id: 'tiny/gpt2', files: filesIn(join(cwd, 'source')) },
    {
      type: 'dataset',
      id: 'tiny/tweets',
      files: {
        'README.md': '# tweets',
        'data/train-00000-of-00001.parquet': parquet,
        'data/test-00000-of-00001.parquet': parquet,
        'data/extra-00000-of-00001.csv': 'not needed',
      },
    },
    {
      type: 'dataset',
      id: 'tiny/several',
      files: {
        'README.md': CARD,
        'small/a.jsonl': toJsonl(rows),
        'whole/train-1.jsonl': toJsonl(rows.slice(0, 6)),
        'whole/train-2.jsonl': toJsonl(rows.slice(6)),
        'whole/held.jsonl': toJsonl(ROWS.slice(12)),
      },
    },
    SCRIPT,
  ]);
  const env = { HF_ENDPOINT: hub.url, HF_HUB_CACHE: join(cwd, 'cache'), HF_HUB_OFFLINE: '', NO_COLOR: '1' };
  const train = (...more: string[]): Promise<Awaited<ReturnType<typeof attune>>> =>
    attune(
      [
        'train',
        '--model',
        'tiny/gpt2',
        '--max-steps',
        '2',
        '--per-device-train-batch-size',
        '4',
        '--logging-steps',
        '1',
        '--save-strategy',
        'no',
        '--max-length',
        '32',
        '--overwrite-output-dir',
        '--output-dir',
        'run',
        '--json',
        ...more,
      ],
      { cwd, env },
    );

  const first = await train('--dataset', 'tiny/tweets');
  assert.equal(first.code, 0, first.stderr);
  const run = jsonLines(first.stdout)[0];
  assert.deepEqual([run.trainRows, run.evalRows, run.labels], [12, 12, ['bad', 'good']]);
  assert.ok(existsSync(join(cwd, 'run', 'model.safetensors')));
  assert.ok(
    !hub.requests.some(({ url }) => url.includes('extra-00000')),
    'a file that is not needed was downloaded',
  );

  // The manifest names the commits, and the same run is made from them after the branches have moved on.
  const { hub: commits } = JSON.parse(readFileSync(join(cwd, 'run', 'attune.json'), 'utf8')) as {
    hub: unknown;
  };
  assert.deepEqual(commits, [
    { type: 'dataset', id: 'tiny/tweets', revision: 'main', commit: hub.commit('tiny/tweets') },
    { type: 'model', id: 'tiny/gpt2', revision: 'main', commit: hub.commit('tiny/gpt2') },
  ]);
  const reproduced = await attune(['reproduce', 'run', '--output-dir', 'again', '--json'], {
    cwd,
    env: { ...env, HF_HUB_CACHE: join(cwd, 'another-cache') },
  });
  assert.equal(reproduced.code, 0, reproduced.stderr);
  assert.deepEqual(
    (
      JSON.parse(readFileSync(join(cwd, 'again', 'attune.json'), 'utf8')) as {
        inputs: { model: string; dataset: string };
      }
    ).inputs.dataset,
    `tiny/tweets@${hub.commit('tiny/tweets')}`,
  );
  const then = hub.commit('tiny/gpt2');
  hub.push('tiny/gpt2', { ...filesIn(join(cwd, 'source')), 'README.md': 'moved on' });
  assert.notEqual(hub.commit('tiny/gpt2'), then);
  const moved = await attune(['reproduce', 'run', '--output-dir', 'offline', '--json'], {
    cwd,
    env: { ...env, HF_HUB_OFFLINE: '1' },
  });
  assert.equal(moved.code, 0, moved.stderr);
  assert.equal(hub.requests.filter(({ url }) => url.includes(hub.commit('tiny/gpt2'))).length, 0);

  const missing = await train('--dataset', 'tiny/several');
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /tiny\/several: has several configurations: small, whole[^]*--dataset-config/);
  const whole = await train(
    '--dataset',
    'tiny/several',
    '--dataset-config',
    'whole',
    '--eval-split',
    'validation',
  );
  assert.equal(whole.code, 0, whole.stderr);
  assert.deepEqual([jsonLines(whole.stdout)[0].trainRows, jsonLines(whole.stdout)[0].evalRows], [12, 4]);
  const script = await train('--dataset', 'tiny/script', '--test-size', '0.25');
  assert.equal(script.code, 0, script.stderr);
  assert.deepEqual([jsonLines(script.stdout)[0].trainRows, jsonLines(script.stdout)[0].evalRows], [9, 3]);

  // The Hub converts again, and what it had made then is still asked for.
  hub.replace({
    ...SCRIPT,
    revisions: {
      'refs/convert/parquet': { 'default/train/0000.parquet': 'PAR1 of other rows' },
      then: converted,
    },
  });
  const converting = await attune(['reproduce', 'run', '--output-dir', 'converted', '--json'], {
    cwd,
    env: { ...env, HF_HUB_CACHE: join(cwd, 'yet-another-cache') },
  });
  assert.equal(converting.code, 0, converting.stderr);

  const before = hub.requests.length;
  const offline = await attune(['evaluate', '--model', 'run', '--dataset', 'tiny/tweets', '--json'], {
    cwd,
    env: { ...env, HF_HUB_OFFLINE: '1' },
  });
  assert.equal(offline.code, 0, offline.stderr);
  assert.equal(jsonLines(offline.stdout)[0].rows, 12);
  assert.equal(hub.requests.length, before);
});
