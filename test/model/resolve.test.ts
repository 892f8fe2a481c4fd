/** Models on the Hub: which files are downloaded, and that every layout loads as the same model. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { packRows } from '#attune/engine/batch.js';
import { referenceEngine } from '#attune/engine/reference/session.js';
import { loadSplits } from '#attune/data/splits.js';
import { ModelError, UsageError } from '#attune/errors/attune-error.js';
import type { ErrorCode, FactsOf } from '#attune/errors/catalogue.js';
import type { Plain } from '#attune/errors/wording.js';
import { HubError } from '#attune/hub/hub-error.js';
import { fromPretrained } from '#attune/model/pretrained.js';
import { resolveModel } from '#attune/model/resolve.js';
import type { ResolveModelOptions } from '#attune/model/resolve.js';
import { folder } from '../support/folder.js';
import { hubModel } from '../support/hub-models.js';
import type { HubLayout } from '../support/hub-models.js';
import { HubServer } from '../support/hub-server.js';
import type { HubFiles } from '../support/hub-server.js';
import { refusal } from '../support/refusal.js';

type Check = ReturnType<typeof refusal>;

async function setUp(
  t: TestContext,
  files: HubFiles,
  id = 'tiny/gpt2',
): Promise<{ server: HubServer; options: ResolveModelOptions & { readonly cacheDir: string } }> {
  const server = await HubServer.start(t, [{ type: 'model', id, files }]);
  return { server, options: { endpoint: server.url, cacheDir: folder(t), token: false, firstPause: 1 } };
}

async function logits(
  t: TestContext,
  layout: HubLayout,
): Promise<{ values: Float32Array; downloaded: string[]; report: string | undefined }> {
  const { options } = await setUp(t, await hubModel(t, layout));
  const model = await fromPretrained('tiny/gpt2', { ...options, labelNames: ['a', 'b', 'c'], seed: 42 });
  const session = await referenceEngine.open(model.graphs, { seed: 1 });
  await model.writeTo(session);
  const values = await session.infer(
    packRows(['a fine day', 'tea?', ''].map((text) => model.tokenizer.encode(text))),
  );
  await session.close();
  assert.equal(model.source, 'tiny/gpt2');
  return {
    values,
    downloaded: readdirSync(await resolveModel('tiny/gpt2', options)).sort(),
    report: model.report,
  };
}

describe('fromPretrained', () => {
  it('loads every layout of a GPT-2 to the same logits and downloads no more than needed', async (t) => {
    const small = ['config.json', 'merges.txt', 'tokenizer_config.json', 'vocab.json'];
    const prefixed = await logits(t, 'prefixed');
    assert.equal(prefixed.values.length, 9);
    assert.ok(prefixed.values.every(Number.isFinite) && new Set(prefixed.values).size === 9);
    assert.deepEqual(prefixed.downloaded, [...small, 'model.safetensors'].sort());
    for (const layout of ['openai-community/gpt2', 'distilgpt2', 'sharded'] as const) {
      const { values, downloaded, report } = await logits(t, layout);
      assert.deepEqual(values, prefixed.values, layout);
      assert.equal(report, prefixed.report, layout);
      const weights =
        layout === 'sharded'
          ? [
              'model-00001-of-00002.safetensors',
              'model-00002-of-00002.safetensors',
              'model.safetensors.index.json',
            ]
          : ['model.safetensors'];
      assert.deepEqual(downloaded, [...small, ...weights].sort(), layout);
    }
  });
});

describe('resolveModel', () => {
  it('returns a folder without a request and does not look up a missing path on the Hub', async (t) => {
    const { server, options } = await setUp(t, {});
    const here = folder(t);
    assert.equal(await resolveModel(here, options), here);
    assert.equal(await resolveModel('./not-here', options), './not-here');
    await assert.rejects(
      fromPretrained('./not-here', options),
      refusal(ModelError, 'model-folder-missing', { folder: './not-here' }),
    );
    await assert.rejects(
      resolveModel('not an id', options),
      refusal(UsageError, 'hub-name-neither-path-nor-id', {
        name: 'not an id',
        path: join(process.cwd(), 'not an id'),
        type: 'model',
      }),
    );
    assert.equal(server.requests.length, 0);
  });

  it('reports both places if there is neither a folder nor a repository', async (t) => {
    const { server, options } = await setUp(t, {});
    const id = 'tiny/none';
    const neither = <Code extends ErrorCode>(code: Code, facts: FactsOf<Code>): Check =>
      refusal(HubError, 'hub-name-not-here', {
        name: id,
        path: join(process.cwd(), 'tiny', 'none'),
        error: { code, facts },
      });
    await assert.rejects(
      resolveModel(id, options),
      neither('hub-repository-not-found', {
        type: 'model',
        id,
        page: `${server.url}/${id}`,
        hasToken: false,
      }),
    );
    await assert.rejects(
      resolveModel(id, { ...options, localFilesOnly: true }),
      neither('cache-repository-missing', {
        type: 'model',
        repository: id,
        folder: join(options.cacheDir, 'models--tiny--none'),
      }),
    );
    const endpoint = 'http://127.0.0.1:9';
    const outOfReach = { ...options, endpoint };
    const unreachable = neither('hub-unreachable', {
      host: '127.0.0.1:9',
      reason: 'it refuses connections (ECONNREFUSED)',
      endpoint,
      proxy: undefined,
    });
    await assert.rejects(resolveModel(id, outOfReach), unreachable);
    await assert.rejects(loadSplits({ dataset: id, seed: 1, hub: outOfReach }), unreachable);
  });

  it('downloads no weights if only the tokenizer is requested', async (t) => {
    const { options } = await setUp(t, await hubModel(t, 'prefixed'));
    const dir = await resolveModel('tiny/gpt2', { ...options, parts: 'tokenizer' });
    assert.deepEqual(readdirSync(dir).sort(), ['merges.txt', 'tokenizer_config.json', 'vocab.json']);
    // With only a tokenizer in the cache, the offline error lists all other files that a model needs.
    await assert.rejects(
      resolveModel('tiny/gpt2', { ...options, localFilesOnly: true }),
      refusal(HubError, 'cache-files-missing', {
        files: ['config.json', 'model.safetensors'],
        offline: true,
      }),
    );
    assert.equal(
      await resolveModel('tiny/gpt2', { ...options, localFilesOnly: true, parts: 'tokenizer' }),
      dir,
    );
  });

  it('reports the missing shard when offline', async (t) => {
    const files = await hubModel(t, 'sharded');
    const { server, options } = await setUp(t, files);
    const shard = 'model-00002-of-00002.safetensors';
    server.fault = ({ url }) =>
      url.endsWith(shard) ? { status: 404, headers: { 'x-error-code': 'EntryNotFound' } } : undefined;
    await assert.rejects(
      resolveModel('tiny/gpt2', options),
      refusal(HubError, 'hub-file-not-found', { repository: 'tiny/gpt2', file: shard }),
    );
    await assert.rejects(resolveModel('tiny/gpt2', { ...options, localFilesOnly: true }), (error) => {
      refusal(HubError, 'cache-files-missing', { repository: 'tiny/gpt2', offline: true })(error);
      // The other shard may have come or not.
      return ((error as HubError).facts['files'] as string[]).includes(shard);
    });
  });

  it('refuses a repository that lacks required files before it downloads weights', async (t) => {
    const files = await hubModel(t, 'sharded');
    const without = (...names: string[]): HubFiles =>
      Object.fromEntries(Object.entries(files).filter(([name]) => !names.includes(name)));
    const shard = 'model-00002-of-00002.safetensors';
    const index = (weightMap: Record<string, unknown>): HubFiles => ({
      ...files,
      'model.safetensors.index.json': JSON.stringify({ weight_map: weightMap }),
    });
    const model = 'tiny/gpt2';
    const names = ['model.safetensors', 'model.safetensors.index.json'];
    const outside = (name: Plain): Check =>
      refusal(ModelError, 'shard-name-invalid', { tensor: 'x', shard: name });
    const cases: readonly (readonly [HubFiles, Check])[] = [
      [
        without('config.json'),
        refusal(ModelError, 'hub-model-without-config', { model, name: 'config.json' }),
      ],
      [without('vocab.json'), refusal(ModelError, 'hub-model-without-tokenizer', { model })],
      [
        without('model.safetensors.index.json'),
        refusal(ModelError, 'hub-model-pickled', { model, name: 'pytorch_model.bin' }),
      ],
      [
        without('model.safetensors.index.json', 'pytorch_model.bin'),
        refusal(ModelError, 'hub-model-without-weights', { model, names }),
      ],
      [without(shard), refusal(ModelError, 'hub-model-without-shards', { model, shards: [shard] })],
      [index({ x: '../../../evil' }), outside('../../../evil')],
      [index({ x: '/etc/passwd' }), outside('/etc/passwd')],
      [index({ x: 5 }), outside(5)],
    ];
    for (const [repository, refused] of cases) {
      const { server, options } = await setUp(t, repository);
      await assert.rejects(resolveModel(model, options), refused);
      assert.ok(!server.requests.some(({ cdn }) => cdn));
    }
  });

  it('accepts a revision after the id or as an option', async (t) => {
    const files = await hubModel(t, 'prefixed');
    const server = await HubServer.start(t, [
      { type: 'model', id: 'tiny/gpt2', files: {}, revisions: { 'refs/pr/1': files } },
    ]);
    const options = { endpoint: server.url, cacheDir: folder(t), token: false, firstPause: 1 } as const;
    const dir = await resolveModel('tiny/gpt2@refs/pr/1', options);
    assert.equal(await resolveModel('tiny/gpt2', { ...options, revision: 'refs/pr/1' }), dir);
    assert.equal(
      await resolveModel(`tiny/gpt2@${server.commit('tiny/gpt2', 'refs/pr/1')}`, {
        ...options,
        localFilesOnly: true,
      }),
      dir,
    );
    await assert.rejects(
      resolveModel('tiny/gpt2', options),
      refusal(ModelError, 'hub-model-without-tokenizer', { model: 'tiny/gpt2' }),
    );
    assert.ok(existsSync(join(options.cacheDir, 'models--tiny--gpt2', 'refs', 'refs', 'pr', '1')));
  });
});
