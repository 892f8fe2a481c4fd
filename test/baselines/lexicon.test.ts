import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { Classifier, EstimatorState } from '#attune/baselines/estimator.js';
import { AfinnClassifier, afinnScore } from '#attune/baselines/lexicon.js';
import { MajorityClassifier } from '#attune/baselines/majority.js';
import { DataError, UsageError } from '#attune/errors/attune-error.js';
import { loadEstimator, saveEstimator } from '#attune/baselines/saved.js';
import { classScores, confusionMatrix, weightedF1 } from '#attune/metrics/confusion.js';
import { folder } from '../support/folder.js';
import { refusal } from '../support/refusal.js';
import { sentences } from '../support/sentences.js';

const f1 = (labels: ArrayLike<number>, predicted: ArrayLike<number>, K: number): number =>
  weightedF1(classScores(confusionMatrix(labels, predicted, K)));

/** By their scores: "good" is +3, "bad" is -3, "like" is +2. */
const TEXTS = ['good', 'good like', 'chair', 'bad', 'bad bad', 'chair'];
const WORDS = ['bad bad', 'bad', 'chair', 'like', 'good', 'good like'];

interface TextModel extends Classifier<readonly string[]> {
  state(): EstimatorState;
}

async function assertSurvivesSaving(t: TestContext, model: TextModel): Promise<void> {
  const rows = sentences(80, 1);
  const texts = rows.map(({ text }) => text);
  const labels = Int32Array.from(rows, ({ label }) => label);
  await model.fit(texts, labels, 3);
  const dir = `${folder(t)}/saved`;
  await saveEstimator(dir, model);
  const loaded = await loadEstimator(dir, 'texts');
  assert.deepEqual(await loaded.predict(texts), await model.predict(texts));
  assert.deepEqual(await loaded.predictProba(texts), await model.predictProba(texts));
}

async function assertRefusesWrongLabels(make: () => TextModel): Promise<void> {
  const fit = (labels: number[], classes: number): Promise<void> =>
    make().fit(['bad', 'good'], Int32Array.from(labels), classes);
  await assert.rejects(
    fit([0, 7], 2),
    refusal(DataError, 'fit-label-out-of-range', { row: 1, label: 7, classes: 2 }),
  );
  await assert.rejects(
    fit([-1, 1], 2),
    refusal(DataError, 'fit-label-out-of-range', { row: 0, label: -1, classes: 2 }),
  );
  await assert.rejects(
    fit([0], 2),
    refusal(DataError, 'fit-label-count', { of: 'texts', rows: 2, labels: 1 }),
  );
  await assert.rejects(fit([0, 0], 0), refusal(DataError, 'fit-class-count', { given: 0 }));
}

describe('AfinnClassifier', () => {
  it('fits the cuts with the highest weighted F1', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...WORDS), fc.integer({ min: 0, max: 2 })), {
          minLength: 1,
          maxLength: 30,
        }),
        async (rows) => {
          const texts = rows.map(([text]) => text);
          const labels = Int32Array.from(rows, ([, label]) => label);
          const model = new AfinnClassifier(['negative', 'neutral', 'positive']);
          await model.fit(texts, labels, 3);
          let best = 0;
          const present = [0, 1, 2].filter((label) => labels.includes(label));
          const places = [-100, ...texts.map((text) => afinnScore(text) + 0.5)];
          for (const first of places) {
            for (const second of places) {
              const cuts = [first, second].slice(0, present.length - 1);
              const predicted = texts.map(
                (text) => present[Math.max(0, cuts.findLastIndex((cut) => afinnScore(text) > cut) + 1)],
              );
              if (cuts.every((cut, i) => i === 0 || cut >= cuts[i - 1]))
                best = Math.max(best, f1(labels, predicted, 3));
            }
          }
          assert.ok(Math.abs(f1(labels, await model.predict(texts), 3) - best) < 1e-12);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('orders classes by their names if these are ratings', async () => {
    const model = new AfinnClassifier(['positive', 'neutral', 'negative']);
    await model.fit(TEXTS, Int32Array.of(0, 0, 1, 2, 2, 1), 3);
    assert.equal(model.orderedBy, 'names');
    assert.deepEqual([...(await model.predict(['good', 'bad', 'window']))], [0, 2, 1]);
    assert.equal(model.bands, 'negative below -1.5, neutral from -1.5 to 1.5, positive above 1.5');
  });

  it('orders classes by their mean score if the names are no ratings', async () => {
    const model = new AfinnClassifier(['LABEL_0', 'LABEL_1', 'LABEL_2', 'LABEL_3']);
    await model.fit(TEXTS, Int32Array.of(3, 3, 0, 1, 1, 0), 4);
    assert.equal(model.orderedBy, 'means');
    assert.deepEqual([...(await model.predict(['good', 'bad', 'window']))], [3, 1, 0]);
    const probabilities = await model.predictProba(['good']);
    assert.equal(probabilities[2], 0, 'a class without rows');
    assert.ok(Math.abs(probabilities.reduce((sum, value) => sum + value, 0) - 1) < 1e-12);
  });

  it('predicts the same after it was saved and loaded', (t) =>
    assertSurvivesSaving(t, new AfinnClassifier(['negative', 'neutral', 'positive'])));

  it('refuses labels that are out of range or not as many as the texts', () =>
    assertRefusesWrongLabels(() => new AfinnClassifier(['negative', 'positive'])));

  it('refuses to fit another number of classes than it has names', async () => {
    const fit = (names: string[]): Promise<void> =>
      new AfinnClassifier(names).fit(['bad', 'good', 'chair'], Int32Array.of(0, 1, 2), 3);
    await assert.rejects(
      fit(['negative', 'positive']),
      refusal(UsageError, 'estimator-label-names-count', { names: 2, classes: 3 }),
    );
    await fit(['negative', 'positive', 'neutral']);
  });
});

describe('MajorityClassifier', () => {
  it('predicts the majority class, with the shares of the training rows as probabilities', async () => {
    const model = new MajorityClassifier();
    await model.fit(['a', 'b', 'c', 'd'], Int32Array.of(2, 0, 2, 1), 3);
    assert.deepEqual([...(await model.predict(['x', 'y']))], [2, 2]);
    assert.deepEqual([...(await model.predictProba(['x']))], [0.25, 0.25, 0.5]);
  });

  it('refuses to fit no rows', async () => {
    await assert.rejects(
      new MajorityClassifier().fit([], Int32Array.of(), 2),
      refusal(DataError, 'fit-without-rows'),
    );
  });

  it('predicts the same after it was saved and loaded', (t) =>
    assertSurvivesSaving(t, new MajorityClassifier()));

  it('refuses labels that are out of range or not as many as the texts', () =>
    assertRefusesWrongLabels(() => new MajorityClassifier()));
});
