/**
 * A comparison that is aborted at any of its stages rejects with the signal's reason, and leaves no thread
 * and no partial file.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
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
import { DataError } from '#attune/errors/attune-error.js';
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

/** An error for which the comparison would skip a model if it were not the signal's reason. */
const reason = new DataError('dataset-empty', { dataset: 'rows', readable: [] });

/** Compares until `callbacks` abort, and checks what is left. */
async function assertStops(
  t: TestContext,
  callbacks: (abort: () => void) => CompareCallbacks,
): Promise<void> {
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

describe('compareModels', () => {
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

  for (const id of SIMPLEST_FIRST) {
    it(`stops if its signal is aborted as ${id} begins, or by a timer while it runs`, async (t) => {
      await assertStops(t, (abort) => ({ onModelBegin: (begun) => void (begun.id === id && abort()) }));
      await assertStops(t, (abort) => ({
        onModelBegin: (begun) => void (begun.id === id && setTimeout(abort)),
      }));
    });
  }

  for (const stage of ['worst errors', 'words in context'] as const) {
    it(`stops if its signal is aborted as the stage "${stage}" begins, or by a timer while it runs`, async (t) => {
      await assertStops(t, (abort) => ({ onStage: (begun) => void (begun === stage && abort()) }));
      await assertStops(t, (abort) => ({ onStage: (begun) => void (begun === stage && setTimeout(abort)) }));
    });
  }

  it('does nothing if its signal is already aborted', async (t) => {
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
    assert.deepEqual(readdirSync(options.outputDir), []);
  });
});

describe('TestBench', () => {
  it('yields at each resample, for itself and for the metrics of a model', async (t) => {
    const probabilities = Float64Array.from({ length: 3 * labels.length }, (_, i) => ((i * 7) % 11) / 11);
    const predictions = { labels, probabilities };
    assert.ok((await turnsOf(t, (signal) => TestBench.create(labels, SENTENCE_LABELS, 1, signal))) > 1000);
    const quality = async (signal: AbortSignal): Promise<unknown> =>
      (await TestBench.create(labels, SENTENCE_LABELS, 1, signal)).quality(predictions);
    // The resamples, F1, and the AUC of each of three classes.
    assert.ok((await turnsOf(t, quality)) > 8000);
  });
});

describe('studyWords', () => {
  it('yields at each text and at each word in context', async (t) => {
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
});

describe('predictionSpeed', () => {
  it('yields between predictions', async (t) => {
    const predict = (): Promise<void> => Promise.resolve();
    assert.ok((await turnsOf(t, (signal) => predictionSpeed(texts, predict, signal))) > 40);
  });
});

describe('topNgrams', () => {
  it('yields at each class', async (t) => {
    const model = tfidfModel();
    await model.vectorizer.fit(texts);
    await model.classifier.fit(await model.vectorizer.transform(texts), labels, 3);
    assert.ok(
      (await turnsOf(t, (signal) => topNgrams(model, SENTENCE_LABELS, [true, true, true], { signal }))) > 1,
    );
  });
});
