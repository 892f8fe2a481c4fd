/** A run that is interrupted in an evaluation and resumed ends like an uninterrupted run, under any schedule. */
import { describe, it } from 'node:test';
import { resumesToTheSameEnd } from '../support/interrupted-evaluation.js';
import type { InterruptedCase } from '../support/interrupted-evaluation.js';

const CASES: readonly (InterruptedCase & { readonly what: string })[] = [
  {
    what: 'evaluation and checkpoint by epoch',
    args: { evalStrategy: 'epoch', saveStrategy: 'epoch' },
    steps: [3, 9],
  },
  {
    what: 'evaluation and log by epoch, no checkpoints',
    args: { evalStrategy: 'epoch', saveStrategy: 'no', loggingStrategy: 'epoch' },
    steps: [9],
  },
  {
    what: 'evaluation, checkpoint and log every 2 steps',
    args: { evalStrategy: 'steps', evalSteps: 2, saveStrategy: 'steps', saveSteps: 2, loggingSteps: 2 },
    steps: [4, 9],
  },
  // The log entry of the epoch's last step comes after the evaluation of that step.
  {
    what: 'evaluation every 3 steps, checkpoint and log by epoch',
    args: {
      evalStrategy: 'steps',
      evalSteps: 3,
      saveStrategy: 'epoch',
      loggingStrategy: 'epoch',
      loggingFirstStep: true,
    },
    steps: [6],
  },
  {
    what: 'evaluation every 3 steps, no checkpoints',
    args: { evalStrategy: 'steps', evalSteps: 3, saveStrategy: 'no' },
    steps: [6],
  },
  {
    what: 'the best model kept',
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
    what: 'early stopping in that evaluation',
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

describe('Trainer.train interrupted in an evaluation', () => {
  for (const { what, ...each } of CASES) {
    it(`resumes to the same end with ${what}`, { timeout: 1_800_000 }, (t) => resumesToTheSameEnd(t, each));
  }
});
