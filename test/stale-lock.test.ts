import assert from 'node:assert/strict';
import fsPromises from 'node:fs/promises';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeStaleLock } from '#attune/stale-lock.js';
import { folder } from './support/folder.js';

test('a lock that is another’s by now is not even moved for a moment', async (t) => {
  const dir = folder(t, { lock: 'dead' });
  const lock = join(dir, 'lock');
  const { rename, writeFile } = fsPromises;
  // While one is about to remove the dead lock, another removes it and makes its own.
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

test('many processes remove a dead lock at once and leave nothing; a missing lock or folder is no error', async (t) => {
  const dir = folder(t);
  const lock = join(dir, 'lock');
  for (let i = 0; i < 10; i++) {
    writeFileSync(lock, 'dead');
    await Promise.all(Array.from({ length: 12 }, () => removeStaleLock(lock, 'dead')));
    assert.deepEqual(readdirSync(dir), []);
  }
  await removeStaleLock(lock, 'dead');
  await removeStaleLock(join(dir, 'nowhere', 'lock'), 'dead');
  assert.ok(!existsSync(join(dir, 'nowhere')));
});

test(
  'a process that died while removing the lock does not hold it for ever; a foreign file is left alone',
  { timeout: 60_000 },
  async (t) => {
    const whole = 'attune is removing a lock whose holder is gone\n';
    const leftWith = (text: string): string => folder(t, { lock: 'dead', 'lock.stale.partial': text });
    // Also where it died between making the file and writing it.
    const left = [whole, whole.slice(0, 9), ''].map(leftWith);
    const mine = leftWith('mine');
    // All wait for as long as somebody may be at it.
    await Promise.all([
      ...left.map((dir) => removeStaleLock(join(dir, 'lock'), 'dead')),
      assert.rejects(removeStaleLock(join(mine, 'lock'), 'dead'), { code: 'EEXIST' }),
    ]);
    for (const dir of left) assert.deepEqual(readdirSync(dir), []);
    assert.deepEqual(readdirSync(mine), ['lock', 'lock.stale.partial']);
    assert.equal(readFileSync(join(mine, 'lock.stale.partial'), 'utf8'), 'mine');
  },
);
