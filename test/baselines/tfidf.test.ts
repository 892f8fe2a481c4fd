import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SparseMatrix } from '#attune/baselines/estimator.js';
import { CHARACTERS, TfidfVectorizer, WORDS } from '#attune/baselines/tfidf.js';
import { DataError } from '#attune/errors.js';
import { fixtureJson } from '../support/fixtures.js';
import { assertClose } from '../support/numbers.js';

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

for (const expected of golden.cases) {
  const { analyzer, from, to, sublinear } = expected;
  test(`scikit-learn's TfidfVectorizer: ${analyzer} ${from}-${to}${sublinear ? ', sublinear' : ''}`, async () => {
    const vectorizer = new TfidfVectorizer({ parts: [{ analyzer, from, to }], sublinearTf: sublinear });
    await vectorizer.fit(golden.texts);
    assert.deepEqual(
      vectorizer.features().map(({ term }) => term),
      expected.terms,
    );
    assertClose(vectorizer.state().arrays['idf'], expected.idf, 1e-14, 'idf');
    assertSame(await vectorizer.transform(golden.texts), expected.train);
    assertSame(await vectorizer.transform(golden.new), expected.test);
  });
}

test('parts stand side by side, and a saved state gives the same rows', async () => {
  const vectorizer = new TfidfVectorizer({ parts: [WORDS, CHARACTERS], sublinearTf: true });
  await vectorizer.fit(golden.texts);
  const alone = await Promise.all(
    [WORDS, CHARACTERS].map(async (part) => {
      const one = new TfidfVectorizer({ parts: [part], sublinearTf: true });
      await one.fit(golden.texts);
      return one.transform(golden.new);
    }),
  );
  const both = await vectorizer.transform(golden.new);
  assert.equal(both.columns, alone[0].columns + alone[1].columns);
  for (let row = 0; row < both.rows; row++) {
    const part = (matrix: SparseMatrix, shift: number): [number, number][] =>
      [...matrix.indices.subarray(matrix.offsets[row], matrix.offsets[row + 1])].map((column, i) => [
        column + shift,
        matrix.values[matrix.offsets[row] + i],
      ]);
    assert.deepEqual(part(both, 0), [...part(alone[0], 0), ...part(alone[1], alone[0].columns)]);
  }
  const state = JSON.parse(JSON.stringify(vectorizer.state().settings)) as Record<string, unknown>;
  const restored = TfidfVectorizer.restore({
    kind: 'tfidf',
    settings: state,
    arrays: vectorizer.state().arrays,
  });
  assert.deepEqual(await restored.transform(golden.new), both);
});

test('texts without a word are refused, and so are settings that do not fit together', async () => {
  await assert.rejects(new TfidfVectorizer().fit(['', '! ?', 'a']), DataError);
  assert.throws(
    () =>
      TfidfVectorizer.restore({
        kind: 'tfidf',
        settings: { sublinearTf: true, parts: [{ analyzer: 'word', from: 2, to: 1, terms: [] }] },
        arrays: {},
      }),
    /saved tfidf is damaged/,
  );
  assert.throws(
    () =>
      TfidfVectorizer.restore({
        kind: 'tfidf',
        settings: { sublinearTf: true, parts: [{ ...WORDS, terms: ['a'] }] },
        arrays: { idf: Float64Array.of(1, 2) },
      }),
    /2 numbers, not 1/,
  );
});
