import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, truncateSync, writeFileSync, mkdirSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { AttuneError, UsageError } from '#attune/errors/attune-error.js';
import { serve } from '#attune/serve/server.js';
import type { RunningServer } from '#attune/serve/server.js';
import type { Site } from '#attune/serve/site.js';
import { writeByteModel } from '../support/byte-model.js';
import { attune, jsonLines } from '../support/cli.js';
import type { CliResult } from '../support/cli.js';
import { folder } from '../support/folder.js';
import { printed, refusal } from '../support/refusal.js';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Requests a path as it is: nothing is normalized on the way. */
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

/** A server that stops when the test ends. */
async function started(t: TestContext, site: Site): Promise<RunningServer> {
  const server = await serve(site, { host: '127.0.0.1', port: 0 });
  t.after(() => server.close());
  return server;
}

/** One with a page, a script, a model file, and a file that does not exist, in a folder with a secret. */
function smallSite(t: TestContext): Promise<RunningServer> {
  const dir = folder(t, { 'a.bin': 'weights', 'secret.txt': 'secret' });
  return started(
    t,
    new Map([
      ['index.html', { contents: '<p>hello' }],
      ['model/a.safetensors', { path: join(dir, 'a.bin') }],
      ['gone.js', { path: join(dir, 'gone.js') }],
      ['page.js', { contents: '1' }],
    ]),
  );
}

const WEIGHTS_BYTES = 28 * 2 ** 20;

/** One with a page and a large file, at `path`. */
async function siteWithWeights(t: TestContext): Promise<{ server: RunningServer; path: string }> {
  const path = join(folder(t, { 'weights.bin': '' }), 'weights.bin');
  truncateSync(path, WEIGHTS_BYTES);
  const server = await started(
    t,
    new Map([
      ['weights', { path }],
      ['index.html', { contents: 'whole' }],
    ]),
  );
  return { server, path };
}

/** Sends the same request several times on one connection. */
function pipelined(url: string, path: string, times: number): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(times));
  return socket;
}

describe('serve', () => {
  it('answers with the page, and with headers that isolate it', async (t) => {
    const server = await smallSite(t);
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
  });

  it('answers with each file of the site and its type', async (t) => {
    const { url } = await smallSite(t);
    assert.equal(
      (await ask(url, '/model/a.safetensors')).headers['content-type'],
      'application/octet-stream',
    );
    assert.equal((await ask(url, '/model%2Fa.safetensors')).body, 'weights');
    assert.equal((await ask(url, '/page.js')).headers['content-type'], 'text/javascript; charset=utf-8');
    const head = await ask(url, '/page.js', { method: 'HEAD' });
    assert.deepEqual([head.status, head.body], [200, '']);
  });

  it('answers with 404 or 400 for every path that is not a file of the site', async (t) => {
    const { url } = await smallSite(t);
    for (const path of [
      '/secret.txt',
      '/../secret.txt',
      '/model/../secret.txt',
      '/model/%2e%2e/secret.txt',
      '/..%2fsecret.txt',
      '//etc/passwd',
      '/model',
      '/%',
      '/%00',
      'index.html',
      '/__proto__',
      '/constructor',
    ]) {
      const answer = await ask(url, path);
      assert.ok(answer.status === 404 || answer.status === 400, `${path}: ${answer.status}`);
      assert.doesNotMatch(answer.body, /secret|root:/);
    }
  });

  it('answers with 405 for a method other than GET and HEAD', async (t) => {
    const { url } = await smallSite(t);
    const posted = await ask(url, '/', { method: 'POST' });
    assert.deepEqual([posted.status, posted.headers['allow']], [405, 'GET, HEAD']);
  });

  it('answers with 403 unless the host is this computer', async (t) => {
    const { url } = await smallSite(t);
    for (const host of ['evil.example', '127.0.0.1.evil.example'])
      assert.equal((await ask(url, '/', { headers: { host } })).status, 403, host);
    for (const host of ['localhost', 'localhost:8642', '[::1]:1', '127.0.0.1'])
      assert.equal((await ask(url, '/', { headers: { host } })).status, 200, host);
  });

  it('answers with 500 for a file that does not exist', async (t) => {
    assert.equal((await ask((await smallSite(t)).url, '/gone.js')).status, 500);
  });

  it('answers with 500 for a pipe, a folder and a device', async (t) => {
    const dir = folder(t);
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    const { url } = await started(
      t,
      new Map([
        ['pipe', { path: join(dir, 'pipe') }],
        ['.', { path: dir }],
        ['zero', { path: '/dev/zero' }],
      ]),
    );
    for (const name of ['pipe', '.', 'zero']) assert.equal((await ask(url, `/${name}`)).status, 500, name);
  });

  it('answers with an empty file', async (t) => {
    const dir = folder(t, { 'empty.bin': '' });
    const { url } = await started(t, new Map([['empty.bin', { path: join(dir, 'empty.bin') }]]));
    const { status, headers, body } = await ask(url, '/empty.bin');
    assert.deepEqual([status, headers['content-length'], body], [200, '0', '']);
  });

  it('reads a file no faster than it is received, so that slow clients take no memory', async (t) => {
    const { server } = await siteWithWeights(t);
    const before = process.memoryUsage().arrayBuffers;
    const waiting = await Promise.all(
      Array.from(
        { length: 20 },
        () =>
          new Promise<IncomingMessage>((resolve, reject) => {
            // The answer has begun, and its body is not read.
            request(`${server.url}weights`, resolve).on('error', reject).end();
          }),
      ),
    );
    // The server has time to read on, until it holds no more than before.
    const all = waiting.length * WEIGHTS_BYTES;
    let held = 0;
    for (let quiet = 0; quiet < 20 && held < all / 4; quiet++) {
      assert.equal((await ask(server.url, '/')).body, 'whole');
      const now = process.memoryUsage().arrayBuffers - before;
      if (now <= held + 2 ** 20) continue;
      held = now;
      quiet = 0;
    }
    assert.ok(held < all / 4, `${held} bytes of ${all} are held for 20 readers`);
    let read = 0;
    for await (const part of waiting[0]) read += (part as Uint8Array).length;
    assert.equal(read, WEIGHTS_BYTES);
    for (const response of waiting) response.destroy();
  });

  it(
    'opens one file at a time per connection, and closes it if the client goes away',
    { skip: process.platform === 'linux' ? false : 'needs /proc' },
    async (t) => {
      const { server, path } = await siteWithWeights(t);
      const opened = (): number =>
        readdirSync('/proc/self/fd').filter((name) => {
          try {
            return readlinkSync(join('/proc/self/fd', name)) === path;
          } catch {
            return false; // the descriptor of this listing
          }
        }).length;
      const socket = pipelined(server.url, '/weights', 50);
      await once(socket, 'data');
      assert.equal(opened(), 1);
      socket.destroy();
      // The server learns of it before it answers a later client; the file is closed in turns of its own.
      for (let i = 0; i < 200 && opened() > 0; i++) assert.equal((await ask(server.url, '/')).body, 'whole');
      assert.equal(opened(), 0);
    },
  );

  it('closes the connection if a file is cut while it is sent', async (t) => {
    const { server, path } = await siteWithWeights(t);
    let received = '';
    for await (const part of pipelined(server.url, '/weights', 2)) {
      if (received === '') truncateSync(path, 2 ** 20);
      received += (part as Buffer).toString('latin1');
    }
    assert.equal(received.split('HTTP/1.1 ').length, 2, 'nothing comes after what was cut');
  });

  const EMPTY_PAGE: Site = new Map([['index.html', { contents: '' }]]);

  it('refuses a port that is in use, and so does the command with status 2', async (t) => {
    const port = Number(new URL((await started(t, EMPTY_PAGE)).url).port);
    const facts = { host: '127.0.0.1', port };
    await assert.rejects(serve(EMPTY_PAGE, facts), refusal(UsageError, 'port-in-use', facts));
    const cwd = folder(t);
    await writeByteModel(join(cwd, 'model'));
    const refused = await attune(['serve', '--demo', '--model', 'model', '--port', String(port)], { cwd });
    assert.deepEqual([refused.code, refused.stdout], [2, '']);
    assert.ok(refused.stderr.includes(`error: ${printed('port-in-use', facts)}`), refused.stderr);
  });

  it('refuses an address that is not one of this computer', async () => {
    // An address that belongs to no computer (RFC 5737); a name would be looked up in the network.
    const facts = { host: '192.0.2.1', port: 0 };
    await assert.rejects(serve(EMPTY_PAGE, facts), refusal(AttuneError, 'server-cannot-listen', facts));
  });

  it('ends when its signal is aborted', async () => {
    const abort = new AbortController();
    const server = await serve(EMPTY_PAGE, { host: '127.0.0.1', port: 0, signal: abort.signal });
    abort.abort();
    await server.ended;
  });
});

describe('attune serve', () => {
  it('prints its address and ends with 130 on Ctrl-C', async (t) => {
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

  const REFUSALS: readonly (readonly [
    what: string,
    words: readonly string[],
    code: number,
    expected: string,
  ])[] = [
    ['a command line without --demo', [], 2, printed('demo-not-given', {})],
    [
      'a port above 65535',
      ['--demo', '--port', '70000'],
      2,
      printed('argument-invalid', {
        argument: 'port',
        accepts: { kind: 'integer', min: 0, max: 65535 },
        given: 70000,
      }),
    ],
    [
      '--out together with --port',
      ['--demo', '--out', 'x', '--port', '1'],
      2,
      printed('page-written-not-served', {}),
    ],
    [
      'a folder that holds no model',
      ['--demo', '--model', './empty'],
      1,
      printed('config-unreadable', { file: join('empty', 'config.json') }),
    ],
    [
      'a model that does not exist',
      ['--demo', '--model', './none'],
      1,
      printed('config-unreadable', { file: join('none', 'config.json') }),
    ],
  ];
  for (const [what, words, status, expected] of REFUSALS) {
    it(`refuses ${what}`, async (t) => {
      const cwd = folder(t);
      mkdirSync(join(cwd, 'empty'));
      const { code, stderr } = await attune(['serve', ...words], { cwd });
      assert.equal(code, status, stderr);
      assert.ok(stderr.includes(`error: ${expected}\n`), stderr);
    });
  }
});

describe('attune serve --out', () => {
  async function workFolder(t: TestContext): Promise<string> {
    const cwd = folder(t);
    await writeByteModel(join(cwd, 'model'));
    return cwd;
  }
  const write = (cwd: string, out: string): Promise<CliResult> =>
    attune(['serve', '--demo', '--model', 'model', '--out', out], { cwd });

  it('writes the page as a folder, and replaces an earlier one', async (t) => {
    const cwd = await workFolder(t);
    for (let i = 0; i < 2; i++) {
      const { code, stdout, stderr } = await write(cwd, 'site');
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
  });

  it('refuses a folder that holds a file of the user', async (t) => {
    const cwd = await workFolder(t);
    mkdirSync(join(cwd, 'mine'));
    writeFileSync(join(cwd, 'mine', 'letter.txt'), 'dear');
    const { code, stderr } = await write(cwd, 'mine');
    assert.equal(code, 2);
    const facts = { dir: 'mine', foreign: ['letter.txt'], resuming: false };
    assert.ok(stderr.includes(`error: ${printed('output-dir-holds-foreign', facts)}\n`), stderr);
    assert.deepEqual(readdirSync(join(cwd, 'mine')), ['letter.txt']);
  });
});
