import assert from 'node:assert/strict';
import fsPromises from 'node:fs/promises';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { removeStaleLock } from '#attune/stale-lock.js';
import { folder } from './support/folder.js';

describe('removeStaleLock', () => {
  it('does not touch a lock that another process has taken in the meantime', async (t) => {
    const dir = folder(t, { lock: 'dead' });
    const lock = join(dir, 'lock');
    const { rename, writeFile } = fsPromises;
    // While this process is about to remove the dead lock, another one removes it and makes its own.
    const mocks = [
      t.mock.method(fsPromises, 'writeFile', async (path: string, contents: string, options: object) => {
        await writeFile(path, contents, options);
        writeFileSync(lock, 'alive');
      }),
      t.mock.method(fsPromises, 'rename', rename),
    ];
    syncBuiltinESMExports();
    try {
      await removeStaleLock(lock, 'dead');
    } finally {
      for (const { mock } of mocks) mock.restore();
      syncBuiltinESMExports();
    }
    assert.equal(mocks[1].mock.callCount(), 0);
    assert.equal(readFileSync(lock, 'utf8'), 'alive');
    assert.deepEqual(readdirSync(dir), ['lock']);
  });

  it('removes a dead lock for many callers at once and leaves no file', async (t) => {
    const dir = folder(t);
    const lock = join(dir, 'lock');
    for (let i = 0; i < 10; i++) {
      writeFileSync(lock, 'dead');
      await Promise.all(Array.from({ length: 12 }, () => removeStaleLock(lock, 'dead')));
      assert.deepEqual(readdirSync(dir), []);
    }
  });

  it('accepts a lock or a folder that does not exist', async (t) => {
    const dir = folder(t);
    await removeStaleLock(join(dir, 'lock'), 'dead');
    await removeStaleLock(join(dir, 'nowhere', 'lock'), 'dead');
    assert.ok(!existsSync(join(dir, 'nowhere')));
  });

  it(
    'takes over from a process that died while removing the lock, and keeps a foreign file',
    { timeout: 60_000 },
    async (t) => {
      const whole = 'attune is removing a lock whose holder is gone\n';
      const leftWith = (text: string): string => folder(t, { lock: 'dead', 'lock.stale.partial': text });
      // The process may also have died between making the file and writing it.
      const left = [whole, whole.slice(0, 9), ''].map(leftWith);
      const mine = leftWith('mine');
      // All of them wait for as long as another process may still be removing the lock.
      await Promise.all([
        ...left.map((dir) => removeStaleLock(join(dir, 'lock'), 'dead')),
        assert.rejects(removeStaleLock(join(mine, 'lock'), 'dead'), { code: 'EEXIST' }),
      ]);
      for (const dir of left) assert.deepEqual(readdirSync(dir), []);
      assert.deepEqual(readdirSync(mine), ['lock', 'lock.stale.partial']);
      assert.equal(readFileSync(join(mine, 'lock.stale.partial'), 'utf8'), 'mine');
    },
  );
});
