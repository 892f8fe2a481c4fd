/** Answers of the Hub that are refusals, wrong, malicious or late, and which requests go to which server. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import type { HubError } from '#attune/hub/hub-error.js';
import { HubRepository } from '#attune/hub/repository.js';
import type { RepositoryOptions } from '#attune/hub/repository.js';
import { folder } from '../support/folder.js';
import { gitHash, HubServer, sha256 } from '../support/hub-server.js';
import { FILES, ID, LARGE, REPOSITORY, blobs, bytesOf, download, isHubError, setUp } from './fixture.js';

const openDataset = (id: string, options: RepositoryOptions, revision = 'main'): Promise<HubRepository> =>
  HubRepository.open({ type: 'dataset', id, revision }, options);

/** A proxy on loopback; `seen` has the addresses that were requested through it. */
async function startProxy(t: TestContext): Promise<{ readonly url: string; readonly seen: string[] }> {
  const seen: string[] = [];
  const proxy = createServer((request, response) => {
    seen.push(request.url!);
    void fetch(request.url!, { headers: { 'accept-encoding': 'identity' }, redirect: 'manual' }).then(
      async (answer) =>
        response
          .writeHead(answer.status, Object.fromEntries(answer.headers))
          .end(Buffer.from(await answer.arrayBuffer())),
    );
  });
  proxy.on('connect', (request, socket, head) => {
    seen.push(request.url!);
    const [host, port] = request.url!.split(':');
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    for (const end of [upstream, socket]) end.on('error', () => (upstream.destroy(), socket.destroy()));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, seen };
}

describe('HubRepository', () => {
  it('refuses damaged files of any kind and does not keep them', async (t) => {
    const { server, cacheDir, options } = await setUp(t);
    const damaged = LARGE.slice();
    damaged[2999] ^= 1;
    const large = { algorithm: 'sha256', expected: sha256(LARGE) } as const;
    const small = { algorithm: 'git-sha1', expected: gitHash(bytesOf('config.json')) } as const;
    const other = Buffer.from('{"a": 2}');
    for (const [file, body, code, facts] of [
      ['data/big.parquet', damaged, 'hub-file-damaged', { ...large, found: sha256(damaged) }],
      ['config.json', other, 'hub-file-damaged', { ...small, found: gitHash(other) }],
      ['data/big.parquet', LARGE.subarray(1), 'hub-file-size-wrong', { found: 2999, expected: 3000 }],
      ['data/big.parquet', new Uint8Array(4000), 'hub-file-size-wrong', { found: 4000, expected: 3000 }],
    ] as const) {
      server.fault = ({ cdn, url }) => (cdn || url.endsWith('config.json') ? { body } : undefined);
      await assert.rejects(
        download(options, [file]),
        isHubError('integrity', code, { file, repository: ID.id, ...facts }),
      );
      assert.deepEqual(
        blobs(cacheDir).filter((name) => !name.endsWith('.incomplete')),
        [],
      );
      assert.equal(
        existsSync(join(cacheDir, 'datasets--tiny--tweets', 'snapshots', server.commit(ID.id), file)),
        false,
      );
    }
    server.fault = () => undefined;
    await download(options);
  });

  it('refuses a file whose ETag is not the hash of the listing', async (t) => {
    const { server, options } = await setUp(t);
    server.fault = () => ({ headers: { etag: `"${'0'.repeat(40)}"` } });
    await assert.rejects(
      download(options, ['config.json']),
      isHubError('integrity', 'hub-etag-wrong', {
        file: 'config.json',
        repository: ID.id,
        found: '0'.repeat(40),
        expected: gitHash(bytesOf('config.json')),
      }),
    );
  });

  it('refuses a body without a Content-Length that is longer than the file', async (t) => {
    const { server, options } = await setUp(t);
    server.fault = ({ url }) =>
      url.endsWith('config.json')
        ? {
            body: new Uint8Array(100_000),
            headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' },
          }
        : undefined;
    await assert.rejects(
      download(options, ['config.json']),
      isHubError('integrity', 'hub-file-too-long', { file: 'config.json', repository: ID.id, expected: 8 }),
    );
  });

  it('retries after 429 and 5xx, not before the time that the server asks for', async (t) => {
    const { server, options } = await setUp(t);
    const waits: [string, number][] = [];
    const answers = [
      { status: 429, headers: { 'retry-after': '1' } },
      { status: 503 },
      { status: 500 },
      { status: 429, headers: { ratelimit: '"api";r=0;t=0' } },
    ];
    let last = performance.now();
    server.fault = ({ url }) => {
      waits.push([url, performance.now() - last]);
      last = performance.now();
      return answers.shift();
    };
    await download(options, ['config.json']);
    assert.ok(waits[1][1] >= 999, `waited ${waits[1][1]} ms`);
    assert.equal(answers.length, 0);
  });

  it('gives up after several attempts', async (t) => {
    const { server, options } = await setUp(t);
    server.fault = () => ({ status: 502 });
    await assert.rejects(
      download(options),
      isHubError('server', 'hub-status-unexpected', {
        endpoint: server.url,
        status: 502,
        repository: ID.id,
        file: undefined,
        reason: undefined,
      }),
    );
    assert.equal(server.requests.length, 6);
  });

  it('does not wait for a server that asks for more than five minutes', async (t) => {
    const { server, options } = await setUp(t);
    server.fault = () => ({ status: 429, headers: { 'retry-after': '100000' } });
    await assert.rejects(
      download(options),
      isHubError('rate-limited', 'hub-wait-too-long', { seconds: 100_000 }),
    );
  });

  it('does not retry after 501', async (t) => {
    const { server, options } = await setUp(t);
    server.fault = () => ({ status: 501 });
    await assert.rejects(
      download(options),
      isHubError('server', 'hub-status-unexpected', { status: 501, repository: ID.id }),
    );
    assert.equal(server.requests.length, 1);
  });

  it('reports a repository that does not exist or is private', async (t) => {
    const { server, options } = await setUp(t);
    server.add({ type: 'dataset', id: 'tiny/private', files: FILES, privateTo: 'hf_good' });
    const notFound = (id: string, hasToken: boolean): ((error: unknown) => true) =>
      isHubError('repository-not-found', 'hub-repository-not-found', {
        type: 'dataset',
        id,
        page: `${server.url}/datasets/${id}`,
        hasToken,
      });
    await assert.rejects(openDataset('tiny/none', options), notFound('tiny/none', false));
    await assert.rejects(openDataset('tiny/private', options), notFound('tiny/private', false));
    await assert.rejects(
      openDataset('tiny/private', { ...options, token: 'hf_other' }),
      notFound('tiny/private', true),
    );
  });

  it('reports a token that the Hub does not accept', async (t) => {
    const { options } = await setUp(t);
    await assert.rejects(
      openDataset(ID.id, { ...options, token: 'hf_wrong' }),
      isHubError('unauthorized', 'hub-token-rejected', {
        reason: 'Invalid credentials in Authorization header',
      }),
    );
  });

  it('reports a revision or a file that does not exist', async (t) => {
    const { server, options } = await setUp(t);
    const page = `${server.url}/datasets/${ID.id}`;
    for (const revision of ['v9', '0'.repeat(40)])
      await assert.rejects(
        openDataset(ID.id, options, revision),
        isHubError('revision-not-found', 'hub-revision-not-found', { ...REPOSITORY, revision, page }),
      );
    await assert.rejects(
      download(options, ['nope.csv']),
      isHubError('entry-not-found', 'hub-file-not-found', {
        type: 'dataset',
        repository: ID.id,
        file: 'nope.csv',
        revision: 'main',
        page,
      }),
    );
  });

  it('reports a gated repository, and whether there is a token', async (t) => {
    const { server, cacheDir, options } = await setUp(t, { gatedTo: 'hf_good' });
    const gated = { ...REPOSITORY, page: `${server.url}/datasets/${ID.id}` };
    await assert.rejects(
      download(options, ['config.json']),
      isHubError('gated', 'hub-repository-gated', { ...gated, hasToken: false }),
    );
    await assert.rejects(
      download({ ...options, token: 'hf_other' }, ['config.json']),
      isHubError('gated', 'hub-repository-gated', { ...gated, hasToken: true }),
    );
    await download({ ...options, token: 'hf_good' });
    assert.equal(blobs(cacheDir).length, 5);
  });

  it('reports a token without the permission to read', async (t) => {
    const { server, options } = await setUp(t);
    server.fault = () => ({ status: 403 });
    await assert.rejects(
      download({ ...options, token: 'hf_other' }),
      isHubError('forbidden', 'hub-permission-missing', REPOSITORY),
    );
  });

  it('sends the token to the Hub, but not to the content network', async (t) => {
    const { server, options } = await setUp(t, { privateTo: 'hf_secret' });
    server.pageSize = 2;
    await download({ ...options, token: 'hf_secret' });
    assert.ok(server.requests.some(({ cdn }) => cdn));
    for (const { cdn, headers } of server.requests)
      assert.equal(headers.authorization, cdn ? undefined : 'Bearer hf_secret');
  });

  it('does not send the token to another address that a listing redirects to', async (t) => {
    const { server, options } = await setUp(t, { privateTo: 'hf_secret' });
    const other = await HubServer.start(t, []);
    server.fault = ({ url }) =>
      url.includes('/tree/') ? { status: 302, headers: { location: `${other.url}/steal` } } : undefined;
    await assert.rejects(
      download({ ...options, token: 'hf_secret' }),
      isHubError('repository-not-found', 'hub-repository-not-found', { id: ID.id, hasToken: true }),
    );
    assert.equal(other.requests.length, 1);
    assert.equal(other.requests[0].headers.authorization, undefined);
  });

  it('follows the redirect of a renamed repository', async (t) => {
    const { options } = await setUp(t, { oldId: 'tweets' });
    const repository = await openDataset('tweets', options);
    const [path] = await repository.fetch(['data/big.parquet']);
    assert.match(path, /datasets--tweets/);
  });

  it('refuses an endless chain of redirects', async (t) => {
    const { server, options } = await setUp(t);
    server.fault = ({ url }) => ({ status: 302, headers: { location: url } });
    await assert.rejects(HubRepository.open(ID, options), (error: HubError) => {
      const url = `${server.url}${server.requests[0].url}`;
      return isHubError('server', 'hub-redirects-too-many', { url, limit: 8 })(error);
    });
  });

  it('refuses a redirect to another protocol than HTTP', async (t) => {
    const { server, options } = await setUp(t);
    server.fault = () => ({ status: 302, headers: { location: 'file:///etc/passwd' } });
    await assert.rejects(
      HubRepository.open(ID, options),
      isHubError('server', 'hub-redirect-insecure', { from: server.url, to: 'file://' }),
    );
  });

  it('refuses a repository with a file name that leads out of its folder, and writes nothing', async (t) => {
    for (const evil of ['../../../evil', '/etc/evil', '..\\evil', 'C:\\evil', 'data/../../evil']) {
      const { server, cacheDir, options } = await setUp(t);
      server.listedPath = (path) => (path === 'config.json' ? evil : path);
      await assert.rejects(
        download(options, ['empty.txt']),
        isHubError('unsafe-name', 'hub-file-name-unsafe', { repository: ID.id, file: evil }),
      );
      assert.deepEqual(readdirSync(cacheDir), []);
    }
  });

  it('reports an endpoint that does not answer as a Hub does', async (t) => {
    const { server, options } = await setUp(t);
    for (const [body, code] of [
      ['<html>', 'hub-answer-invalid'],
      ['[]', 'hub-commit-missing'],
      ['{"sha": "../../x"}', 'hub-commit-missing'],
      ['null', 'hub-answer-invalid'],
      ['', 'hub-answer-invalid'],
    ] as const) {
      const plain = createServer((_, response) => response.end(body));
      await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
      t.after(() => plain.close());
      const endpoint = `http://127.0.0.1:${(plain.address() as AddressInfo).port}`;
      await assert.rejects(
        HubRepository.open(ID, { ...options, endpoint }),
        isHubError('server', code, { endpoint, repository: ID.id }),
      );
    }
    assert.equal(server.requests.length, 0);
  });

  it('reports an endpoint that refuses connections', async (t) => {
    const { server, options } = await setUp(t);
    const endpoint = 'http://127.0.0.1:9';
    await assert.rejects(
      HubRepository.open(ID, { ...options, endpoint }),
      isHubError('network', 'hub-unreachable', {
        host: '127.0.0.1:9',
        reason: 'it refuses connections (ECONNREFUSED)',
        endpoint,
      }),
    );
    assert.equal(server.requests.length, 0);
  });

  it('sends requests through the proxy of the environment, except to hosts in NO_PROXY', async (t) => {
    const { server, options } = await setUp(t);
    const { url: proxy, seen } = await startProxy(t);
    const kept = { ...process.env };
    t.after(() => {
      process.env = kept;
    });
    for (const name of ['http_proxy', 'https_proxy', 'no_proxy', 'HTTPS_PROXY', 'NO_PROXY'])
      delete process.env[name];
    process.env['HTTP_PROXY'] = proxy;
    await download(options);
    assert.ok(
      seen.some((url) => url.includes(new URL(server.url).host)),
      seen.join(),
    );
    assert.ok(
      seen.some((url) => url.includes(new URL(server.cdnUrl).host)),
      seen.join(),
    );
    seen.length = 0;
    process.env['NO_PROXY'] = '127.0.0.1,localhost';
    await download({ ...options, cacheDir: folder(t) });
    assert.deepEqual(seen, []);
  });
});
