/** The verdict: order of the models, findings, sentences, choices (the recommendation: recommendation.test.ts). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Finding, ModelResult, SeedResult } from '#attune/compare/comparison.js';
import { MARGIN } from '#attune/compare/margin.js';
import { mcnemar } from '#attune/metrics/paired.js';
import { pattern } from '../support/pattern.js';
import { against, by, CHEAP, first, judged, labelsOf } from './judged.js';

describe('judge', () => {
  it('orders models by F1, then size, then simplicity, and lists the order of simplicity', async () => {
    const { models, verdict } = await judged(80, [
      { id: 'gpt2-finetuned', wrong: first(8) },
      { id: 'gpt2-probe', wrong: first(8) },
      { id: 'own', wrong: first(2) },
      { id: 'afinn', wrong: first(8) },
      { id: 'word2vec-svc', wrong: first(8), cost: CHEAP },
    ]);
    assert.deepEqual(
      models.map(({ id }) => id),
      ['own', 'word2vec-svc', 'afinn', 'gpt2-probe', 'gpt2-finetuned'],
    );
    assert.deepEqual(verdict.simplestFirst, ['afinn', 'word2vec-svc', 'gpt2-probe', 'gpt2-finetuned', 'own']);
    assert.match(
      verdict.sentences.join('\n'),
      pattern(
        /Simplest first, by what has to be kept and run: /,
        /model afinn, model word2vec-svc, model gpt2-probe, model gpt2-finetuned, model own\./,
      ),
    );
  });

  it('counts the rows that only one of two got right, for the best against the second model', async () => {
    const { models } = await judged(100, [
      { id: 'gpt2-finetuned', wrong: first(10) },
      { id: 'afinn', wrong: first(20, 5) },
    ]);
    const labels = labelsOf(100);
    const counted = mcnemar(labels, models[1].predictions.labels, models[0].predictions.labels);
    assert.deepEqual(
      [against(models, 'afinn').onlyThis, against(models, 'afinn').onlyBest],
      [counted.onlyFirst, counted.onlySecond],
    );
    assert.deepEqual(
      [against(models, 'gpt2-finetuned').onlyThis, against(models, 'gpt2-finetuned').onlyBest],
      [counted.onlySecond, counted.onlyFirst],
    );
  });

  it('reports what fine-tuning changed by the interval of its difference to the probe', async () => {
    const sentencesOf = async (tuned: number, probe: number): Promise<string> =>
      (
        await judged(300, [
          { id: 'gpt2-finetuned', wrong: first(tuned) },
          { id: 'gpt2-probe', wrong: first(probe) },
        ])
      ).verdict.sentences.join('\n');
    assert.match(
      await sentencesOf(30, 90),
      /Fine-tuning changes F1 by \+0\.2\d\d .*: fine-tuning makes the difference\./,
    );
    assert.match(await sentencesOf(90, 30), /: on these rows fine-tuning made it worse\./);
    assert.match(await sentencesOf(30, 31), /: these rows do not show whether it helps\./);
  });

  it('returns the findings of the diagnosis, as data and in its sentences', async () => {
    const finding: Finding = {
      code: 'leaked-rows',
      facts: { rows: 3, testRows: 80 },
      sentence: 'Three rows leaked.',
    };
    const { verdict } = await judged(
      80,
      [
        { id: 'gpt2-finetuned', wrong: first(8) },
        { id: 'afinn', wrong: first(20) },
      ],
      MARGIN,
      { findings: [finding] },
    );
    assert.deepEqual(verdict.findings, [finding]);
    assert.ok(verdict.sentences.includes('Three rows leaked.'));
  });

  it('reports the spread of seeds beside that of the test rows', async () => {
    const run = (seed: number, f1: number): SeedResult => ({ seed, accuracy: f1, f1, auc: null });
    const made = [
      { id: 'gpt2-finetuned', wrong: first(20) },
      { id: 'afinn', wrong: first(30) },
    ];
    const oneSeed = await judged(100, made);
    assert.equal(oneSeed.verdict.seeds, null);
    const runs = [run(42, by(oneSeed.models, 'gpt2-finetuned').f1.value!), run(43, 0.76), run(44, 0.69)];
    const { models, verdict } = await judged(100, made, MARGIN, { seeds: runs });
    const { mean, deviation, rowDeviation, highest } = verdict.seeds!;
    // 0.8, 0.76 and 0.69: deviations of 0.05, 0.01 and -0.06 from 0.75.
    assert.ok(
      Math.abs(mean - 0.75) < 1e-12 && Math.abs(deviation - Math.sqrt(0.0062 / 2)) < 1e-12,
      `${mean} ${deviation}`,
    );
    const { low, high } = by(models, 'gpt2-finetuned').f1;
    assert.equal(rowDeviation, (high! - low!) / 3.92);
    // A share of 0.8 among 100 rows: the square root of 0.8 · 0.2 / 100.
    assert.ok(rowDeviation > 0.04 && rowDeviation < 0.043, String(rowDeviation));
    assert.equal(highest, 2, 'AFINN has 0.7');
    assert.deepEqual(
      { ...verdict, seeds: null, sentences: [] },
      { ...oneSeed.verdict, sentences: [] },
      'nothing else follows from it',
    );
    const lines = verdict.sentences.join('\n');
    assert.match(
      lines,
      pattern(
        /model gpt2-finetuned has F1 0\.800, 0\.760 and 0\.690 under the seeds 42, 43 and 44 \(mean 0\.750\); /,
        /no other model is measured higher under 2 of the 3\. /,
        /F1 varies by 0\.056 from seed to seed and by 0\.04\d from one set/,
      ),
    );
    const many = await judged(100, made, MARGIN, {
      seeds: Array.from({ length: 12 }, (_, i) => run(i, 0.6 + i / 200)),
    });
    assert.match(
      many.verdict.sentences.join('\n'),
      /has F1 0\.600 to 0\.655 under the seeds 0 to 11 .* under 0 of the 12\./,
    );
    const only = await judged(100, made.slice(0, 1), MARGIN, { seeds: runs });
    assert.match(only.verdict.sentences.join('\n'), /\(mean 0\.750\)\. F1 varies/);
  });

  it('keeps bounds of differences within -1 and 1, and of metrics within 0 and 1', async () => {
    const { models, verdict } = await judged(4, [
      { id: 'gpt2-finetuned', wrong: [] },
      { id: 'gpt2-probe', wrong: [1, 3] },
      { id: 'afinn', wrong: first(4) },
    ]);
    for (const { againstBest, f1, accuracy } of models) {
      assert.ok(againstBest!.low >= -1 && againstBest!.high <= 1);
      for (const { low, high } of [f1, accuracy]) assert.ok(low! >= 0 && high! <= 1);
    }
    const { low, high } = verdict.tuning!;
    assert.ok(low >= -1 && high <= 1 && verdict.low >= 0 && verdict.high <= 1);
  });

  it('compares nothing if there is a single model', async () => {
    const { models, verdict } = await judged(40, [{ id: 'gpt2-finetuned', wrong: first(4) }]);
    assert.equal(models[0].againstBest, null);
    assert.deepEqual(verdict.bestSet, ['gpt2-finetuned']);
    assert.equal(verdict.sentences.length, 1);
    assert.equal(verdict.tuning, null);
    assert.doesNotMatch(JSON.stringify({ models, verdict }), /"(?:low|high)":null/);
  });
});

describe('verdict.choices', () => {
  it('offers the fastest model that may be as good, even if each step is too small to notice', async () => {
    const slow = (latencyMs: number): Partial<ModelResult['cost']> => ({ latencyMs, bytesOnDisk: 2e6 });
    const { verdict } = await judged(200, [
      { id: 'gpt2-finetuned', wrong: first(8), cost: slow(100) },
      { id: 'gpt2-probe', wrong: first(9), cost: slow(60) },
      { id: 'tfidf-logistic', wrong: first(10), cost: slow(40) },
    ]);
    // The second is not noticeably faster than the first, nor the third than the second; the third is faster
    // than the first.
    const fast = verdict.choices.find(({ aim }) => aim === 'answers at once')!;
    assert.deepEqual(
      [fast.model, fast.reason.split('.')[0]],
      ['tfidf-logistic', '40 ms, against 100 ms of model gpt2-finetuned'],
    );
  });

  it('weighs training time, interpretability and ECE only for the aims that are about them', async () => {
    const { verdict } = await judged(2000, [
      { id: 'word2vec-svc', wrong: first(200), cost: { ...CHEAP, trainSeconds: 50 }, ece: 0.2 },
      {
        id: 'tfidf-logistic',
        wrong: first(202),
        cost: { ...CHEAP, bytesOnDisk: 200_000, trainSeconds: 1 },
        ece: 0.01,
        level: 'high',
      },
    ]);
    const models = Object.fromEntries(verdict.choices.map(({ aim, model }) => [aim, model]));
    assert.deepEqual(models, {
      'the highest measured quality': 'word2vec-svc',
      'answers at once': 'word2vec-svc',
      'a small download': 'word2vec-svc',
      'training often': 'tfidf-logistic',
      'a reason for every decision': 'tfidf-logistic',
      'probabilities one can rely on': 'tfidf-logistic',
    });
  });
});
