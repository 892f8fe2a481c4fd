/** Downloads against a server that does what can go wrong. */
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { HubError } from '#attune/hub/errors.js';
import type { HubErrorCode } from '#attune/hub/errors.js';
import { hubDataset } from '#attune/hub/dataset.js';
import { HubRepository } from '#attune/hub/repository.js';
import type { RepositoryOptions } from '#attune/hub/repository.js';
import { folder } from '../support/folder.js';
import { HubServer, gitHash, sha256 } from '../support/hub-server.js';
import type { HubFiles, HubRepositoryFixture } from '../support/hub-server.js';
import { Random } from '../support/random.js';

const random = new Random(1);
const LARGE = Uint8Array.from({ length: 3000 }, () => random.integer(0, 255));
const FILES: HubFiles = {
  'config.json': '{"a": 1}',
  'data/big.parquet': LARGE,
  'data/ü #1?.csv': 'text,label\n',
  'empty.txt': '',
  'none.bin': new Uint8Array(0),
};
const ID = { type: 'dataset', id: 'tiny/tweets', revision: 'main' } as const;
const FIXTURE: HubRepositoryFixture = { type: 'dataset', id: ID.id, files: FILES };

const bytesOf = (name: string): Buffer => Buffer.from(FILES[name] as string);
const settings = (server: HubServer, cacheDir: string): RepositoryOptions => ({
  endpoint: server.url,
  cacheDir,
  token: false,
  firstPause: 1,
});
const blobs = (cacheDir: string): string[] =>
  readdirSync(join(cacheDir, 'datasets--tiny--tweets', 'blobs')).sort();
const isHubError =
  (code: HubErrorCode, ...texts: RegExp[]) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof HubError, String(error));
    assert.equal(error.code, code, error.message);
    for (const text of texts) assert.match(`${error.message}\n${error.hint}`, text);
    return true;
  };

async function download(
  options: RepositoryOptions,
  paths: readonly string[] = Object.keys(FILES),
): Promise<string[]> {
  const repository = await HubRepository.open(ID, options);
  try {
    return await repository.fetch(paths);
  } finally {
    await repository.close();
  }
}

async function setUp(
  t: TestContext,
  fixture: Partial<HubRepositoryFixture> = {},
): Promise<{ server: HubServer; cacheDir: string; options: RepositoryOptions }> {
  const server = await HubServer.start(t, [{ ...FIXTURE, ...fixture }]);
  const cacheDir = folder(t);
  return { server, cacheDir, options: settings(server, cacheDir) };
}

test('files come into the layout of the Hub’s cache and are asked for once', async (t) => {
  const { server, cacheDir, options } = await setUp(t);
  const progress: number[] = [];
  const paths = await download({
    ...options,
    onProgress: ({ received, total, files }) =>
      void (progress.push(received), assert.equal(total, 3019), assert.equal(files, 5)),
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
  // Both empty files, by sha256 and by git's hash, and the three others.
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

test('a connection cut at any byte is gone on with from there', async (t) => {
  const { server, options } = await setUp(t);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: LARGE.length - 1 }), { minLength: 1, maxLength: 4 }),
      async (cuts) => {
        const cacheDir = folder(t);
        const pending = [...cuts];
        server.requests.length = 0;
        server.fault = ({ cdn }) => (cdn && pending.length > 0 ? { cutAfter: pending.shift()! } : undefined);
        const [path] = await download({ ...options, cacheDir }, ['data/big.parquet']);
        assert.deepEqual(readFileSync(path), Buffer.from(LARGE));
        assert.deepEqual(blobs(cacheDir), [sha256(LARGE)]);
        const starts = server.requests
          .filter(({ cdn }) => cdn)
          .map(({ headers }) => Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0));
        // What had come by then; the last pieces before a cut may be lost on the way.
        for (const [i, start] of starts.entries())
          assert.ok(
            start <= cuts.slice(0, i).reduce((sum, cut) => sum + cut, 0) &&
              (i === 0 || start >= starts[i - 1]),
          );
      },
    ),
    { numRuns: 40 },
  );
});

test('a process that died left a part: the next one goes on from it, also by If-Range where the Hub serves the file itself', async (t) => {
  const { server, cacheDir, options } = await setUp(t);
  const root = join(cacheDir, 'datasets--tiny--tweets', 'blobs');
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, `${sha256(LARGE)}.incomplete`), LARGE.subarray(0, 1234));
  writeFileSync(
    join(root, `${gitHash(bytesOf('config.json'))}.incomplete`),
    bytesOf('config.json').subarray(0, 3),
  );
  const first: number[] = [];
  const [large, small] = await download({ ...options, onProgress: ({ received }) => first.push(received) }, [
    'data/big.parquet',
    'config.json',
  ]);
  assert.deepEqual([readFileSync(large), readFileSync(small)], [Buffer.from(LARGE), bytesOf('config.json')]);
  const ranged = server.requests.filter(({ headers }) => headers.range !== undefined);
  assert.deepEqual(ranged.map(({ cdn, headers }) => [cdn, headers.range, headers['if-range']]).sort(), [
    [false, 'bytes=1234-', `"${sha256(LARGE)}"`],
    [false, 'bytes=3-', `"${gitHash(bytesOf('config.json'))}"`],
    [true, 'bytes=1234-', undefined],
  ]);
});

test('a damaged part is thrown away and the file downloaded anew', async (t) => {
  const { options } = await setUp(t);
  for (const bytes of [new Uint8Array(500), new Uint8Array(LARGE.length), new Uint8Array(LARGE.length + 9)]) {
    const cacheDir = folder(t);
    const root = join(cacheDir, 'datasets--tiny--tweets', 'blobs');
    mkdirSync(root, { recursive: true });
    const part = join(root, `${sha256(LARGE)}.incomplete`);
    writeFileSync(part, bytes);
    const [path] = await download({ ...options, cacheDir }, ['data/big.parquet']);
    assert.deepEqual(readFileSync(path), Buffer.from(LARGE));
    assert.ok(!existsSync(part));
  }
});

test('a server that knows no ranges sends the whole file again', async (t) => {
  const { server, options } = await setUp(t);
  let cut = false;
  server.fault = ({ cdn }) => {
    if (!cdn) return undefined;
    if (cut) return { noRanges: true };
    cut = true;
    return { cutAfter: 1000 };
  };
  const [path] = await download(options, ['data/big.parquet']);
  assert.deepEqual(readFileSync(path), Buffer.from(LARGE));
});

test('a connection that never brings anything more is given up, and what came is kept', async (t) => {
  const { server, cacheDir, options } = await setUp(t);
  server.fault = ({ cdn, headers }) =>
    cdn ? { cutAfter: headers.range === undefined ? 1000 : 0 } : undefined;
  await assert.rejects(
    download(options, ['data/big.parquet']),
    isHubError('network', /stopped at byte \d+ of 3000/, /the same command goes on from there/),
  );
  const [part] = blobs(cacheDir);
  assert.equal(part, `${sha256(LARGE)}.incomplete`);
  assert.deepEqual(
    readFileSync(join(cacheDir, 'datasets--tiny--tweets', 'blobs', part)),
    Buffer.from(LARGE.subarray(0, 1000)),
  );
  server.fault = () => undefined;
  await download(options, ['data/big.parquet']);
});

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

test('silence is an error after the idle time; slowness is none', async (t) => {
  const { server, options } = await setUp(t);
  process.env['HF_HUB_DOWNLOAD_TIMEOUT'] = '1';
  t.after(() => delete process.env['HF_HUB_DOWNLOAD_TIMEOUT']);
  let stalled = false;
  server.fault = ({ cdn }) => {
    if (!cdn) return undefined;
    if (stalled) return { pauseBetween: 400, pieceBytes: 500 };
    stalled = true;
    return { stallAfter: 700 };
  };
  const [path] = await download(options, ['data/big.parquet']);
  assert.deepEqual(readFileSync(path), Buffer.from(LARGE));
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

test('a listing in pages is read to its end', async (t) => {
  const { server, options } = await setUp(t);
  server.pageSize = 1;
  assert.deepEqual(await hubDataset(ID.id, options).list(), Object.keys(FILES).sort());
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

test('offline: a warm cache works without one request, a cold one says exactly what is missing', async (t) => {
  const { server, cacheDir, options } = await setUp(t);
  const offline = { ...options, localFilesOnly: true };
  await assert.rejects(
    HubRepository.open(ID, offline),
    isHubError(
      'offline',
      /the dataset tiny\/tweets is not in the cache \(.*datasets--tiny--tweets\)/,
      /HF_HUB_OFFLINE/,
    ),
  );
  const paths = await download(options, ['config.json', 'data/big.parquet']);
  server.requests.length = 0;
  assert.deepEqual(await download(offline, ['config.json', 'data/big.parquet']), paths);
  assert.deepEqual(await hubDataset(ID.id, offline).list(), ['config.json', 'data/big.parquet']);
  await assert.rejects(
    download(offline, ['config.json', 'empty.txt', 'other.csv']),
    isHubError('offline', /without empty\.txt, other\.csv/),
  );
  const commit = server.commit(ID.id);
  assert.equal(
    (await HubRepository.open({ ...ID, revision: commit }, offline)).folder,
    join(cacheDir, 'datasets--tiny--tweets', 'snapshots', commit),
  );
  await assert.rejects(
    HubRepository.open({ ...ID, revision: 'v2' }, offline),
    isHubError('offline', /tiny\/tweets@v2 is not in the cache/),
  );
  assert.equal(server.requests.length, 0);
});

test('where the Hub is out of reach the cache helps out, and says so', async (t) => {
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
    isHubError('offline', /without data\/big\.parquet.*out of reach/),
  );
});

test('a branch that has moved is followed; unchanged files are not downloaded again', async (t) => {
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

test('converted(): the parquet branch of a dataset, or undefined where the Hub made none', async (t) => {
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

test('converted() at a commit of that branch, which is recorded as one of the branch; one that is gone is an error, not a dataset without parquet', async (t) => {
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
  assert.deepEqual(used, [{ type: 'dataset', id: 'tiny/script', revision: 'refs/convert/parquet', commit }]);
  assert.equal(await converted!.converted!(), undefined);
  await assert.rejects(
    hubDataset('tiny/script', { ...options, convertedCommit: '0'.repeat(40) }).converted!(),
    isHubError('revision-not-found'),
  );
});

test('without symbolic links the snapshot holds copies', async (t) => {
  const { options } = await setUp(t);
  process.env['HF_HUB_DISABLE_SYMLINKS'] = '1';
  t.after(() => delete process.env['HF_HUB_DISABLE_SYMLINKS']);
  const [path] = await download(options, ['data/big.parquet']);
  assert.ok(lstatSync(path).isFile());
  assert.deepEqual(readFileSync(path), Buffer.from(LARGE));
});

test('an abort ends at once with its reason and keeps what came', async (t) => {
  const { server, cacheDir, options } = await setUp(t);
  const reason = new Error('stopped');
  const abort = new AbortController();
  const partial = join(cacheDir, 'datasets--tiny--tweets', 'blobs', `${sha256(LARGE)}.incomplete`);
  server.fault = ({ cdn }) => (cdn ? { stallAfter: 700 } : undefined);
  const running = download({ ...options, signal: abort.signal }, ['data/big.parquet']);
  const timer = setInterval(() => {
    // Only once something has come: a file that is still empty is not worth keeping.
    if (existsSync(partial) && statSync(partial).size > 0) abort.abort(reason);
  }, 5);
  t.after(() => clearInterval(timer));
  await assert.rejects(running, (error) => error === reason);
  assert.deepEqual(blobs(cacheDir), [`${sha256(LARGE)}.incomplete`]);
  assert.deepEqual(readdirSync(join(cacheDir, '.locks', 'datasets--tiny--tweets')), []);
  server.fault = () => ({ status: 429, headers: { 'retry-after': '60' } });
  await assert.rejects(
    download({ ...options, signal: AbortSignal.timeout(50) }),
    (error: Error) => error.name === 'TimeoutError',
  );
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
  t.after(() => (process.env = kept));
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
