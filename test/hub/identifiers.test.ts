import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join, posix, win32 } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { UsageError } from '#attune/errors.js';
import { HubError } from '#attune/hub/errors.js';
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

test('ids are those that huggingface_hub accepts', () => {
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

test('revisions are branches, tags and commits, and nothing that leaves the folder of references', () => {
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

test('an id with its revision, folder and name', () => {
  assert.deepEqual(parseRepositoryId('openai-community/gpt2@refs/pr/1', 'model'), {
    type: 'model',
    id: 'openai-community/gpt2',
    revision: 'refs/pr/1',
  });
  const gpt2 = parseRepositoryId('gpt2', 'model')!;
  assert.equal(gpt2.revision, 'main');
  assert.equal(displayName(gpt2), 'gpt2');
  assert.equal(displayName(parseRepositoryId('a/b', 'model', 'v2')!), 'a/b@v2');
  assert.equal(folderName({ type: 'dataset', id: 'mteb/tweets' }), 'datasets--mteb--tweets');
  assert.equal(parseRepositoryId('not an id', 'model'), undefined);
  assert.throws(() => parseRepositoryId('a/b@v1', 'model', 'v2'), UsageError);
  assert.throws(
    () => parseRepositoryId('a/b@../x', 'model'),
    /"\.\.\/x" is not the name of a branch, a tag or a commit/,
  );
});

test('what is here wins, what can only be a path is one, and the rest is an id or an error that names both', (t) => {
  const cwd = process.cwd();
  t.after(() => process.chdir(cwd));
  process.chdir(folder(t, { 'a@b': '' }));
  mkdirSync(join('owner', 'name'), { recursive: true });
  assert.deepEqual(locate('owner/name', 'model'), { path: 'owner/name' });
  assert.deepEqual(locate('a@b', 'model'), { path: 'a@b' });
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
  assert.deepEqual(locate('gpt2', 'model'), { repository: { type: 'model', id: 'gpt2', revision: 'main' } });
  assert.throws(
    () => locate('my model', 'model'),
    (error: UsageError) =>
      error.message.includes(join(process.cwd(), 'my model')) && error.message.includes('on the Hub'),
  );
});

test('a file name of a repository never leads outside its folder', () => {
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
      (error: HubError) => error instanceof HubError && error.code === 'unsafe-name',
      path,
    );
  }
  for (const path of [
    'config.json',
    'data/train-00000-of-00001.parquet',
    'a..b',
    '.gitattributes',
    'ä/ö ü.csv',
    '%2e%2e/x',
  ])
    assert.equal(requireSafePath(path, 'a/b'), path);
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
        assert.ok(posix.join('/cache', path).startsWith('/cache/'));
        assert.ok(win32.join('C:\\cache', path).startsWith('C:\\cache\\'));
      },
    ),
  );
});
