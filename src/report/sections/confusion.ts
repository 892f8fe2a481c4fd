import type { Comparison, ModelResult } from '../../compare/comparison.js';
import type { Identity } from '../charts/identity.js';
import { badge, identified } from '../charts/identity.js';
import { grouped, shortened } from '../figures.js';
import type { Markup } from '../markup.js';
import { html } from '../markup.js';
import type { Section } from './section.js';
import { reading } from './section.js';

/** Above this, columns are headed by the numbers of the classes. */
const NAMED_COLUMNS = 3;
/** Above this, a matrix says less than the list of its largest errors. */
const MOST_CLASSES = 20;

/** A confusion matrix is a table; as one it can be read out, searched and copied. */
export function confusionSection(comparison: Comparison): Section {
  const { labelNames } = comparison.dataset;
  return {
    id: 'confusion',
    title: 'Confusion matrices',
    body: html`<div class="matrices${labelNames.length > 6 && ' large'}">${identified(comparison).map(({ model, look }) => (labelNames.length > MOST_CLASSES ? mistakes(model, look, labelNames) : matrix(model, look, labelNames)))}</div>
${reading('Each row of a matrix is a true class, each column what the model said; the diagonal is right. The shading is the share of the row: a dark cell off the diagonal is a mistake the model makes often. Look whether mistakes fall between neighbouring classes, which may not matter, or between opposite ones.')}`,
  };
}

function matrix(model: ModelResult, look: Identity, labelNames: readonly string[]): Markup {
  const numbered = labelNames.length > NAMED_COLUMNS;
  return html`<div class="matrix"><table class="confusion"><caption>${badge(look)} ${model.name}</caption>
<thead><tr><th scope="col"><span class="corner">true ↓ said →</span></th>${labelNames.map((name, k) => html`<th scope="col" title="${name}">${numbered ? html`${k + 1}<span class="hidden"> ${name}</span>` : shortened(name, 12)}</th>`)}</tr></thead>
<tbody>${model.confusion.map((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return html`<tr><th scope="row" title="${labelNames[i]}">${numbered && `${i + 1} `}${shortened(labelNames[i], 16)}</th>${row.map((count, j) => html`<td class="${i === j ? 'right' : 'wrong'}" style="--share: ${total === 0 ? 0 : (count / total).toFixed(3)}">${grouped(count)}</td>`)}</tr>`;
  })}</tbody></table></div>`;
}

function mistakes(model: ModelResult, look: Identity, labelNames: readonly string[]): Markup {
  const largest = model.confusion
    .flatMap((row, i) =>
      row.map((count, j) => ({ i, j, count })).filter(({ j, count }) => j !== i && count > 0),
    )
    .sort((a, b) => b.count - a.count)
    .slice(0, 10);
  return html`<div class="matrix"><table class="small"><caption>${badge(look)} ${model.name}: its most frequent mistakes</caption><thead><tr><th scope="col">True</th><th scope="col">Said</th><th scope="col" class="number">Rows</th></tr></thead>
<tbody>${largest.map(({ i, j, count }) => html`<tr><th scope="row">${labelNames[i]}</th><td>${labelNames[j]}</td><td class="number">${grouped(count)}</td></tr>`)}</tbody></table></div>`;
}
