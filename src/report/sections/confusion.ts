import type { Comparison, ModelResult } from '../../compare/comparison.js';
import type { Identity } from '../charts/identity.js';
import { badge, identified } from '../charts/identity.js';
import { grouped, shortened } from '../figures.js';
import type { Markup } from '../markup.js';
import { html } from '../markup.js';
import { numberCells, numberHeads, table, textHeads } from '../tables.js';
import type { Section } from './section.js';
import { reading } from './section.js';

/** Above this, columns are headed by the numbers of the classes. */
const NAMED_COLUMNS = 3;
/** Above this, a matrix says less than the list of its largest errors. */
const MOST_CLASSES = 20;

const READING =
  'Each row of a matrix is a true class, each column what the model said; the diagonal is right. ' +
  'The shading is the share of the row: a dark cell off the diagonal is a mistake the model makes ' +
  'often. Look whether mistakes fall between neighbouring classes, which may not matter, ' +
  'or between opposite ones.';

/** A confusion matrix is a table; as one it can be read out, searched and copied. */
export function confusionSection(comparison: Comparison): Section {
  const { labelNames } = comparison.dataset;
  const tableOf = labelNames.length > MOST_CLASSES ? mistakes : matrix;
  const tables = identified(comparison).map(({ model, look }) => tableOf(model, look, labelNames));
  return {
    id: 'confusion',
    title: 'Confusion matrices',
    body: html`<div class="matrices${labelNames.length > 6 && ' large'}">${tables}</div>
${reading(READING)}`,
  };
}

function matrix(model: ModelResult, look: Identity, labelNames: readonly string[]): Markup {
  const numbered = labelNames.length > NAMED_COLUMNS;
  const heads = labelNames.map((name, k) => {
    const head = numbered ? html`${k + 1}<span class="hidden"> ${name}</span>` : shortened(name, 12);
    return html`<th scope="col" title="${name}">${head}</th>`;
  });
  const rows = model.confusion.map((row, i) => {
    const name = labelNames[i];
    const number = numbered && `${i + 1} `;
    const total = row.reduce((sum, count) => sum + count, 0);
    const cells = row.map((count, j) => {
      const share = total === 0 ? 0 : (count / total).toFixed(3);
      const kind = i === j ? 'right' : 'wrong';
      return html`<td class="${kind}" style="--share: ${share}">${grouped(count)}</td>`;
    });
    return html`<tr><th scope="row" title="${name}">${number}${shortened(name, 16)}</th>${cells}</tr>`;
  });
  const confusion = table({
    kind: 'confusion',
    caption: html`${badge(look)} ${model.name}`,
    heads: html`<th scope="col"><span class="corner">true ↓ said →</span></th>${heads}`,
    rows,
  });
  return html`<div class="matrix">${confusion}</div>`;
}

function mistakes(model: ModelResult, look: Identity, labelNames: readonly string[]): Markup {
  const largest = model.confusion
    .flatMap((row, i) =>
      row.map((count, j) => ({ i, j, count })).filter(({ j, count }) => j !== i && count > 0),
    )
    .sort((a, b) => b.count - a.count)
    .slice(0, 10);
  const rows = largest.map(
    ({ i, j, count }) =>
      html`<tr><th scope="row">${labelNames[i]}</th><td>${labelNames[j]}</td>${numberCells(grouped(count))}</tr>`,
  );
  const list = table({
    kind: 'small',
    caption: html`${badge(look)} ${model.name}: its most frequent mistakes`,
    heads: [textHeads('True', 'Said'), numberHeads('Rows')],
    rows,
  });
  return html`<div class="matrix">${list}</div>`;
}
