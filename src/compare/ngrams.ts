import { Pace } from '../pace.js';
import type { TfidfModel } from './baselines.js';
import type { Comparison } from './comparison.js';

export interface TopNgramsOptions {
  /** N-grams of each class. */
  readonly most?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The words and pairs of words with the largest weights for each class. Runs of characters take part in the
 * model, but nobody can read them: they are left out.
 *
 * @param present [K] whether a class had training rows
 */
export async function topNgrams(
  { vectorizer, classifier }: TfidfModel,
  labelNames: readonly string[],
  present: readonly boolean[],
  { most = 15, signal }: TopNgramsOptions = {},
): Promise<Comparison['topNgrams']> {
  const pace = new Pace(signal);
  const classes = labelNames.flatMap((_, k) => (present[k] ? [k] : []));
  const features = vectorizer.features();
  const top: Comparison['topNgrams'][number][] = [];
  for (const [k, label] of labelNames.entries()) {
    if (pace.due) await pace.rest();
    const place = classes.indexOf(k);
    // Two classes share one vector of weights: what speaks for the second speaks against the first.
    const [row, sign] = classes.length === 2 ? [0, place === 1 ? 1 : -1] : [place, 1];
    if (place < 0 || classes.length < 2) {
      top.push({ label, ngrams: [] });
      continue;
    }
    const weights = classifier.coefficients.subarray(row * features.length, (row + 1) * features.length);
    const ngrams = features
      .flatMap(({ term, analyzer }, i) =>
        analyzer === 'word' && sign * weights[i] > 0 ? [{ ngram: term, weight: sign * weights[i] }] : [],
      )
      .sort((a, b) => b.weight - a.weight || (a.ngram < b.ngram ? -1 : 1));
    top.push({ label, ngrams: ngrams.slice(0, most) });
  }
  return top;
}
