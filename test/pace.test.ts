import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from '#attune/pace.js';

/** Keeps the thread until a rest is due, as long work does. */
async function step(pace: Pace): Promise<void> {
  while (!pace.due);
  await pace.rest();
}

test('timers run while paced work goes on', async () => {
  const pace = new Pace();
  let fired = false;
  setTimeout(() => {
    fired = true;
  });
  while (!fired) await step(pace);
});

test('work is ended by the first rest after its signal is aborted, with the signal’s reason', async () => {
  const abort = new AbortController();
  const pace = new Pace(abort.signal);
  await step(pace);
  abort.abort(new Error('enough'));
  await assert.rejects(step(pace), /enough/);
});

test('no rest is due right after one', async () => {
  const pace = new Pace();
  await step(pace);
  assert.equal(pace.due, false);
});
