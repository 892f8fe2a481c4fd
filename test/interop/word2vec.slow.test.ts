/** Word2vec files are exchanged with gensim, in both directions. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Word2Vec } from '#attune/baselines/word2vec/word2vec.js';
import { splitWords } from '#attune/baselines/word2vec/words.js';
import { folder } from '../support/folder.js';
import { runSklearnPython, skipWithoutSklearn } from '../support/sklearn-python.js';

describe('Word2Vec.save', () => {
  it(
    'writes both formats so that gensim reads them and writes the same bytes',
    { skip: skipWithoutSklearn },
    async (t) => {
      const dir = folder(t);
      const sentences = [
        'naïve façade — 日本語 🙂🏽 of the day',
        "it's 15% off?! of the\u00adday \u200b",
        'e\u0301 é the',
      ].map(splitWords);
      const model = await Word2Vec.train(sentences, { vectorSize: 33, sample: 0 });
      const [text, binary] = [join(dir, 'text'), join(dir, 'binary')];
      await model.save(text);
      await model.save(binary, { binary: true });
      const read = (await runSklearnPython('word2vec_files.py', text, binary)) as {
        words: string[];
        vectors: number[];
      };
      assert.deepEqual(read.words, model.words);
      assert.deepEqual(read.vectors, [...model.vectors]);
      for (const [path, format] of [
        [text, {}],
        [binary, { binary: true }],
      ] as const) {
        assert.deepEqual(readFileSync(`${path}.gensim`), readFileSync(path));
        const again = await Word2Vec.load(`${path}.gensim`, format);
        assert.deepEqual(again.words, model.words);
        assert.deepEqual(again.vectors, model.vectors);
      }
    },
  );
});
