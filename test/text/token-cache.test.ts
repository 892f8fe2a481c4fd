import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
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

test('ids come from the cache as the tokenizer gave them; another length or text is another file', async (t) => {
  const dir = join(folder(t), 'new', 'tokens');
  const options = { folder: dir, worthCharacters: 1 };
  for (const length of [8, 128])
    for (let time = 0; time < 2; time++)
      assert.deepEqual(await encodeCached(texts, tokenizer, length, options), plain(length));
  assert.equal(readdirSync(dir).length, 2);
  // The same characters, parted differently.
  await encodeCached(['a fine da', 'y', ...texts.slice(2)], tokenizer, 8, options);
  assert.equal(readdirSync(dir).length, 3);
});

test('a hit reads the file and does not tokenise', async (t) => {
  const options = { folder: folder(t), worthCharacters: 1 };
  await encodeCached(texts, tokenizer, 8, options);
  const counting = Object.create(tokenizer, {
    encode: { value: () => assert.fail('tokenised again') },
    files: { value: () => tokenizer.files() },
    padTokenId: { value: tokenizer.padTokenId },
    vocabSize: { value: tokenizer.vocabSize },
  }) as Tokenizer;
  assert.deepEqual(await encodeCached(texts, counting, 8, options), plain(8));
});

test('a file damaged at any byte, or cut anywhere, is tokenised anew and mended', async (t) => {
  const dir = folder(t);
  const options = { folder: dir, worthCharacters: 1 };
  await encodeCached(texts, tokenizer, 8, options);
  const file = join(dir, readdirSync(dir)[0]);
  const good = readFileSync(file);
  for (let at = 0; at < good.length; at += 3) {
    const bad = Buffer.from(good);
    bad[at] ^= 1 << (at % 8);
    writeFileSync(file, at % 2 === 0 ? bad : good.subarray(0, at));
    assert.deepEqual(await encodeCached(texts, tokenizer, 8, options), plain(8));
    assert.deepEqual(readFileSync(file), good);
  }
});

test('few characters are not kept; a folder that cannot be written is no fault', async (t) => {
  const dir = folder(t, { file: '' });
  await encodeCached(texts, tokenizer, 8, { folder: dir });
  assert.deepEqual(readdirSync(dir), ['file']);
  assert.deepEqual(
    await encodeCached(texts, tokenizer, 8, { folder: join(dir, 'file', 'tokens'), worthCharacters: 1 }),
    plain(8),
  );
});

test('the files used least recently go when there are too many', async (t) => {
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

test('where the cache lies', () => {
  assert.equal(attuneCacheFolder({ ATTUNE_CACHE: '/a', XDG_CACHE_HOME: '/x' }), '/a');
  assert.equal(attuneCacheFolder({ XDG_CACHE_HOME: '/x' }), join('/x', 'attune'));
  assert.match(attuneCacheFolder({}), /\.cache.attune$/);
});
