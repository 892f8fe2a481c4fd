import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { studyWords } from '#attune/compare/word-study.js';
import type { HiddenStates, StaticVectors } from '#attune/compare/word-study.js';

const NAMES = ['Ann', 'Bob', 'Cleo', 'Dan', 'Eva', 'Finn', 'Gus', 'Hana'];
/** "light" has two meanings, "table" has one; "kettle" occurs in one class only. */
const texts = [
  ...NAMES.map((name) => `${name} carried a light bag to the table .`),
  ...NAMES.map((name) => `${name} saw the light shine on a table .`),
  ...NAMES.map((name) => `${name} boiled the kettle .`),
];
const labels = texts.map((_, i) => (i < 8 ? 0 : 1));

const word2vec: StaticVectors = {
  has: (word) => word !== 'shine',
  mostSimilar: (word, n) =>
    Array.from({ length: n }, (_, i) => ({ word: `${word}${i}`, similarity: 0.9 - i / 10 })),
};

/**
 * A token per word with the space before it; its state depends on the word and on the one before.
 * "kettle" is two tokens, the first of which has the state of any unknown word.
 */
const hiddenStates: HiddenStates = (given) =>
  Promise.resolve(
    given.map((text) => {
      const tokens = [...text.matchAll(/ ?ket(?=tle)|tle| ?\S+/g)].map((match) => ({
        start: match.index,
        end: match.index + match[0].length,
        word: match[0].trim(),
      }));
      const states = tokens.flatMap(({ word }, i) => {
        const before = tokens[i - 1]?.word ?? '';
        const at = ['light', 'table', 'tle', 'bag', 'shine'].indexOf(word);
        return [
          ...Array.from({ length: 6 }, (_, j) => (j === at || (at < 0 && j === 5) ? 1 : 0)),
          word === 'light' && before === 'the' ? 1 : 0,
          0.01 * (text.charCodeAt(0) - 64),
        ];
      });
      return { tokens, width: 8, states: Float32Array.from(states) };
    }),
  );

describe('studyWords', () => {
  it('chooses content words of several classes, most spread first', async () => {
    const studies = await studyWords({ texts, labels, word2vec, hiddenStates });
    assert.deepEqual(
      studies.map(({ word }) => word),
      ['light', 'table'],
      'the others occur in one class only',
    );
    const [light, table] = studies;
    assert.equal(light.occurrences.length, 16);
    assert.ok(
      light.cosine.min < 0.75 &&
        light.cosine.max > 0.99 &&
        light.cosine.min <= light.cosine.mean &&
        light.cosine.mean <= light.cosine.max,
    );
    assert.ok(table.cosine.min > 0.99, 'one meaning, one vector but for what the name adds');
    // The two meanings are two groups of the projection, separated along x.
    const sides = [0, 1].map((label) =>
      light.occurrences.filter((place) => place.label === label).map(({ x }) => x),
    );
    assert.ok(Math.max(...sides[0]) < Math.min(...sides[1]) || Math.max(...sides[1]) < Math.min(...sides[0]));
    assert.deepEqual(light.staticNeighbours[0], { word: 'light0', similarity: 0.9 });
  });

  it('finds contextual neighbors that are other words, each once, with their sentence', async () => {
    const [light] = await studyWords({ texts, labels, word2vec, hiddenStates });
    assert.equal(light.contextualNeighbours.length, 3);
    for (const { occurrence, neighbours } of light.contextualNeighbours) {
      assert.ok(occurrence >= 0 && occurrence < light.occurrences.length);
      assert.ok(neighbours.length > 1);
      assert.equal(new Set(neighbours.map(({ word }) => word)).size, neighbours.length);
      for (const { word, text } of neighbours) {
        assert.notEqual(word, 'light');
        assert.ok(text.includes(word));
      }
      for (let i = 1; i < neighbours.length; i++)
        assert.ok(neighbours[i - 1].similarity >= neighbours[i].similarity);
    }
  });

  it('takes the state of the last token of a word', async () => {
    const [kettle] = await studyWords({ words: ['kettle'], texts, labels, word2vec, hiddenStates });
    assert.ok(kettle.cosine.min > 0.99);
    const wrong: HiddenStates = async (given) =>
      (await hiddenStates(given)).map((states) => ({
        ...states,
        tokens: states.tokens.slice(0, -2),
        states: states.states.slice(0, -16),
      }));
    assert.deepEqual(
      await studyWords({ words: ['kettle'], texts, labels, word2vec, hiddenStates: wrong }),
      [],
      'its last token was truncated away',
    );
  });

  it('keeps the order of given words, without those that are unknown or occur once', async () => {
    const studies = await studyWords({
      words: ['table', 'shine', 'nowhere', 'light', 'Ann'],
      texts,
      labels,
      word2vec,
      hiddenStates,
    });
    assert.deepEqual(
      studies.map(({ word }) => word),
      ['table', 'light', 'Ann'],
    );
  });

  it('samples 24 of many occurrences evenly across classes, the same ones each time', async () => {
    const many = Array.from({ length: 6 }, () => texts).flat();
    const options = {
      words: ['light'],
      texts: many,
      labels: many.map((_, i) => (i % 24 < 8 ? 0 : 1)),
      word2vec,
      hiddenStates,
    };
    const [light] = await studyWords(options);
    assert.equal(light.occurrences.length, 24);
    assert.equal(light.occurrences.filter(({ label }) => label === 0).length, 12);
    assert.deepEqual(await studyWords(options), [light]);
  });

  it('returns nothing without computing hidden states if no word occurs often enough', async () => {
    const never: HiddenStates = () => Promise.reject(new Error('asked'));
    assert.deepEqual(await studyWords({ texts: [], labels: [], word2vec, hiddenStates: never }), []);
    assert.deepEqual(
      await studyWords({
        texts: ['one thing', 'and another word'],
        labels: [0, 1],
        word2vec,
        hiddenStates: never,
      }),
      [],
    );
  });
});
