import type { TestContext } from 'node:test';

/**
 * Whoever looks at the clock finds that a slice of time is over: paced work gives way at every turn of its
 * loop, however fast this machine is.
 */
export function hurryClock(t: TestContext): void {
  let now = 0;
  t.mock.method(performance, 'now', () => {
    now += 1000;
    return now;
  });
}

/**
 * A signal that is aborted when the event loop next turns: work that keeps the thread to its end never hears
 * of it.
 */
export function abortNextTurn(): AbortSignal {
  const abort = new AbortController();
  setImmediate(() => abort.abort(new Error('enough')));
  return abort.signal;
}
