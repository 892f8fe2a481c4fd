/**
 * Every estimator yields to the event loop while it works, and rejects with the reason of a signal that is
 * aborted meanwhile (`turnsOf`).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DenseMatrix, SparseMatrix } from '#attune/baselines/estimator.js';
import { AfinnClassifier } from '#attune/baselines/lexicon.js';
import { LogisticRegression } from '#attune/baselines/logistic-regression.js';
import { pacedSort } from '#attune/baselines/paced-sort.js';
import { makePipeline } from '#attune/baselines/pipeline.js';
import { fitSigmoid } from '#attune/baselines/platt.js';
import { RandomForestClassifier } from '#attune/baselines/random-forest.js';
import { StandardScaler } from '#attune/baselines/standard-scaler.js';
import { SVC } from '#attune/baselines/svc.js';
import { TfidfVectorizer } from '#attune/baselines/tfidf.js';
import { Word2VecVectorizer } from '#attune/baselines/word2vec/vectorizer.js';
import { InterruptedError } from '#attune/errors/attune-error.js';
import { Pace } from '#attune/pace.js';
import { sparse } from '../support/matrices.js';
import { Random } from '../support/random.js';
import { watchThreads } from '../support/threads.js';
import { turnsOf } from '../support/turns.js';

const ROWS = 20;
const COLUMNS = 4;
const texts = Array.from(
  { length: ROWS },
  (_, row) => `what a ${row % 2 === 0 ? 'lovely' : 'sad'} day, number ${row}`,
);
const labels = Int32Array.from(texts, (_, row) => row % 2);
const random = new Random(1);
const noise = (rows: number, columns = COLUMNS): DenseMatrix => ({
  kind: 'dense',
  rows,
  columns,
  values: random.normals(rows * columns),
});
const x = noise(ROWS);
/** Two classes of 1,000 rows. */
const halves = Int32Array.from({ length: 1000 }, (_, row) => row % 2);
const reason = new InterruptedError('interrupted', {});

/** Aborts work that would take hours by a timer, and expects the reason. */
async function assertEndsEarly(work: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const abort = new AbortController();
  setTimeout(() => abort.abort(reason));
  await assert.rejects(work(abort.signal), (error) => error === reason);
}

describe('AfinnClassifier', () => {
  it('yields at each text, and at each score that may end a class', async (t) => {
    const model = new AfinnClassifier(['negative', 'positive']);
    assert.ok((await turnsOf(t, (signal) => model.fit(texts, labels, 2, signal))) > ROWS);
    assert.ok((await turnsOf(t, (signal) => model.predict(texts, signal))) > ROWS / 2);
    assert.ok((await turnsOf(t, (signal) => model.predictProba(texts, signal))) > ROWS / 2);
  });

  it('keeps its state if a second fit is aborted', async (t) => {
    const model = new AfinnClassifier(['negative', 'positive']);
    await model.fit(texts, labels, 2);
    const before = model.state();
    const others = labels.map((label) => 1 - label);
    const states: unknown[] = [];
    await turnsOf(t, (signal) =>
      model.fit(texts, others, 2, signal).catch((error: unknown) => {
        states.push(model.state());
        throw error;
      }),
    );
    assert.ok(states.length > 0);
    for (const state of states) assert.deepEqual(state, before);
  });
});

describe('TfidfVectorizer', () => {
  it('yields at each text and each term', async (t) => {
    const vectorizer = new TfidfVectorizer();
    assert.ok((await turnsOf(t, (signal) => vectorizer.fit(texts, signal))) > 2 * ROWS);
    assert.ok((await turnsOf(t, (signal) => vectorizer.transform(texts, signal))) > ROWS / 2);
  });

  it('gives rows of a matrix of several blocks as it gives each by itself', async () => {
    const words = Array.from({ length: 997 }, (_, i) => `word${i}`);
    const long = Array.from({ length: 800 }, (_, row) =>
      words
        .slice(row, row + 100)
        .concat(words.slice(0, 400))
        .join(' '),
    );
    const vectorizer = new TfidfVectorizer({
      sublinearTf: true,
      parts: [{ analyzer: 'word', from: 1, to: 1 }],
    });
    await vectorizer.fit(long);
    const whole = await vectorizer.transform(long);
    assert.ok(whole.values.length > 2 ** 18, 'more than one block');
    for (const row of [0, 399, 799]) {
      const own = await vectorizer.transform([long[row]]);
      assert.deepEqual(whole.indices.subarray(whole.offsets[row], whole.offsets[row + 1]), own.indices);
      assert.deepEqual(whole.values.subarray(whole.offsets[row], whole.offsets[row + 1]), own.values);
    }
  });
});

describe('pacedSort', () => {
  it('sorts as Array.sort does, equal items included, and yields', async (t) => {
    const items = Array.from({ length: 20_000 }, (_, i) => ({ i, key: random.integer(0, 3000) }));
    const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key;
    assert.deepEqual(await pacedSort(items, compare, new Pace()), [...items].sort(compare));
    for (const length of [0, 1, 4096, 4097, 8193]) {
      assert.deepEqual(
        await pacedSort(items.slice(0, length), compare, new Pace()),
        items.slice(0, length).sort(compare),
      );
    }
    assert.ok((await turnsOf(t, (signal) => pacedSort(items, compare, new Pace(signal)))) > 10);
  });
});

describe('Word2VecVectorizer', () => {
  it('yields at each text, at each job of its training, and between slices of texts', async (t) => {
    const vectorizer = (): Word2VecVectorizer => new Word2VecVectorizer({ epochs: 10, vectorSize: 4 });
    assert.ok((await turnsOf(t, (signal) => vectorizer().fit(texts, signal))) > 2 * ROWS);
    const fitted = vectorizer();
    await fitted.fit(texts);
    const many = Array.from({ length: 100 }, () => texts).flat();
    assert.ok((await turnsOf(t, (signal) => fitted.transform(many, signal))) > 4);
  });

  it('stops training if the signal of fit or of its options is aborted', async () => {
    const endless = { epochs: 1e9 };
    await assertEndsEarly((signal) => new Word2VecVectorizer(endless).fit(texts, signal));
    await assertEndsEarly((signal) => new Word2VecVectorizer({ ...endless, signal }).fit(texts));
  });
});

describe('StandardScaler', () => {
  it('yields at each row', async (t) => {
    const scaler = new StandardScaler();
    assert.ok((await turnsOf(t, (signal) => scaler.fit(x, signal))) > ROWS);
    assert.ok((await turnsOf(t, (signal) => scaler.transform(x, signal))) > ROWS / 2);
  });
});

describe('LogisticRegression', () => {
  it('yields within and between iterations', async (t) => {
    const forms: (DenseMatrix | SparseMatrix)[] = [x, sparse(x)];
    for (const features of forms) {
      const model = new LogisticRegression();
      const turns = await turnsOf(t, (signal) => model.fit(features, labels, 2, signal));
      assert.ok(turns > 2 * model.iterations, `${turns} turns in ${model.iterations} iterations`);
      assert.ok((await turnsOf(t, (signal) => model.predictProba(features, signal))) > 0);
      assert.ok((await turnsOf(t, (signal) => model.predict(features, signal))) > 0);
    }
  });

  it('yields between slices of rows if there are many', async (t) => {
    // Four million multiplications are a slice: some 200 rows of 200 columns for their products with each
    // other.
    const wide = noise(1000, 199);
    const loose = new LogisticRegression({ tolerance: Infinity });
    // Even without an iteration the features are copied, their products and a factor of 200 rows computed, and
    // the loss evaluated once.
    assert.ok((await turnsOf(t, (signal) => loose.fit(wide, halves, 2, signal))) > 150);
  });
});

describe('fitSigmoid', () => {
  it('yields at each iteration', async (t) => {
    const decisions = random.normals(50);
    assert.ok(
      (await turnsOf(t, (signal) => fitSigmoid(decisions, (row) => row % 3 === 0, new Pace(signal)))) > 2,
    );
  });
});

describe('RandomForestClassifier', () => {
  it('yields at columns, tasks and trees', async (t) => {
    const forest = new RandomForestClassifier({ trees: 40 });
    assert.ok((await turnsOf(t, (signal) => forest.fit(x, labels, 2, signal))) > COLUMNS);
    assert.ok((await turnsOf(t, (signal) => forest.predictProba(x, signal))) > 20);
    assert.ok((await turnsOf(t, (signal) => forest.predict(x, signal))) > 20);
  });

  it('stops growing a huge forest and ends its threads if its signal is aborted', async (t) => {
    for (const threads of [1, 2]) {
      const noneIsAlive = watchThreads(t);
      await assertEndsEarly((signal) =>
        new RandomForestClassifier({ trees: 1e6, threads }).fit(noise(1000), halves, 2, signal),
      );
      assert.equal(noneIsAlive(), threads);
    }
  });
});

describe('SVC', () => {
  it('yields at tasks, pairs and rows', async (t) => {
    const model = new SVC();
    const own = Int32Array.from({ length: ROWS }, (_, row) => row % 3);
    assert.ok((await turnsOf(t, (signal) => model.fit(x, own, 3, signal))) > 3 * 6);
    assert.ok((await turnsOf(t, (signal) => model.predict(x, signal))) > ROWS / 2);
    assert.ok((await turnsOf(t, (signal) => model.predictProba(x, signal))) > ROWS / 2);
  });

  it('stops a fit that would take hours and ends its threads if its signal is aborted', async (t) => {
    for (const threads of [1, 2]) {
      const noneIsAlive = watchThreads(t);
      // The classes are noise, and the penalty on errors is so high that the solver has almost no slack.
      await assertEndsEarly((signal) => new SVC({ C: 1e15, threads }).fit(noise(1000), halves, 2, signal));
      assert.equal(noneIsAlive(), threads);
    }
  });
});

describe('makePipeline', () => {
  it('passes its signal to every step', async () => {
    const seen: (AbortSignal | undefined)[] = [];
    const transformer = {
      fit: (_: readonly string[], signal?: AbortSignal) => Promise.resolve(void seen.push(signal)),
      transform: (_: readonly string[], signal?: AbortSignal) => (seen.push(signal), Promise.resolve(x)),
      state: () => assert.fail('no state is asked for'),
    };
    const classifier = new LogisticRegression();
    const pipeline = makePipeline(transformer, classifier);
    const { signal } = new AbortController();
    await pipeline.fit(texts, labels, 2, signal);
    await pipeline.predict(texts, signal);
    await pipeline.predictProba(texts, signal);
    assert.deepEqual(seen, [signal, signal, signal, signal]);
  });

  it('rejects with the reason of a signal that is already aborted', async () => {
    const pipeline = makePipeline(new TfidfVectorizer(), new LogisticRegression());
    await assert.rejects(
      pipeline.fit(texts, labels, 2, AbortSignal.abort(reason)),
      (error) => error === reason,
    );
  });
});
