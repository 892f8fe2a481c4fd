/** Texts into terms as scikit-learn's vectorizers take them apart. */

/** Python's `\w` in a `str` pattern: letters, everything numeric, and the underscore. No combining marks. */
const WORD = /[\p{L}\p{N}_]{2,}/gu;
/** Where Python's `str.split()` splits. */
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

export interface NgramRange {
  /** Shortest and longest, both included. */
  readonly from: number;
  readonly to: number;
}

/** Takes a text apart into terms, in order, each as often as it occurs. */
export type Analyzer = (text: string) => string[];

/**
 * Words of two or more characters (`(?u)\b\w\w+\b`), in lower case, and runs of them, joined by spaces:
 * analyzer="word".
 */
export function wordNgrams({ from, to }: NgramRange): Analyzer {
  return (text) => {
    const words = text.toLowerCase().match(WORD) ?? [];
    if (to === 1) return words;
    const terms: string[] = from === 1 ? [...words] : [];
    for (let n = Math.max(from, 2); n <= to; n++) {
      for (let i = 0; i + n <= words.length; i++) terms.push(words.slice(i, i + n).join(' '));
    }
    return terms;
  };
}

/**
 * Runs of characters (code points) inside each word, the word with a space before and after:
 * analyzer="char_wb". Words are what stands between white space, in lower case. A word shorter than a run
 * counts once as a whole.
 */
export function characterNgrams({ from, to }: NgramRange): Analyzer {
  // Natural text repeats its words.
  const known = new Map<string, readonly string[]>();
  const ofWord = (word: string): readonly string[] => {
    let terms = known.get(word);
    if (!terms) {
      terms = wordParts(word, from, to);
      if (known.size >= MOST_REMEMBERED) known.clear();
      if (word.length <= LONGEST_REMEMBERED) known.set(word, terms);
    }
    return terms;
  };
  return (text) => {
    const terms: string[] = [];
    for (const word of text.toLowerCase().split(SPACE)) {
      if (word !== '') for (const term of ofWord(word)) terms.push(term);
    }
    return terms;
  };
}

const MOST_REMEMBERED = 50_000;
const LONGEST_REMEMBERED = 48;

function wordParts(word: string, from: number, to: number): string[] {
  const characters = [' ', ...word, ' '];
  const terms: string[] = [];
  for (let n = from; n <= to; n++) {
    for (let i = 0; i === 0 || i + n <= characters.length; i++)
      terms.push(characters.slice(i, i + n).join(''));
    // Longer runs would be the whole word again.
    if (n >= characters.length) break;
  }
  return terms;
}
