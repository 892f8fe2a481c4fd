import type { Comparison } from '../../compare/comparison.js';
import { FIGURES } from '../../compare/figures.js';
import { fixed } from '../figures.js';
import { html } from '../markup.js';
import { numberCells, numberHeads, table, textHeads } from '../tables.js';
import type { Section } from './section.js';
import { reading, wide } from './section.js';

/** The fine-tuning under other seeds; undefined where it was not repeated. */
export function seedsSection({ verdict: { seeds } }: Comparison): Section | undefined {
  if (!seeds) return undefined;
  const { runs, mean, deviation, rowDeviation } = seeds;
  const rows = runs.map(({ seed, accuracy, f1, auc }, i) => {
    const tag = i === 0 && html` <span class="tag">the model above</span>`;
    const figures = [fixed(accuracy), fixed(f1), auc === null ? 'undefined' : fixed(auc)];
    return html`<tr><th scope="row">${String(seed)}${tag}</th>${numberCells(...figures)}</tr>`;
  });
  const runTable = table({
    kind: 'small',
    caption: `The same fine-tuning under ${runs.length} seeds`,
    heads: [textHeads('Seed'), numberHeads('Accuracy', 'F1', 'AUC')],
    rows,
  });
  const spread =
    `F1 is ${fixed(mean)} on average. It varies by ${fixed(deviation)} from seed to seed, and ` +
    `by ${fixed(rowDeviation)} from one set of test rows to another (standard deviations).`;
  return {
    id: 'seeds',
    title: 'How much is luck of the seed',
    body: html`<p>${spread}</p>
${wide('Seeds', runTable)}
${reading(FIGURES.seeds.reading)}`,
  };
}
