/**
 * Exact resumption with any arguments: a run that is interrupted after any steps and resumed each time in a new
 * session, whose memory holds other numbers, has the log entries, metrics, parameters, moments and counters of the
 * uninterrupted run, bit for bit.
 *
 *   ATTUNE_RESUME_RUNS   runs, 60 by default     ATTUNE_FUZZ_SEED   the seed
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { InterruptedError } from '#attune/errors/attune-error.js';
import type { TrainingArgumentsInput } from '#attune/train/arguments.js';
import { newestWholeCheckpoint } from '#attune/train/whole-checkpoint.js';
import { casesFrom, seedFrom } from '../support/counts.js';
import { folder } from '../support/folder.js';
import { randomParameters } from '../support/models.js';
import { TINY, tinyTrainer } from '../support/tiny-run.js';
import { withoutTimes } from './log-entries.js';

const RUNS = casesFrom('ATTUNE_RESUME_RUNS', 60);
const seed = seedFrom();

const strategy = fc.constantFrom('steps', 'epoch', 'no' as const);
const args = fc
  .record({
    maxSteps: fc.integer({ min: 2, max: 14 }),
    perDeviceTrainBatchSize: fc.integer({ min: 1, max: 7 }),
    gradientAccumulationSteps: fc.integer({ min: 1, max: 4 }),
    learningRate: fc.constantFrom(0, 0.003, 0.02),
    lrSchedulerType: fc.constantFrom('linear', 'cosine', 'constant', 'constant_with_warmup' as const),
    warmupSteps: fc.integer({ min: 0, max: 5 }),
    weightDecay: fc.constantFrom(0, 0.1),
    maxGradNorm: fc.constantFrom(0, 0.5, 1),
    loggingStrategy: fc.constantFrom('steps', 'epoch' as const),
    loggingSteps: fc.integer({ min: 1, max: 5 }),
    loggingFirstStep: fc.boolean(),
    evalStrategy: strategy,
    evalSteps: fc.integer({ min: 1, max: 4 }),
    saveTotalLimit: fc.constantFrom(undefined, 1, 2),
    best: fc.boolean(),
    patience: fc.constantFrom(undefined, 1, 3, 50),
    seed: fc.integer({ min: 0, max: 1000 }),
  })
  .map(({ best, patience, ...given }): TrainingArgumentsInput => {
    const evaluates = given.evalStrategy !== 'no';
    const withBest = best && evaluates;
    return {
      ...given,
      saveStrategy: given.evalStrategy === 'no' ? 'steps' : given.evalStrategy,
      saveSteps: given.evalSteps,
      loadBestModelAtEnd: withBest,
      metricForBestModel: withBest ? 'accuracy' : undefined,
      earlyStoppingPatience: evaluates ? patience : undefined,
    };
  });

interface Ended {
  readonly history: object[];
  readonly best: readonly unknown[];
  readonly tensors: ReadonlyMap<string, Float32Array>;
  readonly dir: string;
}

/** Trains to the end, interrupted after each of these steps that the run reaches. */
async function runThrough(
  t: TestContext,
  given: TrainingArgumentsInput,
  cuts: readonly number[],
): Promise<{ readonly ended: Ended; readonly resumed: number }> {
  const dir = folder(t);
  let resumed = 0;
  for (let i = 0; ; i++) {
    const cut = cuts[i];
    const abort = new AbortController();
    const callbacks =
      cut === undefined ? [] : [{ onStep: (step: number): void => void (step === cut && abort.abort()) }];
    const { trainer, source } = await tinyTrainer(t, {
      dir,
      args: given,
      signal: abort.signal,
      callbacks,
      parameters: i > 0 ? randomParameters(TINY, 90 + i) : undefined,
    });
    const from = i === 0 ? undefined : (await newestWholeCheckpoint(dir)).dir;
    if (from !== undefined) {
      await trainer.resumeFrom(from);
      resumed++;
    }
    try {
      const { state } = await trainer.train();
      const tensors = new Map<string, Float32Array>();
      for (const { name } of source.parameters)
        for (const kind of ['parameter', 'moment1', 'moment2'] as const)
          tensors.set(`${kind} of ${name}`, await source.session.readTensor(kind, name));
      await source.session.close();
      // The moments are those of the last step, not of the best model.
      return {
        resumed,
        ended: {
          dir,
          history: withoutTimes(state.log_history),
          best: [state.best_metric, state.best_global_step, state.global_step, state.total_flos],
          tensors,
        },
      };
    } catch (error) {
      await source.session.close();
      if (!(error instanceof InterruptedError)) throw error;
    }
  }
}

describe('Trainer.resumeFrom', () => {
  it(
    `gives the same result for ${RUNS} random runs, interrupted up to four times each`,
    { timeout: 3_600_000 },
    async (t) => {
      let resumed = 0;
      await fc.assert(
        fc.asyncProperty(
          args,
          fc.uniqueArray(fc.integer({ min: 1, max: 13 }), { minLength: 1, maxLength: 4 }),
          async (given, steps) => {
            const whole = await runThrough(t, given, []);
            const cut = await runThrough(
              t,
              given,
              steps.sort((a, b) => a - b),
            );
            resumed += cut.resumed;
            assert.deepEqual(cut.ended.history, whole.ended.history);
            assert.deepEqual(cut.ended.best, whole.ended.best);
            for (const [name, values] of whole.ended.tensors)
              assert.deepEqual(cut.ended.tensors.get(name), values, name);
            const [ours, theirs] = [
              (await newestWholeCheckpoint(cut.ended.dir)).dir,
              (await newestWholeCheckpoint(whole.ended.dir)).dir,
            ];
            // A run always saves its last step.
            assert.ok(ours !== undefined && theirs !== undefined);
            assert.equal(basename(ours), basename(theirs));
            for (const file of ['optimizer.safetensors', 'model.safetensors', 'attune_state.json'])
              assert.ok(readFileSync(join(ours, file)).equals(readFileSync(join(theirs, file))), file);
          },
        ),
        { numRuns: RUNS, seed },
      );
      t.diagnostic(
        `seed ${seed}: ${RUNS} runs interrupted and compared, ${resumed} resumptions, differences found: 0`,
      );
    },
  );
});
