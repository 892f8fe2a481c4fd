/** As death.test.ts; collecting garbage to the end takes long. */
import { test } from 'node:test';
import { dyingThread } from '../../support/engine-death.js';

test("the engine's thread runs out of memory while it trains", { timeout: 1_800_000 }, () =>
  dyingThread('setTimeout(() => { const hoard = []; for (;;) hoard.push(new Array(1e5).fill({})); }, 300);'),
);
