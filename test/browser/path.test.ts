import assert from 'node:assert/strict';
import { posix, win32 as nodeWin32 } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { basename, dirname, join, resolve, win32 } from '#attune/browser/node/path.js';

const path = fc
  .array(fc.constantFrom('a', 'bc', '.', '..', '/', '//', 'x.y', ' ', '\n'), { maxLength: 8 })
  .map((parts) => parts.join('/').replace(/\/{4,}/g, '/'));

describe('browser/node/path', () => {
  it('joins, resolves and splits paths as posix does, relative to /', () => {
    fc.assert(
      fc.property(path, path, (a, b) => {
        // Node keeps a slash at the end of what it joins; nothing here depends on it.
        assert.equal(join(a, b), posix.join(a, b).replace(/(?<=.)\/$/s, ''));
        assert.equal(resolve(a, b), posix.resolve('/', a, b));
        assert.equal(basename(a), posix.basename(a));
      }),
    );
    for (const each of ['a', '/a', 'a/b', '/a/b', '/', 'a/b/', '', '.'])
      assert.equal(dirname(each), posix.dirname(each), each);
  });

  it('returns the basename of Windows paths as win32 does', () => {
    for (const each of ['a', 'a\\b', 'C:\\x', 'C:x', '..\\a', 'a/b', '\\\\h\\s\\f'])
      assert.equal(win32.basename(each), nodeWin32.basename(each), each);
  });
});
