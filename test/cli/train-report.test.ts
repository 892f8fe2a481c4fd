import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { timeEstimate } from '#attune/cli/train-report.js';

/** What is reported after each step of a run, given the seconds that each step takes. */
function reports(
  totalSteps: number,
  startStep: number,
  secondsOfStep: (step: number) => number,
): readonly (string | undefined)[] {
  let now = 0;
  const estimate = timeEstimate(totalSteps, startStep, () => now);
  return Array.from({ length: Math.min(20, totalSteps - startStep) }, (_, i) => {
    now += 1000 * secondsOfStep(i + 1);
    return estimate(startStep + i + 1);
  });
}

describe('timeEstimate', () => {
  it('reports once, after step 10, how long all steps take, ignoring the first three', () => {
    const lines = reports(600, 0, (step) => (step <= 3 ? 9 : 0.5));
    assert.equal(
      lines.findIndex((line) => line !== undefined),
      9,
    );
    assert.equal(lines.filter((line) => line !== undefined).length, 1);
    assert.match(lines[9]!, /^600 steps take about 5:00 here/);
  });

  it('counts the remaining steps of a resumed run', () => {
    assert.match(reports(600, 480, () => 0.5)[9]!, /^120 steps take about 1:00 here/);
  });

  it('reports nothing for a run that takes seconds or has few steps', () => {
    assert.ok(reports(100, 0, () => 0.1).every((line) => line === undefined));
    assert.ok(reports(8, 0, () => 60).every((line) => line === undefined));
  });
});
