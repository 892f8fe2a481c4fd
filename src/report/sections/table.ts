import { FIGURES } from '../../compare/figures.js';
import type { Comparison, Estimate, ModelResult } from '../../compare/comparison.js';
import type { Identity } from '../charts/identity.js';
import { badge, identified } from '../charts/identity.js';
import { bytes, duration, fixed, grouped, MISSING, signed, significant } from '../figures.js';
import type { Content, Markup } from '../markup.js';
import { html } from '../markup.js';
import type { Section } from './section.js';
import { details, reading, wide } from './section.js';

const LEVELS = { high: 'high', medium: 'medium', low: 'low' } as const;

/** Every model's figures. */
export function tableSection(comparison: Comparison): Section {
  const models = identified(comparison);
  return {
    id: 'models',
    title: 'The models in figures',
    body: html`${wide('Quality', quality(comparison))}
${reading(
  [FIGURES.accuracy, FIGURES.f1, FIGURES.auc, FIGURES.ece].map(({ reading: words }) => words).join(' '),
  'The bounds of “F1 against best” are those of the chart above, and hold for all models at once. The last column counts the rows that only this model had right, and only the best (for the best itself, the second).',
)}
${wide('Cost', cost(models))}
${reading(FIGURES.cost.reading)}
${details('What the models are', html`<dl>${models.map(({ model, look }) => html`<dt>${badge(look)} ${model.name} <code>${model.id}</code></dt><dd>${model.description}</dd>`)}</dl>`)}
${details('Each class by itself', html`<div class="matrices">${models.map(({ model, look }) => perClass(model, look))}</div>`)}`,
  };
}

const nameCell = (
  { model, look }: { readonly model: ModelResult; readonly look: Identity },
  tag?: string,
): Markup =>
  html`<th scope="row">${badge(look)} ${model.name}${tag !== undefined && html` <span class="tag">${tag}</span>`}</th>`;

const estimate = ({ value, low, high }: Estimate): Markup =>
  value === null
    ? html`<td class="number">undefined</td>`
    : html`<td class="number">${fixed(value)}${low !== null && high !== null && html`<br><span class="interval">${fixed(low)} to ${fixed(high)}</span>`}</td>`;

function quality(comparison: Comparison): Markup {
  const { best, recommended } = comparison.verdict;
  const tag = ({ id }: ModelResult): string | undefined =>
    [id === best && 'highest', id === recommended && 'recommended']
      .filter((word) => word !== false)
      .join(', ') || undefined;
  return html`<table><caption>Quality on ${grouped(comparison.dataset.testRows)} test rows, with 95 % intervals; best first</caption>
<thead><tr><th scope="col">Model</th>${['Accuracy', 'F1', 'AUC', 'ECE', 'F1 against best', 'May be the best', `Loses at most ${comparison.verdict.margin}`, 'Right: only this, only best'].map((title) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
<tbody>${identified(comparison).map(({ model, look }) => html`<tr>${nameCell({ model, look }, tag(model))}${estimate(model.accuracy)}${estimate(model.f1)}${estimate(model.auc)}<td class="number">${fixed(model.calibration.ece)}</td>${against(model)}</tr>`)}</tbody></table>`;
}

function against({ againstBest }: ModelResult): Content {
  if (againstBest === null) return ['', '', '', ''].map(() => html`<td class="number">${MISSING}</td>`);
  const { difference, low, high, mayBeBest, withinMargin, onlyThis, onlyBest } = againstBest;
  return html`<td class="number">${signed(difference)}<br><span class="interval">${signed(low)} to ${signed(high)}</span></td><td class="number">${mayBeBest ? 'yes' : 'no'}</td><td class="number">${withinMargin ? 'shown' : 'not shown'}</td><td class="number">${onlyThis}, ${onlyBest}</td>`;
}

function cost(models: ReturnType<typeof identified>): Markup {
  return html`<table><caption>Cost and readability</caption>
<thead><tr><th scope="col">Model</th>${['Training', 'Latency', 'Rows/s', 'Size', 'Memory'].map((title) => html`<th scope="col" class="number">${title}</th>`)}<th scope="col">Can one see why?</th></tr></thead>
<tbody>${models.map(({ model, look }) => {
    const { trainSeconds, latencyMs, rowsPerSecond, bytesOnDisk, peakMemoryBytes } = model.cost;
    const figures = [
      duration(trainSeconds),
      duration(latencyMs / 1000),
      significant(rowsPerSecond, 3),
      bytes(bytesOnDisk),
      peakMemoryBytes === null ? 'not measured' : bytes(peakMemoryBytes),
    ];
    return html`<tr>${nameCell({ model, look })}${figures.map((figure) => html`<td class="number">${figure}</td>`)}<td class="why"><strong>${LEVELS[model.interpretability.level]}</strong>: ${model.interpretability.why}</td></tr>`;
  })}</tbody></table>`;
}

function perClass(model: ModelResult, look: Identity): Markup {
  return wide(
    `Classes, ${model.name}`,
    html`<table class="small"><caption>${badge(look)} ${model.name}</caption><thead><tr><th scope="col">Class</th>${['Precision', 'Recall', 'F1', 'AUC', 'Rows'].map((title) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
<tbody>${model.classes.map((row) => html`<tr><th scope="row">${row.label}</th>${[fixed(row.precision), fixed(row.recall), fixed(row.f1), row.auc === null ? 'undefined' : fixed(row.auc), grouped(row.support)].map((figure) => html`<td class="number">${figure}</td>`)}</tr>`)}</tbody></table>`,
  );
}
