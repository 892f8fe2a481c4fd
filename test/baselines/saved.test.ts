import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { LogisticRegression } from '#attune/baselines/logistic-regression.js';
import { makePipeline } from '#attune/baselines/pipeline.js';
import { bytesOnDisk, loadEstimator, loadSaved, saveEstimator } from '#attune/baselines/saved.js';
import type { SaveOptions } from '#attune/baselines/saved.js';
import { StandardScaler } from '#attune/baselines/standard-scaler.js';
import { TfidfVectorizer } from '#attune/baselines/tfidf.js';
import { ModelError, UsageError } from '#attune/errors/attune-error.js';
import { readConfig } from '#attune/model/config.js';
import { TextClassifier } from '#attune/train/classifier.js';
import { folder } from '../support/folder.js';
import { dense } from '../support/matrices.js';
import { refusal } from '../support/refusal.js';

const X = dense([
  [1, 5],
  [2, 4],
  [3, 9],
  [4, 1],
  [5, 2],
]);
const Y = Int32Array.of(0, 1, 2, 1, 0);

/** Saves a fitted pipeline that takes features, into the folder `dir`. */
async function savedFeatures(t: TestContext, C = 1) {
  const dir = join(folder(t), 'model');
  const pipeline = makePipeline(new StandardScaler(), new LogisticRegression({ C }));
  await pipeline.fit(X, Y, 3);
  await saveEstimator(dir, pipeline);
  return { dir, pipeline };
}

/** Saves a fitted pipeline that takes texts, into the folder `dir`. */
async function savedTexts(t: TestContext, options: SaveOptions = { labelNames: ['dull', 'fine'] }) {
  const dir = join(folder(t), 'model');
  const texts = ['a fine day', 'a fine walk', 'a dull day', 'so dull', 'fine', 'dull, dull'];
  const pipeline = makePipeline(new TfidfVectorizer(), new LogisticRegression());
  await pipeline.fit(texts, Int32Array.of(1, 1, 0, 0, 1, 0), 2);
  await saveEstimator(dir, pipeline, options);
  return { dir, pipeline };
}

describe('saveEstimator', () => {
  it('replaces an estimator saved before and leaves nothing beside it', async (t) => {
    const { dir, pipeline } = await savedFeatures(t);
    await saveEstimator(dir, pipeline);
    assert.deepEqual(readdirSync(join(dir, '..')), ['model']);
  });

  it('refuses labelNames that repeat a name or are not as many as the classes', async (t) => {
    const { dir, pipeline } = await savedTexts(t);
    await assert.rejects(
      saveEstimator(dir, pipeline, { labelNames: ['dull', 'fine', 'more'] }),
      refusal(UsageError, 'estimator-label-names-count', { names: 3, classes: 2 }),
    );
    await assert.rejects(
      saveEstimator(dir, pipeline, { labelNames: ['dull', 'dull'] }),
      refusal(UsageError, 'estimator-label-names-repeated', { name: 'dull' }),
    );
  });
});

describe('bytesOnDisk', () => {
  it('adds up the files of a saved estimator', async (t) => {
    const { dir } = await savedFeatures(t);
    assert.equal(
      await bytesOnDisk(dir),
      readdirSync(dir).reduce((sum, file) => sum + readFileSync(join(dir, file)).length, 0),
    );
  });
});

describe('loadEstimator', () => {
  it('gives a pipeline that predicts the same numbers, bit for bit', async (t) => {
    const { dir, pipeline } = await savedFeatures(t, 2);
    const loaded = await loadEstimator(dir);
    assert.deepEqual(await loaded.predictProba(X), await pipeline.predictProba(X));
    assert.deepEqual(loaded.state(), pipeline.state());
  });

  it('refuses an estimator.json that is damaged and names the fault', async (t) => {
    const { dir } = await savedFeatures(t);
    const path = join(dir, 'estimator.json');
    const good = readFileSync(path, 'utf8');
    const edited = async (from: string | RegExp, to: string): Promise<void> => {
      assert.match(good, from instanceof RegExp ? from : new RegExp(from));
      writeFileSync(path, good.replace(from, to));
      await loadEstimator(dir);
    };
    await assert.rejects(edited('logistic-regression', 'logistic-regresion'), (error) => {
      refusal(ModelError, 'estimator-kind-unknown', { kind: 'logistic-regresion' })(error);
      const { known } = (error as ModelError).facts;
      assert.ok(Array.isArray(known) && known.includes('logistic-regression'));
      return true;
    });
    await assert.rejects(
      edited('"format": 1', '"format": 2'),
      refusal(ModelError, 'estimator-file-format', { file: path, format: 1 }),
    );
    await assert.rejects(
      edited('"columns": 2', '"columns": 3'),
      refusal(ModelError, 'estimator-array-length', {
        estimator: 'logistic-regression',
        array: 'coefficients',
        found: 6,
        expected: 9,
      }),
    );
    await assert.rejects(
      edited('"classes": 3', '"classes": 2'),
      refusal(ModelError, 'estimator-array-value', {
        estimator: 'logistic-regression',
        array: 'present',
        index: 2,
        found: 2,
        min: 0,
        max: 1,
      }),
    );
    await assert.rejects(
      edited('"mean"', '"median"'),
      refusal(ModelError, 'tensor-missing', {
        file: join(dir, 'arrays.safetensors'),
        tensor: 'steps.0.median',
      }),
    );
    await assert.rejects(
      edited(/"C": 1/, '"C": "1"'),
      refusal(ModelError, 'estimator-setting-not-number', {
        estimator: 'logistic-regression',
        setting: 'C',
        found: '1',
      }),
    );
    await assert.rejects(edited(/^\{/, ''), refusal(ModelError, 'estimator-file-unreadable', { file: path }));
  });

  it('refuses to open a pipeline of features for texts', async (t) => {
    const { dir } = await savedFeatures(t);
    await assert.rejects(
      loadEstimator(dir, 'texts'),
      refusal(ModelError, 'estimator-takes-other', { folder: dir, found: 'features', expected: 'texts' }),
    );
    await loadEstimator(dir);
  });

  it('refuses arrays.safetensors that is cut off', async (t) => {
    const { dir } = await savedFeatures(t);
    const path = join(dir, 'arrays.safetensors');
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, -4));
    await assert.rejects(
      loadEstimator(dir),
      refusal(ModelError, 'safetensors-tensor-truncated', { file: path, bytes: whole.length - 4 }),
    );
  });

  it('refuses a folder that does not exist', async (t) => {
    const dir = join(folder(t), 'nowhere');
    await assert.rejects(
      loadEstimator(dir),
      refusal(ModelError, 'estimator-file-unreadable', { file: join(dir, 'estimator.json') }),
    );
  });
});

describe('loadSaved', () => {
  it('gives back an array whose name is a property of every object', async (t) => {
    const dir = join(folder(t), 'model');
    const arrays = Object.fromEntries([
      ['__proto__', Float64Array.of(1, 2)],
      ['shares', Float64Array.of(3)],
    ]);
    await saveEstimator(dir, { state: () => ({ kind: 'own', settings: {}, arrays }) });
    assert.deepEqual(Object.entries((await loadSaved(dir)).state.arrays), Object.entries(arrays));
  });
});

describe('TextClassifier.fromPretrained', () => {
  it('opens a saved pipeline of texts with its class names', async (t) => {
    const { dir, pipeline } = await savedTexts(t);
    const classifier = await TextClassifier.fromPretrained(dir);
    assert.deepEqual(classifier.labels, ['dull', 'fine']);
    const [fine, dull, again] = await classifier.predict(['a fine day', 'dull', 'a fine day']);
    assert.deepEqual([fine.label, dull.label, again], ['fine', 'dull', fine]);
    assert.deepEqual(Object.values(fine.scores), [...(await pipeline.predictProba(['a fine day']))]);
  });

  it('refuses a pipeline that was saved without class names', async (t) => {
    const { dir } = await savedTexts(t, {});
    await assert.rejects(
      TextClassifier.fromPretrained(dir),
      refusal(ModelError, 'estimator-without-label-names', { folder: dir }),
    );
  });

  it('refuses a pipeline of features', async (t) => {
    const { dir, pipeline } = await savedFeatures(t);
    await saveEstimator(dir, pipeline, { labelNames: ['a', 'b', 'c'] });
    await assert.rejects(
      TextClassifier.fromPretrained(dir),
      refusal(ModelError, 'estimator-takes-other', { folder: dir, found: 'features', expected: 'texts' }),
    );
  });

  it('refuses class names that do not match the classes', async (t) => {
    const { dir } = await savedTexts(t);
    const file = join(dir, 'estimator.json');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(/"labelNames": \[[^\]]*\]/, '"labelNames": ["dull"]'),
    );
    await assert.rejects(
      TextClassifier.fromPretrained(dir),
      refusal(ModelError, 'estimator-file-label-names-count', { file, names: 1, classes: 2 }),
    );
  });

  it('refuses what only a GPT-2 has: a maximum length, a device, logits and attributions', async (t) => {
    const { dir } = await savedTexts(t);
    await assert.rejects(
      TextClassifier.fromPretrained(dir, { maxLength: 4 }),
      refusal(UsageError, 'baseline-takes-whole-texts', { folder: dir, maxLength: 4 }),
    );
    await assert.rejects(
      TextClassifier.fromPretrained(dir, { device: 'webgpu' }),
      refusal(UsageError, 'baseline-without-device', { folder: dir, device: 'webgpu' }),
    );
    const classifier = await TextClassifier.fromPretrained(dir);
    await assert.rejects(
      classifier.predict(['a'], { logits: true }),
      refusal(UsageError, 'logits-unavailable', { model: 'a classical model' }),
    );
    await assert.rejects(
      classifier.explain(['a']),
      refusal(UsageError, 'attribution-unavailable', { model: 'a classical model' }),
    );
  });
});

describe('readConfig', () => {
  it('refuses the folder of a classical model', async (t) => {
    const { dir } = await savedTexts(t);
    await assert.rejects(readConfig(dir), refusal(ModelError, 'model-folder-classical', { folder: dir }));
  });
});
