import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { attuneCacheFolder, encodeCached } from '#attune/text/token-cache.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { folder } from '../support/folder.js';

const texts = [
  'a fine day',
  '',
  ' two  words',
  '<|endoftext|>',
  'x'.repeat(300),
  'caf\u00e9 \ud83d\ude42 \ud800',
];
const tokenizer = await Tokenizer.fromDirectory(embeddedModelFolder());
const plain = (length: number) => texts.map((text) => tokenizer.encode(text, { maxLength: length }));

describe('encodeCached', () => {
  it("returns the tokenizer's ids and writes a file per length and list of texts", async (t) => {
    const dir = join(folder(t), 'new', 'tokens');
    const options = { folder: dir, worthCharacters: 1 };
    for (const length of [8, 128])
      for (let time = 0; time < 2; time++)
        assert.deepEqual(await encodeCached(texts, tokenizer, length, options), plain(length));
    assert.equal(readdirSync(dir).length, 2);
    // The same characters, split differently.
    await encodeCached(['a fine da', 'y', ...texts.slice(2)], tokenizer, 8, options);
    assert.equal(readdirSync(dir).length, 3);
  });

  it('reads cached ids without tokenizing again', async (t) => {
    const options = { folder: folder(t), worthCharacters: 1 };
    await encodeCached(texts, tokenizer, 8, options);
    const counting = Object.create(tokenizer, {
      encode: { value: () => assert.fail('tokenized again') },
      files: { value: () => tokenizer.files() },
      padTokenId: { value: tokenizer.padTokenId },
      vocabSize: { value: tokenizer.vocabSize },
    }) as Tokenizer;
    assert.deepEqual(await encodeCached(texts, counting, 8, options), plain(8));
  });

  it('tokenizes again and repairs a file with a flipped bit or cut at any byte', async (t) => {
    const dir = folder(t);
    const options = { folder: dir, worthCharacters: 1 };
    await encodeCached(texts, tokenizer, 8, options);
    const file = join(dir, readdirSync(dir)[0]);
    const good = readFileSync(file);
    for (let at = 0; at < good.length; at++) {
      const flipped = Buffer.from(good);
      flipped[at] ^= 1 << (at % 8);
      for (const bad of [flipped, good.subarray(0, at)]) {
        writeFileSync(file, bad);
        assert.deepEqual(await encodeCached(texts, tokenizer, 8, options), plain(8), `byte ${at}`);
        assert.deepEqual(readFileSync(file), good, `byte ${at}`);
      }
    }
  });

  it('caches nothing if there are few characters', async (t) => {
    const dir = folder(t);
    assert.deepEqual(await encodeCached(texts, tokenizer, 8, { folder: dir }), plain(8));
    assert.deepEqual(readdirSync(dir), []);
  });

  it('returns the ids if the cache folder cannot be written', async (t) => {
    const dir = folder(t, { file: '' });
    assert.deepEqual(
      await encodeCached(texts, tokenizer, 8, { folder: join(dir, 'file', 'tokens'), worthCharacters: 1 }),
      plain(8),
    );
  });

  it('removes the least recently used files if the cache grows too large', async (t) => {
    const dir = folder(t, { 'keep.txt': 'not ours' });
    const options = { folder: dir, worthCharacters: 1 };
    for (const length of [8, 16]) await encodeCached(texts, tokenizer, length, options);
    for (const name of readdirSync(dir)) utimesSync(join(dir, name), 1000, name === 'keep.txt' ? 1 : 1000);
    await encodeCached(texts, tokenizer, 8, options); // used now
    const used = readdirSync(dir).filter((name) => statSync(join(dir, name)).mtimeMs > 1e9);
    await encodeCached(texts, tokenizer, 32, {
      ...options,
      mostBytes: 2 * statSync(join(dir, used[0])).size + 200,
    });
    const left = readdirSync(dir);
    assert.equal(left.length, 3);
    assert.ok(left.includes('keep.txt') && left.includes(used[0]));
  });
});

describe('attuneCacheFolder', () => {
  it('is ATTUNE_CACHE, else in XDG_CACHE_HOME, else in the home folder', () => {
    assert.equal(attuneCacheFolder({ ATTUNE_CACHE: '/a', XDG_CACHE_HOME: '/x' }), '/a');
    assert.equal(attuneCacheFolder({ XDG_CACHE_HOME: '/x' }), join('/x', 'attune'));
    assert.match(attuneCacheFolder({}), /\.cache.attune$/);
  });
});
