/**
 * An engine's thread that dies in the middle of a command: a clear error and exit status 1, with nothing left
 * waiting. Through the real command line.
 */
import { test } from 'node:test';
import { dyingThread } from '../../support/engine-death.js';

/** What happens in the thread, some milliseconds after it began to work. */
const DEATHS = {
  'throws outside of any request': 'setTimeout(() => { throw new Error("boom"); }, 300);',
  'rejects what nobody awaits': 'setTimeout(() => void Promise.reject(new Error("boom")), 300);',
  exits: 'setTimeout(() => process.exit(7), 300);',
};

for (const [what, death] of Object.entries(DEATHS))
  test(`the engine's thread ${what} while it trains`, { timeout: 1_800_000 }, () => dyingThread(death));
