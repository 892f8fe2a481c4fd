import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Tokenizer as HfTokenizer } from '@huggingface/tokenizers';
import { BytePairEncoder } from '#attune/text/byte-pair.js';
import { BYTE_CHARACTERS, tokenBytes } from '#attune/text/token-spans.js';
import type { Merge } from '#attune/text/vocabulary.js';

/** The definition of BPE: merge the leftmost pair of the lowest rank until no pair has a rank. */
function byDefinition(word: readonly string[], merges: readonly Merge[]): string[] {
  const symbols = [...word];
  for (;;) {
    let best = -1;
    let lowest = Infinity;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const rank = merges.findLastIndex(([left, right]) => left === symbols[i] && right === symbols[i + 1]);
      if (rank !== -1 && rank < lowest) [best, lowest] = [i, rank];
    }
    if (best === -1) return symbols;
    symbols.splice(best, 2, symbols[best] + symbols[best + 1]);
  }
}

/**
 * Merges of a few letters in any order, including orders that no training produces: a token is used before it is
 * merged, or a pair occurs twice.
 */
const someMerges = fc.array(fc.tuple(fc.nat(999), fc.nat(999)), { maxLength: 14 }).chain((draws) => {
  const tokens = ['a', 'b', 'c'];
  const merges: Merge[] = [];
  for (const [left, right] of draws) {
    const merge: Merge = [tokens[left % tokens.length], tokens[right % tokens.length]];
    if ((merge[0] + merge[1]).length > 12) continue;
    merges.push(merge);
    if (!tokens.includes(merge[0] + merge[1])) tokens.push(merge[0] + merge[1]);
  }
  return fc
    .shuffledSubarray(merges, { minLength: merges.length })
    .map((shuffled) => ({ tokens, merges: shuffled }));
});

const spell = (text: string): string[] =>
  Array.from(text, (character) => BYTE_CHARACTERS[character.charCodeAt(0)]);

describe('BytePairEncoder', () => {
  it('gives the ids that the definition of BPE gives, for any merges and words', () => {
    fc.assert(
      fc.property(
        someMerges,
        fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'a', 'b', 'd', ' '), maxLength: 120 }),
        fc.constantFrom(null, 'u'),
        fc.nat(80),
        ({ tokens, merges }, text, unknown, limit) => {
          const vocabulary = Object.fromEntries(
            [...tokens, ...(unknown === null ? [] : [unknown])].map((token, id) => [token, id]),
          );
          const encoder = new BytePairEncoder(vocabulary, merges, unknown);
          const ids: number[] = [];
          encoder.encode(Buffer.from(text, 'latin1'), ids);
          // d and the space are not in the vocabulary.
          const word = spell(text).filter(
            (character) => unknown !== null || Object.hasOwn(vocabulary, character),
          );
          const expected = byDefinition(word, merges).map((token) =>
            Object.hasOwn(vocabulary, token) ? vocabulary[token] : vocabulary[unknown!],
          );
          assert.deepEqual(ids, expected);
          const first: number[] = [];
          encoder.encode(Buffer.from(text, 'latin1'), first, limit);
          assert.deepEqual(first.slice(0, limit), expected.slice(0, limit));
          if (first.length < limit) assert.deepEqual(first, expected);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('gives long words the same ids as @huggingface/tokenizers', () => {
    const letters = [...BYTE_CHARACTERS];
    const merges: Merge[] = [
      ['a', 'a'],
      ['aa', 'aa'],
      ['a', 'b'],
      ['b', 'a'],
      ['ab', 'ab'],
      ['aa', 'ab'],
      ['\u00e9', 'a'],
      ['aaaa', 'a'],
    ];
    const vocabulary = Object.fromEntries(
      [...letters, ...merges.map(([left, right]) => left + right)].map((token, id) => [token, id]),
    );
    const library = new HfTokenizer(
      {
        version: '1.0',
        added_tokens: [],
        normalizer: null,
        pre_tokenizer: null,
        post_processor: null,
        decoder: null,
        model: { type: 'BPE', vocab: vocabulary, merges, unk_token: null, ignore_merges: false },
      },
      {},
    );
    const encoder = new BytePairEncoder(vocabulary, merges, null);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'aaa', 'b', 'ab', '\u00e9', 'c'), { minLength: 30, maxLength: 1500 }),
        (parts) => {
          const ids: number[] = [];
          encoder.encode(tokenBytes(parts.join('')), ids);
          assert.deepEqual(ids, library.encode(parts.join('')).ids);
        },
      ),
      { numRuns: 40 },
    );
  });
});
