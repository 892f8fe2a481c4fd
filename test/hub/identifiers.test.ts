/** Ids, revisions and file names of the Hub, and what a name on the command line stands for. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join, posix, win32 } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { UsageError } from '#attune/errors/attune-error.js';
import { HubError } from '#attune/hub/hub-error.js';
import {
  displayName,
  folderName,
  isRepositoryId,
  isRevision,
  locate,
  looksLikePath,
  parseRepositoryId,
  requireSafePath,
} from '#attune/hub/identifiers.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';
import { isHubError } from './fixture.js';

/** Makes a temporary folder the working directory of the test. */
function workIn(t: TestContext, files: Readonly<Record<string, string>> = {}): void {
  const cwd = process.cwd();
  t.after(() => process.chdir(cwd));
  process.chdir(folder(t, files));
}

describe('isRepositoryId', () => {
  it('accepts the ids that huggingface_hub accepts, and no others', () => {
    for (const id of ['foo', 'foo/bar', '123', 'Foo-BAR_foo.bar123', 'openai-community/gpt2', 'a', '_a/b_'])
      assert.ok(isRepositoryId(id), id);
    for (const id of [
      '',
      'datasets/foo/bar',
      '.repo_id',
      'foo--bar',
      'foo.git',
      'a..b',
      '-a',
      'a-',
      'a/',
      '/a',
      'a b',
      'ä',
      'a\\b',
      'a/../b',
      'x'.repeat(97),
    ])
      assert.ok(!isRepositoryId(id), id);
  });
});

describe('isRevision', () => {
  it('accepts branches, tags and commits, but no path out of the folder of references', () => {
    for (const revision of [
      'main',
      'v1.0',
      'refs/pr/1',
      'refs/convert/parquet',
      'feature/a-b_c',
      '0'.repeat(40),
      '1.0+x',
    ])
      assert.ok(isRevision(revision), revision);
    for (const revision of [
      '',
      '..',
      '../main',
      'a/../b',
      '/main',
      'main/',
      'a//b',
      '.git',
      'a/.b',
      'a.lock',
      'a\\b',
      'a b',
      'a\0',
      '-x',
      'a:b',
      'a.',
      'x'.repeat(251),
    ])
      assert.ok(!isRevision(revision), revision);
  });
});

describe('parseRepositoryId', () => {
  it('splits an id from its revision, which is main by default', () => {
    assert.deepEqual(parseRepositoryId('openai-community/gpt2@refs/pr/1', 'model'), {
      type: 'model',
      id: 'openai-community/gpt2',
      revision: 'refs/pr/1',
    });
    assert.deepEqual(parseRepositoryId('gpt2', 'model'), { type: 'model', id: 'gpt2', revision: 'main' });
    assert.equal(parseRepositoryId('not an id', 'model'), undefined);
  });

  it('refuses two revisions, and a revision that leads out of the folder of references', () => {
    assert.throws(
      () => parseRepositoryId('a/b@v1', 'model', 'v2'),
      refusal(UsageError, 'hub-revisions-conflict', { name: 'a/b@v1', revision: 'v2' }),
    );
    assert.throws(
      () => parseRepositoryId('a/b@../x', 'model'),
      refusal(UsageError, 'hub-revision-invalid', { id: 'a/b', revision: '../x' }),
    );
  });
});

describe('displayName', () => {
  it('shows a revision other than main', () => {
    assert.equal(displayName(parseRepositoryId('gpt2', 'model')!), 'gpt2');
    assert.equal(displayName(parseRepositoryId('a/b', 'model', 'v2')!), 'a/b@v2');
  });
});

describe('folderName', () => {
  it('names the folder in the cache as huggingface_hub does', () => {
    assert.equal(folderName({ type: 'dataset', id: 'mteb/tweets' }), 'datasets--mteb--tweets');
  });
});

describe('locate', () => {
  it('takes a name that exists as a file or folder as its path', (t) => {
    workIn(t, { 'a@b': '' });
    mkdirSync(join('owner', 'name'), { recursive: true });
    assert.deepEqual(locate('owner/name', 'model'), { path: 'owner/name' });
    assert.deepEqual(locate('a@b', 'model'), { path: 'a@b' });
  });

  it('takes what can only be a path as a path, also if nothing is there', (t) => {
    workIn(t);
    for (const path of [
      './gpt2',
      '../gpt2',
      '/gpt2',
      '~/gpt2',
      'C:\\gpt2',
      'a/b/c',
      'gpt2/',
      'reviews.csv',
      '.',
      '',
    ]) {
      assert.ok(looksLikePath(path), path);
      assert.deepEqual(locate(path, 'model'), { path });
    }
  });

  it('takes any other id as a repository on the Hub', (t) => {
    workIn(t);
    assert.deepEqual(locate('gpt2', 'model'), {
      repository: { type: 'model', id: 'gpt2', revision: 'main' },
    });
  });

  it('refuses what is neither a path nor an id', (t) => {
    workIn(t);
    assert.throws(
      () => locate('my model', 'model'),
      refusal(UsageError, 'hub-name-neither-path-nor-id', {
        name: 'my model',
        path: join(process.cwd(), 'my model'),
        type: 'model',
      }),
    );
  });
});

describe('requireSafePath', () => {
  it('refuses a file name that leads out of the folder, or that not every system takes', () => {
    for (const path of [
      '../x',
      'a/../../x',
      '/etc/passwd',
      'C:\\x',
      'C:x',
      'a/C:x',
      '\\\\host\\x',
      'a\\..\\x',
      'a//b',
      './a',
      'a/.',
      '',
      'a\0b',
      'a\nb',
      '..',
    ]) {
      assert.throws(
        () => requireSafePath(path, 'a/b'),
        isHubError('unsafe-name', 'hub-file-name-unsafe', { repository: 'a/b', file: path }),
        path,
      );
    }
  });

  it('accepts relative names with any other characters', () => {
    for (const path of [
      'config.json',
      'data/train-00000-of-00001.parquet',
      'a..b',
      '.gitattributes',
      'ä/ö ü.csv',
      '%2e%2e/x',
    ])
      assert.equal(requireSafePath(path, 'a/b'), path);
  });

  it('accepts no name that leads out of the folder on POSIX or Windows', () => {
    let accepted = 0;
    const pieces = fc.constantFrom('..', '.', '/', '\\', 'a', 'C:', '\0', ' ', '%', '~');
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
        (path) => {
          try {
            requireSafePath(path, 'a/b');
          } catch (error) {
            assert.ok(error instanceof HubError);
            return;
          }
          accepted++;
          assert.ok(posix.join('/cache', path).startsWith('/cache/'));
          assert.ok(win32.join('C:\\cache', path).startsWith('C:\\cache\\'));
        },
      ),
      { seed: 5 },
    );
    assert.ok(accepted > 10, `${accepted} accepted`);
  });
});
