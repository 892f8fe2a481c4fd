/** `studyWords` takes one label and one result of `hiddenStates` per text. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { studyWords } from '#attune/compare/word-study.js';
import type { HiddenStates, TextStates } from '#attune/compare/word-study.js';
import { UsageError } from '#attune/errors/attune-error.js';
import { refusal } from '../support/refusal.js';

const WIDTH = 8;
const texts = ['a light bag', 'the light shone on us', 'light'];
const word2vec = { has: () => true, mostSimilar: () => [] };

/** One token per word. */
const statesOf = (text: string): TextStates => {
  const tokens = [...text.matchAll(/\S+/g)].map(({ 0: word, index }) => ({
    start: index,
    end: index + word.length,
  }));
  return { tokens, width: WIDTH, states: new Float32Array(tokens.length * WIDTH).fill(1) };
};

const study = (hiddenStates: HiddenStates, labels: readonly number[] = [0, 1, 1]) =>
  studyWords({ words: ['light'], texts, labels, word2vec, hiddenStates });

const altered = (change: (states: TextStates[]) => TextStates[]) =>
  study((given) => Promise.resolve(change(given.map(statesOf))));

describe('studyWords', () => {
  it('refuses fewer or more labels than texts before it computes hidden states', async () => {
    const never: HiddenStates = () => Promise.reject(new Error('asked'));
    for (const labels of [
      [0, 1],
      [0, 1, 1, 0],
    ])
      await assert.rejects(
        study(never, labels),
        refusal(UsageError, 'word-study-labels-length', { labels: labels.length, texts: 3 }),
      );
  });

  it('refuses fewer results of hiddenStates than texts', async () => {
    await assert.rejects(
      altered((states) => states.slice(1)),
      refusal(UsageError, 'hidden-states-count', { results: 2, texts: 3 }),
    );
  });

  it('refuses hidden states with too few values or of different widths', async () => {
    await assert.rejects(
      altered(([first, ...rest]) => [{ ...first, states: first.states.slice(1) }, ...rest]),
      refusal(UsageError, 'hidden-states-length', { result: 0, values: 23, tokens: 3, width: 8 }),
    );
    await assert.rejects(
      altered(([first, second, third]) => [first, { ...second, width: 4 }, third]),
      refusal(UsageError, 'hidden-states-width', { result: 1, width: 4, expected: 8 }),
    );
  });

  it('accepts a text without tokens, whatever its width', async () => {
    const none = { tokens: [], width: 0, states: new Float32Array(0) };
    const [light] = await altered((states) => [none, ...states.slice(1)]);
    assert.deepEqual(
      light.occurrences.map(({ text, label }) => [text, label]),
      [
        ['the light shone on us', 1],
        ['light', 1],
      ],
    );
  });
});
