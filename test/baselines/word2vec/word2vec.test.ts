import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Word2Vec } from '#attune/baselines/word2vec/word2vec.js';
import type { TrainOptions } from '#attune/baselines/word2vec/word2vec.js';
import { Word2VecVectorizer } from '#attune/baselines/word2vec/vectorizer.js';
import { jobsOfEpoch } from '#attune/baselines/word2vec/schedule.js';
import { splitWords } from '#attune/baselines/word2vec/words.js';
import type { AttuneError } from '#attune/errors/attune-error.js';
import {
  DataError,
  InterruptedError,
  ModelError,
  TrainingError,
  UsageError,
} from '#attune/errors/attune-error.js';

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
      (error) => error instanceof UsageError && /lacks 1 .* "the"/.test(error.message),
    );
    await assert.rejects(
      Word2Vec.train(sentences, { ...small, wordOrder: [...words, 'the'] }),
      (error) => error instanceof UsageError && /"the"/.test(error.message),
    );
  });

  it('refuses options that are unknown or out of range and names them', async () => {
    const refused = async (
      options: Record<string, unknown>,
      pattern: RegExp,
      kind: new (message: string) => AttuneError = UsageError,
    ): Promise<void> =>
      assert.rejects(
        Word2Vec.train(sentences, options),
        (error) => error instanceof kind && pattern.test(`${error.message} ${error.hint}`),
      );
    await refused({ hs: 1 }, /no option hs .*negative/);
    await refused({ corpus_file: 'x' }, /no option corpus_file/);
    await refused({ vectorSize: 0 }, /vectorSize must be a whole number, at least 1/);
    await refused({ negative: 0 }, /negative must be/);
    await refused({ seed: -1 }, /seed must be/);
    await refused({ vectorsize: 5 }, /vectorsize is not an argument.*vectorSize/);
    await refused({ alpha: 0.01, minAlpha: 0.02 }, /minAlpha \(0.02\) is above alpha/);
    await refused({ minCount: 100 }, /no word occurs 100 times.*minCount/, DataError);
    await refused({ ...small, alpha: 1e300 }, /diverged.*alpha/, TrainingError);
  });

  it('refuses sentences that hold no words, or anything but words', async () => {
    await assert.rejects(
      Word2Vec.train([[], []]),
      (error) => error instanceof DataError && /no words/.test(error.message),
    );
    await assert.rejects(
      Word2Vec.train(['a text'] as unknown as string[][]),
      (error) => error instanceof DataError && /sentence 0 is a text/.test(error.message),
    );
    await assert.rejects(
      Word2Vec.train([['a'], [1]] as unknown as string[][]),
      (error) => error instanceof DataError && /sentence 1 holds 1/.test(error.message),
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
    await assert.rejects(training, InterruptedError);
    assert.equal(jobs, 3);
  });
});

describe('Word2Vec.vector', () => {
  it('suggests a similar word if the word is unknown', async () => {
    const model = await Word2Vec.train(sentences, small);
    assert.throws(
      () => model.vector('fxo'),
      (error) => error instanceof UsageError && error.hint === 'Did you mean fox?',
    );
  });
});

describe('Word2Vec.mostSimilar', () => {
  it('refuses a negative topN and a vector of another size', async () => {
    const model = await Word2Vec.train(sentences, small);
    assert.throws(() => model.mostSimilar('fox', { topN: -1 }), UsageError);
    assert.throws(
      () => model.mostSimilar([1, 2]),
      (error) => error instanceof UsageError && /has 2 numbers/.test(error.message),
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
    assert.throws(() => new Word2VecVectorizer(small).model, UsageError);
  });

  it('refuses an option that is out of range', () => {
    assert.throws(() => new Word2VecVectorizer({ epochs: 0 }), UsageError);
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
    for (const damaged of [
      { words: 3 },
      { vectorSize: 'x' },
      { vectorSize: 4 },
      { words: ['the'] },
      { words: state.settings['words'], vectorSize: 0 },
    ]) {
      assert.throws(
        () => Word2VecVectorizer.restore({ ...state, settings: { ...state.settings, ...damaged } }),
        ModelError,
      );
    }
    assert.throws(() => Word2VecVectorizer.restore({ ...state, arrays: {} }), ModelError);
  });
});
