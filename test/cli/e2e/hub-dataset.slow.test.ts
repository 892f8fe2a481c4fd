/**
 * `--model` and `--dataset` by their ids, from a server of the Hub's protocol, through the real command line.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { attune, jsonLines, readJson, ROWS, toJsonl, writeTinyModel } from '../../support/cli.js';
import type { CliResult } from '../../support/cli.js';
import { filesIn, HubServer } from '../../support/hub-server.js';
import { classLabels, parquetBytes } from '../../support/parquet.js';
import { printed } from '../../support/refusal.js';
import { workspace } from '../../support/workspace.js';

const CARD = `---
configs:
- config_name: small
  data_files: [{split: train, path: small/*.jsonl}]
- config_name: whole
  data_files: [{split: train, path: whole/train*}, {split: validation, path: whole/held.jsonl}]
---
`;

const rows = ROWS.slice(0, 12);
const parquet = parquetBytes(
  [
    { name: 'text', data: rows.map(({ text }) => text) },
    { name: 'label', data: rows.map(({ label }) => BigInt(label)), type: 'INT64' },
  ],
  { kvMetadata: classLabels('label', ['bad', 'good']) },
);

/** A dataset made by a script, which the Hub has converted to parquet. */
const converted = { 'default/train/0000.parquet': parquet };
const SCRIPT = {
  type: 'dataset',
  id: 'tiny/script',
  files: { 'script.py': 'raise SystemExit' },
  revisions: { 'refs/convert/parquet': converted },
} as const;

let hub: HubServer;
let env: Record<string, string>;
const cwd = workspace(async (dir) => {
  await writeTinyModel(join(dir, 'source'));
  hub = await HubServer.start(undefined, [
    { type: 'model', id: 'tiny/gpt2', files: filesIn(join(dir, 'source')) },
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
  env = { HF_ENDPOINT: hub.url, HF_HUB_CACHE: join(dir, 'cache'), HF_HUB_OFFLINE: '', NO_COLOR: '1' };
});
after(() => hub.stop());

/** Trains into `run`, in place of what it holds. */
const train = (...more: string[]): Promise<CliResult> =>
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
const manifest = (folder: string): Record<string, unknown> => readJson(join(cwd, folder, 'attune.json'));
/** Reproduces `run` into a folder, with more environment variables. */
const reproduce = (folder: string, more: Readonly<Record<string, string>>): Promise<CliResult> =>
  attune(['reproduce', 'run', '--output-dir', folder, '--json'], { cwd, env: { ...env, ...more } });

describe('attune train with a dataset of the Hub', () => {
  it('downloads the splits that it needs, and trains', async () => {
    const { code, stdout, stderr } = await train('--dataset', 'tiny/tweets');
    assert.equal(code, 0, stderr);
    const run = jsonLines(stdout)[0];
    assert.deepEqual([run.trainRows, run.evalRows, run.labels], [12, 12, ['bad', 'good']]);
    assert.ok(existsSync(join(cwd, 'run', 'model.safetensors')));
    assert.ok(
      !hub.requests.some(({ url }) => url.includes('extra-00000')),
      'a file that is not needed was downloaded',
    );
  });

  it('records the commits in the manifest', () => {
    assert.deepEqual(manifest('run')['hub'], [
      { type: 'dataset', id: 'tiny/tweets', revision: 'main', commit: hub.commit('tiny/tweets') },
      { type: 'model', id: 'tiny/gpt2', revision: 'main', commit: hub.commit('tiny/gpt2') },
    ]);
  });
});

describe('attune reproduce', () => {
  it('downloads the commits of the manifest', async () => {
    const { code, stderr } = await reproduce('again', { HF_HUB_CACHE: join(cwd, 'another-cache') });
    assert.equal(code, 0, stderr);
    const { dataset } = manifest('again')['inputs'] as { dataset: string };
    assert.equal(dataset, `tiny/tweets@${hub.commit('tiny/tweets')}`);
  });

  it('takes them from the cache offline, after the branch has moved on', async () => {
    const before = hub.commit('tiny/gpt2');
    hub.push('tiny/gpt2', { ...filesIn(join(cwd, 'source')), 'README.md': 'moved on' });
    assert.notEqual(hub.commit('tiny/gpt2'), before);
    const { code, stderr } = await reproduce('offline', { HF_HUB_OFFLINE: '1' });
    assert.equal(code, 0, stderr);
    assert.equal(hub.requests.filter(({ url }) => url.includes(hub.commit('tiny/gpt2'))).length, 0);
  });
});

describe('attune train --dataset-config', () => {
  it('is required for a dataset that has several configurations', async () => {
    const { code, stderr } = await train('--dataset', 'tiny/several');
    assert.equal(code, 2);
    const refused = printed('dataset-config-needed', { dataset: 'tiny/several', known: ['small', 'whole'] });
    assert.ok(stderr.includes(`error: ${refused}\n`), stderr);
  });

  it('chooses the files of a configuration', async () => {
    const { code, stdout, stderr } = await train(
      '--dataset',
      'tiny/several',
      '--dataset-config',
      'whole',
      '--eval-split',
      'validation',
    );
    assert.equal(code, 0, stderr);
    const [{ trainRows, evalRows }] = jsonLines(stdout);
    assert.deepEqual([trainRows, evalRows], [12, 4]);
  });
});

describe('a dataset that the Hub has converted to parquet', () => {
  it('is trained on in the converted form', async () => {
    const { code, stdout, stderr } = await train('--dataset', 'tiny/script', '--test-size', '0.25');
    assert.equal(code, 0, stderr);
    const [{ trainRows, evalRows }] = jsonLines(stdout);
    assert.deepEqual([trainRows, evalRows], [9, 3]);
  });

  it('is reproduced from the same conversion after the Hub has converted it again', async () => {
    hub.replace({
      ...SCRIPT,
      revisions: {
        'refs/convert/parquet': { 'default/train/0000.parquet': 'PAR1 of other rows' },
        then: converted,
      },
    });
    const { code, stderr } = await reproduce('converted', { HF_HUB_CACHE: join(cwd, 'yet-another-cache') });
    assert.equal(code, 0, stderr);
  });
});

describe('attune evaluate with a dataset of the Hub', () => {
  it('sends no request if it is offline and the dataset is in the cache', async () => {
    const before = hub.requests.length;
    const { code, stdout, stderr } = await attune(
      ['evaluate', '--model', 'run', '--dataset', 'tiny/tweets', '--json'],
      { cwd, env: { ...env, HF_HUB_OFFLINE: '1' } },
    );
    assert.equal(code, 0, stderr);
    assert.equal(jsonLines(stdout)[0].rows, 12);
    assert.equal(hub.requests.length, before);
  });
});
