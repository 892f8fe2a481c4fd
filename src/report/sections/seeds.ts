import type { Comparison } from '../../compare/comparison.js';
import { FIGURES } from '../../compare/figures.js';
import { fixed } from '../figures.js';
import type { Markup } from '../markup.js';
import { html } from '../markup.js';
import type { Section } from './section.js';
import { reading, wide } from './section.js';

/** The fine-tuning under other seeds; undefined where it was not repeated. */
export function seedsSection({ verdict: { seeds } }: Comparison): Section | undefined {
  if (!seeds) return undefined;
  const { runs, mean, deviation, rowDeviation } = seeds;
  const row = (title: Markup | string, figures: readonly string[]): Markup =>
    html`<tr><th scope="row">${title}</th>${figures.map((figure) => html`<td class="number">${figure}</td>`)}</tr>`;
  const table = html`<table class="small"><caption>The same fine-tuning under ${String(runs.length)} seeds</caption>
<thead><tr><th scope="col">Seed</th>${['Accuracy', 'F1', 'AUC'].map((title) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
<tbody>${runs.map(({ seed, accuracy, f1, auc }, i) => row(html`${String(seed)}${i === 0 && html` <span class="tag">the model above</span>`}`, [fixed(accuracy), fixed(f1), auc === null ? 'undefined' : fixed(auc)]))}</tbody></table>`;
  return {
    id: 'seeds',
    title: 'How much is luck of the seed',
    body: html`<p>F1 is ${fixed(mean)} on average. It varies by ${fixed(deviation)} from seed to seed, and by ${fixed(rowDeviation)} from one set of test rows to another (standard deviations).</p>
${wide('Seeds', table)}
${reading(FIGURES.seeds.reading)}`,
  };
}
