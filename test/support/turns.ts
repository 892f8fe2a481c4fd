import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { InterruptedError } from '#attune/errors/attune-error.js';

/**
 * How often work gives way to the event loop, if every occasion is taken: its clock is so fast that a rest is
 * always due. It is aborted at the first turn of the event loop, at the second and so on, and must end with
 * the signal's reason, until it is done before. Nothing here depends on how fast anything is.
 *
 * @returns the last turn at which it was aborted; above the eighth, not each is tried
 */
export async function turnsOf(
  t: TestContext,
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<number> {
  let clock = 0;
  const mocked = t.mock.method(performance, 'now', () => {
    clock += 1000;
    return clock;
  });
  try {
    let last = 0;
    for (let turn = 1; await isAborted(work, turn); turn += Math.ceil(turn / 8)) last = turn;
    return last;
  } finally {
    mocked.mock.restore();
  }
}

async function isAborted(work: (signal: AbortSignal) => Promise<unknown>, turn: number): Promise<boolean> {
  const reason = new InterruptedError('interrupted', {});
  const abort = new AbortController();
  let [left, over] = [turn, false];
  const count = (): void => {
    left--;
    if (left === 0) abort.abort(reason);
    else if (!over) setImmediate(count);
  };
  setImmediate(count);
  try {
    await work(abort.signal);
    return false;
  } catch (error) {
    assert.equal(error, reason);
    return true;
  } finally {
    over = true;
  }
}
