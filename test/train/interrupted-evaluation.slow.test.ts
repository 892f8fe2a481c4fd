/** A run interrupted in the middle of an evaluation ends as the whole run, under each kind of schedule. */
import { describe, it } from 'node:test';
import { resumesToTheSameEnd } from '../support/interrupted-evaluation.js';
import type { InterruptedCase } from '../support/interrupted-evaluation.js';

const CASES: readonly InterruptedCase[] = [
  { args: { evalStrategy: 'epoch', saveStrategy: 'epoch' }, steps: [3, 9] },
  { args: { evalStrategy: 'epoch', saveStrategy: 'no', loggingStrategy: 'epoch' }, steps: [9] },
  {
    args: { evalStrategy: 'steps', evalSteps: 2, saveStrategy: 'steps', saveSteps: 2, loggingSteps: 2 },
    steps: [4, 9],
  },
  // The log entry of the epoch's last step comes after the evaluation of that step.
  {
    args: {
      evalStrategy: 'steps',
      evalSteps: 3,
      saveStrategy: 'epoch',
      loggingStrategy: 'epoch',
      loggingFirstStep: true,
    },
    steps: [6],
  },
  { args: { evalStrategy: 'steps', evalSteps: 3, saveStrategy: 'no' }, steps: [6] },
  {
    args: {
      loadBestModelAtEnd: true,
      metricForBestModel: 'loss',
      saveTotalLimit: 1,
      earlyStoppingPatience: 5,
    },
    steps: [6],
  },
  // So large a rate that the second epoch is worse than the first: its evaluation ends the run.
  {
    args: {
      loadBestModelAtEnd: true,
      metricForBestModel: 'loss',
      earlyStoppingPatience: 1,
      learningRate: 0.3,
      lrSchedulerType: 'constant',
      warmupSteps: 0,
      numTrainEpochs: 4,
    },
    steps: [6],
  },
];

describe('a run interrupted in an evaluation', () => {
  for (const each of CASES) {
    it(`resumes to the same end: ${JSON.stringify(each.args)}`, { timeout: 1_800_000 }, (t) =>
      resumesToTheSameEnd(t, each),
    );
  }
});
