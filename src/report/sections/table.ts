import { FIGURES } from '../../compare/figures.js';
import type { Comparison, Estimate, ModelResult } from '../../compare/comparison.js';
import type { Identity } from '../charts/identity.js';
import { badge, identified } from '../charts/identity.js';
import { bytes, duration, fixed, grouped, MISSING, signed, significant } from '../figures.js';
import type { Content, Markup } from '../markup.js';
import { html } from '../markup.js';
import { numberCells, numberHeads, table, textHeads } from '../tables.js';
import type { Section } from './section.js';
import { details, reading, wide } from './section.js';

const LEVELS = { high: 'high', medium: 'medium', low: 'low' } as const;

/** Every model's figures. */
export function tableSection(comparison: Comparison): Section {
  const models = identified(comparison);
  const descriptions = models.map(
    ({ model, look }) =>
      html`<dt>${badge(look)} ${model.name} <code>${model.id}</code></dt><dd>${model.description}</dd>`,
  );
  const classTables = models.map(({ model, look }) => perClass(model, look));
  return {
    id: 'models',
    title: 'The models in figures',
    body: html`${wide('Quality', quality(comparison))}
${reading(
  [FIGURES.accuracy, FIGURES.f1, FIGURES.auc, FIGURES.ece].map(({ reading: words }) => words).join(' '),
  'The bounds of “F1 against best” are those of the chart above, and hold for all models at once. ' +
    'The last column counts the rows that only this model had right, ' +
    'and only the best (for the best itself, the second).',
)}
${wide('Cost', cost(models))}
${reading(FIGURES.cost.reading)}
${details('What the models are', html`<dl>${descriptions}</dl>`)}
${details('Each class by itself', html`<div class="matrices">${classTables}</div>`)}`,
  };
}

function nameCell({ model, look }: ReturnType<typeof identified>[number], tag?: string): Markup {
  const tagMarkup = tag !== undefined && html` <span class="tag">${tag}</span>`;
  return html`<th scope="row">${badge(look)} ${model.name}${tagMarkup}</th>`;
}

const interval = (low: string, high: string): Markup =>
  html`<br><span class="interval">${low} to ${high}</span>`;

function estimate({ value, low, high }: Estimate): Content {
  if (value === null) return 'undefined';
  return [fixed(value), low !== null && high !== null && interval(fixed(low), fixed(high))];
}

function quality(comparison: Comparison): Markup {
  const { best, recommended } = comparison.verdict;
  const tag = ({ id }: ModelResult): string | undefined =>
    [id === best && 'highest', id === recommended && 'recommended']
      .filter((word) => word !== false)
      .join(', ') || undefined;
  const columns = numberHeads(
    'Accuracy',
    'F1',
    'AUC',
    'ECE',
    'F1 against best',
    'May be the best',
    `Loses at most ${comparison.verdict.margin}`,
    'Right: only this, only best',
  );
  const rows = identified(comparison).map(({ model, look }) => {
    const estimates = [model.accuracy, model.f1, model.auc].map(estimate);
    const cells = numberCells(...estimates, fixed(model.calibration.ece), ...against(model));
    return html`<tr>${nameCell({ model, look }, tag(model))}${cells}</tr>`;
  });
  return table({
    caption: `Quality on ${grouped(comparison.dataset.testRows)} test rows, with 95 % intervals; best first`,
    heads: [textHeads('Model'), columns],
    rows,
  });
}

/** Difference to the best, may be the best, within the margin, rows right. */
function against({ againstBest }: ModelResult): readonly Content[] {
  if (againstBest === null) return [MISSING, MISSING, MISSING, MISSING];
  const { difference, low, high, mayBeBest, withinMargin, onlyThis, onlyBest } = againstBest;
  return [
    [signed(difference), interval(signed(low), signed(high))],
    mayBeBest ? 'yes' : 'no',
    withinMargin ? 'shown' : 'not shown',
    `${onlyThis}, ${onlyBest}`,
  ];
}

function cost(models: ReturnType<typeof identified>): Markup {
  const rows = models.map(({ model, look }) => {
    const { trainSeconds, latencyMs, rowsPerSecond, bytesOnDisk, peakMemoryBytes } = model.cost;
    const figures = [
      duration(trainSeconds),
      duration(latencyMs / 1000),
      significant(rowsPerSecond, 3),
      bytes(bytesOnDisk),
      peakMemoryBytes === null ? 'not measured' : bytes(peakMemoryBytes),
    ];
    const { level, why } = model.interpretability;
    const reason = html`<td class="why"><strong>${LEVELS[level]}</strong>: ${why}</td>`;
    return html`<tr>${nameCell({ model, look })}${numberCells(...figures)}${reason}</tr>`;
  });
  const columns = numberHeads('Training', 'Latency', 'Rows/s', 'Size', 'Memory');
  return table({
    caption: 'Cost and readability',
    heads: [textHeads('Model'), columns, textHeads('Can one see why?')],
    rows,
  });
}

function perClass(model: ModelResult, look: Identity): Markup {
  const rows = model.classes.map(({ label, precision, recall, f1, auc, support }) => {
    const area = auc === null ? 'undefined' : fixed(auc);
    const figures = [fixed(precision), fixed(recall), fixed(f1), area, grouped(support)];
    return html`<tr><th scope="row">${label}</th>${numberCells(...figures)}</tr>`;
  });
  const classTable = table({
    kind: 'small',
    caption: html`${badge(look)} ${model.name}`,
    heads: [textHeads('Class'), numberHeads('Precision', 'Recall', 'F1', 'AUC', 'Rows')],
    rows,
  });
  return wide(`Classes, ${model.name}`, classTable);
}
