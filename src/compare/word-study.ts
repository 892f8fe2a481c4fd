/**
 * One word in several sentences of a dataset, as two kinds of vectors see it. Word2Vec gives a word one
 * vector, whatever stands around it; a transformer's hidden state at the word depends on all that came
 * before. The study measures how far the latter spread, and who their neighbours are.
 */
import { UsageError } from '../errors/attune-error.js';
import { Pace } from '../pace.js';
import type { WordStudy } from './comparison.js';
import { FUNCTION_WORDS } from './function-words.js';
import { dot, projectToPlane } from './projection.js';

/** The hidden states of a text's tokens, row-major [tokens, width]. */
export interface TextStates {
  /**
   * Place of each token in the text, in UTF-16 units, `end` excluded. A text that was truncated has states
   * for its first tokens only.
   */
  readonly tokens: readonly { readonly start: number; readonly end: number }[];
  readonly width: number;
  readonly states: Float32Array;
}

/** The last layer's hidden states of each text. */
export type HiddenStates = (texts: readonly string[]) => Promise<readonly TextStates[]>;

/** What the study needs of a Word2Vec model; its words are what stands between white space. */
export interface StaticVectors {
  has(word: string): boolean;
  /** The n words with the largest cosine similarity, largest first. */
  mostSimilar(word: string, n: number): readonly { readonly word: string; readonly similarity: number }[];
}

export interface WordStudyOptions {
  /**
   * Default: up to three words that the study finds itself. Those that do not stand in at least two texts, or
   * that Word2Vec does not know, are left out.
   */
  readonly words?: readonly string[];
  readonly texts: readonly string[];
  /** Class index of each text. */
  readonly labels: readonly number[] | Int32Array;
  readonly word2vec: StaticVectors;
  readonly hiddenStates: HiddenStates;
  /** Ends the study with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const STUDIES = 3;
const OCCURRENCES = 24;
/** Words whose contextual vectors are computed before the most spread are chosen. */
const CANDIDATES = 8;
/** A word needs this many texts to be a candidate. */
const FEWEST_TEXTS = 6;
const NEIGHBOURS = 5;
/** Occurrences whose contextual neighbours are listed. */
const EXPLORED = 3;

interface Place {
  readonly text: number;
  /** Of the word in the text. */
  readonly start: number;
  readonly end: number;
}

interface SeenWord extends Place {
  readonly word: string;
  readonly state: Float64Array;
  readonly norm: number;
}

/**
 * Studies words in context, most spread first. Deterministic.
 *
 * Words are those Word2Vec knows: letters between white space, case kept. The words it finds itself stand in
 * many texts, of more than one class where there is one, and are no English function words; of these, the
 * ones with the lowest mean cosine similarity between their occurrences are taken. Contextual neighbours are
 * other words of the same sentences.
 *
 * @throws UsageError `word-study-labels-length`, `hidden-states-count`, `hidden-states-width`,
 *   `hidden-states-length`; the signal's reason if it is aborted
 */
export async function studyWords(options: WordStudyOptions): Promise<WordStudy[]> {
  const { words, texts, labels, word2vec, hiddenStates, signal } = options;
  if (labels.length !== texts.length)
    throw new UsageError('word-study-labels-length', { labels: labels.length, texts: texts.length });
  const pace = new Pace(signal);
  const places = await placesOfWords(texts, word2vec, words && new Set(words), pace);
  const candidates = words
    ? words.filter((word) => (places.get(word)?.length ?? 0) >= 2)
    : findCandidates(places, labels);
  const chosen = new Map(
    [...new Set(candidates)].map((word) => [word, spreadOverClasses(places.get(word)!, labels, OCCURRENCES)]),
  );
  const needed = [...new Set([...chosen.values()].flat().map(({ text }) => text))].sort((a, b) => a - b);
  if (needed.length === 0) return [];
  const states = await hiddenStates(needed.map((text) => texts[text]));
  requireStates(states, needed.length);
  const context: SeenWord[] = [];
  for (const [i, text] of needed.entries()) {
    if (pace.due) await pace.rest();
    for (const seen of wordsInContext(text, texts[text], states[i])) context.push(seen);
  }
  const studies: WordStudy[] = [];
  for (const [word, kept] of chosen) {
    if (pace.due) await pace.rest();
    const wanted = new Set(kept.map(({ text, start }) => `${text}:${start}`));
    const occurrences = context.filter(
      (seen) => seen.word === word && wanted.has(`${seen.text}:${seen.start}`),
    );
    if (occurrences.length >= 2) studies.push(await study(word, occurrences, context, options, pace));
  }
  return words ? studies : studies.sort((a, b) => a.cosine.mean - b.cosine.mean).slice(0, STUDIES);
}

/** What is missing would be a vector of no numbers, whose cosine is none. */
function requireStates(states: readonly TextStates[], texts: number): void {
  if (states.length !== texts) throw new UsageError('hidden-states-count', { results: states.length, texts });
  const width = states.find(({ tokens }) => tokens.length > 0)?.width;
  for (const [i, { tokens, width: own, states: values }] of states.entries()) {
    if (tokens.length === 0) continue;
    if (own !== width)
      throw new UsageError('hidden-states-width', { result: i, width: own, expected: width! });
    if (values.length < tokens.length * width)
      throw new UsageError('hidden-states-length', {
        result: i,
        values: values.length,
        tokens: tokens.length,
        width,
      });
  }
}

/** The first place of each word in each text. */
async function placesOfWords(
  texts: readonly string[],
  word2vec: StaticVectors,
  only: ReadonlySet<string> | undefined,
  pace: Pace,
): Promise<Map<string, Place[]>> {
  const places = new Map<string, Place[]>();
  const known = new Map<string, boolean>();
  for (const [index, text] of texts.entries()) {
    if (pace.due) await pace.rest();
    const here = new Set<string>();
    for (const { word, start, end } of splitWords(text)) {
      if (here.has(word) || (only ? !only.has(word) : !isContentWord(word))) continue;
      here.add(word);
      if (!known.has(word)) known.set(word, word2vec.has(word));
      if (!known.get(word)) continue;
      const list = places.get(word);
      if (list) list.push({ text: index, start, end });
      else places.set(word, [{ text: index, start, end }]);
    }
  }
  return places;
}

const isContentWord = (word: string): boolean =>
  /^\p{L}{3,}$/u.test(word) && !FUNCTION_WORDS.has(word.toLowerCase());

/** What `text.split()` of Python gives, with places. */
function splitWords(text: string): { readonly word: string; readonly start: number; readonly end: number }[] {
  return [...text.matchAll(/\S+/gu)].map((match) => ({
    word: match[0],
    start: match.index,
    end: match.index + match[0].length,
  }));
}

/**
 * Words of several classes and the most texts first; ties in the order they were first seen. Words of one
 * class only where there is nothing else.
 */
function findCandidates(
  places: ReadonlyMap<string, readonly Place[]>,
  labels: WordStudyOptions['labels'],
): string[] {
  const ranked = [...places].map(([word, list]) => {
    const counts = new Map<number, number>();
    for (const { text } of list) counts.set(labels[text], (counts.get(labels[text]) ?? 0) + 1);
    // What is left when the word's largest class is taken away: a word of one class alone has none.
    const mixed = list.length - Math.max(...counts.values());
    return { word, texts: list.length, mixed: Math.min(mixed, OCCURRENCES / 2) };
  });
  const frequent = ranked.filter(({ texts }) => texts >= FEWEST_TEXTS);
  const pool = frequent.length > 0 ? frequent : ranked.filter(({ texts }) => texts >= 2);
  const several = pool.filter(({ mixed }) => mixed > 0);
  return (several.length >= 2 ? several : pool)
    .sort((a, b) => b.mixed - a.mixed || b.texts - a.texts)
    .slice(0, CANDIDATES)
    .map(({ word }) => word);
}

/** At most `most` places, classes in turn, in the order of the texts. */
function spreadOverClasses(
  places: readonly Place[],
  labels: WordStudyOptions['labels'],
  most: number,
): Place[] {
  const byClass = new Map<number, Place[]>();
  for (const place of places) {
    const label = labels[place.text];
    const list = byClass.get(label);
    if (list) list.push(place);
    else byClass.set(label, [place]);
  }
  const queues = [...byClass].sort(([a], [b]) => a - b).map(([, list]) => list);
  const taken: Place[] = [];
  for (let round = 0; taken.length < Math.min(most, places.length); round++) {
    for (const queue of queues) if (round < queue.length && taken.length < most) taken.push(queue[round]);
  }
  return taken.sort((a, b) => a.text - b.text);
}

/** Each word of a text with the hidden state at its last token; words cut off by truncation are left out. */
function wordsInContext(index: number, text: string, { tokens, width, states }: TextStates): SeenWord[] {
  const seen: SeenWord[] = [];
  let last = -1;
  for (const { word, start, end } of splitWords(text)) {
    while (last + 1 < tokens.length && tokens[last + 1].start < end) last++;
    // A token may carry the space before the word, and none but the word's own reaches its end.
    if (last < 0 || tokens[last].end < end) continue;
    const state = Float64Array.from(states.subarray(last * width, (last + 1) * width));
    seen.push({ word, text: index, start, end, state, norm: Math.sqrt(dot(state, state)) });
  }
  return seen;
}

const cosine = (a: SeenWord, b: SeenWord): number =>
  a.norm === 0 || b.norm === 0 ? 0 : Math.max(-1, Math.min(1, dot(a.state, b.state) / (a.norm * b.norm)));

async function study(
  word: string,
  occurrences: readonly SeenWord[],
  context: readonly SeenWord[],
  { texts, labels, word2vec }: WordStudyOptions,
  pace: Pace,
): Promise<WordStudy> {
  const similarity = occurrences.map((a) => occurrences.map((b) => cosine(a, b)));
  const pairs = similarity.flatMap((row, i) => row.slice(0, i));
  const points = projectToPlane(occurrences.map(({ state }) => state));
  const contextualNeighbours: WordStudy['contextualNeighbours'][number][] = [];
  for (const occurrence of farApart(similarity, EXPLORED)) {
    const nearest = await neighboursOf(occurrences[occurrence], context, pace);
    const neighbours = nearest.map(({ seen, similarity: value }) => ({
      word: seen.word,
      text: texts[seen.text],
      similarity: value,
    }));
    contextualNeighbours.push({ occurrence, neighbours });
  }
  return {
    word,
    occurrences: occurrences.map(({ text }, i) => ({ text: texts[text], label: labels[text], ...points[i] })),
    cosine: {
      min: Math.min(...pairs),
      mean: pairs.reduce((sum, value) => sum + value, 0) / pairs.length,
      max: Math.max(...pairs),
    },
    staticNeighbours: word2vec
      .mostSimilar(word, NEIGHBOURS)
      .map((neighbour) => ({ word: neighbour.word, similarity: neighbour.similarity })),
    contextualNeighbours,
  };
}

interface Neighbour {
  readonly seen: SeenWord;
  readonly similarity: number;
}

/** The most similar words in context that are other words of content, each word once. */
async function neighboursOf(of: SeenWord, context: readonly SeenWord[], pace: Pace): Promise<Neighbour[]> {
  const form = bare(of.word);
  const ranked: Neighbour[] = [];
  for (const seen of context) {
    if (pace.due) await pace.rest();
    if (isContentWord(bare(seen.word)) && bare(seen.word) !== form)
      ranked.push({ seen, similarity: cosine(of, seen) });
  }
  ranked.sort((a, b) => b.similarity - a.similarity);
  const used = new Set<string>();
  return ranked
    .filter(({ seen }) => !used.has(bare(seen.word)) && used.add(bare(seen.word)))
    .slice(0, NEIGHBOURS);
}

/** A word without the punctuation around it, in lower case. */
const bare = (word: string): string => word.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '').toLowerCase();

/**
 * Up to `count` indices, each the farthest from those before it; the first two are the least similar pair. In
 * ascending order.
 */
function farApart(similarity: readonly (readonly number[])[], count: number): number[] {
  let [first, second] = [0, 1];
  similarity.forEach((row, i) =>
    row.slice(0, i).forEach((value, j) => {
      if (value < similarity[first][second]) [first, second] = [j, i];
    }),
  );
  const taken = [first, second];
  while (taken.length < Math.min(count, similarity.length)) {
    const nearest = similarity.map((row, i) =>
      taken.includes(i) ? Infinity : Math.max(...taken.map((j) => row[j])),
    );
    taken.push(nearest.indexOf(Math.min(...nearest)));
  }
  return taken.sort((a, b) => a - b);
}
