import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { WORD2VEC_OPTIONS } from '#attune/baselines/word2vec/options.js';
import { Word2Vec } from '#attune/baselines/word2vec/word2vec.js';
import type { TrainOptions } from '#attune/baselines/word2vec/word2vec.js';
import { Word2VecVectorizer } from '#attune/baselines/word2vec/vectorizer.js';
import { jobsOfEpoch } from '#attune/baselines/word2vec/schedule.js';
import { splitWords } from '#attune/baselines/word2vec/words.js';
import {
  DataError,
  InterruptedError,
  ModelError,
  TrainingError,
  UsageError,
} from '#attune/errors/attune-error.js';
import { refusal } from '../../support/refusal.js';

const sentences = [
  'the quick fox likes the warm den',
  'a quiet owl likes the cold night',
  'the fox and the owl',
  '',
].map(splitWords);
const small: TrainOptions = { vectorSize: 5, sample: 0, epochs: 2 };

describe('Word2Vec.train', () => {
  it('gives the same vectors for the same seed, and others for another seed', async () => {
    const first = await Word2Vec.train(sentences, small);
    const again = await Word2Vec.train(sentences, small);
    const other = await Word2Vec.train(sentences, { ...small, seed: 2 });
    assert.deepEqual(first.vectors, again.vectors);
    assert.notDeepEqual(first.vectors, other.vectors);
  });

  it('learns a vector for every word, including "__proto__" and lone surrogates', async () => {
    const word = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.constantFrom('__proto__', 'constructor', 'é', 'e\u0301', '\ud800', '🙂'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(word, { maxLength: 8 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        async (given, vectorSize, sg) => {
          const distinct = new Set(given.flat());
          fc.pre(distinct.size > 0);
          const model = await Word2Vec.train(given, { vectorSize, sg: sg ? 1 : 0, epochs: 1 });
          assert.deepEqual(new Set(model.words), distinct);
          for (const known of distinct) assert.equal(model.vector(known).length, vectorSize);
          assert.deepEqual(
            [...model.counts!],
            [...model.counts!].sort((a, b) => b - a),
          );
          assert.equal(
            model.counts!.reduce((sum, count) => sum + count, 0),
            given.flat().length,
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('orders words of equal count by first occurrence, or as wordOrder lists them', async () => {
    const stable = await Word2Vec.train(sentences, { ...small, wordOrder: 'first-occurrence' });
    assert.deepEqual(stable.words, [
      'the',
      'fox',
      'likes',
      'owl',
      'quick',
      'warm',
      'den',
      'a',
      'quiet',
      'cold',
      'night',
      'and',
    ]);
    const reversed = await Word2Vec.train(sentences, { ...small, wordOrder: [...stable.words].reverse() });
    assert.deepEqual(reversed.words, [...stable.words].reverse());
  });

  it('refuses a wordOrder that lacks a word or repeats one', async () => {
    const { words } = await Word2Vec.train(sentences, { ...small, wordOrder: 'first-occurrence' });
    await assert.rejects(
      Word2Vec.train(sentences, { ...small, wordOrder: words.slice(1) }),
      refusal(UsageError, 'word2vec-order-incomplete', { missing: 1, example: 'the' }),
    );
    await assert.rejects(
      Word2Vec.train(sentences, { ...small, wordOrder: [...words, 'the'] }),
      refusal(UsageError, 'word2vec-order-word', { word: 'the' }),
    );
  });

  it('refuses options that are unknown or out of range and names them', async () => {
    const train = (options: Record<string, unknown>): Promise<Word2Vec> => Word2Vec.train(sentences, options);
    await assert.rejects(
      train({ hs: 1 }),
      refusal(UsageError, 'word2vec-option-unsupported', { option: 'hs', spelled: 'hs' }),
    );
    await assert.rejects(
      train({ corpus_file: 'x' }),
      refusal(UsageError, 'word2vec-option-unsupported', { option: 'corpusFile', spelled: 'corpus_file' }),
    );
    await assert.rejects(
      train({ alpha: 0.01, minAlpha: 0.02 }),
      refusal(UsageError, 'word2vec-min-alpha-above-alpha', { minAlpha: 0.02, alpha: 0.01 }),
    );
    await assert.rejects(
      train({ minCount: 100 }),
      refusal(DataError, 'word2vec-words-too-rare', { least: 100 }),
    );
    await assert.rejects(train({ ...small, alpha: 1e300 }), refusal(TrainingError, 'word2vec-diverged'));
    const invalid = (argument: string, given: number): ((error: unknown) => true) =>
      refusal(UsageError, 'argument-invalid', { argument, given });
    await assert.rejects(train({ vectorSize: 0 }), invalid('vectorSize', 0));
    await assert.rejects(train({ negative: 0 }), invalid('negative', 0));
    await assert.rejects(train({ seed: -1 }), invalid('seed', -1));
    await assert.rejects(
      train({ vectorsize: 5 }),
      refusal(UsageError, 'argument-unknown', {
        argument: 'vectorsize',
        known: Object.keys(WORD2VEC_OPTIONS),
      }),
    );
  });

  it('refuses sentences that hold no words, or anything but words', async () => {
    await assert.rejects(Word2Vec.train([[], []]), refusal(DataError, 'word2vec-without-words'));
    await assert.rejects(
      Word2Vec.train(['a text'] as unknown as string[][]),
      refusal(DataError, 'word2vec-sentence-no-list', { sentence: 0, found: 'string' }),
    );
    await assert.rejects(
      Word2Vec.train([['a'], [1]] as unknown as string[][]),
      refusal(DataError, 'word2vec-word-no-text', { sentence: 1, found: '1' }),
    );
  });

  it('lowers alpha from job to job', async () => {
    const alphas: number[] = [];
    await Word2Vec.train(sentences, {
      ...small,
      batchWords: 10,
      onProgress: ({ alpha }) => alphas.push(alpha),
    });
    assert.equal(alphas[0], 0.025);
    assert.ok(alphas.at(-1)! < alphas[0]);
    assert.deepEqual(
      alphas,
      [...alphas].sort((a, b) => b - a),
    );
  });

  it('stops before the next job if its signal is aborted', async () => {
    const controller = new AbortController();
    let jobs = 0;
    const training = Word2Vec.train(sentences, {
      ...small,
      epochs: 1000,
      signal: controller.signal,
      onProgress: () => ++jobs === 3 && controller.abort(),
    });
    await assert.rejects(training, refusal(InterruptedError, 'word2vec-interrupted'));
    assert.equal(jobs, 3);
  });
});

describe('new Word2Vec', () => {
  it('refuses counts that are not as many as the words, and words that repeat', () => {
    assert.throws(
      () => new Word2Vec(['a', 'b'], new Float32Array(2), 1, Float64Array.of(3)),
      refusal(ModelError, 'word2vec-counts-size', { counts: 1, words: 2 }),
    );
    assert.throws(
      () => new Word2Vec(['a', 'a'], new Float32Array(2), 1),
      refusal(ModelError, 'word2vec-word-repeated', { words: 2 }),
    );
  });
});

describe('Word2Vec.vector', () => {
  it('suggests a similar word if the word is unknown', async () => {
    const model = await Word2Vec.train(sentences, small);
    assert.throws(
      () => model.vector('fxo'),
      refusal(UsageError, 'word2vec-word-unknown', { word: 'fxo', nearest: 'fox' }),
    );
  });
});

describe('Word2Vec.mostSimilar', () => {
  it('refuses a negative topN and a vector of another size', async () => {
    const model = await Word2Vec.train(sentences, small);
    assert.throws(
      () => model.mostSimilar('fox', { topN: -1 }),
      refusal(UsageError, 'estimator-option-not-whole', { option: 'topN', given: -1, min: 0 }),
    );
    assert.throws(
      () => model.mostSimilar([1, 2]),
      refusal(UsageError, 'word2vec-vector-size', { found: 2, expected: 5 }),
    );
  });
});

describe('jobsOfEpoch', () => {
  it('keeps the sentences in order and each job within batchWords, unless one sentence is longer', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 1, max: 40 }),
        (lengths, batchWords) => {
          const jobs = jobsOfEpoch(lengths, 1, { alpha: 1, minAlpha: 0.5, epochs: 4, batchWords });
          assert.deepEqual(
            jobs.flatMap(({ first, end }) => lengths.map((_, i) => i).slice(first, end)),
            lengths.map((_, i) => i),
          );
          for (const { first, end, alpha } of jobs) {
            const words = lengths.slice(first, end).reduce((sum, length) => sum + length, 0);
            assert.ok(
              words <= batchWords || lengths.slice(first, end).filter((length) => length > 0).length === 1,
            );
            assert.ok(Math.abs(alpha - (1 - 0.5 * ((1 + first / lengths.length) / 4))) < 1e-12);
          }
        },
      ),
    );
  });
});

describe('Word2VecVectorizer', () => {
  const texts = sentences.map((sentence) => sentence.join(' '));

  it('has no model before it is fitted', () => {
    assert.throws(
      () => new Word2VecVectorizer(small).model,
      refusal(UsageError, 'estimator-not-fitted', { estimator: 'Word2VecVectorizer' }),
    );
  });

  it('refuses an option that is out of range', () => {
    assert.throws(
      () => new Word2VecVectorizer({ epochs: 0 }),
      refusal(UsageError, 'argument-invalid', { argument: 'epochs', given: 0 }),
    );
  });

  it('gives the same vectors when it is restored from its state', async () => {
    const vectorizer = new Word2VecVectorizer(small);
    await vectorizer.fit(texts);
    const fitted = await vectorizer.transform([...texts, 'unknown']);
    assert.deepEqual([fitted.rows, fitted.columns], [5, 5]);
    const state = vectorizer.state();
    const restored = Word2VecVectorizer.restore({
      ...state,
      settings: JSON.parse(JSON.stringify(state.settings)) as Record<string, unknown>,
    });
    assert.deepEqual(await restored.transform([...texts, 'unknown']), fitted);
  });

  it('refuses to be restored from a damaged state', async () => {
    const vectorizer = new Word2VecVectorizer(small);
    await vectorizer.fit(texts);
    const state = vectorizer.state();
    const restore = (damaged: Record<string, unknown>) => (): Word2VecVectorizer =>
      Word2VecVectorizer.restore({ ...state, settings: { ...state.settings, ...damaged } });
    const unsound = refusal(ModelError, 'estimator-state-unsound', {
      estimator: 'word2vec',
      fault: 'word2vec-words',
    });
    assert.throws(restore({ words: 3 }), unsound);
    const noNumber = { estimator: 'word2vec', setting: 'vectorSize', found: 'x' };
    assert.throws(
      restore({ vectorSize: 'x' }),
      refusal(ModelError, 'estimator-setting-not-number', noNumber),
    );
    for (const sizes of [
      { vectorSize: 4, words: 12 },
      { vectorSize: 5, words: 1 },
      { vectorSize: 0, words: 12 },
    ]) {
      const words = vectorizer.model.words.slice(0, sizes.words);
      assert.throws(
        restore({ vectorSize: sizes.vectorSize, words }),
        refusal(ModelError, 'word2vec-vectors-size', { numbers: 60, ...sizes }),
      );
    }
    assert.throws(
      () => Word2VecVectorizer.restore({ ...state, arrays: {} }),
      refusal(ModelError, 'estimator-state-unsound', { estimator: 'word2vec', fault: 'word2vec-vectors' }),
    );
  });
});
