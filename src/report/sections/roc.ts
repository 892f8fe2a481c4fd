import { FIGURES } from '../../compare/figures.js';
import type { Comparison } from '../../compare/comparison.js';
import { badge, identified, legend } from '../charts/identity.js';
import { rocChart } from '../charts/roc.js';
import { fixed, grouped, listed } from '../figures.js';
import type { Markup } from '../markup.js';
import { html } from '../markup.js';
import type { Section } from './section.js';
import { charts, details, reading, wide } from './section.js';

/** More charts than this nobody looks at; the table has them all. */
const MOST_CLASSES = 12;

export function rocSection(comparison: Comparison): Section {
  const { labelNames, testCounts } = comparison.dataset;
  const shown = labelNames
    .map((_, k) => k)
    .sort((a, b) => testCounts[b] - testCounts[a])
    .slice(0, MOST_CLASSES)
    .sort((a, b) => a - b);
  const figures = shown.map((k) => rocChart(comparison, k));
  const absent = labelNames.filter((_, k) => testCounts[k] === 0);
  return {
    id: 'roc',
    title: 'ROC curves',
    body: html`${legend(comparison)}${charts(figures)}
${labelNames.length > MOST_CLASSES && html`<p class="note">Shown are the ${MOST_CLASSES} classes with the most test rows; the table has all ${labelNames.length}.</p>`}
${absent.length > 0 && html`<p class="note">No test row is of ${listed(absent.map((name) => `“${name}”`))}: there is no curve, and AUC is undefined.</p>`}
${reading(FIGURES.roc.reading)}
${details('AUC of every class and model', aucTable(comparison))}`,
  };
}

function aucTable(comparison: Comparison): Markup {
  const models = identified(comparison);
  return wide(
    'AUC of every class',
    html`<table class="small"><caption>AUC, one class against the rest</caption><thead><tr><th scope="col">Class</th>${models.map(({ model, look }) => html`<th scope="col" class="number">${badge(look)} <span class="hidden">${model.name}</span></th>`)}<th scope="col" class="number">Rows</th></tr></thead>
<tbody>${comparison.dataset.labelNames.map((name, k) => html`<tr><th scope="row">${name}</th>${models.map(({ model }) => html`<td class="number">${model.classes[k].auc === null ? 'undefined' : fixed(model.classes[k].auc)}</td>`)}<td class="number">${grouped(comparison.dataset.testCounts[k])}</td></tr>`)}</tbody></table>`,
  );
}
