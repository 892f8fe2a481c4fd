/** The text baselines on the tweets of the reference notebook, against the metrics that scikit-learn gives there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { afinnScore } from '#attune/baselines/lexicon.js';
import { LogisticRegression } from '#attune/baselines/logistic-regression.js';
import { makePipeline } from '#attune/baselines/pipeline.js';
import { TfidfVectorizer } from '#attune/baselines/tfidf.js';
import type { Classifier, SparseMatrix } from '#attune/baselines/estimator.js';
import { classScores, confusionMatrix, weightedF1 } from '#attune/metrics/confusion.js';
import { rocAuc } from '#attune/metrics/roc-auc.js';
import { sharedPath } from '../support/shared.js';

const data = sharedPath('data', 'tweets');
const skip = data === undefined && 'needs ../shared';

interface Row {
  readonly text: string;
  readonly label: number;
}

const rowsOf = (file: string, count: number): Row[] =>
  readFileSync(join(data!, file), 'utf8')
    .split('\n')
    .slice(0, count)
    .map((line) => JSON.parse(line) as Row);
const texts = (rows: readonly Row[]): string[] => rows.map(({ text }) => text);
const labels = (rows: readonly Row[]): Int32Array => Int32Array.from(rows, ({ label }) => label);

describe('TfidfVectorizer and LogisticRegression', () => {
  it('reach an AUC of 0.761 and an F1 of 0.598 on the tweets', { skip }, async () => {
    const [train, tested] = [rowsOf('train.jsonl', 1000), rowsOf('test.jsonl', 200)];
    const model = makePipeline<readonly string[], SparseMatrix>(
      new TfidfVectorizer(),
      new LogisticRegression() as Classifier<SparseMatrix>,
    );
    await model.fit(texts(train), labels(train), 3);
    const auc = rocAuc(await model.predictProba(texts(tested)), labels(tested), ['0', '1', '2']).value!;
    const f1 = weightedF1(
      classScores(confusionMatrix(labels(tested), await model.predict(texts(tested)), 3)),
    );
    assert.equal(auc.toFixed(3), '0.761');
    assert.equal(f1.toFixed(3), '0.598');
  });
});

describe('afinnScore', () => {
  it('has an accuracy of 0.665 on the tweets by its sign', { skip }, () => {
    const tested = rowsOf('test.jsonl', 200);
    const right = tested.filter(({ text, label }) => Math.sign(afinnScore(text)) + 1 === label).length;
    assert.equal(right / tested.length, 0.665);
  });
});
