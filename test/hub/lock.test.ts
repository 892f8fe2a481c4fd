/** A lock between processes, as a file. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHeld, withLock } from '#attune/hub/lock.js';
import { folder } from '../support/folder.js';

/** A lock file whose process has ended. */
function deadLock(): string {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  return JSON.stringify({ pid, host: hostname(), token: 'a' });
}

describe('withLock', () => {
  it('runs one piece of work at a time, also if one throws, and removes the lock file', async (t) => {
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

  it('takes over the lock of a dead process at once', async (t) => {
    const lock = join(folder(t), 'x.lock');
    writeFileSync(lock, deadLock());
    assert.equal(await withLock(lock, () => Promise.resolve(1)), 1);
    assert.equal(existsSync(lock), false);
  });

  it('takes over the lock of another machine, or a broken one, if nobody renews it', async (t) => {
    const lock = join(folder(t), 'x.lock');
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

  it('gives the lock of a dead process to many that wait for it, one at a time', async (t) => {
    const lock = join(folder(t), 'x.lock');
    const counter = join(folder(t, { counter: '0' }), 'counter');
    writeFileSync(lock, deadLock());
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

  it('stops waiting when the signal is aborted', async (t) => {
    const lock = join(folder(t), 'x.lock');
    writeFileSync(lock, JSON.stringify({ pid: process.pid, host: hostname(), token: 'a' }));
    await assert.rejects(
      withLock(lock, () => assert.fail(), { signal: AbortSignal.timeout(30) }),
      { name: 'TimeoutError' },
    );
  });
});

describe('isHeld', () => {
  it('tells the lock of a running process from that of a dead one', async (t) => {
    const lock = join(folder(t), 'x.lock');
    writeFileSync(lock, deadLock());
    assert.equal(await isHeld(lock), false);
    writeFileSync(lock, JSON.stringify({ pid: process.pid, host: hostname(), token: 'a' }));
    assert.equal(await isHeld(lock), true);
  });
});
