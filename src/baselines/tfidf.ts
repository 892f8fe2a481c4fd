import { DataError, UsageError } from '../errors/attune-error.js';
import { Pace } from '../pace.js';
import type { EstimatorState, SparseMatrix, Transformer } from './estimator.js';
import { characterNgrams, wordNgrams } from './ngrams.js';
import type { Analyzer, NgramRange } from './ngrams.js';
import { pacedSort } from './paced-sort.js';
import { StateReader } from './state-reader.js';

export interface TfidfPart extends NgramRange {
  readonly analyzer: 'word' | 'char_wb';
}

export interface TfidfOptions {
  /**
   * Each part is a TfidfVectorizer of its own; their columns stand side by side (a FeatureUnion). Words in
   * runs of one and two where not given.
   */
  readonly parts?: readonly TfidfPart[];
  /** 1 + log(count) in place of the count. */
  readonly sublinearTf?: boolean;
}

interface FittedPart {
  readonly part: TfidfPart;
  readonly analyze: Analyzer;
  /** Terms by code points, as Python sorts: the columns. */
  readonly terms: readonly string[];
  readonly columnOf: ReadonlyMap<string, number>;
  /** [terms] */
  readonly idf: Float64Array;
}

export const WORDS: TfidfPart = { analyzer: 'word', from: 1, to: 2 };
export const CHARACTERS: TfidfPart = { analyzer: 'char_wb', from: 2, to: 5 };

/** Numbers of a matrix that are kept in growing lists before they become typed arrays. */
const BLOCK = 2 ** 18;

/**
 * scikit-learn's TfidfVectorizer: lower case, counts of terms times their smoothed inverse document
 * frequency, log((1 + n) / (1 + df)) + 1, each row of length 1 (L2). A text without known terms is a row of
 * zeros.
 */
export class TfidfVectorizer implements Transformer<readonly string[], SparseMatrix> {
  #fitted: readonly FittedPart[] = [];

  readonly #options: TfidfOptions;

  constructor(options: TfidfOptions = {}) {
    this.#options = options;
  }

  /**
   * @throws DataError `tfidf-without-words`, as scikit-learn's "empty vocabulary"; the signal's reason if it
   *   is aborted
   */
  async fit(texts: readonly string[], signal?: AbortSignal): Promise<void> {
    const pace = new Pace(signal);
    const fitted: FittedPart[] = [];
    for (const part of this.#options.parts ?? [WORDS]) fitted.push(await fitPart(part, texts, pace));
    if (fitted.every(({ terms }) => terms.length === 0)) {
      throw new DataError('tfidf-without-words', {});
    }
    this.#fitted = fitted;
  }

  /** @throws as `Transformer.transform` */
  async transform(texts: readonly string[], signal?: AbortSignal): Promise<SparseMatrix> {
    if (this.#fitted.length === 0)
      throw new UsageError('estimator-not-fitted', { estimator: 'TfidfVectorizer' });
    const pace = new Pace(signal);
    const offsets = new Int32Array(texts.length + 1);
    const blocks: { readonly indices: Int32Array; readonly values: Float64Array }[] = [];
    let indices: number[] = [];
    let values: number[] = [];
    let before = 0;
    const endBlock = (): void => {
      blocks.push({ indices: Int32Array.from(indices), values: Float64Array.from(values) });
      before += indices.length;
      indices = [];
      values = [];
    };
    for (const [row, text] of texts.entries()) {
      if (pace.due) await pace.rest();
      let first = 0;
      for (const part of this.#fitted) {
        appendRow(part, text, first, this.#options.sublinearTf ?? false, indices, values);
        first += part.terms.length;
      }
      offsets[row + 1] = before + indices.length;
      if (indices.length >= BLOCK) endBlock();
    }
    endBlock();
    const joined = { indices: new Int32Array(before), values: new Float64Array(before) };
    let at = 0;
    for (const block of blocks) {
      joined.indices.set(block.indices, at);
      joined.values.set(block.values, at);
      at += block.indices.length;
    }
    return { kind: 'sparse', rows: texts.length, columns: this.columns, offsets, ...joined };
  }

  get columns(): number {
    return this.#fitted.reduce((sum, { terms }) => sum + terms.length, 0);
  }

  /** The term of each column, with the part it belongs to. */
  features(): { readonly term: string; readonly analyzer: TfidfPart['analyzer'] }[] {
    return this.#fitted.flatMap(({ part, terms }) =>
      terms.map((term) => ({ term, analyzer: part.analyzer })),
    );
  }

  state(): EstimatorState {
    const idf = Float64Array.from(this.#fitted.flatMap((part) => [...part.idf]));
    const parts = this.#fitted.map(({ part, terms }) => ({ ...part, terms }));
    return {
      kind: 'tfidf',
      settings: { sublinearTf: this.#options.sublinearTf ?? false, parts },
      arrays: { idf },
    };
  }

  /** @throws ModelError `estimator-setting-*`, `estimator-array-*`, `estimator-state-unsound` */
  static restore(state: EstimatorState): TfidfVectorizer {
    const reader = new StateReader(state);
    const { sublinearTf, parts } = state.settings;
    if (typeof sublinearTf !== 'boolean' || !Array.isArray(parts) || parts.length === 0)
      throw reader.unsound('tfidf-settings');
    const stored = parts.map((part: unknown) => {
      if (!isStoredPart(part)) throw reader.unsound('tfidf-part');
      return part;
    });
    const idf = reader.float64(
      'idf',
      stored.reduce((sum, { terms }) => sum + terms.length, 0),
    );
    const vectorizer = new TfidfVectorizer({
      sublinearTf,
      parts: stored.map(({ analyzer, from, to }) => ({ analyzer, from, to })),
    });
    let first = 0;
    vectorizer.#fitted = stored.map(({ analyzer, from, to, terms }) => {
      const part = { analyzer, from, to };
      const own = idf.slice(first, first + terms.length);
      first += terms.length;
      return { part, analyze: analyzerOf(part), terms, columnOf: columnsOf(terms), idf: own };
    });
    return vectorizer;
  }
}

function isStoredPart(part: unknown): part is TfidfPart & { readonly terms: readonly string[] } {
  if (typeof part !== 'object' || part === null) return false;
  const { analyzer, from, to, terms } = part as Readonly<Record<string, unknown>>;
  const range =
    Number.isInteger(from) &&
    Number.isInteger(to) &&
    (from as number) >= 1 &&
    (to as number) >= (from as number);
  return (
    (analyzer === 'word' || analyzer === 'char_wb') &&
    range &&
    Array.isArray(terms) &&
    terms.every((term) => typeof term === 'string')
  );
}

function analyzerOf(part: TfidfPart): Analyzer {
  return part.analyzer === 'word' ? wordNgrams(part) : characterNgrams(part);
}

const columnsOf = (terms: readonly string[]): Map<string, number> =>
  new Map(terms.map((term, column) => [term, column]));

async function fitPart(part: TfidfPart, texts: readonly string[], pace: Pace): Promise<FittedPart> {
  const analyze = analyzerOf(part);
  const frequency = new Map<string, number>();
  // The last text that a term was counted for.
  const seenIn = new Map<string, number>();
  for (const [row, text] of texts.entries()) {
    if (pace.due) await pace.rest();
    for (const term of analyze(text)) {
      if (seenIn.get(term) === row) continue;
      seenIn.set(term, row);
      frequency.set(term, (frequency.get(term) ?? 0) + 1);
    }
  }
  const terms = await pacedSort([...frequency.keys()], byCodePoints, pace);
  const idf = new Float64Array(terms.length);
  const columnOf = new Map<string, number>();
  for (const [column, term] of terms.entries()) {
    if (pace.due) await pace.rest();
    idf[column] = Math.log((1 + texts.length) / (1 + frequency.get(term)!)) + 1;
    columnOf.set(term, column);
  }
  return { part, analyze, terms, columnOf, idf };
}

function appendRow(
  { analyze, columnOf, idf }: FittedPart,
  text: string,
  first: number,
  sublinear: boolean,
  indices: number[],
  values: number[],
): void {
  const counts = new Map<number, number>();
  for (const term of analyze(text)) {
    const column = columnOf.get(term);
    if (column !== undefined) counts.set(column, (counts.get(column) ?? 0) + 1);
  }
  const columns = [...counts.keys()].sort((a, b) => a - b);
  const weights = columns.map(
    (column) => (sublinear ? 1 + Math.log(counts.get(column)!) : counts.get(column)!) * idf[column],
  );
  const length = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0));
  columns.forEach((column, i) => {
    indices.push(first + column);
    values.push(weights[i] / length);
  });
}

/** UTF-16 order differs from that of code points only where surrogates meet the letters above them. */
function byCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const [highX, highY] = [x >= 0xd800 && x <= 0xdfff, y >= 0xd800 && y <= 0xdfff];
    if (highX === highY) return x - y;
    return highX ? 1 : -1;
  }
  return a.length - b.length;
}
