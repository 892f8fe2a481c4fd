/** The thread of the CPU engine dies while the real command line trains. */
import { describe, it } from 'node:test';
import { trainWithDyingThread } from '../../support/engine-death.js';

const TIME = { timeout: 1_800_000 };

/** What happens in the thread, 300 milliseconds after its start. */
const DEATHS = {
  'throws outside any request': 'setTimeout(() => { throw new Error("boom"); }, 300);',
  'rejects a promise that nobody awaits': 'setTimeout(() => void Promise.reject(new Error("boom")), 300);',
  exits: 'setTimeout(() => process.exit(7), 300);',
};

describe('attune train', () => {
  for (const [what, death] of Object.entries(DEATHS))
    it(`fails with an error, and leaves no lock, if the engine's thread ${what}`, TIME, () =>
      trainWithDyingThread(death),
    );
});
