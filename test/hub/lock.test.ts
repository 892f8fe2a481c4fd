import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHeld, withLock } from '#attune/hub/lock.js';
import { folder } from '../support/folder.js';

test('one at a time, whatever is thrown, and the file goes away', async (t) => {
  const lock = join(folder(t), 'deep', 'x.lock');
  let inside = 0;
  const waits: number[] = [];
  const work = async (i: number): Promise<number> =>
    withLock(
      lock,
      async () => {
        assert.equal(++inside, 1);
        assert.ok(await isHeld(lock));
        await sleep(5);
        inside--;
        if (i === 2) throw new Error('two');
        return i;
      },
      { onWait: () => waits.push(i) },
    );
  const results = await Promise.allSettled([0, 1, 2, 3].map(work));
  assert.deepEqual(
    results.map((result) =>
      result.status === 'fulfilled' ? result.value : (result.reason as Error).message,
    ),
    [0, 1, 'two', 3],
  );
  assert.equal(waits.length, new Set(waits).size);
  assert.equal(existsSync(lock), false);
});

test('the lock of a dead process is taken over at once, that of another machine after its time', async (t) => {
  const lock = join(folder(t), 'x.lock');
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  writeFileSync(lock, JSON.stringify({ pid: dead, host: hostname(), token: 'a' }));
  assert.equal(await isHeld(lock), false);
  assert.equal(await withLock(lock, () => Promise.resolve(1)), 1);
  for (const text of [JSON.stringify({ pid: 1, host: 'elsewhere', token: 'b' }), '', 'not json']) {
    writeFileSync(lock, text);
    let waited = false;
    assert.equal(
      await withLock(lock, () => Promise.resolve(2), {
        staleAfter: 150,
        onWait: () => {
          waited = true;
        },
      }),
      2,
    );
    assert.ok(waited);
  }
  assert.equal(existsSync(lock), false);
});

test('many who wait for a dead one’s lock get it one after the other', async (t) => {
  const lock = join(folder(t), 'x.lock');
  const counter = join(folder(t, { counter: '0' }), 'counter');
  writeFileSync(
    lock,
    JSON.stringify({ pid: spawnSync(process.execPath, ['-e', '']).pid, host: hostname(), token: 'a' }),
  );
  await Promise.all(
    Array.from({ length: 8 }, () =>
      withLock(lock, async () => {
        const value = Number(readFileSync(counter, 'utf8'));
        await sleep(2);
        writeFileSync(counter, String(value + 1));
      }),
    ),
  );
  assert.equal(readFileSync(counter, 'utf8'), '8');
});

test('waiting ends with the signal', async (t) => {
  const lock = join(folder(t), 'x.lock');
  writeFileSync(lock, JSON.stringify({ pid: process.pid, host: hostname(), token: 'a' }));
  await assert.rejects(
    withLock(lock, () => assert.fail(), { signal: AbortSignal.timeout(30) }),
    { name: 'TimeoutError' },
  );
});
