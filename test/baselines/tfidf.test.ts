import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SparseMatrix } from '#attune/baselines/estimator.js';
import { CHARACTERS, TfidfVectorizer, WORDS } from '#attune/baselines/tfidf.js';
import { DataError, ModelError } from '#attune/errors/attune-error.js';
import { fixtureJson } from '../support/fixtures.js';
import { assertClose } from '../support/numbers.js';
import { refusal } from '../support/refusal.js';

interface Packed {
  readonly indptr: number[];
  readonly indices: number[];
  readonly data: number[];
}

interface Case {
  readonly analyzer: 'word' | 'char_wb';
  readonly from: number;
  readonly to: number;
  readonly sublinear: boolean;
  readonly terms: string[];
  readonly idf: number[];
  readonly train: Packed;
  readonly test: Packed;
}

const golden = fixtureJson('baselines/tfidf.json') as {
  readonly texts: string[];
  readonly new: string[];
  readonly cases: readonly Case[];
};

function assertSame(found: SparseMatrix, expected: Packed): void {
  assert.deepEqual([...found.offsets], expected.indptr);
  assert.deepEqual([...found.indices], expected.indices);
  assertClose(found.values, expected.data, 1e-14, 'weight');
}

describe('TfidfVectorizer', () => {
  for (const expected of golden.cases) {
    const { analyzer, from, to, sublinear } = expected;
    it(`gives scikit-learn's weights of ${analyzer} ${from}-${to}${sublinear ? ', sublinear' : ''}`, async () => {
      const vectorizer = new TfidfVectorizer({ parts: [{ analyzer, from, to }], sublinearTf: sublinear });
      await vectorizer.fit(golden.texts);
      assert.deepEqual(
        vectorizer.features().map(({ term }) => term),
        expected.terms,
      );
      assertClose(vectorizer.state().arrays['idf']!, expected.idf, 1e-14, 'idf');
      assertSame(await vectorizer.transform(golden.texts), expected.train);
      assertSame(await vectorizer.transform(golden.new), expected.test);
    });
  }

  it('puts the columns of its parts side by side', async () => {
    const vectorizer = new TfidfVectorizer({ parts: [WORDS, CHARACTERS], sublinearTf: true });
    await vectorizer.fit(golden.texts);
    const single = await Promise.all(
      [WORDS, CHARACTERS].map(async (part) => {
        const one = new TfidfVectorizer({ parts: [part], sublinearTf: true });
        await one.fit(golden.texts);
        return one.transform(golden.new);
      }),
    );
    const both = await vectorizer.transform(golden.new);
    assert.equal(both.columns, single[0].columns + single[1].columns);
    for (let row = 0; row < both.rows; row++) {
      const part = (matrix: SparseMatrix, shift: number): [number, number][] =>
        [...matrix.indices.subarray(matrix.offsets[row], matrix.offsets[row + 1])].map((column, i) => [
          column + shift,
          matrix.values[matrix.offsets[row] + i],
        ]);
      assert.deepEqual(part(both, 0), [...part(single[0], 0), ...part(single[1], single[0].columns)]);
    }
  });

  it('gives the same rows when it is restored from its state', async () => {
    const vectorizer = new TfidfVectorizer({ parts: [WORDS, CHARACTERS], sublinearTf: true });
    await vectorizer.fit(golden.texts);
    const state = JSON.parse(JSON.stringify(vectorizer.state().settings)) as Record<string, unknown>;
    const restored = TfidfVectorizer.restore({
      kind: 'tfidf',
      settings: state,
      arrays: vectorizer.state().arrays,
    });
    assert.deepEqual(await restored.transform(golden.new), await vectorizer.transform(golden.new));
  });

  it('refuses texts without a word', async () => {
    await assert.rejects(
      new TfidfVectorizer().fit(['', '! ?', 'a']),
      refusal(DataError, 'tfidf-without-words'),
    );
  });

  it('refuses to be restored from settings and arrays that do not fit together', () => {
    assert.throws(
      () =>
        TfidfVectorizer.restore({
          kind: 'tfidf',
          settings: { sublinearTf: true, parts: [{ analyzer: 'word', from: 2, to: 1, terms: [] }] },
          arrays: {},
        }),
      refusal(ModelError, 'estimator-state-unsound', { estimator: 'tfidf', fault: 'tfidf-part' }),
    );
    assert.throws(
      () =>
        TfidfVectorizer.restore({
          kind: 'tfidf',
          settings: { sublinearTf: true, parts: [{ ...WORDS, terms: ['a'] }] },
          arrays: { idf: Float64Array.of(1, 2) },
        }),
      refusal(ModelError, 'estimator-array-length', {
        estimator: 'tfidf',
        array: 'idf',
        found: 2,
        expected: 1,
      }),
    );
  });
});
