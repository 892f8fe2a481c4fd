/** `studyWords` takes one label and one result of `hiddenStates` per text. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { studyWords } from '#attune/compare/word-study.js';
import type { HiddenStates, TextStates } from '#attune/compare/word-study.js';
import { UsageError } from '#attune/errors/attune-error.js';

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

const refusal = (message: string) => (error: unknown) =>
  error instanceof UsageError && error.message === message;

describe('studyWords', () => {
  it('refuses fewer or more labels than texts before it computes hidden states', async () => {
    const never: HiddenStates = () => Promise.reject(new Error('asked'));
    for (const labels of [
      [0, 1],
      [0, 1, 1, 0],
    ])
      await assert.rejects(
        study(never, labels),
        refusal(`labels has length ${labels.length}, but texts has length 3`),
      );
  });

  it('refuses fewer results of hiddenStates than texts', async () => {
    await assert.rejects(
      altered((states) => states.slice(1)),
      refusal('hiddenStates returned 2 results for 3 texts'),
    );
  });

  it('refuses hidden states with too few values or of different widths', async () => {
    await assert.rejects(
      altered(([first, ...rest]) => [{ ...first, states: first.states.slice(1) }, ...rest]),
      refusal('hiddenStates returned result 0 with 23 values for 3 tokens of width 8'),
    );
    await assert.rejects(
      altered(([first, second, third]) => [first, { ...second, width: 4 }, third]),
      refusal('hiddenStates returned result 1 with width 4, another one with 8'),
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
