/**
 * Text in columns of a terminal: widths, cutting, wrapping. A character is a grapheme as a reader sees it;
 * emoji and East Asian wide characters take two columns (Unicode UAX #11), combining marks none.
 */

// Made when a text first needs it: that takes longer than all the rest of `attune --help`.
let segmenter: Intl.Segmenter | undefined;
const WIDE_SCRIPTS = ['Han', 'Hiragana', 'Katakana', 'Hangul', 'Yi', 'Bopomofo']
  .map((script) => `\\p{Script=${script}}`)
  .join('');
const WIDE_FORMS = '\\u3000-\\u303e\\uff01-\\uff60\\uffe0-\\uffe6';
const EMOJI = '\\p{Emoji_Presentation}|\\p{Extended_Pictographic}\\ufe0f';
const WIDE = new RegExp(`[${WIDE_SCRIPTS}${WIDE_FORMS}]|${EMOJI}`, 'u');
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]+$/u;

/** UTF-16 units that are segmented at a time: V8 takes time by the square of their number. */
const WINDOW = 256;

function* graphemes(text: string): Generator<string> {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  let size = WINDOW;
  for (let start = 0; start < text.length;) {
    let end = start + size;
    if (isHighSurrogate(text.charCodeAt(end - 1))) end++;
    const found = Array.from(segmenter.segment(text.slice(start, end)), ({ segment }) => segment);
    // The last one may go on behind the window.
    if (end < text.length) found.pop();
    for (const grapheme of found) start += grapheme.length;
    size = found.length === 0 ? 2 * size : WINDOW;
    yield* found;
  }
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

function graphemeWidth(grapheme: string): number {
  if (ZERO.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

/** Columns that `text` takes. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const grapheme of graphemes(text)) width += graphemeWidth(grapheme);
  return width;
}

/** `text` cut to at most `width` columns, with "…" where something was cut. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width < 1) return '';
  let taken = 0;
  let cut = '';
  for (const grapheme of graphemes(text)) {
    taken += graphemeWidth(grapheme);
    if (taken > width - 1) break;
    cut += grapheme;
  }
  return `${cut}…`;
}

export type Align = 'left' | 'right';

/** `text` filled with spaces to `width` columns; longer texts stay as they are. */
export function pad(text: string, width: number, align: Align = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'left' ? text + space : space + text;
}

/**
 * Lines of at most `width` columns, broken at spaces; a longer word is broken where it must be. Line feeds in
 * the text are kept.
 */
export function wrap(text: string, width: number): string[] {
  const limit = Math.max(1, width);
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ').filter((part) => part !== '')) {
      if (line !== '' && displayWidth(line) + 1 + displayWidth(word) <= limit) {
        line += ` ${word}`;
        continue;
      }
      if (line !== '') lines.push(line);
      line = '';
      for (const piece of displayWidth(word) > limit ? pieces(word, limit) : [word]) {
        if (line !== '') lines.push(line);
        line = piece;
      }
    }
    return line !== '' || lines.length === 0 ? [...lines, line] : lines;
  });
}

/** A word in pieces of at most `width` columns, but of at least one character. */
function pieces(word: string, width: number): string[] {
  const found: string[] = [];
  let piece = '';
  let taken = 0;
  for (const grapheme of graphemes(word)) {
    const columns = graphemeWidth(grapheme);
    if (piece !== '' && taken + columns > width) {
      found.push(piece);
      piece = '';
      taken = 0;
    }
    piece += grapheme;
    taken += columns;
  }
  return [...found, piece];
}

const NAMED: Readonly<Partial<Record<string, string>>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
const escaped = (control: string): string =>
  NAMED[control] ?? `\\u${control.codePointAt(0)!.toString(16).padStart(4, '0')}`;

/**
 * Any text, safe to print: what would move the cursor, change colours or turn the direction of writing around
 * (control characters, C1 among them, and Unicode's bidirectional controls) is shown as an escape that JSON
 * reads, too. Line feeds stay.
 */
export function printableLines(text: string): string {
  return text.replace(/[^\P{Cc}\n]|[\u2028\u2029\p{Bidi_Control}]/gu, escaped);
}

/** As `printableLines`, on one line. */
export function printable(text: string): string {
  return printableLines(text).replaceAll('\n', escaped);
}

export interface Column {
  readonly title: string;
  readonly align?: Align;
  /** Columns that may be cut to make a table fit, the widest first. */
  readonly shrink?: boolean;
}

const GAP = 2;

/**
 * Lines of a table: the titles, then the rows. Columns that may shrink are cut where the table is wider than
 * `width`.
 */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const widths = columns.map((column, c) =>
    Math.max(displayWidth(column.title), ...rows.map((row) => displayWidth(row[c] ?? ''))),
  );
  let excess = widths.reduce((sum, w) => sum + w + GAP, -GAP) - width;
  while (excess > 0) {
    const widest = columns.reduce(
      (best, column, c) =>
        column.shrink && widths[c] > 4 && (best < 0 || widths[c] > widths[best]) ? c : best,
      -1,
    );
    if (widest < 0) break;
    widths[widest]--;
    excess--;
  }
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, c) =>
        pad(column.shrink ? truncate(cells[c] ?? '', widths[c]) : (cells[c] ?? ''), widths[c], column.align),
      )
      .join(' '.repeat(GAP))
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...rows.map(line)];
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/**
 * A bar of `fraction` (0 to 1) of `width` columns, in eighths of a column, without the empty rest. NaN
 * (nothing of nothing) is 0.
 */
export function bar(fraction: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, fraction || 0)) * width * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
}

export interface Bin {
  readonly label: string;
  readonly count: number;
}

/** Lines of a horizontal histogram: label, bar, count. A bin that is not empty always shows. */
export function histogramLines(bins: readonly Bin[], width: number): string[] {
  const most = Math.max(1, ...bins.map((bin) => bin.count));
  const labelWidth = Math.max(0, ...bins.map((bin) => displayWidth(bin.label)));
  const countWidth = Math.max(0, ...bins.map((bin) => groupDigits(bin.count).length));
  const space = Math.max(8, Math.min(60, width - labelWidth - countWidth - 2 * GAP));
  return bins.map(({ label, count }) => {
    const drawn = bar(count / most, space) || (count > 0 ? '▏' : '');
    return `${pad(label, labelWidth, 'right')}  ${pad(drawn, space)}  ${groupDigits(count).padStart(countWidth)}`;
  });
}

/**
 * A count with its thousands apart: 1234567 as 1,234,567. By hand, because Intl takes longer to load than a
 * small dataset.
 */
export function groupDigits(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',');
}
