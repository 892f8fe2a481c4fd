/** Word2Vec against gensim 4.2.0; test/fixtures/make/word2vec.py writes the expected numbers. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { numpyArgsort } from '#attune/baselines/word2vec/numpy-argsort.js';
import { cumulativeTable, keepThresholds } from '#attune/baselines/word2vec/vocabulary.js';
import { Word2Vec } from '#attune/baselines/word2vec/word2vec.js';
import type { TrainOptions } from '#attune/baselines/word2vec/word2vec.js';
import { splitWords } from '#attune/baselines/word2vec/words.js';
import { fixtureJson } from '../../support/fixtures.js';
import { assertClose } from '../../support/numbers.js';
import { sharedPath } from '../../support/shared.js';
import { readNpy } from '../../support/npy.js';

interface Golden {
  sentences: number[][];
  cases: {
    options: Record<string, number | boolean>;
    words: string[];
    counts: number[];
    thresholds: number[];
    cumulative: number[];
    vectors: number[];
  }[];
  similar: { word: [string, number][]; analogy: [string, number][] };
  argsort: { values: number[]; order: number[] }[];
  split: { text: string; words: string[] }[];
  mean: { texts: string[]; vectors: number[][] };
}
const golden = fixtureJson('word2vec/gensim.json') as Golden;
const sentences = golden.sentences.map((sentence) => sentence.map((word) => `w${word}`));
const plain: TrainOptions = { vectorSize: 6, sample: 0 };

const wordsFile = sharedPath('golden', 'baselines-tweets', 'words.json');
const tweets = sharedPath('data', 'tweets', 'train.jsonl');
const vectorsFile = sharedPath('golden', 'baselines-tweets', 'vectors.npy');
const meansFile = sharedPath('golden', 'baselines-tweets', 'train_emb.npy');

describe('Word2Vec.train', () => {
  for (const { options, words, counts, vectors } of golden.cases) {
    it(`gives gensim's words and vectors with ${JSON.stringify(options)}`, async () => {
      const model = await Word2Vec.train(sentences, options);
      assert.deepEqual(model.words, words);
      assert.deepEqual([...model.counts!], counts);
      // Sums run in another order than in gensim's BLAS, and a last bit may decide between two of the sigmoid
      // table's 1,000 steps.
      assertClose(model.vectors, vectors, 1e-5);
    });
  }

  it(
    "gives gensim's vectors and means on 1,000 tweets",
    { skip: !(wordsFile && tweets && vectorsFile && meansFile) && 'needs ../shared' },
    async () => {
      const texts = readFileSync(tweets!, 'utf8')
        .split('\n')
        .slice(0, 1000)
        .map((line) => (JSON.parse(line) as { text: string }).text);
      const words = JSON.parse(readFileSync(wordsFile!, 'utf8')) as string[];
      const split = texts.map(splitWords);
      const given = await Word2Vec.train(split, { wordOrder: words });
      assertClose(given.vectors, readNpy(vectorsFile!).values, 1e-6);
      assertClose(given.meanVectors(texts).values, readNpy(meansFile!).values, 1e-6);
      const own = await Word2Vec.train(split);
      assert.deepEqual(own.words, words);
      assert.deepEqual(own.vectors, given.vectors);
    },
  );
});

describe('keepThresholds', () => {
  it("gives gensim's thresholds for the counts and sample of every case", () => {
    for (const { options, counts, thresholds } of golden.cases) {
      const given = { counts: Float64Array.from(counts) };
      const sample = (options['sample'] as number | undefined) ?? 1e-3;
      assert.deepEqual([...keepThresholds(given, sample)], thresholds, JSON.stringify(options));
    }
  });
});

describe('cumulativeTable', () => {
  it("gives gensim's table for the counts and ns_exponent of every case", () => {
    for (const { options, counts, cumulative } of golden.cases) {
      const given = { counts: Float64Array.from(counts) };
      const exponent = (options['ns_exponent'] as number | undefined) ?? 0.75;
      assert.deepEqual([...cumulativeTable(given, exponent)], cumulative, JSON.stringify(options));
    }
  });
});

describe('Word2Vec.mostSimilar', () => {
  it("finds gensim's nearest words to a word, its vector and an analogy", async () => {
    const model = await Word2Vec.train(sentences, plain);
    const check = (found: { word: string; similarity: number }[], expected: [string, number][]): void => {
      assert.deepEqual(
        found.map(({ word }) => word),
        expected.map(([word]) => word),
      );
      assertClose(
        found.map(({ similarity }) => similarity),
        expected.map(([, similarity]) => similarity),
        1e-6,
      );
    };
    check(model.mostSimilar('w3', { topN: 5 }), golden.similar.word);
    check(
      model.mostSimilar({ positive: ['w3', 'w5'], negative: ['w8'] }, { topN: 5 }),
      golden.similar.analogy,
    );
    const [itself, ...others] = model.mostSimilar(model.vector('w3'), { topN: 6 });
    assert.equal(itself.word, 'w3');
    check(others, golden.similar.word);
    assert.ok(Math.abs(model.similarity('w3', others[0].word) - others[0].similarity) < 1e-12);
  });
});

describe('Word2Vec.meanVectors', () => {
  it("gives numpy's float32 means, and zeros for a text without a known word", async () => {
    const model = await Word2Vec.train(sentences, plain);
    const { rows, columns, values } = model.meanVectors(golden.mean.texts);
    assert.deepEqual([rows, columns], [golden.mean.texts.length, 6]);
    assertClose(values, golden.mean.vectors.flat(), 1e-6);
    assert.ok(values.subarray(-12).every((value) => value === 0));
  });
});

describe('numpyArgsort', () => {
  for (const { values, order } of golden.argsort) {
    it(`orders ${values.length} numbers as numpy does`, () => {
      assert.deepEqual([...numpyArgsort(values)], order);
    });
  }
});

describe('splitWords', () => {
  it("splits texts where Python's str.split does", () => {
    for (const { text, words } of golden.split) assert.deepEqual(splitWords(text), words);
  });
});
