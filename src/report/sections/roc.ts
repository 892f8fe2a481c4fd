import { FIGURES } from '../../compare/figures.js';
import type { Comparison } from '../../compare/comparison.js';
import { badge, identified, legend } from '../charts/identity.js';
import { rocChart } from '../charts/roc.js';
import { fixed, grouped, listed } from '../figures.js';
import type { Markup } from '../markup.js';
import { html } from '../markup.js';
import { numberCells, numberHeads, table, textHeads } from '../tables.js';
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
  const notShown =
    labelNames.length > MOST_CLASSES &&
    note(
      `Shown are the ${MOST_CLASSES} classes with the most test rows; the table has all ${labelNames.length}.`,
    );
  const absentNames = listed(absent.map((name) => `“${name}”`));
  const undefinedOnes =
    absent.length > 0 && note(`No test row is of ${absentNames}: there is no curve, and AUC is undefined.`);
  return {
    id: 'roc',
    title: 'ROC curves',
    body: html`${legend(comparison)}${charts(figures)}
${notShown}
${undefinedOnes}
${reading(FIGURES.roc.reading)}
${details('AUC of every class and model', aucTable(comparison))}`,
  };
}

const note = (text: string): Markup => html`<p class="note">${text}</p>`;

function aucTable(comparison: Comparison): Markup {
  const { labelNames, testCounts } = comparison.dataset;
  const models = identified(comparison);
  const columns = models.map(
    ({ model, look }) => html`${badge(look)} <span class="hidden">${model.name}</span>`,
  );
  const rows = labelNames.map((name, k) => {
    const areas = models.map(({ model: { classes } }) => classes[k].auc);
    const figures = areas.map((auc) => (auc === null ? 'undefined' : fixed(auc)));
    return html`<tr><th scope="row">${name}</th>${numberCells(...figures, grouped(testCounts[k]))}</tr>`;
  });
  const classTable = table({
    kind: 'small',
    caption: 'AUC, one class against the rest',
    heads: [textHeads('Class'), numberHeads(...columns, 'Rows')],
    rows,
  });
  return wide('AUC of every class', classTable);
}
