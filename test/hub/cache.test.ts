import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { UsageError } from '#attune/errors.js';
import { planPrune, pruneHubCache, removeFromCache, scanHubCache } from '#attune/hub/cache.js';
import { folder } from '../support/folder.js';

const COMMITS = ['a'.repeat(40), 'b'.repeat(40)];

function write(path: string, contents: string, daysAgo = 0): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
  const then = new Date(Date.now() - daysAgo * 24 * 3600 * 1000 - 1000);
  utimesSync(path, then, then);
}

/**
 * As Python and attune leave it: two revisions that share a blob, copies in place of links, unfinished
 * downloads, and what is none of ours.
 */
function cache(dir: string): void {
  const gpt2 = join(dir, 'models--openai-community--gpt2');
  write(join(gpt2, 'blobs', 'one'), '12345', 40);
  write(join(gpt2, 'blobs', 'two'), '123', 40);
  for (const [commit, blob, file] of [
    [COMMITS[0], 'one', 'w'],
    [COMMITS[1], 'one', 'w'],
    [COMMITS[1], 'two', 'sub/c'],
  ]) {
    const link = join(gpt2, 'snapshots', commit, file);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(gpt2, 'blobs', blob), link);
  }
  write(join(gpt2, 'refs', 'main'), COMMITS[1], 40);
  write(join(gpt2, 'refs', 'refs', 'pr', '1'), COMMITS[0], 40);
  write(join(dir, 'datasets--a--b', 'snapshots', COMMITS[0], 'x.csv'), '1234567', 2);
  write(join(dir, 'datasets--a--b', 'blobs', 'new.incomplete'), '12');
  write(join(dir, 'datasets--a--b', 'blobs', 'old.incomplete'), '123', 3);
  write(join(dir, 'datasets--a--b', 'blobs', 'held.incomplete'), '1234', 3);
  write(
    join(dir, '.locks', 'datasets--a--b', 'held.attune-lock'),
    JSON.stringify({ pid: process.pid, host: hostname(), token: 'x' }),
  );
  write(join(dir, 'models--a--b', 'blobs', 'one'), '1', 1);
  write(join(dir, 'CACHEDIR.TAG'), 'x');
  write(join(dir, 'mine', 'precious'), 'x');
  write(join(dir, 'models--..--evil', 'x'), 'x');
}

test('what lies in the cache: blobs counted once, revisions with their names, unfinished downloads', async (t) => {
  const dir = folder(t);
  cache(dir);
  const { repositories, size } = await scanHubCache(dir);
  assert.deepEqual(
    repositories.map(({ lastUsed, path, ...rest }) => ({
      ...rest,
      path: path.slice(dir.length + 1),
      days: Math.round((Date.now() - lastUsed.getTime()) / 86_400_000),
    })),
    [
      {
        type: 'dataset',
        id: 'a/b',
        path: 'datasets--a--b',
        size: 16,
        incomplete: 9,
        revisions: [{ commit: COMMITS[0], refs: [], files: 1 }],
        days: 0,
      },
      {
        type: 'model',
        id: 'openai-community/gpt2',
        path: 'models--openai-community--gpt2',
        size: 8,
        incomplete: 0,
        revisions: [
          { commit: COMMITS[0], refs: ['refs/pr/1'], files: 1 },
          { commit: COMMITS[1], refs: ['main'], files: 2 },
        ],
        days: 40,
      },
      { type: 'model', id: 'a/b', path: 'models--a--b', size: 1, incomplete: 0, revisions: [], days: 1 },
    ].sort((x, y) => y.size - x.size),
  );
  assert.equal(size, 16 + 8 + 1);
  assert.deepEqual(await scanHubCache(join(dir, 'nowhere')), {
    cacheDir: join(dir, 'nowhere'),
    size: 0,
    repositories: [],
  });
});

test('pruning by id, by age, and of unfinished downloads; nothing else is touched', async (t) => {
  const dir = folder(t);
  cache(dir);
  const before = readdirSync(dir);
  await assert.rejects(planPrune({ cacheDir: dir }), UsageError);
  await assert.rejects(planPrune({ cacheDir: dir, ids: ['gpt3'] }), /gpt3 is not in the cache/);
  await assert.rejects(planPrune({ cacheDir: dir, ids: ['a/b'] }), /both a dataset and a model/);
  assert.deepEqual(
    (await planPrune({ cacheDir: dir, olderThanDays: 30 })).map(({ id }) => id),
    ['openai-community/gpt2'],
  );
  assert.deepEqual(readdirSync(dir), before);

  const removed = await pruneHubCache({ cacheDir: dir, incomplete: true });
  assert.deepEqual(
    removed.map(({ path, size }) => [path, size]),
    [[join(dir, 'datasets--a--b', 'blobs', 'old.incomplete'), 3]],
  );
  assert.deepEqual(readdirSync(join(dir, 'datasets--a--b', 'blobs')), ['held.incomplete', 'new.incomplete']);

  await pruneHubCache({ cacheDir: dir, ids: ['models/a/b'] });
  await pruneHubCache({ cacheDir: dir, olderThanDays: 30 });
  assert.deepEqual(
    readdirSync(dir).sort(),
    before.filter((name) => name !== 'models--a--b' && name !== 'models--openai-community--gpt2').sort(),
  );
  await pruneHubCache({ cacheDir: dir, ids: ['a/b'] });
  assert.deepEqual(readdirSync(join(dir, '.locks')), []);
  assert.ok(existsSync(join(dir, 'mine', 'precious')) && existsSync(join(dir, 'models--..--evil', 'x')));
});

test('links out of the cache are neither followed nor removed through', async (t) => {
  const dir = folder(t);
  const outside = folder(t, { precious: 'x' });
  symlinkSync(outside, join(dir, 'models--a--linked'));
  mkdirSync(join(dir, 'models--a--b', 'snapshots'), { recursive: true });
  symlinkSync(outside, join(dir, 'models--a--b', 'blobs'));
  symlinkSync(outside, join(dir, 'models--a--b', 'snapshots', COMMITS[0]));
  assert.deepEqual(
    (await scanHubCache(dir)).repositories.map(({ id }) => id),
    ['a/b'],
  );
  const base = { type: 'model', id: 'a/b', size: 0 } as const;
  for (const path of [
    join(outside, 'precious'),
    dir,
    join(dir, '..', 'x'),
    join(dir, 'mine'),
    join(dir, 'models--a--b', 'blobs', 'precious'),
  ]) {
    await assert.rejects(
      removeFromCache([{ ...base, path }], dir),
      /is not of the cache|is reached by a link/,
    );
  }
  await pruneHubCache({ cacheDir: dir, ids: ['a/b'] });
  assert.ok(existsSync(join(outside, 'precious')));
  assert.ok(!existsSync(join(dir, 'models--a--b')));
});
