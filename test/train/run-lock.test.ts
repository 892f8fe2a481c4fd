/** One run at a time in a folder, and locks of processes that have ended. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AttuneError, UsageError } from '#attune/errors/attune-error.js';
import { LOCK_FILE, RunLock } from '#attune/train/run-lock.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';

const readHolder = (dir: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(dir, LOCK_FILE), 'utf8')) as Record<string, unknown>;

/** What an error reports of a holder. */
const holderIn = (dir: string): { pid: number; host: string; since: string } => {
  const { pid, host, since } = readHolder(dir);
  return { pid: pid as number, host: host as string, since: since as string };
};

/** The text of a lock of this process, with some fields changed. */
async function holderWith(dir: string, changes: Readonly<Record<string, unknown>>): Promise<string> {
  const lock = new RunLock(dir);
  await lock.acquire();
  const holder = readHolder(dir);
  await lock.release();
  return `${JSON.stringify({ ...holder, ...changes })}\n`;
}

/** The id of a process that has just ended. */
function endedProcess(): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
    child.on('close', () => resolve(child.pid!));
  });
}

describe('RunLock.acquire', () => {
  it('admits one holder at a time, names it to others, and leaves no file after release', async (t) => {
    const dir = folder(t);
    const [first, second] = [new RunLock(dir), new RunLock(dir)];
    await first.acquire();
    await first.acquire();
    const holder = holderIn(dir);
    assert.equal(holder.pid, process.pid);
    assert.match(holder.since, /^20.*Z$/);
    await assert.rejects(
      second.acquire(),
      refusal(UsageError, 'run-folder-locked', { dir, holder, lock: undefined }),
    );
    assert.deepEqual(readdirSync(dir), [LOCK_FILE]);
    await second.release();
    assert.deepEqual(readdirSync(dir), [LOCK_FILE], 'only the holder releases a lock');
    await first.release();
    assert.deepEqual(readdirSync(dir), []);
    await second.acquire();
    await second.release();
  });

  it('admits one of 20 simultaneous attempts', async (t) => {
    const dir = folder(t);
    const locks = Array.from({ length: 20 }, () => new RunLock(dir));
    const results = await Promise.allSettled(locks.map((lock) => lock.acquire()));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    await Promise.all(locks.map((lock) => lock.release()));
    assert.deepEqual(readdirSync(dir), []);
  });

  it('takes over the lock of a process that has ended or whose id belongs to another one', async (t) => {
    const dir = folder(t);
    const stale = [
      { pid: await endedProcess() },
      { pid: process.ppid, started: '1' },
      { pid: await endedProcess(), scope: null },
    ];
    for (const changes of process.platform === 'linux' ? stale : stale.slice(2)) {
      writeFileSync(join(dir, LOCK_FILE), await holderWith(dir, changes));
      const locks = Array.from({ length: 10 }, () => new RunLock(dir));
      const results = await Promise.allSettled(locks.map((lock) => lock.acquire()));
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1, JSON.stringify(changes));
      await Promise.all(locks.map((lock) => lock.release()));
      assert.ok(!existsSync(join(dir, LOCK_FILE)));
    }
  });

  it('respects the lock of another host for two minutes after its last heartbeat', async (t) => {
    const dir = folder(t);
    const path = join(dir, LOCK_FILE);
    writeFileSync(path, await holderWith(dir, { host: 'elsewhere', scope: 'another boot pid:[1]', pid: 1 }));
    await assert.rejects(
      new RunLock(dir).acquire(),
      refusal(UsageError, 'run-folder-locked', { dir, holder: holderIn(dir), lock: path }),
    );
    const old = new Date(Date.now() - 121_000);
    utimesSync(path, old, old);
    const lock = new RunLock(dir);
    await lock.acquire();
    await lock.release();
    assert.deepEqual(readdirSync(dir), []);
  });

  it('refuses anything else under the name of the lock, however old, and leaves it', async (t) => {
    const old = new Date(Date.now() - 1e9);
    for (const text of ['', 'mine', '{"pid": "x"}', 'null', '\0\0\0', '{"pid": 1}']) {
      const dir = folder(t, { [LOCK_FILE]: text });
      utimesSync(join(dir, LOCK_FILE), old, old);
      await assert.rejects(
        new RunLock(dir).acquire(),
        refusal(UsageError, 'run-lock-foreign', { dir, lock: join(dir, LOCK_FILE) }),
      );
      assert.deepEqual(readdirSync(dir), [LOCK_FILE]);
      assert.equal(readFileSync(join(dir, LOCK_FILE), 'utf8'), text);
    }
    const dir = folder(t);
    for (const make of [
      () => symlinkSync('nowhere', join(dir, LOCK_FILE)),
      () => mkdirSync(join(dir, LOCK_FILE)),
    ]) {
      make();
      await assert.rejects(
        new RunLock(dir).acquire(),
        refusal(UsageError, 'run-lock-foreign', { dir, lock: join(dir, LOCK_FILE) }),
      );
      assert.deepEqual(readdirSync(dir), [LOCK_FILE]);
      rmSync(join(dir, LOCK_FILE), { recursive: true });
    }
  });

  it('removes the attempts of dead processes, but not those of live ones or similar files', async (t) => {
    const dir = folder(t);
    const attempt = (digit: number): string =>
      `${LOCK_FILE}.0000000${digit}-0000-4000-8000-000000000000.partial`;
    writeFileSync(join(dir, attempt(1)), await holderWith(dir, { pid: await endedProcess() }));
    writeFileSync(join(dir, attempt(2)), '');
    writeFileSync(join(dir, attempt(3)), await holderWith(dir, {}));
    writeFileSync(join(dir, attempt(4)), 'mine');
    writeFileSync(join(dir, `${LOCK_FILE}.mine.partial`), '');
    mkdirSync(join(dir, attempt(5)));
    const removal = `${LOCK_FILE}.stale.partial`;
    writeFileSync(join(dir, removal), 'attune is removing a lock whose holder is gone\n');
    utimesSync(join(dir, removal), new Date(0), new Date(0));
    const lock = new RunLock(dir);
    await lock.acquire();
    await lock.release();
    const kept = [...(process.platform === 'linux' ? [] : [1]), 3, 4, 5].map(attempt);
    assert.deepEqual(readdirSync(dir).sort(), [...kept, `${LOCK_FILE}.mine.partial`].sort());
  });
});

describe('RunLock.assertHeld', () => {
  it('rejects once another process has taken the lock, and leaves the new lock as it is', async (t) => {
    const dir = folder(t);
    const path = join(dir, LOCK_FILE);
    t.mock.timers.enable({ apis: ['setInterval'] });
    const lock = new RunLock(dir);
    await lock.acquire();
    await lock.assertHeld();
    const other = readFileSync(path, 'utf8').replace(/"nonce":"[^"]*"/, '"nonce":"other"');
    // The other process may write into the same file.
    writeFileSync(path, other);
    t.mock.timers.tick(30_000);
    await sleep(50);
    await assert.rejects(
      lock.assertHeld(),
      refusal(AttuneError, 'run-lock-lost', { dir, takenBy: holderIn(dir) }),
    );
    await lock.release();
    assert.equal(readFileSync(path, 'utf8'), other);
  });
});
