import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  bar,
  displayWidth,
  groupDigits,
  histogramLines,
  pad,
  printable,
  printableLines,
  tableLines,
  truncate,
  wrap,
} from '#attune/cli/layout.js';

const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(' ', 'a', 'é', '語', '😀', '👨‍👩‍👧', 'e\u0301', '한', 'x'),
    fc.string({ unit: 'grapheme', maxLength: 1 }),
  ),
});

/** Texts of hundreds of grapheme clusters, without spaces. */
const longText = fc
  .array(
    fc.constantFrom(
      'a',
      'é',
      '語',
      '👨‍👩‍👧',
      'e\u0301',
      '🇩🇪',
      '\u{1e8d0}',
      '한',
      'n\u0303'.padEnd(300, '\u0303'),
    ),
    { minLength: 200, maxLength: 400 },
  )
  .map((parts) => parts.join(''));

const graphemes = (text: string): Intl.SegmentData[] => [
  ...new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text),
];

describe('displayWidth', () => {
  it('counts the columns that a terminal uses', () => {
    const cases: readonly [text: string, width: number][] = [
      ['', 0],
      ['abc', 3],
      ['é', 1],
      ['e\u0301', 1],
      ['語', 2],
      ['한국', 4],
      ['😀', 2],
      ['👨‍👩‍👧', 2],
      ['❤️', 2],
      ['▕█▏', 3],
      ['Ａ', 2],
      ['…', 1],
    ];
    for (const [text, width] of cases) assert.equal(displayWidth(text), width, JSON.stringify(text));
  });

  it('adds up the widths of the grapheme clusters of a long text', () => {
    fc.assert(
      fc.property(longText, (text) => {
        const sum = graphemes(text).reduce((width, { segment }) => width + displayWidth(segment), 0);
        assert.equal(displayWidth(text), sum);
      }),
      { numRuns: 20 },
    );
  });
});

describe('truncate', () => {
  it('cuts a text to a width, never inside a grapheme cluster', () => {
    assert.equal(truncate('abcdef', 4), 'abc…');
    assert.equal(truncate('語語語', 4), '語…');
    assert.equal(truncate('👨‍👩‍👧👨‍👩‍👧', 3), '👨‍👩‍👧…');
    assert.equal(truncate('abc', 3), 'abc');
    assert.equal(truncate('abc', 0), '');
    fc.assert(
      fc.property(anyText, fc.nat(20), (text, width) => {
        const cut = truncate(text, width);
        assert.ok(displayWidth(cut) <= width);
        if (displayWidth(text) > width && width > 0)
          assert.ok(cut.endsWith('…') && text.startsWith(cut.slice(0, -1)));
      }),
    );
  });
});

describe('wrap', () => {
  it('keeps to the width and loses nothing but spaces at line breaks', () => {
    assert.deepEqual(wrap('one two three', 8), ['one two', 'three']);
    assert.deepEqual(wrap('abcdefghij kl', 4), ['abcd', 'efgh', 'ij', 'kl']);
    assert.deepEqual(wrap('a\n\nb', 10), ['a', '', 'b']);
    assert.deepEqual(wrap('', 5), ['']);
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 30 }), (text, width) => {
        const lines = wrap(text, width);
        for (const line of lines) assert.ok(displayWidth(line) <= width, JSON.stringify(line));
        assert.equal(lines.join('').replaceAll(' ', ''), text.replaceAll(/[ \n]/g, ''));
      }),
    );
  });

  it('breaks a long text only between grapheme clusters, and loses nothing', () => {
    fc.assert(
      fc.property(longText, (text) => {
        const starts = new Set(graphemes(text).map(({ index }) => index));
        let at = 0;
        for (const line of wrap(text, 7)) {
          assert.ok(starts.has(at), 'a line begins with a character');
          assert.equal(line, text.slice(at, at + line.length));
          at += line.length;
        }
        assert.equal(at, text.length);
      }),
      { numRuns: 20 },
    );
  });

  it('breaks a word of a million letters', () => {
    const lines = wrap('é'.repeat(2 ** 20), 100);
    assert.equal(lines.length, Math.ceil(2 ** 20 / 100));
    assert.ok(lines.slice(0, -1).every((line) => line.length === 100));
  });
});

describe('printable', () => {
  it('escapes every control character', () => {
    assert.equal(printable('a\tb\nc\r\u001b[31m\u0000\u202e'), 'a\\tb\\nc\\r\\u001b[31m\\u0000\\u202e');
    assert.equal(printable('\u0085\u009b1A\u061c\u200e\u2066'), '\\u0085\\u009b1A\\u061c\\u200e\\u2066');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) =>
        assert.doesNotMatch(printable(text), /[\p{Cc}\p{Bidi_Control}]/u),
      ),
    );
  });
});

describe('printableLines', () => {
  it('keeps line feeds', () => {
    assert.equal(printableLines('a\tb\nc\u007f'), 'a\\tb\nc\\u007f');
  });

  it('does not change what JSON stands for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) =>
        assert.equal(JSON.parse(printableLines(JSON.stringify(text))), text),
      ),
    );
  });
});

describe('tableLines', () => {
  it('aligns the columns and cuts only those that may shrink', () => {
    const columns = [
      { title: 'name' },
      { title: 'text', shrink: true },
      { title: 'rows', align: 'right' },
    ] as const;
    const rows = [
      ['positive', '語語 a long text', '5'],
      ['no', 'short', '1,000'],
    ];
    assert.deepEqual(tableLines(columns, rows, 80), [
      'name      text               rows',
      'positive  語語 a long text      5',
      'no        short             1,000',
    ]);
    assert.deepEqual(tableLines(columns, rows, 27), [
      'name      text         rows',
      'positive  語語 a lo…      5',
      'no        short       1,000',
    ]);
    assert.deepEqual(
      tableLines(columns, rows, 5)[1],
      'positive  語…       5',
      'a column keeps four columns at least',
    );
    assert.deepEqual(tableLines(columns, [], 80), ['name  text  rows']);
  });
});

describe('bar', () => {
  it('draws eighths of a column', () => {
    assert.equal(bar(0, 8), '');
    assert.equal(bar(1, 8), '████████');
    assert.equal(bar(0.5, 3), '█▌');
    assert.equal(bar(2, 2), '██');
    assert.equal(bar(NaN, 2), bar(0, 2));
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 60 }),
        (fraction, width) => assert.ok(Math.abs(displayWidth(bar(fraction, width)) - fraction * width) <= 1),
      ),
    );
  });
});

describe('histogramLines', () => {
  it('keeps to the width and shows every bin that is not empty', () => {
    const lines = histogramLines(
      [
        { label: '1-16', count: 10000 },
        { label: '17-32', count: 1 },
        { label: '33-48', count: 0 },
      ],
      40,
    );
    assert.deepEqual(
      lines.map((line) => line.replaceAll(' ', '')),
      [`1-16${'█'.repeat(25)}10,000`, '17-32▏1', '33-480'],
    );
    for (const line of lines) assert.equal(displayWidth(line), 40);
  });
});

describe('pad', () => {
  it('fills up to a width, on either side', () => {
    assert.equal(pad('語', 4), '語  ');
    assert.equal(pad('語', 4, 'right'), '  語');
  });

  it('leaves a text that is wider as it is', () => {
    assert.equal(pad('abc', 2), 'abc');
  });
});

describe('groupDigits', () => {
  it('separates thousands by commas', () => {
    assert.equal(groupDigits(1234567), '1,234,567');
  });
});
