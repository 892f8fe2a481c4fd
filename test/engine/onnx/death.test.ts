/** The thread of the CPU engine dies while the real command line trains. */
import { describe, it } from 'node:test';
import { trainWithDyingThread } from '../../support/engine-death.js';

const TIME = { timeout: 1_800_000 };

const DEATHS = {
  'throws outside any request': 'throws',
  'rejects a promise that nobody awaits': 'rejects',
  exits: 'exits',
} as const;

describe('attune train', () => {
  for (const [what, death] of Object.entries(DEATHS))
    it(`fails with an error, and leaves no lock, if the engine's thread ${what}`, TIME, () =>
      trainWithDyingThread(death),
    );
});
