/** Downloads that are interrupted resume from what arrived. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { folder } from '../support/folder.js';
import { gitHash, sha256 } from '../support/hub-server.js';
import { ID, LARGE, blobs, bytesOf, download, isHubError, setUp } from './fixture.js';

describe('HubRepository.fetch', () => {
  it('resumes a download whose connection breaks at any byte', async (t) => {
    const { server, options } = await setUp(t);
    let resumed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: LARGE.length - 1 }), { minLength: 1, maxLength: 4 }),
        async (cuts) => {
          const cacheDir = folder(t);
          const pending = [...cuts];
          server.requests.length = 0;
          server.fault = ({ cdn }) =>
            cdn && pending.length > 0 ? { cutAfter: pending.shift()! } : undefined;
          const [path] = await download({ ...options, cacheDir }, ['data/big.parquet']);
          assert.deepEqual(readFileSync(path), Buffer.from(LARGE));
          assert.deepEqual(blobs(cacheDir), [sha256(LARGE)]);
          const starts = server.requests
            .filter(({ cdn }) => cdn)
            .map(({ headers }) => Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0));
          // Not after what was sent by then, of which the last pieces may be lost on the way.
          for (const [i, start] of starts.entries())
            assert.ok(
              start <= cuts.slice(0, i).reduce((sum, cut) => sum + cut, 0) &&
                (i === 0 || start >= starts[i - 1]),
            );
          resumed += starts.filter((start) => start > 0).length;
        },
      ),
      { numRuns: 40, seed: 7 },
    );
    assert.ok(resumed > 20, `${resumed} requests resumed`);
  });

  it('resumes the part that another process left, with If-Range if the Hub serves the file itself', async (t) => {
    const { server, cacheDir, options } = await setUp(t);
    const root = join(cacheDir, 'datasets--tiny--tweets', 'blobs');
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, `${sha256(LARGE)}.incomplete`), LARGE.subarray(0, 1234));
    writeFileSync(
      join(root, `${gitHash(bytesOf('config.json'))}.incomplete`),
      bytesOf('config.json').subarray(0, 3),
    );
    const first: number[] = [];
    const [large, small] = await download(
      { ...options, onProgress: ({ received }) => first.push(received) },
      ['data/big.parquet', 'config.json'],
    );
    assert.deepEqual(
      [readFileSync(large), readFileSync(small)],
      [Buffer.from(LARGE), bytesOf('config.json')],
    );
    const ranged = server.requests.filter(({ headers }) => headers.range !== undefined);
    assert.deepEqual(ranged.map(({ cdn, headers }) => [cdn, headers.range, headers['if-range']]).sort(), [
      [false, 'bytes=1234-', `"${sha256(LARGE)}"`],
      [false, 'bytes=3-', `"${gitHash(bytesOf('config.json'))}"`],
      [true, 'bytes=1234-', undefined],
    ]);
  });

  it('deletes a damaged part and downloads the whole file', async (t) => {
    const { options } = await setUp(t);
    for (const bytes of [
      new Uint8Array(500),
      new Uint8Array(LARGE.length),
      new Uint8Array(LARGE.length + 9),
    ]) {
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

  it('accepts the whole file from a server that ignores the requested range', async (t) => {
    const { server, options } = await setUp(t);
    server.fault = ({ cdn, headers }) => {
      if (!cdn) return undefined;
      return headers.range === undefined ? { cutAfter: 1000 } : { noRanges: true };
    };
    const [path] = await download(options, ['data/big.parquet']);
    assert.deepEqual(readFileSync(path), Buffer.from(LARGE));
  });

  it('gives up when nothing more arrives, keeps the part, and resumes it later', async (t) => {
    const { server, cacheDir, options } = await setUp(t);
    server.fault = ({ cdn, headers }) =>
      cdn ? { cutAfter: headers.range === undefined ? 1000 : 0 } : undefined;
    await assert.rejects(
      download(options, ['data/big.parquet']),
      isHubError('network', 'hub-download-stopped', {
        file: 'data/big.parquet',
        repository: ID.id,
        position: 1000,
        size: 3000,
        endpoint: server.url,
      }),
    );
    const [part] = blobs(cacheDir);
    assert.equal(part, `${sha256(LARGE)}.incomplete`);
    assert.deepEqual(
      readFileSync(join(cacheDir, 'datasets--tiny--tweets', 'blobs', part)),
      Buffer.from(LARGE.subarray(0, 1000)),
    );
    server.fault = () => undefined;
    server.requests.length = 0;
    const [path] = await download(options, ['data/big.parquet']);
    assert.deepEqual(readFileSync(path), Buffer.from(LARGE));
    assert.deepEqual(
      server.requests.filter(({ cdn }) => cdn).map(({ headers }) => headers.range),
      ['bytes=1000-'],
    );
  });

  it('gives up a silent connection after the idle time, but completes a file over a slow one', async (t) => {
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

  it('rejects with the reason of an aborted signal, keeps the part and releases its lock', async (t) => {
    const { server, cacheDir, options } = await setUp(t);
    const reason = new Error('stopped');
    const abort = new AbortController();
    const partial = join(cacheDir, 'datasets--tiny--tweets', 'blobs', `${sha256(LARGE)}.incomplete`);
    server.fault = ({ cdn }) => (cdn ? { stallAfter: 700 } : undefined);
    const running = download({ ...options, signal: abort.signal }, ['data/big.parquet']);
    const timer = setInterval(() => {
      // Only once something arrived: an empty part is not kept.
      if (existsSync(partial) && statSync(partial).size > 0) abort.abort(reason);
    }, 5);
    t.after(() => clearInterval(timer));
    await assert.rejects(running, (error) => error === reason);
    assert.deepEqual(blobs(cacheDir), [`${sha256(LARGE)}.incomplete`]);
    assert.deepEqual(readdirSync(join(cacheDir, '.locks', 'datasets--tiny--tweets')), []);
  });

  it('stops waiting for a busy server when the signal is aborted', async (t) => {
    const { server, options } = await setUp(t);
    server.fault = () => ({ status: 429, headers: { 'retry-after': '60' } });
    await assert.rejects(
      download({ ...options, signal: AbortSignal.timeout(50) }),
      (error: Error) => error.name === 'TimeoutError',
    );
  });
});
