import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelResult, PairedTest } from '#attune/compare/comparison.js';
import { verdictOf } from '#attune/compare/verdict.js';

const paired = (value: number, p: number, mcnemarP = p): PairedTest => ({ mcnemar: { onlyThis: 3, onlyBest: 9, p: mcnemarP }, f1Difference: { value, low: value - 0.05, high: value + 0.05, p } });

function model(id: string, f1: number, against: PairedTest | null): ModelResult {
  return {
    id, name: `model ${id}`, description: '', accuracy: { value: f1, low: f1 - 0.05, high: f1 + 0.05 }, f1: { value: f1, low: f1 - 0.05, high: f1 + 0.05 }, auc: { value: f1, low: null, high: null },
    classes: [], confusion: [], calibration: { bins: [], ece: 0 }, cost: { trainSeconds: 1, latencyMs: 5, rowsPerSecond: 10, bytesOnDisk: 2e6, peakMemoryBytes: null },
    interpretability: { level: 'low', why: '' }, paired: against, predictions: { labels: [], probabilities: [] },
  };
}

test('the simplest model that neither paired test tells from the best is named, with its difference', () => {
  const models = [model('gpt2-finetuned', 0.8, null), model('word2vec-svc', 0.79, paired(-0.01, 0.7)), model('tfidf-logistic', 0.78, paired(-0.02, 0.3)), model('afinn', 0.77, paired(-0.03, 0.06, 0.01)), model('majority', 0.3, paired(-0.5, 0.0005))];
  const verdict = verdictOf(models, 200, paired(0.1, 0.001));
  assert.equal(verdict.best, 'gpt2-finetuned');
  assert.equal(verdict.simplestWithinNoise, 'tfidf-logistic');
  assert.match(verdict.sentences[1], /^The simplest model within noise of the best is model tfidf-logistic: its F1 is 0\.780, a difference of −0\.020 .*p = 0\.300/);
  assert.match(verdict.sentences.join(' '), /Fine-tuning changes F1 by \+0\.100 .*makes the difference/);
});

test('a best model that nothing simpler comes near is both; one that luck may have made is told as such', () => {
  const clear = verdictOf([model('gpt2-finetuned', 0.8, null), model('majority', 0.3, paired(-0.5, 0.0005))], 200, undefined);
  assert.equal(clear.simplestWithinNoise, 'gpt2-finetuned');
  assert.match(clear.sentences[1], /No simpler model is within noise/);
  const luck = verdictOf([model('gpt2-finetuned', 0.4, null), model('majority', 0.38, paired(-0.02, 0.5))], 20, paired(0.01, 0.6));
  assert.equal(luck.simplestWithinNoise, 'majority');
  assert.match(luck.sentences.join(' '), /cannot be told from chance.*Beware: not even the best/);
});
