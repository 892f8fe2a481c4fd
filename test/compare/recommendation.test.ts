/** The model that a comparison recommends, if any. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MARGIN } from '#attune/compare/margin.js';
import { requireMargin } from '#attune/compare/verdict.js';
import { UsageError } from '#attune/errors/attune-error.js';
import { factNumber } from '#attune/errors/phrases/values.js';
import { pattern } from '../support/pattern.js';
import { refusal } from '../support/refusal.js';
import { against, CHEAP, DEAR, first, judged } from './judged.js';

describe('verdict.recommended', () => {
  it('is the simplest model that is shown to lose at most the margin', async () => {
    const { models, verdict } = await judged(2000, [
      { id: 'gpt2-finetuned', wrong: first(200), cost: DEAR },
      { id: 'tfidf-logistic', wrong: first(204), cost: CHEAP },
      { id: 'word2vec-svc', wrong: first(202), cost: { ...CHEAP, bytesOnDisk: 2e6 } },
      { id: 'afinn', wrong: first(300), cost: CHEAP },
    ]);
    assert.equal(verdict.best, 'gpt2-finetuned');
    assert.equal(verdict.recommended, 'tfidf-logistic');
    assert.ok(against(models, 'tfidf-logistic').withinMargin && !against(models, 'afinn').withinMargin);
    assert.match(
      verdict.sentences.join('\n'),
      pattern(
        /Recommended: model tfidf-logistic, which is shown to lose at most 0\.02 F1 .*\n/,
        /No simpler model is shown to be within the margin\./,
      ),
    );
  });

  it('is null if there are too few rows, and the sentences give candidates and the rows needed', async () => {
    const { models, verdict } = await judged(200, [
      { id: 'gpt2-finetuned', wrong: first(30), cost: DEAR },
      { id: 'tfidf-logistic', wrong: first(32, 5), cost: CHEAP },
    ]);
    assert.equal(verdict.recommended, null);
    assert.deepEqual(verdict.bestSet, ['gpt2-finetuned', 'tfidf-logistic']);
    const { difference, low, rowsToShow } = against(models, 'tfidf-logistic');
    // Only it is right on five rows, only the best on seven.
    const error = Math.sqrt((12 / 200 - difference ** 2) / 200);
    const expected = 200 * ((difference - low + 0.84 * error) / MARGIN) ** 2;
    assert.ok(Math.abs(rowsToShow! / expected - 1) < 0.05, `${rowsToShow}, not about ${expected}`);
    const lines = verdict.sentences.join('\n');
    assert.match(
      lines,
      /^Highest measured: model gpt2-finetuned, .* not shown to be better than model tfidf-logistic\./,
    );
    assert.match(
      lines,
      /None is recommended over it: no model is shown to lose at most 0\.02 F1 \(the margin\) to the best\./,
    );
    assert.match(
      lines,
      pattern(
        /model tfidf-logistic may be as good: .* /,
        /It would answer in 0\.05 ms instead of 6 ms, and take 100 kB instead of 56 MB\./,
      ),
    );
    assert.match(
      lines,
      pattern(
        /With about 1\s[1-9]00 test rows, a model that is truly as good would be shown to be within the margin /,
        /in four cases of five; there are 1\s200 labelled rows in all\./,
      ),
    );
    const more = await judged(200, [
      { id: 'gpt2-finetuned', wrong: first(30), cost: DEAR },
      { id: 'tfidf-logistic', wrong: first(31, 2), cost: CHEAP },
    ]);
    assert.match(
      more.verdict.sentences.join('\n'),
      /; cross-validation over the 1\s200 labelled rows, in 6 folds of about 200, would give as many\./,
    );
  });

  it('may be the best model, and the sentences give the simpler candidates', async () => {
    const { verdict } = await judged(200, [
      { id: 'gpt2-finetuned', wrong: first(20), cost: DEAR },
      { id: 'tfidf-logistic', wrong: first(28, 10), cost: CHEAP },
    ]);
    assert.equal(verdict.recommended, 'gpt2-finetuned');
    assert.match(
      verdict.sentences.join('\n'),
      pattern(
        /Recommended: model gpt2-finetuned, which is shown to lose at most 0\.02 F1 \(the margin\) /,
        /to any other model\.\n/,
        /No simpler .*\nmodel tfidf-logistic may be as good: .*\nWith about /,
      ),
    );
  });

  it('is never a model that another one equals or beats in F1, latency and size', async () => {
    const { verdict } = await judged(2000, [
      { id: 'gpt2-finetuned', wrong: first(204), cost: DEAR },
      { id: 'word2vec-svc', wrong: first(200), cost: CHEAP },
      { id: 'tfidf-logistic', wrong: first(202), cost: { ...CHEAP, bytesOnDisk: 200_000 } },
    ]);
    assert.equal(verdict.recommended, 'word2vec-svc');
    assert.match(
      verdict.sentences.join('\n'),
      pattern(
        /model tfidf-logistic is simpler and within the margin as well, /,
        /but another model there is at least as good in F1, latency and size\./,
      ),
    );
  });

  it('depends on the margin', async () => {
    const made = [
      { id: 'gpt2-finetuned', wrong: first(30), cost: DEAR },
      { id: 'tfidf-logistic', wrong: first(32, 5), cost: CHEAP },
    ];
    assert.equal((await judged(200, made, 0.2)).verdict.recommended, 'tfidf-logistic');
    assert.equal((await judged(200, made, 0.005)).verdict.recommended, null);
  });

  it('is never the majority class', async () => {
    const close = await judged(400, [
      { id: 'gpt2-finetuned', wrong: first(190) },
      { id: 'majority', wrong: first(192) },
    ]);
    assert.equal(close.verdict.recommended, 'gpt2-finetuned');
    assert.ok(close.verdict.bestSet.includes('majority'));
    assert.match(
      close.verdict.sentences.join('\n'),
      /Beware: not even the best is shown to be better than always answering the most frequent class/,
    );
    assert.ok(close.verdict.choices.every(({ model }) => model !== 'majority'));
    const highest = await judged(400, [
      { id: 'gpt2-finetuned', wrong: first(192) },
      { id: 'majority', wrong: first(190) },
    ]);
    assert.equal(highest.verdict.recommended, null);
    assert.deepEqual(highest.verdict.choices, []);
    assert.match(
      highest.verdict.sentences.join('\n'),
      /None is recommended: no model is measured to be better than always answering the most frequent class\./,
    );
    assert.doesNotMatch(highest.verdict.sentences.join('\n'), /Beware|may be as good/);
  });
});

describe('requireMargin', () => {
  it('refuses a margin that is not between 0 and 1', () => {
    for (const margin of [0, -0.1, 1, 1e-9, NaN])
      assert.throws(
        () => requireMargin(margin),
        refusal(UsageError, 'margin-out-of-range', { margin: factNumber(margin) }),
      );
    requireMargin(0.5);
  });
});
