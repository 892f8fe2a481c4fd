import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AfinnClassifier, afinnScore } from '#attune/baselines/lexicon.js';
import { MajorityClassifier } from '#attune/baselines/majority.js';
import { loadEstimator, saveEstimator } from '#attune/baselines/saved.js';
import { classScores, confusionMatrix, weightedF1 } from '#attune/metrics/confusion.js';
import { folder } from '../support/folder.js';
import { sentences } from '../support/sentences.js';

const f1 = (labels: ArrayLike<number>, predicted: ArrayLike<number>, K: number): number =>
  weightedF1(classScores(confusionMatrix(labels, predicted, K)));

/** Texts by score: "good" is +3, "bad" is -3, "like" is +2. */
const WORDS = ['bad bad', 'bad', 'chair', 'like', 'good', 'good like'];

test('the band has the highest weighted F1 that any two cuts give', async () => {
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

test('classes are laid on the scale by their names, else by their mean score; the result says which', async () => {
  const texts = ['good', 'good like', 'chair', 'bad', 'bad bad', 'chair'];
  const named = new AfinnClassifier(['positive', 'neutral', 'negative']);
  await named.fit(texts, Int32Array.of(0, 0, 1, 2, 2, 1), 3);
  assert.equal(named.orderedBy, 'names');
  assert.deepEqual([...(await named.predict(['good', 'bad', 'window']))], [0, 2, 1]);
  assert.equal(named.bands, 'negative below -1.5, neutral from -1.5 to 1.5, positive above 1.5');
  const unnamed = new AfinnClassifier(['LABEL_0', 'LABEL_1', 'LABEL_2', 'LABEL_3']);
  await unnamed.fit(texts, Int32Array.of(3, 3, 0, 1, 1, 0), 4);
  assert.equal(unnamed.orderedBy, 'means');
  assert.deepEqual([...(await unnamed.predict(['good', 'bad', 'window']))], [3, 1, 0]);
  const probabilities = await unnamed.predictProba(['good']);
  assert.equal(probabilities[2], 0, 'a class without rows');
  assert.ok(Math.abs(probabilities.reduce((sum, value) => sum + value, 0) - 1) < 1e-12);
});

test('saved and loaded, both give the same answers', async (t) => {
  const rows = sentences(80, 1);
  const texts = rows.map(({ text }) => text);
  const labels = Int32Array.from(rows, ({ label }) => label);
  for (const model of [new AfinnClassifier(['negative', 'neutral', 'positive']), new MajorityClassifier()]) {
    await model.fit(texts, labels, 3);
    const dir = `${folder(t)}/saved`;
    await saveEstimator(dir, model);
    const loaded = await loadEstimator(dir, 'texts');
    assert.deepEqual(await loaded.predict(texts), await model.predict(texts));
    assert.deepEqual(await loaded.predictProba(texts), await model.predictProba(texts));
  }
});

test('the majority class has the shares of the training rows as probabilities', async () => {
  const model = new MajorityClassifier();
  await model.fit(['a', 'b', 'c', 'd'], Int32Array.of(2, 0, 2, 1), 3);
  assert.deepEqual([...(await model.predict(['x', 'y']))], [2, 2]);
  assert.deepEqual([...(await model.predictProba(['x']))], [0.25, 0.25, 0.5]);
  await assert.rejects(new MajorityClassifier().fit([], Int32Array.of(), 2), /no rows/);
});
