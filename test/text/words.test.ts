import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { gpt2Words } from '#attune/text/words.js';

const ALTERNATIVES = [
  /'s|'t|'re|'ve|'m|'ll|'d/u,
  / ?\p{L}+/u,
  / ?\p{N}+/u,
  / ?[^\p{White_Space}\p{L}\p{N}]+/u,
  /\p{White_Space}+(?!\P{White_Space})/u,
  /\p{White_Space}+/u,
];
const PATTERN = new RegExp(ALTERNATIVES.map(({ source }) => source).join('|'), 'gu');

describe('gpt2Words', () => {
  it('splits a long text as the pattern does', () => {
    const unit = fc.oneof(
      fc.constantFrom(
        ' ',
        '  ',
        '\n',
        '\u0085',
        '\ufeff',
        '\u3000',
        "'",
        "'s",
        "'ll",
        "'LL",
        'a',
        'é',
        '1',
        '½',
        '!',
        '🙂',
        '\u0301',
        '漢',
        '\0',
        '\ud800',
        '\udc00',
        '𝐀',
      ),
      fc.string({ unit: 'binary', maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 60 }), (parts) => {
        // Long enough that gpt2Words does not apply the pattern to the whole text.
        const text = `${parts.join('')}${'x'.repeat(3000)}${parts.join('')}`;
        assert.deepEqual([...gpt2Words(text)], text.match(PATTERN));
      }),
      { numRuns: 2000 },
    );
  });

  it('splits runs longer than a piece of the pattern, of every kind', () => {
    for (const run of ['a', ' ', '7', '!', '🙂', '漢', '\0', '\ud800', 'e\u0301', '\n']) {
      const long = run.repeat(130_001);
      for (const text of [long, `${long}b`, `${long} b`, ` ${long}  1`, `'s${long}`])
        assert.deepEqual([...gpt2Words(text)], text.match(PATTERN), `${run} ${text.length}`);
    }
  });

  it('keeps a line of 16 million code units as one word', () => {
    const text = '🙂'.repeat(2 ** 23);
    assert.deepEqual(
      [...gpt2Words(text)].map(({ length }) => length),
      [text.length],
    );
  });
});
