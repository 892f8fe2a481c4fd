/** What a download leaves in the cache, and what is read from the cache, online and offline. */
import assert from 'node:assert/strict';
import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { hubDataset } from '#attune/hub/dataset.js';
import { HubRepository } from '#attune/hub/repository.js';
import { gitHash, sha256 } from '../support/hub-server.js';
import { FILES, FIXTURE, ID, LARGE, blobs, bytesOf, download, isHubError, setUp } from './fixture.js';

describe('HubRepository', () => {
  it('downloads files into the layout of the Hub’s cache, and each only once', async (t) => {
    const { server, cacheDir, options } = await setUp(t);
    const progress: number[] = [];
    const paths = await download({
      ...options,
      onProgress: ({ received, total, files }) => {
        progress.push(received);
        assert.deepEqual([total, files], [3019, 5]);
      },
    });
    assert.deepEqual(
      paths.map((path) => readFileSync(path)),
      Object.keys(FILES).map(bytesOf),
    );
    const root = join(cacheDir, 'datasets--tiny--tweets');
    const commit = server.commit(ID.id);
    assert.equal(readFileSync(join(root, 'refs', 'main'), 'utf8'), commit);
    assert.equal(paths[1], join(root, 'snapshots', commit, 'data', 'big.parquet'));
    assert.ok(lstatSync(paths[1]).isSymbolicLink());
    // Both empty files, one by its sha256 and one by its git hash, and the other three.
    assert.deepEqual(
      blobs(cacheDir),
      Object.values(FILES)
        .map((contents, i) =>
          i === 1 || i === 4 ? sha256(contents as Uint8Array) : gitHash(Buffer.from(contents)),
        )
        .sort(),
    );
    assert.equal(progress.at(0), 0);
    assert.equal(progress.at(-1), 3019);
    server.requests.length = 0;
    assert.deepEqual(
      await download({ ...options, onProgress: () => assert.fail('nothing is downloaded') }),
      paths,
    );
    assert.deepEqual(
      server.requests.map(({ url }) => url.replace(/\?.*/, '')),
      [`/api/datasets/tiny/tweets/revision/main`, `/api/datasets/tiny/tweets/tree/${commit}`],
    );
  });

  it('puts copies into the snapshot if symbolic links are disabled', async (t) => {
    const { options } = await setUp(t);
    process.env['HF_HUB_DISABLE_SYMLINKS'] = '1';
    t.after(() => delete process.env['HF_HUB_DISABLE_SYMLINKS']);
    const [path] = await download(options, ['data/big.parquet']);
    assert.ok(lstatSync(path).isFile());
    assert.deepEqual(readFileSync(path), Buffer.from(LARGE));
  });

  it('follows a branch that has moved, without downloading unchanged files again', async (t) => {
    const { server, cacheDir, options } = await setUp(t);
    await download(options);
    const before = server.commit(ID.id);
    server.push(ID.id, { ...FILES, 'config.json': '{"a": 3}' });
    server.requests.length = 0;
    const [config, large] = await download(options, ['config.json', 'data/big.parquet']);
    assert.equal(readFileSync(config, 'utf8'), '{"a": 3}');
    assert.deepEqual(readFileSync(large), Buffer.from(LARGE));
    assert.equal(server.requests.filter(({ url }) => url.includes('/resolve/')).length, 1);
    assert.equal(
      readFileSync(join(cacheDir, 'datasets--tiny--tweets', 'refs', 'main'), 'utf8'),
      server.commit(ID.id),
    );
    const [old] = await HubRepository.open(
      { ...ID, revision: before },
      { ...options, localFilesOnly: true },
    ).then((repository) => repository.fetch(['config.json']));
    assert.equal(readFileSync(old, 'utf8'), '{"a": 1}');
  });

  it('reports offline that a repository is not in the cache', async (t) => {
    const { server, cacheDir, options } = await setUp(t);
    const offline = { ...options, localFilesOnly: true };
    await assert.rejects(
      HubRepository.open(ID, offline),
      isHubError('offline', 'cache-repository-missing', {
        type: 'dataset',
        repository: ID.id,
        folder: join(cacheDir, 'datasets--tiny--tweets'),
      }),
    );
    assert.equal(server.requests.length, 0);
  });

  it('reads a cached repository offline without a request, and reports what is missing', async (t) => {
    const { server, cacheDir, options } = await setUp(t);
    const offline = { ...options, localFilesOnly: true };
    const paths = await download(options, ['config.json', 'data/big.parquet']);
    const commit = server.commit(ID.id);
    const snapshot = join(cacheDir, 'datasets--tiny--tweets', 'snapshots', commit);
    server.requests.length = 0;
    assert.deepEqual(await download(offline, ['config.json', 'data/big.parquet']), paths);
    assert.deepEqual(await hubDataset(ID.id, offline).list(), ['config.json', 'data/big.parquet']);
    await assert.rejects(
      download(offline, ['config.json', 'empty.txt', 'other.csv']),
      isHubError('offline', 'cache-files-missing', {
        repository: ID.id,
        files: ['empty.txt', 'other.csv'],
        folder: snapshot,
        offline: true,
      }),
    );
    assert.equal((await HubRepository.open({ ...ID, revision: commit }, offline)).folder, snapshot);
    await assert.rejects(
      HubRepository.open({ ...ID, revision: 'v2' }, offline),
      isHubError('offline', 'cache-repository-missing', { repository: 'tiny/tweets@v2' }),
    );
    assert.equal(server.requests.length, 0);
  });

  it('uses the cache, with a note, if the Hub is out of reach', async (t) => {
    const { server, options } = await setUp(t);
    const paths = await download(options, ['config.json']);
    server.fault = () => ({ status: 503 });
    const notes: string[] = [];
    assert.deepEqual(
      await download({ ...options, onNote: (note) => notes.push(note) }, ['config.json']),
      paths,
    );
    assert.equal(notes.length, 1);
    assert.match(notes[0], /503.*using tiny\/tweets as it is in the cache/);
    await assert.rejects(
      download(options, ['data/big.parquet']),
      isHubError('offline', 'cache-files-missing', { files: ['data/big.parquet'], offline: false }),
    );
  });
});

describe('hubDataset', () => {
  it('reads all pages of a listing', async (t) => {
    const { server, options } = await setUp(t);
    server.pageSize = 1;
    assert.deepEqual(await hubDataset(ID.id, options).list(), Object.keys(FILES).sort());
  });
});

describe('hubDataset.converted', () => {
  it('gives the Parquet branch of a dataset, or undefined if the Hub made none', async (t) => {
    const { server, options } = await setUp(t);
    assert.equal(await hubDataset(ID.id, options).converted!(), undefined);
    server.add({
      ...FIXTURE,
      id: 'tiny/script',
      revisions: { 'refs/convert/parquet': { 'default/train/0000.parquet': LARGE } },
    });
    const converted = await hubDataset('tiny/script', options).converted!();
    assert.deepEqual(await converted?.list(), ['default/train/0000.parquet']);
    assert.deepEqual(readFileSync(await converted!.fetch('default/train/0000.parquet')), Buffer.from(LARGE));
    assert.equal(await converted!.converted!(), undefined);
  });

  it('reads the Parquet branch at a given commit, and reports that commit under the branch', async (t) => {
    const { server, options } = await setUp(t);
    server.add({
      ...FIXTURE,
      id: 'tiny/script',
      revisions: {
        'refs/convert/parquet': { 'default/train/0000.parquet': LARGE },
        before: { 'default/train/0000.parquet': LARGE.subarray(1) },
      },
    });
    const commit = server.commit('tiny/script', 'before');
    const used: unknown[] = [];
    const dataset = hubDataset('tiny/script', {
      ...options,
      convertedCommit: commit,
      onCommit: (each) => used.push(each),
    });
    const converted = await dataset.converted!();
    assert.deepEqual(
      readFileSync(await converted!.fetch('default/train/0000.parquet')),
      Buffer.from(LARGE.subarray(1)),
    );
    assert.deepEqual(used, [
      { type: 'dataset', id: 'tiny/script', revision: 'refs/convert/parquet', commit },
    ]);
    assert.equal(await converted!.converted!(), undefined);
  });

  it('refuses a commit that the Parquet branch does not have', async (t) => {
    const { server, options } = await setUp(t);
    server.add({
      ...FIXTURE,
      id: 'tiny/script',
      revisions: { 'refs/convert/parquet': { 'default/train/0000.parquet': LARGE } },
    });
    await assert.rejects(
      hubDataset('tiny/script', { ...options, convertedCommit: '0'.repeat(40) }).converted!(),
      isHubError('revision-not-found', 'hub-revision-not-found', {
        id: 'tiny/script',
        revision: '0'.repeat(40),
      }),
    );
  });
});
