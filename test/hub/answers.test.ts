/** Answers that are refused, wrong, dangerous or late, and what is asked of whom. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { HubError } from '#attune/hub/errors.js';
import { HubRepository } from '#attune/hub/repository.js';
import type { RepositoryOptions } from '#attune/hub/repository.js';
import { folder } from '../support/folder.js';
import { HubServer } from '../support/hub-server.js';
import { FILES, ID, LARGE, blobs, download, isHubError, setUp } from './fixture.js';

test('damage is found out, whatever kind of file, and not kept', async (t) => {
  const { server, cacheDir, options } = await setUp(t);
  const damaged = LARGE.slice();
  damaged[2999] ^= 1;
  for (const [file, body, code] of [
    ['data/big.parquet', damaged, 'integrity'],
    ['config.json', Buffer.from('{"a": 2}'), 'integrity'],
    ['data/big.parquet', LARGE.subarray(1), 'integrity'],
    ['data/big.parquet', new Uint8Array(4000), 'integrity'],
  ] as const) {
    server.fault = ({ cdn, url }) => (cdn || url.endsWith('config.json') ? { body } : undefined);
    await assert.rejects(download(options, [file]), isHubError(code));
    assert.deepEqual(
      blobs(cacheDir).filter((name) => !name.endsWith('.incomplete')),
      [],
    );
    assert.equal(
      existsSync(join(cacheDir, 'datasets--tiny--tweets', 'snapshots', server.commit(ID.id), file)),
      false,
    );
  }
  server.fault = () => ({ headers: { etag: `"${'0'.repeat(40)}"` } });
  await assert.rejects(
    download(options, ['config.json']),
    isHubError('integrity', /ETag 0{40}, where its listing names/),
  );
  server.fault = () => undefined;
  await download(options);
});

test('a body without a length that goes on for ever is cut off at the file’s size', async (t) => {
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
    isHubError('integrity', /larger than the 8 bytes/),
  );
});

test('429 and 5xx are tried again, after the time the server names', async (t) => {
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
  server.fault = () => ({ status: 502 });
  await assert.rejects(download({ ...options, cacheDir: folder(t) }), isHubError('server', /answers 502/));
  server.fault = () => ({ status: 429, headers: { 'retry-after': '100000' } });
  await assert.rejects(
    download({ ...options, cacheDir: folder(t) }),
    isHubError('rate-limited', /wait 100000 s/),
  );
  server.fault = () => ({ status: 501 });
  server.requests.length = 0;
  await assert.rejects(download({ ...options, cacheDir: folder(t) }), isHubError('server', /501/));
  assert.equal(server.requests.length, 1);
});

test('refusals say what to do, and only that is in them which helps', async (t) => {
  const { server, cacheDir, options } = await setUp(t, { gatedTo: 'hf_good' });
  server.add({ type: 'dataset', id: 'tiny/private', files: FILES, privateTo: 'hf_good' });
  const open = (id: string, more: RepositoryOptions = {}, revision = 'main'): Promise<HubRepository> =>
    HubRepository.open({ type: 'dataset', id, revision }, { ...options, ...more });
  await assert.rejects(
    open('tiny/none'),
    isHubError(
      'repository-not-found',
      /there is no dataset tiny\/none on the Hub, or it is private/,
      /HF_TOKEN/,
    ),
  );
  await assert.rejects(open('tiny/private'), isHubError('repository-not-found', /or it is private/));
  await assert.rejects(
    open('tiny/private', { token: 'hf_other' }),
    isHubError('repository-not-found', /the token that is set does not open it/),
  );
  await assert.rejects(
    open('tiny/private', { token: 'hf_wrong' }),
    isHubError('unauthorized', /does not accept the token/),
  );
  await assert.rejects(open(ID.id, {}, 'v9'), isHubError('revision-not-found', /no revision v9/));
  await assert.rejects(open(ID.id, {}, '0'.repeat(40)), isHubError('revision-not-found'));
  await assert.rejects(download(options, ['nope.csv']), isHubError('entry-not-found', /no file nope\.csv/));
  await assert.rejects(
    download(options, ['config.json']),
    isHubError('gated', new RegExp(`Ask for it at ${server.url}/datasets/tiny/tweets`), /HF_TOKEN/),
  );
  await assert.rejects(
    download({ ...options, token: 'hf_other' }, ['config.json']),
    isHubError('gated', /account that was let in/),
  );
  server.fault = () => ({ status: 403 });
  await assert.rejects(download({ ...options, token: 'hf_other' }), isHubError('forbidden'));
  server.fault = () => undefined;
  await download({ ...options, token: 'hf_good' });
  assert.equal(blobs(cacheDir).length, 5);
});

test('the token goes to the Hub alone', async (t) => {
  const { server, options } = await setUp(t, { privateTo: 'hf_secret' });
  server.pageSize = 2;
  await download({ ...options, token: 'hf_secret' });
  assert.ok(server.requests.some(({ cdn }) => cdn));
  for (const { cdn, headers } of server.requests)
    assert.equal(headers.authorization, cdn ? undefined : 'Bearer hf_secret');
  // A listing that goes on at another address.
  const other = await HubServer.start(t, []);
  server.fault = ({ url }) =>
    url.includes('/tree/') ? { status: 302, headers: { location: `${other.url}/steal` } } : undefined;
  await assert.rejects(download({ ...options, token: 'hf_secret', cacheDir: folder(t) }), HubError);
  assert.equal(other.requests.length, 1);
  assert.equal(other.requests[0].headers.authorization, undefined);
});

test('redirects: an old id leads on, a circle and a step down from https do not', async (t) => {
  const { server, options } = await setUp(t, { oldId: 'tweets' });
  const repository = await HubRepository.open({ type: 'dataset', id: 'tweets', revision: 'main' }, options);
  const [path] = await repository.fetch(['data/big.parquet']);
  assert.match(path, /datasets--tweets/);
  server.fault = ({ url }) => ({ status: 302, headers: { location: url } });
  await assert.rejects(HubRepository.open(ID, options), isHubError('server', /redirects more than/));
  server.fault = () => ({ status: 302, headers: { location: 'file:///etc/passwd' } });
  await assert.rejects(HubRepository.open(ID, options), isHubError('server', /not as safe/));
});

test('a repository with a file name that leads outside its folder is refused, and nothing is written', async (t) => {
  for (const evil of ['../../../evil', '/etc/evil', '..\\evil', 'C:\\evil', 'data/../../evil']) {
    const { server, cacheDir, options } = await setUp(t);
    server.listedPath = (path) => (path === 'config.json' ? evil : path);
    await assert.rejects(download(options, ['empty.txt']), isHubError('unsafe-name'));
    assert.deepEqual(readdirSync(cacheDir), []);
  }
});

test('answers that are none of a Hub are said to be so', async (t) => {
  const { server, options } = await setUp(t);
  for (const body of ['<html>', '[]', '{"sha": "../../x"}', 'null', '']) {
    const plain = createServer((_, response) => response.end(body));
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    t.after(() => plain.close());
    await assert.rejects(
      HubRepository.open(ID, {
        ...options,
        endpoint: `http://127.0.0.1:${(plain.address() as AddressInfo).port}`,
      }),
      isHubError('server', /HF_ENDPOINT/),
    );
  }
  await assert.rejects(
    HubRepository.open(ID, { ...options, endpoint: 'http://127.0.0.1:9' }),
    isHubError('network', /refuses connections/, /HF_ENDPOINT/),
  );
  assert.equal(server.requests.length, 0);
});

test('requests go through the proxy of the environment, but for hosts in NO_PROXY', async (t) => {
  const { server, options } = await setUp(t);
  const through: string[] = [];
  const proxy = createServer((request, response) => {
    through.push(request.url!);
    void fetch(request.url!, { headers: { 'accept-encoding': 'identity' }, redirect: 'manual' }).then(
      async (answer) =>
        response
          .writeHead(answer.status, Object.fromEntries(answer.headers))
          .end(Buffer.from(await answer.arrayBuffer())),
    );
  });
  proxy.on('connect', (request, socket, head) => {
    through.push(request.url!);
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
  const kept = { ...process.env };
  t.after(() => {
    process.env = kept;
  });
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy', 'HTTPS_PROXY', 'NO_PROXY'])
    delete process.env[name];
  process.env['HTTP_PROXY'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  await download(options);
  assert.ok(
    through.length >= 1 && through.some((url) => url.includes(new URL(server.url).host)),
    through.join(),
  );
  assert.ok(
    through.some((url) => url.includes(new URL(server.cdnUrl).host)),
    through.join(),
  );
  through.length = 0;
  process.env['NO_PROXY'] = '127.0.0.1,localhost';
  await download({ ...options, cacheDir: folder(t) });
  assert.deepEqual(through, []);
});
