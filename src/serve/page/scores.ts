/** How an evaluation and a prediction are shown. */
import type { LogRecord } from './attune.js';
import { fixed, grouped, shortened } from '../../report/figures.js';
import { html } from '../../report/markup.js';
import type { Markup } from '../../report/markup.js';
import type { DataSummary, Scores } from './protocol.js';

/** Above this, columns are headed by the numbers of the classes. */
const NAMED_COLUMNS = 4;
/** Above this, a matrix says less than its largest mistakes. */
const MOST_CLASSES = 15;

const rows = (count: number): string => `${grouped(count)} ${count === 1 ? 'row' : 'rows'}`;

export function scoresMarkup(
  scores: Scores,
  labels: readonly string[],
  evaluated: number,
  step: number,
): Markup {
  const cards: [string, string, string][] = [
    ['Accuracy', fixed(scores.accuracy), 'share of rows whose class was guessed right'],
    ['F1, weighted', fixed(scores.f1), 'weighs false alarms and misses in each class'],
    ['AUC', fixed(scores.auc), '0.5 is guessing, 1 is perfect'],
    ['Loss', fixed(scores.loss), 'how surprised it is by the right answers'],
  ];
  return html`<p class="note">On the ${rows(evaluated)} set aside, after step ${grouped(step)}.</p>
<div class="cards">${cards.map(([name, figure, meaning]) => html`<div class="card"><h3>${name}</h3><p class="figure">${figure}</p><p class="note">${meaning}</p></div>`)}</div>
<div class="tables">
<div class="wide" role="region" aria-label="Classes" tabindex="0"><table class="small"><caption>Each class</caption><thead><tr><th scope="col">Class</th>${['Precision', 'Recall', 'F1', 'Rows'].map((title) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
<tbody>${scores.perClass.map(({ label, precision, recall, f1, support }) => html`<tr><th scope="row">${shortened(label, 40)}</th>${[fixed(precision), fixed(recall), fixed(f1), grouped(support)].map((figure) => html`<td class="number">${figure}</td>`)}</tr>`)}</tbody></table></div>
${labels.length <= MOST_CLASSES ? confusion(scores.confusion, labels) : mistakes(scores.confusion, labels)}</div>`;
}

function confusion(matrix: Scores['confusion'], labels: readonly string[]): Markup {
  const numbered = labels.length > NAMED_COLUMNS;
  return html`<div class="wide" role="region" aria-label="Confusion" tabindex="0"><table class="confusion"><caption>What is taken for what</caption>
<thead><tr><th scope="col"><span class="corner">true ↓ said →</span></th>${labels.map((name, k) => html`<th scope="col">${numbered ? html`${k + 1}<span class="hidden"> ${name}</span>` : shortened(name, 14)}</th>`)}</tr></thead>
<tbody>${matrix.map((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return html`<tr><th scope="row">${numbered && `${i + 1} `}${shortened(labels[i], 20)}</th>${row.map((count, j) => html`<td class="${i === j ? 'right' : 'wrong'}" data-share="${total === 0 ? 0 : (count / total).toFixed(3)}">${grouped(count)}</td>`)}</tr>`;
  })}</tbody></table></div>`;
}

function mistakes(matrix: Scores['confusion'], labels: readonly string[]): Markup {
  const largest = matrix
    .flatMap((row, i) =>
      row.map((count, j) => ({ i, j, count })).filter(({ j, count }) => j !== i && count > 0),
    )
    .sort((a, b) => b.count - a.count)
    .slice(0, 10);
  return html`<div class="wide" role="region" aria-label="Mistakes" tabindex="0"><table class="small"><caption>Most frequent mistakes</caption><thead><tr><th scope="col">True</th><th scope="col">Said</th><th scope="col" class="number">Rows</th></tr></thead>
<tbody>${largest.map(({ i, j, count }) => html`<tr><th scope="row">${labels[i]}</th><td>${labels[j]}</td><td class="number">${grouped(count)}</td></tr>`)}</tbody></table></div>`;
}

/** Classes by their probability, the most probable first. */
export function predictionMarkup(text: string, scores: Readonly<Record<string, number>>): Markup {
  const sorted = Object.entries(scores).sort(([, a], [, b]) => b - a);
  return html`<p class="note">${text === '' ? 'Of an empty text:' : `Of “${shortened(text, 80)}”:`}</p><ul class="bars" aria-label="Probability of each class">${sorted.map(([name, probability], i) => html`<li class="${i === 0 && 'first'}"><span class="name">${shortened(name, 60)}</span><span class="bar" aria-hidden="true"><span data-share="${probability.toFixed(4)}"></span></span><span class="number">${fixed(probability)}</span></li>`)}</ul>`;
}

export function summaryMarkup(
  { train, test, leaked, conflicts, notes }: DataSummary,
  maxLength: number,
): Markup {
  const classes = train.classes
    .slice(0, 12)
    .map(({ name, rows: count }) => `${shortened(name, 30)} (${grouped(count)})`)
    .join(', ');
  const remarks = [
    train.truncated > 0 &&
      `${rows(train.truncated)} to learn from ${train.truncated === 1 ? 'is' : 'are'} longer than ${grouped(maxLength)} tokens: what comes after is not read.`,
    train.duplicates > 0 &&
      `${rows(train.duplicates)} to learn from ${train.duplicates === 1 ? 'repeats' : 'repeat'} an earlier one.`,
    leaked > 0 &&
      `${rows(leaked)} to evaluate on ${leaked === 1 ? 'is' : 'are'} among those to learn from, too: the figures will flatter.`,
    conflicts > 0 &&
      `${grouped(conflicts)} ${conflicts === 1 ? 'text has' : 'texts have'} different labels in different rows.`,
    ...notes,
  ].filter((remark) => remark !== false);
  return html`<p><strong>${rows(train.rows)} to learn from, ${grouped(test.rows)} to evaluate on.</strong> ${grouped(train.classes.length)} classes: ${classes}${train.classes.length > 12 && ', …'}. ${grouped(train.meanTokens)} tokens a row on average, ${grouped(train.longest)} at most.</p>
${remarks.map((remark) => html`<p class="note">${remark}</p>`)}`;
}

/** The last training record in words. */
export function lastRecord(history: readonly LogRecord[]): string {
  const last = history.findLast((record) => 'loss' in record) as { readonly loss: number } | undefined;
  return last ? `, loss ${fixed(last.loss, 3)}` : '';
}
