import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, truncateSync, writeFileSync, mkdirSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { serve } from '#attune/serve/server.js';
import type { Site } from '#attune/serve/site.js';
import { writeByteModel } from '../support/byte-model.js';
import { attune, jsonLines } from '../support/cli.js';
import { folder } from '../support/folder.js';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Asks for a path as it is: nothing is tidied up on the way. */
function ask(
  url: string,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: new URL(url).port, path, ...options }, (response) => {
      let body = '';
      response
        .setEncoding('utf8')
        .on('data', (part: string) => {
          body += part;
        })
        .on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('it answers with its files and nothing else', async (t) => {
  const dir = folder(t, { 'a.bin': 'weights', 'secret.txt': 'secret' });
  const site: Site = new Map([
    ['index.html', { contents: '<p>hello' }],
    ['model/a.safetensors', { path: join(dir, 'a.bin') }],
    ['gone.js', { path: join(dir, 'gone.js') }],
    ['page.js', { contents: '1' }],
  ]);
  const server = await serve(site, { host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  const { status, headers, body } = await ask(server.url, '/?x#y');
  assert.deepEqual(
    [status, body, headers['content-type'], headers['content-length']],
    [200, '<p>hello', 'text/html; charset=utf-8', '8'],
  );
  assert.match(
    String(headers['content-security-policy']),
    /^default-src 'none'; script-src 'self'; .*connect-src 'self';.*frame-ancestors 'none'$/,
  );
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
  assert.equal(headers['cross-origin-embedder-policy'], 'require-corp');
  assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['referrer-policy'], 'no-referrer');
  assert.equal(
    (await ask(server.url, '/model/a.safetensors')).headers['content-type'],
    'application/octet-stream',
  );
  assert.equal((await ask(server.url, '/model%2Fa.safetensors')).body, 'weights');
  assert.equal((await ask(server.url, '/page.js')).headers['content-type'], 'text/javascript; charset=utf-8');
  const head = await ask(server.url, '/page.js', { method: 'HEAD' });
  assert.deepEqual([head.status, head.body], [200, '']);
  for (const path of [
    '/secret.txt',
    '/../secret.txt',
    '/model/../secret.txt',
    '/model/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '//etc/passwd',
    '/model',
    '/%',
    '/\0'.replace('\0', '%00'),
    'index.html',
    '/__proto__',
    '/constructor',
  ]) {
    const answer = await ask(server.url, path);
    assert.ok(answer.status === 404 || answer.status === 400, `${path}: ${answer.status}`);
    assert.doesNotMatch(answer.body, /secret|root:/);
  }
  const posted = await ask(server.url, '/', { method: 'POST' });
  assert.deepEqual([posted.status, posted.headers['allow']], [405, 'GET, HEAD']);
  assert.equal((await ask(server.url, '/gone.js')).status, 500);
  for (const host of ['evil.example', '127.0.0.1.evil.example'])
    assert.equal((await ask(server.url, '/', { headers: { host } })).status, 403, host);
  for (const host of ['localhost', 'localhost:8642', '[::1]:1', '127.0.0.1'])
    assert.equal((await ask(server.url, '/', { headers: { host } })).status, 200, host);
});

test('a file is sent no faster than it is read, so that readers who wait cost no memory', async (t) => {
  const dir = folder(t, { 'weights.bin': '' });
  const bytes = 28 * 2 ** 20;
  truncateSync(join(dir, 'weights.bin'), bytes);
  const server = await serve(
    new Map([
      ['weights', { path: join(dir, 'weights.bin') }],
      ['index.html', { contents: 'whole' }],
    ]),
    { host: '127.0.0.1', port: 0 },
  );
  t.after(() => server.close());
  const before = process.memoryUsage().arrayBuffers;
  const waiting = await Promise.all(
    Array.from(
      { length: 20 },
      () =>
        new Promise<IncomingMessage>((resolve, reject) => {
          // Nobody reads the answer that has begun.
          request(`${server.url}weights`, resolve).on('error', reject).end();
        }),
    ),
  );
  const most = 20 * 2 ** 20;
  const held = process.memoryUsage().arrayBuffers - before;
  assert.ok(held < most, `${held} bytes are held for 20 readers`);
  assert.equal((await ask(server.url, '/')).body, 'whole');
  let read = 0;
  for await (const part of waiting[0]) read += (part as Uint8Array).length;
  assert.equal(read, bytes);
  for (const response of waiting) response.destroy();
});

test(
  'a reader who asks for much at once and goes away leaves no file open',
  { skip: process.platform === 'linux' ? false : 'needs /proc' },
  async (t) => {
    const dir = folder(t, { 'weights.bin': '' });
    truncateSync(join(dir, 'weights.bin'), 28 * 2 ** 20);
    const server = await serve(
      new Map([
        ['weights', { path: join(dir, 'weights.bin') }],
        ['index.html', { contents: 'whole' }],
      ]),
      { host: '127.0.0.1', port: 0 },
    );
    t.after(() => server.close());
    const opened = (): number =>
      readdirSync('/proc/self/fd').filter((name) => {
        try {
          return readlinkSync(join('/proc/self/fd', name)) === join(dir, 'weights.bin');
        } catch {
          return false; // the descriptor of this listing
        }
      }).length;
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.write('GET /weights HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(50));
    await once(socket, 'data');
    assert.equal(opened(), 1);
    socket.destroy();
    // The server learns of it before it answers somebody who came later; the file is closed in turns of its
    // own.
    for (let i = 0; i < 200 && opened() > 0; i++) assert.equal((await ask(server.url, '/')).body, 'whole');
    assert.equal(opened(), 0);
  },
);

test('what is cut while it is sent ends the connection, and what is no file is not waited for', async (t) => {
  const dir = folder(t, { 'weights.bin': '', 'empty.bin': '' });
  const path = join(dir, 'weights.bin');
  truncateSync(path, 28 * 2 ** 20);
  execFileSync('mkfifo', [join(dir, 'pipe')]);
  const names = ['weights.bin', 'empty.bin', 'pipe', '.'];
  const server = await serve(
    new Map([
      ...names.map((name) => [name, { path: join(dir, name) }] as const),
      ['zero', { path: '/dev/zero' }],
    ]),
    { host: '127.0.0.1', port: 0 },
  );
  t.after(() => server.close());
  for (const name of ['pipe', '.', 'zero'])
    assert.equal((await ask(server.url, `/${name}`)).status, 500, name);
  const empty = await ask(server.url, '/empty.bin');
  assert.deepEqual([empty.status, empty.headers['content-length'], empty.body], [200, '0', '']);
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.write('GET /weights.bin HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2));
  let received = '';
  for await (const part of socket) {
    if (received === '') truncateSync(path, 2 ** 20);
    received += (part as Buffer).toString('latin1');
  }
  assert.equal(received.split('HTTP/1.1 ').length, 2, 'nothing comes after what was cut');
});

test('a port in use and a signal', async (t) => {
  const site: Site = new Map([['index.html', { contents: '' }]]);
  const server = await serve(site, { host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  const port = Number(new URL(server.url).port);
  await assert.rejects(serve(site, { host: '127.0.0.1', port }), {
    name: 'UsageError',
    message: `port ${port} of 127.0.0.1 is in use`,
    hint: /another --port/,
  });
  // An address that is no machine's (RFC 5737); a name would be asked of the network.
  await assert.rejects(serve(site, { host: '192.0.2.1', port: 0 }), {
    name: 'AttuneError',
    message: /^cannot listen on 192\.0\.2\.1, port 0: /,
  });
  const abort = new AbortController();
  const other = await serve(site, { host: '127.0.0.1', port: 0, signal: abort.signal });
  abort.abort();
  await other.ended;
  // A used port is told by the command as well, with the status of wrong usage.
  const cwd = folder(t);
  await writeByteModel(join(cwd, 'model'));
  const refused = await attune(['serve', '--demo', '--model', 'model', '--port', String(port)], { cwd });
  assert.deepEqual([refused.code, refused.stdout], [2, '']);
  assert.match(refused.stderr, /error: port \d+ of 127\.0\.0\.1 is in use/);
});

test('attune serve prints its address and ends with 130 on Ctrl-C', async (t) => {
  const cwd = folder(t);
  await writeByteModel(join(cwd, 'model'));
  const { code, stdout, stderr } = await attune(
    ['serve', '--demo', '--model', 'model', '--port', '0', '--json'],
    { cwd, signals: [{ when: /Open this address/, signal: 'SIGINT' }] },
  );
  assert.equal(code, 130, stderr);
  const [record] = jsonLines(stdout);
  assert.equal(record.type, 'serving');
  assert.match(String(record.url), /^http:\/\/127\.0\.0\.1:\d+\/$/);
});

test('attune serve --out writes the page as a folder, and replaces nothing that is not one', async (t) => {
  const cwd = folder(t);
  await writeByteModel(join(cwd, 'model'));
  const write = () => attune(['serve', '--demo', '--model', 'model', '--out', 'site'], { cwd });
  for (let i = 0; i < 2; i++) {
    const { code, stdout, stderr } = await write();
    assert.deepEqual([code, stdout], [0, 'site\n'], stderr);
  }
  assert.deepEqual(readdirSync(join(cwd, 'site')).sort(), [
    '.attune-files.json',
    'LICENSES.txt',
    'attune.js',
    'compute.js',
    'demo.json',
    'icon.svg',
    'index.html',
    'model',
    'page.css',
    'page.js',
    'sample',
    'worker.js',
  ]);
  assert.deepEqual(readdirSync(join(cwd, 'site', 'model')).sort(), [
    'config.json',
    'merges.txt',
    'model.safetensors',
    'vocab.json',
  ]);
  assert.equal(
    readFileSync(join(cwd, 'site', 'sample', 'train.jsonl'), 'utf8')
      .trimEnd()
      .split('\n').length,
    1000,
  );
  for (const name of ['page.js', 'worker.js', 'compute.js', 'index.html', 'page.css'])
    assert.doesNotMatch(
      readFileSync(join(cwd, 'site', name), 'utf8'),
      /["'(]https?:\/\/(?!www\.w3\.org\/)/,
      `${name} names another origin`,
    );
  mkdirSync(join(cwd, 'mine'));
  writeFileSync(join(cwd, 'mine', 'letter.txt'), 'dear');
  const other = await attune(['serve', '--demo', '--model', 'model', '--out', 'mine'], { cwd });
  assert.equal(other.code, 2);
  assert.match(other.stderr, /mine holds letter\.txt, which attune did not make and does not replace/);
  assert.deepEqual(readdirSync(join(cwd, 'mine')), ['letter.txt']);
});

test('what cannot be served is refused', async (t) => {
  const cwd = folder(t);
  mkdirSync(join(cwd, 'empty'));
  for (const [args, code, message] of [
    [['serve'], 2, /--demo is missing/],
    [
      ['serve', '--demo', '--port', '70000'],
      2,
      /--port must be a whole number, at least 0 and at most 65535/,
    ],
    [['serve', '--demo', '--out', 'x', '--port', '1'], 2, /--out writes the page/],
    [['serve', '--demo', '--model', './empty'], 1, /config\.json/],
    [['serve', '--demo', '--model', './none'], 1, /none/],
  ] as const) {
    const result = await attune(args, { cwd });
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, message);
  }
});
