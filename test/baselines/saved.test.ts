import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogisticRegression } from '#attune/baselines/logistic-regression.js';
import { makePipeline } from '#attune/baselines/pipeline.js';
import { bytesOnDisk, loadEstimator, saveEstimator } from '#attune/baselines/saved.js';
import { StandardScaler } from '#attune/baselines/standard-scaler.js';
import { TfidfVectorizer } from '#attune/baselines/tfidf.js';
import { readConfig } from '#attune/model/config.js';
import { TextClassifier } from '#attune/train/classifier.js';
import { folder } from '../support/folder.js';
import { dense } from '../support/matrices.js';

const X = dense([
  [1, 5],
  [2, 4],
  [3, 9],
  [4, 1],
  [5, 2],
]);
const Y = Int32Array.of(0, 1, 2, 1, 0);

test('a saved pipeline predicts the same numbers, bit for bit', async (t) => {
  const dir = join(folder(t), 'model');
  const pipeline = makePipeline(new StandardScaler(), new LogisticRegression({ C: 2 }));
  await pipeline.fit(X, Y, 3);
  await saveEstimator(dir, pipeline);
  const loaded = await loadEstimator(dir);
  assert.deepEqual(await loaded.predictProba(X), await pipeline.predictProba(X));
  assert.deepEqual(loaded.state(), pipeline.state());
  assert.equal(
    await bytesOnDisk(dir),
    readdirSync(dir).reduce((sum, file) => sum + readFileSync(join(dir, file)).length, 0),
  );
  // Again over it: replaced, nothing left beside it.
  await saveEstimator(dir, pipeline);
  assert.deepEqual(readdirSync(join(dir, '..')), ['model']);
});

test('a custom pipeline that takes texts opens as a classifier with its saved class names', async (t) => {
  const dir = join(folder(t), 'model');
  const texts = ['a fine day', 'a fine walk', 'a dull day', 'so dull', 'fine', 'dull, dull'];
  const pipeline = makePipeline(new TfidfVectorizer(), new LogisticRegression());
  await pipeline.fit(texts, Int32Array.of(1, 1, 0, 0, 1, 0), 2);
  await saveEstimator(dir, pipeline);
  await assert.rejects(TextClassifier.fromPretrained(dir), /does not say what its classes are called/);
  await saveEstimator(dir, pipeline, { labelNames: ['dull', 'fine'] });
  const classifier = await TextClassifier.fromPretrained(dir);
  assert.deepEqual(classifier.labels, ['dull', 'fine']);
  const [fine, dull, again] = await classifier.predict(['a fine day', 'dull', 'a fine day']);
  assert.deepEqual([fine.label, dull.label, again], ['fine', 'dull', fine]);
  assert.deepEqual(Object.values(fine.scores), [...(await pipeline.predictProba(['a fine day']))]);
  await assert.rejects(classifier.predict(['a'], { logits: true }), /a classical model has no logits/);
  await assert.rejects(classifier.explain(['a']), /cannot say which tokens/);
  await assert.rejects(TextClassifier.fromPretrained(dir, { maxLength: 4 }), /takes texts whole/);
  await assert.rejects(TextClassifier.fromPretrained(dir, { device: 'webgpu' }), /computes on the processor/);
  await assert.rejects(readConfig(dir), /holds a classical model, not a GPT-2/);
  await assert.rejects(
    saveEstimator(dir, pipeline, { labelNames: ['dull', 'fine', 'more'] }),
    /labelNames has 3 names, but there are 2 classes/,
  );
  await assert.rejects(
    saveEstimator(dir, pipeline, { labelNames: ['dull', 'dull'] }),
    /labelNames has "dull" twice/,
  );
  const file = join(dir, 'estimator.json');
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(/"labelNames": \[[^\]]*\]/, '"labelNames": ["dull"]'),
  );
  await assert.rejects(
    TextClassifier.fromPretrained(dir),
    /estimator\.json is damaged: labelNames has 1 names, but there are 2 classes/,
  );
  const features = makePipeline(new StandardScaler(), new LogisticRegression());
  await features.fit(X, Y, 3);
  await saveEstimator(dir, features, { labelNames: ['a', 'b', 'c'] });
  await assert.rejects(TextClassifier.fromPretrained(dir), /takes features, not texts/);
});

test('what is damaged or does not fit is refused, naming what', async (t) => {
  const dir = join(folder(t), 'model');
  const pipeline = makePipeline(new StandardScaler(), new LogisticRegression());
  await pipeline.fit(X, Y, 3);
  await saveEstimator(dir, pipeline);
  const path = join(dir, 'estimator.json');
  const good = readFileSync(path, 'utf8');
  const edited = async (from: string | RegExp, to: string): Promise<void> => {
    assert.match(good, from instanceof RegExp ? from : new RegExp(from));
    writeFileSync(path, good.replace(from, to));
    await loadEstimator(dir);
  };
  await assert.rejects(
    edited('logistic-regression', 'logistic-regresion'),
    (error: Error & { hint?: string }) =>
      /no estimator "logistic-regresion"/.test(error.message) && /logistic-regression/.test(error.hint!),
  );
  await assert.rejects(edited('"format": 1', '"format": 2'), /not format 1/);
  await assert.rejects(
    edited('"columns": 2', '"columns": 3'),
    /logistic-regression is damaged: the array coefficients has 6 numbers, not 9/,
  );
  await assert.rejects(
    edited('"classes": 3', '"classes": 2'),
    /the array present holds 2 at 2, not a number from 0 to 1/,
  );
  await assert.rejects(edited('"mean"', '"median"'), /no tensor steps\.0\.median/);
  await assert.rejects(edited(/"C": 1/, '"C": "1"'), /the setting C is "1", not a number/);
  await assert.rejects(edited(/^\{/, ''), /cannot read .*estimator\.json/);
  writeFileSync(path, good);
  await assert.rejects(loadEstimator(dir, 'texts'), /takes features, not texts/);
  await loadEstimator(dir);
  writeFileSync(
    join(dir, 'arrays.safetensors'),
    readFileSync(join(dir, 'arrays.safetensors')).subarray(0, -4),
  );
  await assert.rejects(loadEstimator(dir), /arrays\.safetensors is damaged/);
  await assert.rejects(loadEstimator(join(dir, 'nowhere')), /cannot read/);
});
