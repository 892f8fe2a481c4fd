/** The cache of the Hub is shared: Python's huggingface_hub uses what attune downloaded, and the reverse. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { scanHubCache } from '#attune/hub/cache.js';
import { hubDataset } from '#attune/hub/dataset.js';
import { resolveModel } from '#attune/model/resolve.js';
import { folder } from '../support/folder.js';
import { hubModel } from '../support/hub-models.js';
import { HubServer } from '../support/hub-server.js';
import { runPythonWith, skipWithoutPython } from '../support/python.js';

interface Answer {
  folders: { folder: string; files: string[] }[];
  warnings: string[];
  repositories: { type: string; id: string; size: number; revisions: unknown[] }[];
}

const NEEDED = ['config.json', 'merges.txt', 'model.safetensors', 'tokenizer_config.json', 'vocab.json'];
const REPOSITORIES = [
  { type: 'model', id: 'tiny/gpt2', revision: 'main', patterns: NEEDED },
  { type: 'dataset', id: 'tiny/tweets', revision: 'main' },
  { type: 'dataset', id: 'tiny/tweets', revision: 'refs/convert/parquet' },
];

async function setUp(
  t: TestContext,
): Promise<{ server: HubServer; cacheDir: string; python: (offline: boolean) => Promise<Answer> }> {
  const server = await HubServer.start(t, [
    { type: 'model', id: 'tiny/gpt2', files: await hubModel(t, 'openai-community/gpt2') },
    {
      type: 'dataset',
      id: 'tiny/tweets',
      files: {
        'README.md': '# tweets',
        'data/train.jsonl': '{"text": "tea", "label": 1}\n',
        'data/test.csv': 'text,label\ntea,1\n',
      },
      revisions: { 'refs/convert/parquet': { 'default/train/0000.parquet': 'PAR1 and so on' } },
    },
  ]);
  const cacheDir = folder(t);
  // The server does not speak Xet's protocol; without it huggingface_hub downloads over plain HTTP, as attune
  // does.
  const env = {
    HF_ENDPOINT: server.url,
    HF_HOME: folder(t),
    HF_HUB_CACHE: cacheDir,
    HF_HUB_DISABLE_XET: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_TOKEN: '',
  };
  const python = async (offline: boolean): Promise<Answer> => {
    const file = join(
      folder(t, { 'request.json': JSON.stringify({ offline, repositories: REPOSITORIES }) }),
      'request.json',
    );
    return (await runPythonWith(
      { ...env, HF_HUB_OFFLINE: offline ? '1' : '0' },
      'download_snapshot.py',
      file,
    )) as Answer;
  };
  return { server, cacheDir, python };
}

async function withAttune(options: {
  endpoint: string;
  cacheDir: string;
  localFilesOnly?: boolean;
}): Promise<{ model: string; tweets: string[]; converted: string[] }> {
  const model = await resolveModel('tiny/gpt2', { ...options, token: false });
  const dataset = hubDataset('tiny/tweets', { ...options, token: false });
  const tweets = await Promise.all((await dataset.list()).map((path) => dataset.fetch(path)));
  const parquet = await dataset.converted!();
  return {
    model,
    tweets,
    converted: await Promise.all((await parquet!.list()).map((path) => parquet!.fetch(path))),
  };
}

describe('Hub cache', () => {
  it(
    'serves everything that attune downloaded to huggingface_hub offline',
    { skip: skipWithoutPython },
    async (t) => {
      const { server, cacheDir, python } = await setUp(t);
      const ours = await withAttune({ endpoint: server.url, cacheDir });
      const requests = server.requests.length;
      const { folders, warnings, repositories } = await python(true);
      assert.equal(server.requests.length, requests);
      assert.deepEqual(warnings, []);
      assert.equal(folders[0].folder, ours.model);
      assert.deepEqual(
        folders.map(({ files }) => files),
        [NEEDED, ['README.md', 'data/test.csv', 'data/train.jsonl'], ['default/train/0000.parquet']],
      );
      await assertSameScan(cacheDir, repositories);
    },
  );

  it(
    'serves everything that huggingface_hub downloaded to attune, offline and online',
    { skip: skipWithoutPython },
    async (t) => {
      const { server, cacheDir, python } = await setUp(t);
      const { folders, warnings, repositories } = await python(false);
      assert.deepEqual(warnings, []);
      const requests = server.requests.length;
      const ours = await withAttune({ endpoint: server.url, cacheDir, localFilesOnly: true });
      assert.equal(server.requests.length, requests);
      assert.equal(ours.model, folders[0].folder);
      assert.deepEqual(
        ours.tweets,
        folders[1].files.map((file) => join(folders[1].folder, file)),
      );
      assert.deepEqual(
        ours.converted,
        folders[2].files.map((file) => join(folders[2].folder, file)),
      );
      await assertSameScan(cacheDir, repositories);
      // Online, too, nothing is downloaded again.
      await withAttune({ endpoint: server.url, cacheDir });
      assert.ok(!server.requests.slice(requests).some(({ url }) => url.includes('/resolve/')));
    },
  );
});

async function assertSameScan(cacheDir: string, repositories: Answer['repositories']): Promise<void> {
  const ours = (await scanHubCache(cacheDir)).repositories.map(({ type, id, size, revisions }) => ({
    type,
    id,
    size,
    revisions,
  }));
  assert.deepEqual(
    ours.sort((a, b) => (a.type < b.type ? -1 : 1)),
    repositories,
  );
}
