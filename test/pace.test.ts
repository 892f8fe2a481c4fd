import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pace } from '#attune/pace.js';

/** Keeps the thread busy until a rest is due, as long work does, and takes it. */
async function step(pace: Pace): Promise<void> {
  while (!pace.due);
  await pace.rest();
}

/** Far more than a timer needs that is due at once: each rest is a turn of the event loop. */
const MOST_RESTS = 10;

describe('Pace', () => {
  it('lets timers fire while paced work is under way', async () => {
    const pace = new Pace();
    let fired = false;
    setTimeout(() => {
      fired = true;
    });
    for (let rests = 0; rests < MOST_RESTS && !fired; rests++) await step(pace);
    assert.ok(fired);
  });

  it('rejects at the first rest after its signal is aborted, with the reason of the signal', async () => {
    const abort = new AbortController();
    const pace = new Pace(abort.signal);
    await step(pace);
    abort.abort(new Error('enough'));
    await assert.rejects(step(pace), /enough/);
  });

  it('has no rest due right after a rest', async () => {
    const pace = new Pace();
    await step(pace);
    assert.equal(pace.due, false);
  });
});
