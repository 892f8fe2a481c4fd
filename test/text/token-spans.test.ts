import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { embeddedModelFolder } from '#attune/model/embedded.js';
import { tokenBytes, tokenSpans } from '#attune/text/token-spans.js';
import { Tokenizer } from '#attune/text/tokenizer.js';

const tokenizer = await Tokenizer.fromDirectory(embeddedModelFolder());

describe('Tokenizer.encodeWithSpans', () => {
  it('covers any text in order and without gaps, with the text of each token', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => {
        const { row, spans } = tokenizer.encodeWithSpans(text);
        if (row.blind) return assert.deepEqual(spans, []);
        if (text.includes('<|endoftext|>')) return;
        assert.equal(spans.length, row.ids.length);
        let covered = 0;
        for (const [t, { start, end }] of spans.entries()) {
          assert.ok(
            start <= covered && end >= covered && end > start,
            `token ${t} of ${JSON.stringify(text)}`,
          );
          covered = end;
          const spelled = tokenizer.decode([row.ids[t]]);
          if (!spelled.includes('\ufffd')) assert.equal(text.slice(start, end), spelled);
        }
        assert.equal(covered, text.length);
      }),
    );
  });

  it('gives spans to the kept tokens of a truncated text and to added tokens', () => {
    const cut = tokenizer.encodeWithSpans('one two three four', { maxLength: 2 });
    assert.equal(cut.spans.length, 2);
    assert.equal(cut.row.ids.length, 2);
    assert.equal(cut.spans[0].start, 0);
    const special = tokenizer.encodeWithSpans('so<|endoftext|>on');
    assert.ok(special.spans.some(({ start, end }) => start === 2 && end === 15));
    assert.deepEqual(tokenizer.encodeWithSpans('').spans, []);
  });
});

describe('tokenSpans', () => {
  it('leaves out a space that the tokenizer added and gives unknown bytes an empty span', () => {
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    assert.deepEqual(
      tokenSpans('hé no', [bytes(' h'), Uint8Array.of(0xc3), Uint8Array.of(0xa9), bytes('x'), bytes(' no')]),
      [
        { start: 0, end: 1 },
        { start: 1, end: 2 },
        { start: 1, end: 2 },
        { start: 2, end: 2 },
        { start: 2, end: 5 },
      ],
    );
  });
});

describe('tokenBytes', () => {
  it('decodes the byte characters of a token', () => {
    assert.deepEqual([...tokenBytes('Ġa')], [0x20, 0x61]);
  });
});
