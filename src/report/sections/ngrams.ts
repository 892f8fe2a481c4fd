import type { Comparison } from '../../compare/comparison.js';
import { ngramChart } from '../charts/ngrams.js';
import { html } from '../markup.js';
import type { Section } from './section.js';
import { charts, reading } from './section.js';

const READING =
  'The words and pieces of words with the largest weights in TF-IDF + logistic regression, ' +
  'for each class (␣ is a space at the edge of a piece). ' +
  'A text with such a piece is pushed towards the class by its weight times how often and how rarely ' +
  'it occurs. These weights are the model itself, not an explanation after the fact. ' +
  'Names, links and other things that have nothing to do with the class are a warning: ' +
  'the model has learned the sample.';

export function ngramsSection({ topNgrams }: Comparison): Section | undefined {
  const largest = Math.max(...topNgrams.flatMap(({ ngrams }) => ngrams.map(({ weight }) => weight)), 0);
  const figures = topNgrams.map((each) => ngramChart(each, largest)).filter((figure) => figure !== undefined);
  if (figures.length === 0) return undefined;
  return {
    id: 'ngrams',
    title: 'What the counting model looks at',
    body: html`${charts(figures)}
${reading(READING)}`,
  };
}
