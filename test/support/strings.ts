import type { Random } from './random.js';

/** What strings are put together from: ordinary text, and what tokenizers and terminals stumble over. */
const PIECES: readonly ((random: Random) => string)[] = [
  (random) => String.fromCharCode(random.integer(32, 126)),
  (random) =>
    [
      'the',
      ' and',
      "'s",
      "'ll",
      "'RE",
      ' GPT',
      '1234567',
      ' 3.14',
      '...',
      '!!',
      'http://x.y/z?a=b',
      'ing',
      'Ünïcödé',
      'straße',
      'ΑΒΓδ',
      'привет',
      ' мир',
    ][random.integer(0, 16)],
  (random) =>
    [
      ' ',
      '  ',
      '\t',
      '\n',
      '\r\n',
      '\n\n ',
      '\u00a0',
      '\u2003',
      '\u3000',
      '\u2028',
      '\u000b',
      '\u0085',
      '\ufeff',
      '\u200b',
    ][random.integer(0, 13)],
  (random) => String.fromCodePoint(random.integer(0x80, 0xd7ff)),
  (random) => String.fromCodePoint(random.integer(0x10000, 0x10ffff)),
  // A surrogate on its own, unless its partner happens to follow
  (random) => String.fromCharCode(random.integer(0xd800, 0xdfff)),
  (random) => String.fromCharCode(random.integer(0, 31), 0),
  (random) => ['👩‍👩‍👧‍👦', '🏳️‍🌈', '👍🏽', '🇩🇪🇫🇷', '❤️', '🙂', '1️⃣', '🫠'][random.integer(0, 7)],
  (random) => `${'aeonZ'[random.integer(0, 4)]}${'\u0301\u0323\u0302'.repeat(random.integer(1, 3))}`,
  (random) =>
    ['مرحبا', 'שלום', '\u202eabc\u202c', '\u2067x\u2069', 'ع\u0651', 'العربية 123'][random.integer(0, 5)],
  (random) =>
    [
      '日本語',
      '한국어',
      'ไทย',
      'हिन्दी',
      '\u1100\u1161\u11a8',
      'ﬁ',
      'Ａ１',
      '①½²',
      '\ufffd',
      '\uffff',
      '\u{1d400}',
    ][random.integer(0, 10)],
];

/** Strings of up to sixty pieces, empty ones among them. */
export function awkwardStrings(random: Random): () => string {
  return () => {
    // Mostly of few kinds each, so that runs of one kind occur.
    const kinds = Array.from(
      { length: random.integer(1, 3) },
      () => PIECES[random.integer(0, PIECES.length - 1)],
    );
    return Array.from({ length: random.integer(0, 6) * random.integer(0, 10) }, () =>
      kinds[random.integer(0, kinds.length - 1)](random),
    ).join('');
  };
}
