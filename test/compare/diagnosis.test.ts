import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diagnose } from '#attune/compare/diagnosis.js';
import type { Evidence } from '#attune/compare/diagnosis.js';
import { evalRecord, finalRecord, trainRecord } from '#attune/train/records.js';
import type { LogRecord } from '#attune/train/records.js';

/** The log of a run: an entry per loss, ten steps apart, then the evaluation loss if there is one. */
function run(
  losses: readonly number[],
  rates: (i: number) => number,
  evalLoss?: number,
  evalStep = 10 * losses.length,
): LogRecord[] {
  const at = (step: number): { epoch: number; step: number } => ({ epoch: step / 100, step });
  const records: LogRecord[] = losses.map((loss, i) =>
    trainRecord({ loss, gradNorm: 1, learningRate: rates(i) }, at(10 * (i + 1))),
  );
  if (evalLoss !== undefined)
    records.push(evalRecord(evalLoss, { f1: 0.5 }, { seconds: 1, rows: 10, batches: 2 }, at(evalStep)));
  records.push(
    finalRecord({ loss: 0.5, flops: 1 }, { seconds: 1, samples: 10, steps: 10 }, at(10 * losses.length)),
  );
  return records;
}

const falling = (i: number): number => 5e-5 / (i + 1);
const rising = (i: number): number => 1e-7 * (i + 1);
const args = { learningRate: 5e-5, gradientAccumulationSteps: 1, loadBestModelAtEnd: false };
const found = (evidence: Partial<Evidence>): readonly (readonly [string, string])[] =>
  diagnose({
    history: run([0.6, 0.4, 0.3], falling),
    trainCounts: [100, 100],
    args,
    testRows: 200,
    leaked: { model: 0, baselines: 0 },
    ...evidence,
  }).map(({ code, sentence }) => [code, sentence]);
const codes = (evidence: Partial<Evidence>): string[] => found(evidence).map(([code]) => code);

describe('diagnose', () => {
  it('finds nothing in a run that went well, or if nothing is known about it', () => {
    assert.deepEqual(found({ history: run([0.6, 0.4, 0.3], falling, 0.35) }), []);
    assert.deepEqual(found({ history: [], args: undefined, leaked: { model: null, baselines: null } }), []);
    assert.deepEqual(found({ history: [], trainCounts: [5, 0] }), []);
  });

  it('reports a run that ended during warm-up if its learning rate rose to the end', () => {
    assert.deepEqual(found({ history: run([0.6, 0.5, 0.4], rising) }), [
      [
        'ended-in-warm-up',
        'The run ended during warm-up: after 30 steps its learning rate was still rising, ' +
          'and never reached the one that was asked for. ' +
          'Fewer warm-up steps or more epochs would change that.',
      ],
    ]);
    assert.deepEqual(
      codes({ history: run([0.6, 0.5, 0.4], (i) => (i < 2 ? rising(i) : rising(1))) }),
      [],
      'a constant rate after warm-up',
    );
    assert.deepEqual(codes({ history: run([0.4], rising) }), [], 'one log entry shows no direction');
    // The log ends before the run does: 1e-7 more every ten steps, so 3.5e-7 at step 35.
    const cut = [
      ...run([0.6, 0.5, 0.4], rising),
      finalRecord({ loss: 0.5, flops: 1 }, { seconds: 1, samples: 10, steps: 10 }, { epoch: 1, step: 35 }),
    ];
    assert.deepEqual(codes({ history: cut, args: { ...args, learningRate: 4e-7 } }), ['ended-in-warm-up']);
    assert.deepEqual(
      codes({ history: cut, args: { ...args, learningRate: 3.4e-7 } }),
      [],
      'it was reached after the last log entry',
    );
    assert.deepEqual(codes({ history: cut, args: undefined }), [], 'it may have been');
  });

  it('reports a loss still near ln K, by the mean of the last log entries', () => {
    assert.deepEqual(found({ history: run([1.2, 1.1, 1.08], falling), trainCounts: [50, 50, 50] }), [
      [
        'loss-near-chance',
        'The training loss ended at 1.08, near the 1.10 of a model that has learned nothing (ln 3): ' +
          'it needs more steps, or another learning rate.',
      ],
    ]);
    assert.deepEqual(codes({ history: run([1.2, 1.1, 0.9], falling), trainCounts: [50, 50, 50] }), []);
    // One noisy log entry of twenty at the end does not decide.
    const noisy = [...new Array<number>(19).fill(0.2), 0.9];
    assert.deepEqual(codes({ history: run(noisy, falling) }), []);
  });

  it('compares with the entropy of the class shares if classes are unequal', () => {
    assert.match(
      found({ history: run([0.5, 0.33, 0.32], falling), trainCounts: [180, 20] })[0][1],
      /ended at 0\.32, near the 0\.33 .* \(the entropy of the class shares\)/,
    );
    assert.deepEqual(codes({ history: run([0.5, 0.33, 0.2], falling), trainCounts: [180, 20] }), []);
  });

  it('divides the loss by the accumulation steps, and reports nothing if their number is unknown', () => {
    const history = run([2.8, 2.0, 1.2], falling);
    assert.deepEqual(codes({ history, args: { ...args, gradientAccumulationSteps: 4 } }), []);
    assert.deepEqual(codes({ history }), ['loss-near-chance']);
    assert.deepEqual(codes({ history, args: undefined }), []);
  });

  it('reports training rows that were learned by heart, if that model was kept', () => {
    assert.deepEqual(
      codes({ history: run([0.6, 0.1, 0.01], falling, 0.9), args: { ...args, loadBestModelAtEnd: true } }),
      [],
      'the best epoch is kept',
    );
    assert.deepEqual(found({ history: run([0.6, 0.1, 0.01], falling, 0.9) }), [
      [
        'learned-by-heart',
        'It learned the training rows by heart: loss 0.01 there, 0.90 on other rows. ' +
          'Fewer epochs, more dropout or more rows may help.',
      ],
    ]);
    assert.deepEqual(codes({ history: run([0.6, 0.1, 0.01], falling, 0.1) }), [], 'low on other rows, too');
    assert.deepEqual(
      codes({ history: run([0.6, 0.1, 0.01], falling, 0.9, 10) }),
      [],
      'an evaluation of another step is of another model',
    );
  });

  it('counts leaked rows, separately for the model and the baselines if they differ', () => {
    assert.deepEqual(found({ leaked: { model: 1, baselines: 1 } }), [
      [
        'leaked-rows',
        '1 of the 200 test rows has a text that every model was trained on: the metrics there are too high.',
      ],
    ]);
    assert.deepEqual(found({ leaked: { model: 12, baselines: 0 } }), [
      [
        'leaked-rows',
        '12 of the 200 test rows have texts that the fine-tuned model was trained on: its metrics there are too high.',
      ],
    ]);
    assert.deepEqual(codes({ leaked: { model: null, baselines: 3 } }), ['leaked-rows']);
    assert.deepEqual(
      diagnose({
        history: [],
        trainCounts: [1, 1],
        args,
        testRows: 9,
        leaked: { model: 2, baselines: 4 },
      }).map(({ facts }) => facts),
      [
        { rows: 2, testRows: 9 },
        { rows: 4, testRows: 9 },
      ],
    );
  });

  it('ignores losses that are not finite', () => {
    const history = run([0.6, 0.1, 0.01], falling).map((record) =>
      'loss' in record && record.step === 30 ? { ...record, loss: null as unknown as number } : record,
    );
    assert.deepEqual(codes({ history }), []);
  });
});
