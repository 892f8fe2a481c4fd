import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { Word2Vec } from '#attune/baselines/word2vec/word2vec.js';
import { AttuneError, ModelError, UsageError } from '#attune/errors/attune-error.js';
import { fixtureJson } from '../../support/fixtures.js';
import { folder } from '../../support/folder.js';
import { refusal } from '../../support/refusal.js';

const golden = fixtureJson('word2vec/gensim.json') as { text: string; binary: string };
const FORMATS = [{ binary: false }, { binary: true }];

/** A folder with the files `text` and `binary` that gensim wrote. */
function gensimFiles(t: TestContext): { dir: string; files: { text: Buffer; binary: Buffer } } {
  const dir = folder(t);
  const files = { text: Buffer.from(golden.text), binary: Buffer.from(golden.binary, 'hex') };
  writeFileSync(join(dir, 'text'), files.text);
  writeFileSync(join(dir, 'binary'), files.binary);
  return { dir, files };
}

describe('Word2Vec.load and Word2Vec.save', () => {
  it('read the files of gensim and write them back byte for byte', async (t) => {
    const { dir, files } = gensimFiles(t);
    const text = await Word2Vec.load(join(dir, 'text'));
    const binary = await Word2Vec.load(join(dir, 'binary'), { binary: true });
    assert.deepEqual(binary.words, text.words);
    assert.deepEqual(binary.vectors, text.vectors);
    assert.equal(text.vectorSize, 6);
    await text.save(join(dir, 'text-again'));
    await binary.save(join(dir, 'binary-again'), { binary: true });
    assert.deepEqual(readFileSync(join(dir, 'text-again')), files.text);
    assert.deepEqual(readFileSync(join(dir, 'binary-again')), files.binary);
  });

  it('round-trip any words and vectors in both formats', async (t) => {
    const dir = folder(t);
    const word = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replace(/[ \n]/g, '_'));
    const number = fc.float({ noNaN: true, noDefaultInfinity: true });
    const model = fc.integer({ min: 1, max: 5 }).chain((size) =>
      fc.uniqueArray(fc.tuple(word, fc.array(number, { minLength: size, maxLength: size })), {
        selector: ([key]) => key,
        minLength: 1,
        maxLength: 8,
      }),
    );
    await fc.assert(
      fc.asyncProperty(model, fc.constantFrom(...FORMATS), async (entries, format) => {
        const saved = new Word2Vec(
          entries.map(([key]) => key),
          Float32Array.from(entries.flatMap(([, vector]) => vector)),
          entries[0][1].length,
        );
        await saved.save(join(dir, 'file'), format);
        const loaded = await Word2Vec.load(join(dir, 'file'), format);
        assert.deepEqual(loaded.words, saved.words);
        assert.deepEqual(loaded.vectors, saved.vectors);
      }),
      { numRuns: 100 },
    );
  });
});

describe('Word2Vec.load', () => {
  it('reads only the first words if given a limit', async (t) => {
    const { dir } = gensimFiles(t);
    const text = await Word2Vec.load(join(dir, 'text'));
    const few = await Word2Vec.load(join(dir, 'text'), { limit: 3 });
    assert.deepEqual(few.words, text.words.slice(0, 3));
    assert.deepEqual(few.vectors, text.vectors.slice(0, 18));
  });

  it('accepts line feeds after binary vectors, as gensim does', async (t) => {
    const dir = folder(t);
    const bytes = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
    writeFileSync(
      join(dir, 'c'),
      Buffer.concat([
        Buffer.from('2 2\n'),
        Buffer.from('a '),
        bytes(1, 2),
        Buffer.from('\nb '),
        bytes(3, 4),
        Buffer.from('\n'),
      ]),
    );
    assert.deepEqual((await Word2Vec.load(join(dir, 'c'), { binary: true })).words, ['a', 'b']);
  });

  it('accepts trailing spaces and keeps the first of repeated words, as gensim does', async (t) => {
    const dir = folder(t);
    writeFileSync(join(dir, 't'), '3 2\na 1 2 \nb 3 4 \na 5 6');
    const model = await Word2Vec.load(join(dir, 't'));
    assert.deepEqual(model.words, ['a', 'b']);
    assert.deepEqual([...model.vectors], [1, 2, 3, 4]);
  });

  it('refuses a truncated or malformed file and names the word', async (t) => {
    const path = join(folder(t), 'file');
    const load = (contents: string | Buffer, binary = false): Promise<Word2Vec> => {
      writeFileSync(path, contents);
      return Word2Vec.load(path, { binary });
    };
    const file = path;
    await assert.rejects(load(''), refusal(ModelError, 'word2vec-file-header', { file }));
    await assert.rejects(load('words and vectors\n'), refusal(ModelError, 'word2vec-file-header', { file }));
    await assert.rejects(
      load('99999999999 300\na 1\n'),
      refusal(ModelError, 'word2vec-file-too-short', {
        file,
        words: 99999999999,
        vectorSize: 300,
        binary: false,
      }),
    );
    await assert.rejects(
      load('2 2\na 1 2\nb 1 2 3\n'),
      refusal(ModelError, 'word2vec-file-numbers', { file, word: 2, found: 3, expected: 2 }),
    );
    await assert.rejects(
      load('2 2\na 1 2\nb 1 x\n'),
      refusal(ModelError, 'word2vec-file-number', { file, word: 2, found: 'x' }),
    );
    await assert.rejects(
      load('2 1\nabcdefghijkl 1\n'),
      refusal(ModelError, 'word2vec-file-ends', { file, word: 2, binary: false }),
    );
    await assert.rejects(
      load(Buffer.concat([Buffer.from('1 1\n'), Buffer.from([0xff, 0x20, 0x31, 0x0a])])),
      refusal(ModelError, 'word2vec-file-not-utf8', { file, word: 1 }),
    );
    await assert.rejects(
      load('2 2\naaaaaaaaaaaaaaa 12345678', true),
      refusal(ModelError, 'word2vec-file-ends', { file, word: 2, binary: true }),
    );
    await assert.rejects(
      load(Buffer.concat([Buffer.from('1 1\na '), Buffer.from([0, 0, 0xc0, 0x7f])]), true),
      refusal(ModelError, 'word2vec-file-not-finite', { file, word: 1 }),
    );
  });

  it('refuses a file that does not exist', async (t) => {
    const file = join(folder(t), 'none');
    await assert.rejects(Word2Vec.load(file), refusal(ModelError, 'file-unreadable', { file }));
  });

  it('refuses a limit of 0', async (t) => {
    const { dir } = gensimFiles(t);
    await assert.rejects(
      Word2Vec.load(join(dir, 'text'), { limit: 0 }),
      refusal(UsageError, 'estimator-option-not-whole', { option: 'limit', given: 0, min: 1 }),
    );
  });
});

describe('Word2Vec.save', () => {
  it('refuses a word that the format cannot hold before it writes anything', async (t) => {
    const path = join(folder(t), 'file');
    for (const word of ['', 'two words', 'two\nlines', '\ud800']) {
      await assert.rejects(
        new Word2Vec([word], new Float32Array(1), 1).save(path),
        refusal(UsageError, 'word2vec-word-unsavable', { word }),
      );
      assert.ok(!existsSync(path));
    }
  });

  it('rejects if the folder does not exist', async (t) => {
    const path = join(folder(t), 'no', 'folder', 'file');
    await assert.rejects(
      new Word2Vec(['a'], new Float32Array(1), 1).save(path),
      refusal(AttuneError, 'file-unwritable', { path }),
    );
  });
});
