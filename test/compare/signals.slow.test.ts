/**
 * A comparison is stopped at each of its stages: it rejects with the signal's reason, and leaves no thread
 * and no half of a file.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TestContext } from 'node:test';
import { loadEstimator } from '#attune/baselines/saved.js';
import { SIMPLEST_FIRST } from '#attune/compare/baselines.js';
import { compareModels } from '#attune/compare/compare-models.js';
import type { CompareCallbacks } from '#attune/compare/compare-models.js';
import { TestBench } from '#attune/compare/quality.js';
import { topNgrams } from '#attune/compare/ngrams.js';
import { tfidfModel } from '#attune/compare/baselines.js';
import { predictionSpeed } from '#attune/compare/measure.js';
import { studyWords } from '#attune/compare/word-study.js';
import { Dataset } from '#attune/data/dataset.js';
import { DataError } from '#attune/errors.js';
import { writeTinyModel } from '../support/cli.js';
import { folder } from '../support/folder.js';
import { SENTENCE_LABELS, sentences } from '../support/sentences.js';
import { watchThreads } from '../support/threads.js';
import { turnsOf } from '../support/turns.js';

let model = '';
const split = (name: string, rows: number, seed: number): Dataset =>
  new Dataset(
    name,
    'made-up sentences',
    sentences(rows, seed).map(({ text, label, label_text }) => ({ text, label, labelText: label_text })),
    [...SENTENCE_LABELS],
  );
const [train, tested] = [split('train', 60, 1), split('test', 30, 2)];
const texts = train.rows.map(({ text }) => text);
const labels = Int32Array.from(train.rows, ({ label }) => label);

before(async () => {
  model = mkdtempSync(join(tmpdir(), 'attune-test-'));
  const names = Object.fromEntries(SENTENCE_LABELS.map((name, i) => [i, name]));
  await writeTinyModel(
    model,
    {
      id2label: names,
      label2id: Object.fromEntries(SENTENCE_LABELS.map((name, i) => [name, i])),
      pad_token_id: 8191,
    },
    true,
  );
});
after(() => rmSync(model, { recursive: true, force: true }));

/** Aborts with an error that a model would otherwise be skipped for. */
const reason = new DataError('enough');

/** Compares until `callbacks` abort, and looks at what is left. */
async function stopped(t: TestContext, callbacks: (abort: () => void) => CompareCallbacks): Promise<void> {
  const outputDir = folder(t);
  const noneIsAlive = watchThreads(t);
  const controller = new AbortController();
  const { signal } = controller;
  const comparing = compareModels({
    finetuned: model,
    base: model,
    train,
    test: tested,
    datasetName: 'sentences',
    outputDir,
    seed: 7,
    trainPeakMemoryBytes: null,
    callbacks: callbacks(() => controller.abort(reason)),
    signal,
  });
  await assert.rejects(comparing, (error) => error === reason);
  noneIsAlive();
  const left = readdirSync(outputDir, { recursive: true, encoding: 'utf8' });
  assert.deepEqual(
    left.filter((name) => /comparison|partial|lock|^\.attune-(?!files\.json)/.test(name)),
    [],
  );
  for (const id of left.filter((name) => /^baselines.[a-z0-9-]+$/.test(name) && !name.endsWith('gpt2-probe')))
    await loadEstimator(join(outputDir, id), 'texts');
}

for (const id of SIMPLEST_FIRST) {
  test(`a comparison is stopped as ${id} begins, and by a timer meanwhile`, async (t) => {
    await stopped(t, (abort) => ({ onModelBegin: (begun) => void (begun.id === id && abort()) }));
    await stopped(t, (abort) => ({ onModelBegin: (begun) => void (begun.id === id && setTimeout(abort)) }));
  });
}

for (const stage of ['worst errors', 'words in context'] as const) {
  test(`a comparison is stopped as the stage "${stage}" begins, and by a timer meanwhile`, async (t) => {
    await stopped(t, (abort) => ({ onStage: (begun) => void (begun === stage && abort()) }));
    await stopped(t, (abort) => ({ onStage: (begun) => void (begun === stage && setTimeout(abort)) }));
  });
}

test('a comparison whose signal is aborted already does nothing', async (t) => {
  const options = {
    finetuned: 'nowhere',
    base: model,
    train,
    test: tested,
    datasetName: 'sentences',
    outputDir: folder(t),
    seed: 7,
    trainPeakMemoryBytes: null,
  };
  await assert.rejects(
    compareModels({ ...options, signal: AbortSignal.abort(reason) }),
    (error) => error === reason,
  );
});

test('resamples, figures and paired tests give way at each resample', async (t) => {
  const probabilities = Float64Array.from({ length: 3 * labels.length }, (_, i) => ((i * 7) % 11) / 11);
  const predictions = { labels, probabilities };
  assert.ok((await turnsOf(t, (signal) => TestBench.create(labels, SENTENCE_LABELS, 1, signal))) > 1000);
  const quality = async (signal: AbortSignal): Promise<unknown> =>
    (await TestBench.create(labels, SENTENCE_LABELS, 1, signal)).quality(predictions);
  // The resamples, F1 and the AUC of three classes.
  assert.ok((await turnsOf(t, quality)) > 8000);
});

test('the study of words gives way at each text and word in context', async (t) => {
  const word2vec = { has: () => true, mostSimilar: () => [] };
  const hiddenStates = (given: readonly string[]) =>
    Promise.resolve(
      given.map((text) => {
        const tokens = [...text.matchAll(/\S+/g)].map((match) => ({
          start: match.index,
          end: match.index + match[0].length,
        }));
        return {
          tokens,
          width: 2,
          states: Float32Array.from({ length: 2 * tokens.length }, (_, i) => i + text.length),
        };
      }),
    );
  assert.ok(
    (await turnsOf(t, (signal) => studyWords({ texts, labels, word2vec, hiddenStates, signal }))) >
      2 * texts.length,
  );
});

test('the measuring of speed gives way between predictions', async (t) => {
  const predict = (): Promise<void> => Promise.resolve();
  assert.ok((await turnsOf(t, (signal) => predictionSpeed(texts, predict, signal))) > 40);
});

test('top n-grams give way at each class', async (t) => {
  const model = tfidfModel();
  await model.vectorizer.fit(texts);
  await model.classifier.fit(await model.vectorizer.transform(texts), labels, 3);
  assert.ok(
    (await turnsOf(t, (signal) => topNgrams(model, SENTENCE_LABELS, [true, true, true], { signal }))) > 1,
  );
});
