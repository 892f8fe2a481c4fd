/**
 * A lexicon as a classifier: AFINN's word scores (Nielsen 2011), added up over a text by the npm package
 * `sentiment`. What is learned is only where on that one scale a class ends and the next begins.
 *
 *   n = rows, K = classes, S = distinct scores of the training rows
 */
import { createRequire } from 'node:module';
import { UsageError } from '../errors/attune-error.js';
import { Pace } from '../pace.js';
import type { Classifier, DenseMatrix, EstimatorState } from './estimator.js';
import { LogisticRegression } from './logistic-regression.js';
import { checkTexts } from './matrix.js';
import { StateReader } from './state-reader.js';

interface SentimentAnalyzer {
  analyze(text: string): { readonly score: number };
}

const require = createRequire(import.meta.url);
let analyzer: SentimentAnalyzer | undefined;

/** The AFINN score of a text: above 0 for good words, below for bad ones. */
export function afinnScore(text: string): number {
  if (!analyzer) {
    const Sentiment = require('sentiment') as new () => SentimentAnalyzer;
    analyzer = new Sentiment();
  }
  return analyzer.analyze(text).score;
}

async function afinnScores(texts: readonly string[], pace: Pace): Promise<Float64Array> {
  const scores = new Float64Array(texts.length);
  for (const [row, text] of texts.entries()) {
    if (pace.due) await pace.rest();
    scores[row] = afinnScore(text);
  }
  return scores;
}

/** The file that the scores come from. */
export const afinnFile = (): string => require.resolve('sentiment/languages/en/labels.json');

/** How the classes were laid on the scale of scores, lowest first. */
export interface LexiconOrder {
  /** Classes that have training rows. */
  readonly order: readonly number[];
  /** By what their names say (negative, neutral, positive), or by their mean score on the training rows. */
  readonly by: 'names' | 'means';
}

/** Beyond any sum of scores: stands for the end of the scale in a saved file. */
const FAR = 1e9;

export class AfinnClassifier implements Classifier<readonly string[]> {
  #classes = 0;
  #layout: LexiconOrder = { order: [], by: 'names' };
  /** [order - 1] A text is of the class after as many as its score is above. */
  #cuts = new Float64Array(0);
  #probabilities = new LogisticRegression();

  readonly #labelNames: readonly string[];

  /** @param labelNames [K] */
  constructor(labelNames: readonly string[]) {
    this.#labelNames = labelNames;
  }

  /**
   * Lays the classes on the scale and cuts it so that the weighted F1 of the training rows is the highest
   * there is.
   *
   * @throws DataError as `Classifier.fit`; UsageError `estimator-label-names-count`
   */
  async fit(
    texts: readonly string[],
    labels: Int32Array,
    classes: number,
    signal?: AbortSignal,
  ): Promise<void> {
    checkTexts(texts, labels, classes);
    if (this.#labelNames.length !== classes)
      throw new UsageError('estimator-label-names-count', { names: this.#labelNames.length, classes });
    const pace = new Pace(signal);
    const scores = await afinnScores(texts, pace);
    const layout = layOut(this.#labelNames, scores, labels, classes);
    const cuts = await bestCuts(scores, labels, layout.order, pace);
    const probabilities = new LogisticRegression();
    await probabilities.fit(column(scores), labels, classes, signal);
    this.#classes = classes;
    this.#layout = layout;
    this.#cuts = cuts;
    this.#probabilities = probabilities;
  }

  /** @throws as `Classifier.predict` */
  async predict(texts: readonly string[], signal?: AbortSignal): Promise<Int32Array> {
    this.#expectFitted();
    const scores = await afinnScores(texts, new Pace(signal));
    const place = (score: number): number =>
      this.#cuts.reduce((above, cut) => (score > cut ? above + 1 : above), 0);
    return Int32Array.from(scores, (score) => this.#layout.order[place(score)]);
  }

  /**
   * Of a logistic regression on the score alone, fitted on the training rows; so its argmax may differ from
   * `predict`.
   *
   * @throws as `Classifier.predict`
   */
  async predictProba(texts: readonly string[], signal?: AbortSignal): Promise<Float64Array> {
    this.#expectFitted();
    return this.#probabilities.predictProba(column(await afinnScores(texts, new Pace(signal))), signal);
  }

  /** For people: how the classes lie on the scale. */
  get bands(): string {
    const { order } = this.#layout;
    return order
      .map((label, i) => `${this.#labelNames[label]} ${band(this.#cuts[i - 1], this.#cuts[i])}`)
      .join(', ');
  }

  get orderedBy(): LexiconOrder['by'] {
    return this.#layout.by;
  }

  state(): EstimatorState {
    const classes = this.#classes;
    const labelNames = this.#labelNames;
    const layout = this.#layout;
    const cuts = this.#cuts;
    return {
      kind: 'afinn',
      settings: { classes, labelNames, by: layout.by },
      arrays: { order: Int32Array.from(layout.order), cuts },
      steps: [this.#probabilities.state()],
    };
  }

  /** @throws ModelError `estimator-setting-*`, `estimator-array-*`, `estimator-state-unsound` */
  static restore(state: EstimatorState): AfinnClassifier {
    const reader = new StateReader(state);
    const { labelNames, by } = state.settings;
    const classes = reader.integer('classes', 1);
    if (
      !Array.isArray(labelNames) ||
      labelNames.length !== classes ||
      !labelNames.every((name) => typeof name === 'string')
    )
      throw reader.unsound('lexicon-label-names');
    if (
      (by !== 'names' && by !== 'means') ||
      state.steps?.length !== 1 ||
      state.steps[0].settings['classes'] !== classes
    )
      throw reader.unsound('lexicon-settings');
    const order = reader.int32('order', undefined, 0, classes - 1);
    if (order.length === 0) throw reader.unsound('classes-none');
    const model = new AfinnClassifier(labelNames);
    model.#classes = classes;
    model.#layout = { order: [...order], by };
    model.#cuts = Float64Array.from(reader.float64('cuts', order.length - 1));
    model.#probabilities = LogisticRegression.restore(state.steps[0]);
    return model;
  }

  #expectFitted(): void {
    if (this.#classes === 0) throw new UsageError('estimator-not-fitted', { estimator: 'AfinnClassifier' });
  }
}

const column = (values: Float64Array): DenseMatrix => ({
  kind: 'dense',
  rows: values.length,
  columns: 1,
  values,
});

function band(from: number | undefined, to: number | undefined): string {
  const low = from === undefined || from <= -FAR ? undefined : from;
  const high = to === undefined || to >= FAR ? undefined : to;
  if ((from ?? 0) >= FAR || (to ?? 0) <= -FAR || (from !== undefined && from === to)) return 'nowhere';
  if (low === undefined) return high === undefined ? 'everywhere' : `below ${high}`;
  return high === undefined ? `above ${low}` : `from ${low} to ${high}`;
}

/** What a class's name says: -1 bad, 0 neither, 1 good. */
function polarity(name: string): number | undefined {
  if (/^(neg|bad|unhappy|sad)/i.test(name)) return -1;
  if (/^(neut|mixed|none)/i.test(name)) return 0;
  return /^(pos|good|happy)/i.test(name) ? 1 : undefined;
}

function layOut(
  names: readonly string[],
  scores: Float64Array,
  labels: Int32Array,
  classes: number,
): LexiconOrder {
  const rows = new Float64Array(classes);
  const sums = new Float64Array(classes);
  labels.forEach((label, row) => {
    rows[label]++;
    sums[label] += scores[row];
  });
  const present = Array.from(rows.keys()).filter((label) => rows[label] > 0);
  const named = present.map((label) => polarity(names[label]));
  const byNames = named.every((value) => value !== undefined) && new Set(named).size === present.length;
  const place = (label: number): number => (byNames ? polarity(names[label])! : sums[label] / rows[label]);
  return { order: present.sort((a, b) => place(a) - place(b) || a - b), by: byNames ? 'names' : 'means' };
}

/**
 * The cuts with the highest weighted F1. A class's F1 depends on its own stretch of the scale alone, so the
 * best way to cut the first i scores among the first j classes follows from those before: exact, in S² K
 * steps.
 */
async function bestCuts(
  scores: Float64Array,
  labels: Int32Array,
  order: readonly number[],
  pace: Pace,
): Promise<Float64Array<ArrayBuffer>> {
  const distinct = [...new Set(scores)].sort((a, b) => a - b);
  const S = distinct.length;
  const placeOf = new Map(distinct.map((score, i) => [score, i]));
  // Rows up to each score, all and those of the class at hand.
  const cumulative = (counts: (row: number) => boolean): Float64Array => {
    const sums = new Float64Array(S + 1);
    scores.forEach((score, row) => {
      if (counts(row)) sums[placeOf.get(score)! + 1]++;
    });
    for (let i = 0; i < S; i++) sums[i + 1] += sums[i];
    return sums;
  };
  const all = cumulative(() => true);
  let best = new Float64Array(S + 1).fill(-1);
  best[0] = 0;
  const from: Int32Array[] = [];
  for (const label of order) {
    const own = cumulative((row) => labels[row] === label);
    const next = new Float64Array(S + 1).fill(-1);
    const origin = new Int32Array(S + 1);
    for (let end = 0; end <= S; end++) {
      if (pace.due) await pace.rest();
      for (let start = 0; start <= end; start++) {
        if (best[start] < 0) continue;
        const value = best[start] + (own[S] * 2 * (own[end] - own[start])) / (own[S] + all[end] - all[start]);
        if (value > next[end]) {
          next[end] = value;
          origin[end] = start;
        }
      }
    }
    best = next;
    from.push(origin);
  }
  const cutAt = (end: number): number => {
    if (end === 0) return -FAR;
    return end === S ? FAR : (distinct[end - 1] + distinct[end]) / 2;
  };
  const cuts = new Float64Array(order.length - 1);
  for (let j = order.length - 1, end = S; j > 0; j--) {
    end = from[j][end];
    cuts[j - 1] = cutAt(end);
  }
  return cuts;
}
