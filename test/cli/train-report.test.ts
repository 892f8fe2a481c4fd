import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { timeEstimate } from '#attune/cli/train-report.js';

/** What is told of a run whose steps take so many seconds each, step by step. */
function told(
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
  it('tells once, after the tenth step, how long all steps take, by those after the third', () => {
    const lines = told(600, 0, (step) => (step <= 3 ? 9 : 0.5));
    assert.equal(
      lines.findIndex((line) => line !== undefined),
      9,
    );
    assert.equal(lines.filter((line) => line !== undefined).length, 1);
    assert.match(lines[9]!, /^600 steps take about 5:00 here/);
  });

  it('counts the steps that are left of a run that goes on', () => {
    assert.match(told(600, 480, () => 0.5)[9]!, /^120 steps take about 1:00 here/);
  });

  it('tells nothing of a short run', () => {
    assert.ok(told(100, 0, () => 0.1).every((line) => line === undefined));
    assert.ok(told(8, 0, () => 60).every((line) => line === undefined));
  });
});
