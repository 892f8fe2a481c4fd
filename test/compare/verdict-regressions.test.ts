/** Faults of the verdict that reviewers reported: each test is named after its number there. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { dominates } from '#attune/compare/choices.js';
import { MARGIN } from '#attune/compare/margin.js';
import { TestBench } from '#attune/compare/quality.js';
import { Random } from '../support/random.js';
import { against, by, first, judged } from './judged.js';

describe('judge', () => {
  it('keeps eight equal models in the best set, and reports the optimism of the highest (D1)', async () => {
    const random = new Random(5);
    const ids = [
      'afinn',
      'tfidf-logistic',
      'word2vec-logistic',
      'word2vec-forest',
      'word2vec-svc',
      'gpt2-probe',
      'gpt2-finetuned',
      'majority',
    ];
    let excluded = 0;
    for (let run = 0; run < 6; run++) {
      const hard = random.normals(200, 0.7);
      const made = ids.map((id) => ({
        id,
        wrong: [...random.normals(200, 0.7)].flatMap((own, row) => (own + hard[row] > 1.03 ? [row] : [])),
      }));
      const { models, verdict } = await judged(200, made);
      excluded += 8 - verdict.bestSet.length;
      assert.ok(verdict.optimism > 0.005 && verdict.optimism < 0.06, String(verdict.optimism));
      assert.ok(verdict.low < models[0].f1.low!, 'the interval of the highest allows for the choice');
    }
    // Each compared with the best by itself, as before, would exclude ten of these 42.
    assert.ok(excluded <= 2, `${excluded} of 42 excluded`);
  });

  it('does not take a model that is truly five points worse for as good at 200 rows (D2)', async () => {
    const { models, verdict } = await judged(200, [
      { id: 'gpt2-finetuned', wrong: first(30) },
      { id: 'afinn', wrong: first(32, 15) },
      { id: 'tfidf-logistic', wrong: first(40, 10) },
    ]);
    assert.ok(against(models, 'afinn').mayBeBest && !against(models, 'afinn').withinMargin);
    assert.equal(verdict.recommended, null);
  });

  it('gives a perfect accuracy and F1 the exact lower bound (D3)', async () => {
    const { models, verdict } = await judged(96, [
      { id: 'gpt2-finetuned', wrong: [] },
      { id: 'tfidf-logistic', wrong: [] },
      { id: 'afinn', wrong: first(20) },
    ]);
    const [{ accuracy, f1, auc }] = models;
    assert.deepEqual(
      [accuracy, f1].map(({ value, low, high }) => [value, low!.toFixed(3), high]),
      [
        [1, '0.962', 1],
        [1, '0.962', 1],
      ],
    );
    // The classes have 48 rows each.
    assert.deepEqual([auc.value, auc.low!.toFixed(3), auc.high], [1, '0.926', 1]);
    assert.ok(verdict.low < 0.962 && verdict.high === 1);
    assert.equal(verdict.best, 'tfidf-logistic', 'the simpler of two equals of one size');
    // The two differ on no row: that leaves room for 3 % of all rows.
    assert.ok(
      Math.abs(against(models, 'gpt2-finetuned').low + 1 - 0.035 ** (1 / 96)) < 1e-9,
      String(against(models, 'gpt2-finetuned').low),
    );
    assert.doesNotMatch(verdict.sentences.join(' '), /\b0\.000\b/);
  });

  it('gives a perfect AUC an interval for any number of classes (D3)', async () => {
    for (let classes = 2; classes <= 7; classes++) {
      const labels = Int32Array.from({ length: 65 }, (_, row) => row % classes);
      const bench = await TestBench.create(labels, labels.slice(0, classes).join().split(','), 42);
      const { auc } = await bench.quality({
        labels,
        probabilities: Float64Array.from(
          [...labels].flatMap((label) =>
            Array.from({ length: classes }, (_, k) => (k === label ? 0.9 : 0.1 / (classes - 1))),
          ),
        ),
      });
      assert.ok(
        auc.value === 1 && auc.high === 1 && auc.low! < 0.97,
        `${classes} classes: ${JSON.stringify(auc)}`,
      );
    }
  });

  it('writes sentences that agree with the table (D4)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { maxLength: 40 }), {
          minLength: 2,
          maxLength: 5,
        }),
        async (wrongs) => {
          const ids = ['gpt2-finetuned', 'gpt2-probe', 'tfidf-logistic', 'afinn', 'majority'];
          const { models, verdict } = await judged(
            60,
            wrongs.map((wrong, i) => ({ id: ids[i], wrong })),
          );
          const [opening] = verdict.sentences;
          for (const { id, name, againstBest } of models.slice(1)) {
            assert.equal(verdict.bestSet.includes(id), againstBest!.high >= 0);
            assert.equal(opening.includes(name), againstBest!.mayBeBest);
            assert.equal(againstBest!.withinMargin, againstBest!.low >= -MARGIN);
          }
          assert.ok(verdict.bestSet.includes(verdict.best));
          const recommended = verdict.sentences.filter((sentence) => sentence.startsWith('Recommended: '));
          assert.equal(recommended.length, verdict.recommended === null ? 0 : 1);
          if (verdict.recommended !== null)
            assert.ok(
              against(models, verdict.recommended).withinMargin &&
                recommended[0].includes(by(models, verdict.recommended).name),
            );
        },
      ),
      { numRuns: 15 },
    );
  });

  it('offers no model that is worse or dominated, and reports what each may lose (D5)', async () => {
    const { models, verdict } = await judged(200, [
      { id: 'gpt2-finetuned', wrong: first(4), cost: { latencyMs: 6, bytesOnDisk: 56e6, trainSeconds: 40 } },
      { id: 'word2vec-logistic', wrong: first(4), cost: { latencyMs: 0.05, bytesOnDisk: 63_000 } },
      {
        id: 'tfidf-logistic',
        wrong: first(9),
        cost: { latencyMs: 0.06, bytesOnDisk: 102_000 },
        level: 'high',
      },
      {
        id: 'afinn',
        wrong: first(190),
        cost: { latencyMs: 0.01, bytesOnDisk: 61_000, trainSeconds: 0 },
        level: 'high',
        ece: 0,
      },
      { id: 'gpt2-probe', wrong: first(6, 2), cost: { latencyMs: 5.9, bytesOnDisk: 57e6 }, ece: 0.01 },
    ]);
    const offered = new Set(verdict.choices.map(({ model }) => model));
    assert.ok(!offered.has('afinn'), 'at an F1 of 0.05');
    assert.ok(dominates(by(models, 'word2vec-logistic'), by(models, 'tfidf-logistic')));
    assert.deepEqual(
      verdict.choices.flatMap(({ aim, model }) => (model === 'tfidf-logistic' ? [aim] : [])),
      ['a reason for every decision'],
      'dominated in all but this',
    );
    assert.notEqual(verdict.recommended, 'tfidf-logistic');
    assert.ok(offered.size === 3 && offered.has('gpt2-probe'), 'the probe only by its ECE');
    const honest = verdict.choices.find(({ aim }) => aim === 'probabilities one can rely on')!;
    assert.match(
      honest.reason,
      /^ECE 0\.010, against ECE 0\.100 of model word2vec-logistic\. F1 −0\.0\d\d, /,
    );
    const close = await judged(200, [
      { id: 'gpt2-finetuned', wrong: first(20) },
      { id: 'tfidf-logistic', wrong: first(24, 4), cost: { latencyMs: 0.05, bytesOnDisk: 102_000 } },
    ]);
    const small = close.verdict.choices.find(({ aim }) => aim === 'a small download')!;
    assert.equal(small.model, 'tfidf-logistic');
    const { difference, low } = against(close.models, 'tfidf-logistic');
    const [loss, most] = [difference, low].map((value) => (-value).toFixed(3));
    assert.match(
      small.reason,
      new RegExp(
        `102 kB, against 2 MB of model gpt2-finetuned\\. F1 −${loss}, and it may lose up to ${most}\\.`,
      ),
    );
  });
});
