/**
 * The error rates that docs/verdict.md promises, on fewer simulated comparisons than `bench/verdict.ts` runs;
 * the seed is fixed.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CELLS, METRICS, simulate } from '../../bench/simulated-comparisons.js';

const SIMULATIONS = process.env['CI'] === 'true' ? 100 : 1000;
/** Three standard errors above one in twenty. */
const MOST = SIMULATIONS * (0.05 + 3 * Math.sqrt((0.05 * 0.95) / SIMULATIONS));

describe('compareWithBest', () => {
  for (const [classes, rows, what] of [
    [5, 200, '8 equal at 0.85'],
    [2, 200, '1 worse by the margin, 0.83 and 0.85'],
    [2, 50, '1 worse by the margin, 0.97 and 0.99'],
    [2, 200, 'a class of 1.5 % never found, and always'],
  ] as const) {
    it(`errs at most once in twenty: ${classes} classes, ${rows} rows, ${what}`, async () => {
      const cell = CELLS.find(
        (each) => each.classes === classes && each.rows === rows && each.what === what,
      )!;
      const rates = await simulate(cell, SIMULATIONS, 11);
      for (const metric of METRICS) {
        const { excluded, falseClaim, covered } = rates[metric];
        console.log(
          `${metric}: of ${SIMULATIONS}, ${excluded} excluded one of the best, ` +
            `${falseClaim} claimed that a worse model was within the margin, ` +
            `${covered} intervals of the highest covered the truth`,
        );
        assert.ok(excluded <= MOST && falseClaim <= MOST && SIMULATIONS - covered <= MOST);
      }
    });
  }
});
