/** As death.test.ts. Slow, because the garbage collector tries until the end. */
import { describe, it } from 'node:test';
import { trainWithDyingThread } from '../../support/engine-death.js';

const TIME = { timeout: 1_800_000 };
const DEATH = 'const hoard = []; for (;;) hoard.push(new Array(1e5).fill({}));';

describe('attune train', () => {
  it("fails with an error, and leaves no lock, if the engine's thread runs out of memory", TIME, () =>
    trainWithDyingThread('runs out of memory', DEATH),
  );
});
