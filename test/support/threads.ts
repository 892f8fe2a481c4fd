import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';

/**
 * Watches the threads that start from now on. @returns checks that none is alive, and says how many there
 * were
 */
export function watchThreads(t: TestContext): () => number {
  const started: Worker[] = [];
  const watch = (worker: Worker): void => void started.push(worker);
  process.on('worker', watch);
  t.after(() => process.off('worker', watch));
  return () => {
    // Node's way to say that a thread has ended.
    assert.deepEqual(
      started.filter(({ threadId }) => threadId !== -1),
      [],
    );
    return started.length;
  };
}
