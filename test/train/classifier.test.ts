/** The answers of a model that the caller supplies are checked: one per text, of classes that exist. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dataset } from '#attune/data/dataset.js';
import { ModelError } from '#attune/errors/attune-error.js';
import { TextClassifier } from '#attune/train/classifier.js';
import type { Classified, TextModel } from '#attune/train/classifier.js';
import { refusal } from '../support/refusal.js';

const COMPLETE: Classified = {
  labels: Int32Array.of(1, 0),
  probabilities: Float32Array.of(0.25, 0.75, 0.5, 0.5),
  logits: Float32Array.of(0, 1, 2, 2),
};
const texts = ['a', 'b'];
const model = 'my model';

function classifierOf(
  classified: Partial<Record<keyof Classified, unknown>> = {},
  attribute: TextModel['attribute'] = (given) => Promise.resolve(given.map((token) => [{ token, score: 1 }])),
): TextClassifier {
  return new TextClassifier({
    kind: model,
    labels: ['n', 'p'],
    maxLength: undefined,
    memory: undefined,
    folder: undefined,
    device: 'processor',
    hasLogits: true,
    classify: () => Promise.resolve({ ...COMPLETE, ...classified } as Classified),
    evaluate: () => Promise.reject(new Error('evaluated')),
    attribute,
    close: () => Promise.resolve(),
  });
}

describe('TextClassifier.predict', () => {
  it('returns one prediction per text', async () => {
    assert.deepEqual(await classifierOf().predict(texts, { logits: true }), [
      { text: 'a', label: 'p', label_id: 1, score: 0.75, scores: { n: 0.25, p: 0.75 }, logits: [0, 1] },
      { text: 'b', label: 'n', label_id: 0, score: 0.5, scores: { n: 0.5, p: 0.5 }, logits: [2, 2] },
    ]);
  });

  it('refuses fewer labels, probabilities or logits than the texts need', async () => {
    await assert.rejects(
      classifierOf({ labels: Int32Array.of(1) }).predict(texts),
      refusal(ModelError, 'model-answer-count', { model, what: 'label', given: 1, texts: 2 }),
    );
    await assert.rejects(
      classifierOf({ probabilities: Float32Array.of(0.5, 0.5) }).predict(texts),
      refusal(ModelError, 'model-answer-size', {
        model,
        what: 'probabilities',
        given: 2,
        texts: 2,
        classes: 2,
      }),
    );
    for (const logits of [Float32Array.of(1, 2, 3), undefined])
      await assert.rejects(
        classifierOf({ logits }).predict(texts, { logits: true }),
        refusal(ModelError, 'model-answer-size', {
          model,
          what: 'logits',
          given: logits?.length ?? 0,
          texts: 2,
          classes: 2,
        }),
      );
  });

  it('accepts a model that returns no logits if none are requested', async () => {
    assert.equal((await classifierOf({ logits: undefined }).predict(texts)).length, 2);
  });

  it('refuses a predicted class that the model does not have', async () => {
    for (const label of [2, -1])
      await assert.rejects(
        classifierOf({ labels: Int32Array.of(0, label) }).predict(texts),
        refusal(ModelError, 'model-answer-class', { model, label, classes: 2 }),
      );
  });
});

describe('TextClassifier.explain', () => {
  it('returns the attributions of every text', async () => {
    assert.deepEqual(
      (await classifierOf().explain(texts)).map(({ attributions }) => attributions),
      [[{ token: 'a', score: 1 }], [{ token: 'b', score: 1 }]],
    );
  });

  it('refuses fewer attributions than texts', async () => {
    await assert.rejects(
      classifierOf({}, () => Promise.resolve([[]])).explain(texts),
      refusal(ModelError, 'model-answer-count', { model, what: 'attribution', given: 1, texts: 2 }),
    );
  });
});

describe('TextClassifier.evaluate', () => {
  it('refuses a label that is not a class of the model before it runs the model', async () => {
    const rows = [0, 2].map((label) => ({ text: 'a', label }));
    await assert.rejects(
      classifierOf().evaluate(new Dataset('test', 'test.jsonl', rows, ['n', 'p', 'q'])),
      (error) =>
        error instanceof RangeError &&
        error.message === 'row 1 of test.jsonl has the label 2; of the model, the classes are 0 to 1',
    );
  });
});
