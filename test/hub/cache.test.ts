/** What the cache of the Hub holds, and what is removed from it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { UsageError } from '#attune/errors/attune-error.js';
import { planPrune, pruneHubCache, removeFromCache, scanHubCache } from '#attune/hub/cache.js';
import { HubError } from '#attune/hub/hub-error.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

const COMMITS = ['a'.repeat(40), 'b'.repeat(40)];

function write(path: string, contents: string, daysAgo = 0): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
  const then = new Date(Date.now() - daysAgo * 24 * 3600 * 1000 - 1000);
  utimesSync(path, then, then);
}

/**
 * A cache as huggingface_hub and attune leave it: two revisions that share a blob, a copy in place of a link,
 * incomplete downloads, and files of other programs.
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

/** A folder of another program, and links to it in the cache, in place of a repository and in one (a/b). */
function linkedCache(t: TestContext): { readonly dir: string; readonly outside: string } {
  const dir = folder(t);
  const outside = folder(t, { precious: 'x' });
  symlinkSync(outside, join(dir, 'models--a--linked'));
  mkdirSync(join(dir, 'models--a--b', 'snapshots'), { recursive: true });
  symlinkSync(outside, join(dir, 'models--a--b', 'blobs'));
  symlinkSync(outside, join(dir, 'models--a--b', 'snapshots', COMMITS[0]));
  return { dir, outside };
}

describe('scanHubCache', () => {
  it('lists repositories by size with their revisions, and counts shared blobs once', async (t) => {
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
  });

  it('gives no repositories for a folder that does not exist', async (t) => {
    const nowhere = join(folder(t), 'nowhere');
    assert.deepEqual(await scanHubCache(nowhere), {
      cacheDir: nowhere,
      size: 0,
      repositories: [],
    });
  });

  it('reports a cache folder that is a file', async (t) => {
    const path = join(folder(t, { hub: 'x' }), 'hub');
    await assert.rejects(scanHubCache(path), refusal(HubError, 'cache-unreadable', { path }));
  });

  it('does not follow links out of the cache', async (t) => {
    const { dir } = linkedCache(t);
    assert.deepEqual(
      (await scanHubCache(dir)).repositories.map(({ id }) => id),
      ['a/b'],
    );
  });

  it('ignores a folder whose kind is a property of every object, and prunes nothing in it', async (t) => {
    const dir = folder(t);
    const names = ['constructor--foo', 'toString--a--b', '__proto__--foo'];
    for (const name of names) write(join(dir, name, 'blobs', 'one'), 'x', 40);
    assert.deepEqual((await scanHubCache(dir)).repositories, []);
    await assert.rejects(
      pruneHubCache({ cacheDir: dir, ids: ['foo'] }),
      refusal(UsageError, 'cache-entry-unknown', { given: 'foo', cacheDir: dir }),
    );
    assert.deepEqual(await pruneHubCache({ cacheDir: dir, olderThanDays: 30 }), []);
    await assert.rejects(
      removeFromCache([{ type: 'model', id: 'foo', path: join(dir, names[0]), size: 1 }], dir),
      /is not of the cache/,
    );
    assert.deepEqual(readdirSync(dir).sort(), [...names].sort());
  });

  it('ignores what is not named after a commit in snapshots, and snapshots that are files', async (t) => {
    const dir = folder(t);
    write(join(dir, 'models--a--files', 'snapshots'), 'x');
    write(join(dir, 'models--a--files', 'refs'), COMMITS[0]);
    write(join(dir, 'models--a--visited', 'snapshots', '.DS_Store'), 'x');
    write(join(dir, 'models--a--visited', 'snapshots', COMMITS[0], 'config.json'), '{}');
    write(join(dir, 'models--a--visited', 'refs', '.DS_Store'), 'x');
    const { repositories } = await scanHubCache(dir);
    assert.deepEqual(Object.fromEntries(repositories.map(({ id, revisions }) => [id, revisions])), {
      'a/files': [],
      'a/visited': [{ commit: COMMITS[0], refs: [], files: 1 }],
    });
  });
});

describe('planPrune', () => {
  it('refuses no selection, an id that is not in the cache, and an id of two repositories', async (t) => {
    const dir = folder(t);
    cache(dir);
    await assert.rejects(planPrune({ cacheDir: dir }), refusal(UsageError, 'cache-prune-unspecified'));
    await assert.rejects(
      planPrune({ cacheDir: dir, ids: ['gpt3'] }),
      refusal(UsageError, 'cache-entry-unknown', { given: 'gpt3', cacheDir: dir }),
    );
    await assert.rejects(
      planPrune({ cacheDir: dir, ids: ['a/b'] }),
      refusal(UsageError, 'cache-entry-ambiguous', {
        given: 'a/b',
        entries: [
          { type: 'dataset', id: 'a/b' },
          { type: 'model', id: 'a/b' },
        ],
      }),
    );
  });

  it('selects the repositories that were not used for some days, and removes nothing', async (t) => {
    const dir = folder(t);
    cache(dir);
    const before = readdirSync(dir);
    assert.deepEqual(
      (await planPrune({ cacheDir: dir, olderThanDays: 30 })).map(({ id }) => id),
      ['openai-community/gpt2'],
    );
    assert.deepEqual(readdirSync(dir), before);
  });
});

describe('pruneHubCache', () => {
  it('removes old incomplete downloads, but none that a running process holds', async (t) => {
    const dir = folder(t);
    cache(dir);
    const removed = await pruneHubCache({ cacheDir: dir, incomplete: true });
    assert.deepEqual(
      removed.map(({ path, size }) => [path, size]),
      [[join(dir, 'datasets--a--b', 'blobs', 'old.incomplete'), 3]],
    );
    assert.deepEqual(readdirSync(join(dir, 'datasets--a--b', 'blobs')), [
      'held.incomplete',
      'new.incomplete',
    ]);
  });

  it('removes repositories by id or age, with their locks, and nothing else', async (t) => {
    const dir = folder(t);
    cache(dir);
    const before = readdirSync(dir);
    await pruneHubCache({ cacheDir: dir, ids: ['models/a/b'] });
    await pruneHubCache({ cacheDir: dir, olderThanDays: 30 });
    assert.deepEqual(
      readdirSync(dir).sort(),
      before.filter((name) => name !== 'models--a--b' && name !== 'models--openai-community--gpt2').sort(),
    );
    await pruneHubCache({ cacheDir: dir, ids: ['a/b'] });
    assert.deepEqual(readdirSync(join(dir, '.locks')), []);
    assert.ok(!existsSync(join(dir, 'datasets--a--b')));
    assert.ok(existsSync(join(dir, 'mine', 'precious')) && existsSync(join(dir, 'models--..--evil', 'x')));
  });

  it('removes links out of the cache, but not what they point to', async (t) => {
    const { dir, outside } = linkedCache(t);
    await pruneHubCache({ cacheDir: dir, ids: ['a/b'] });
    assert.ok(existsSync(join(outside, 'precious')));
    assert.ok(!existsSync(join(dir, 'models--a--b')));
  });
});

describe('removeFromCache', () => {
  it('refuses paths outside of the cache, its own folder, and paths through links', async (t) => {
    const { dir, outside } = linkedCache(t);
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
    assert.ok(existsSync(join(outside, 'precious')));
  });
});
