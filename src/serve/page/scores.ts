/** How rows, an evaluation, a prediction and a problem are shown. */
import { fixed, grouped, shortened } from '../../report/figures.js';
import { html } from '../../report/markup.js';
import type { Markup } from '../../report/markup.js';
import { wide } from '../../report/sections/section.js';
import { numberCells, numberHeads, table, textHeads } from '../../report/tables.js';
import type { DataSummary, Problem, Scores } from './protocol.js';

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
  const cardItems = cards.map(([name, figure, meaning]) => {
    const parts = html`<h3>${name}</h3><p class="figure">${figure}</p><p class="note">${meaning}</p>`;
    return html`<div class="card">${parts}</div>`;
  });
  const errors = labels.length <= MOST_CLASSES ? confusion : mistakes;
  return html`<p class="note">On the ${rows(evaluated)} set aside, after step ${grouped(step)}.</p>
<div class="cards">${cardItems}</div>
<div class="tables">
${classTable(scores.perClass)}
${errors(scores.confusion, labels)}</div>`;
}

function classTable(perClass: Scores['perClass']): Markup {
  const classRows = perClass.map(({ label, precision, recall, f1, support }) => {
    const figures = numberCells(fixed(precision), fixed(recall), fixed(f1), grouped(support));
    return html`<tr><th scope="row">${shortened(label, 40)}</th>${figures}</tr>`;
  });
  const classes = table({
    kind: 'small',
    caption: 'Each class',
    heads: [textHeads('Class'), numberHeads('Precision', 'Recall', 'F1', 'Rows')],
    rows: classRows,
  });
  return wide('Classes', classes);
}

function confusion(matrix: Scores['confusion'], labels: readonly string[]): Markup {
  const numbered = labels.length > NAMED_COLUMNS;
  const corner = html`<span class="corner">true ↓ said →</span>`;
  const columns = labels.map((name, k) =>
    numbered ? html`${k + 1}<span class="hidden"> ${name}</span>` : shortened(name, 14),
  );
  const matrixRows = matrix.map((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    const cells = row.map((count, j) => {
      const share = total === 0 ? 0 : (count / total).toFixed(3);
      return html`<td class="${i === j ? 'right' : 'wrong'}" data-share="${share}">${grouped(count)}</td>`;
    });
    const number = numbered && `${i + 1} `;
    return html`<tr><th scope="row">${number}${shortened(labels[i], 20)}</th>${cells}</tr>`;
  });
  const counts = table({
    kind: 'confusion',
    caption: 'What is taken for what',
    heads: textHeads(corner, ...columns),
    rows: matrixRows,
  });
  return wide('Confusion', counts);
}

function mistakes(matrix: Scores['confusion'], labels: readonly string[]): Markup {
  const largest = matrix
    .flatMap((row, i) =>
      row.map((count, j) => ({ i, j, count })).filter(({ j, count }) => j !== i && count > 0),
    )
    .sort((a, b) => b.count - a.count)
    .slice(0, 10);
  const mistakeRows = largest.map(
    ({ i, j, count }) =>
      html`<tr><th scope="row">${labels[i]}</th><td>${labels[j]}</td>${numberCells(grouped(count))}</tr>`,
  );
  const list = table({
    kind: 'small',
    caption: 'Most frequent mistakes',
    heads: [textHeads('True', 'Said'), numberHeads('Rows')],
    rows: mistakeRows,
  });
  return wide('Mistakes', list);
}

/** Classes by their probability, the most probable first. */
export function predictionMarkup(text: string, scores: Readonly<Record<string, number>>): Markup {
  const sorted = Object.entries(scores).sort(([, a], [, b]) => b - a);
  const bars = sorted.map(([name, probability], i) => {
    const share = html`<span data-share="${probability.toFixed(4)}"></span>`;
    const bar = html`<span class="bar" aria-hidden="true">${share}</span>`;
    const parts = [
      html`<span class="name">${shortened(name, 60)}</span>`,
      bar,
      html`<span class="number">${fixed(probability)}</span>`,
    ];
    return html`<li class="${i === 0 && 'first'}">${parts}</li>`;
  });
  const what = text === '' ? 'Of an empty text:' : `Of “${shortened(text, 80)}”:`;
  const list = html`<ul class="bars" aria-label="Probability of each class">${bars}</ul>`;
  return html`<p class="note">${what}</p>${list}`;
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
      `${rows(train.truncated)} to learn from ${train.truncated === 1 ? 'is' : 'are'} longer ` +
        `than ${grouped(maxLength)} tokens: what comes after is not read.`,
    train.duplicates > 0 &&
      `${rows(train.duplicates)} to learn from ${train.duplicates === 1 ? 'repeats' : 'repeat'} an earlier one.`,
    leaked > 0 &&
      `${rows(leaked)} to evaluate on ${leaked === 1 ? 'is' : 'are'} among those to learn from, too: ` +
        'the figures will flatter.',
    conflicts > 0 &&
      `${grouped(conflicts)} ${conflicts === 1 ? 'text has' : 'texts have'} different labels in different rows.`,
    ...notes,
  ].filter((remark) => remark !== false);
  const counts = `${rows(train.rows)} to learn from, ${grouped(test.rows)} to evaluate on.`;
  const more = train.classes.length > 12 ? ', …' : '';
  const lengths = `${grouped(train.meanTokens)} tokens a row on average, ${grouped(train.longest)} at most`;
  const rest = `${grouped(train.classes.length)} classes: ${classes}${more}. ${lengths}.`;
  return html`<p><strong>${counts}</strong> ${rest}</p>
${remarks.map((remark) => html`<p class="note">${remark}</p>`)}`;
}

/** A message that begins with a file's name begins with it as it is. */
const sentence = (message: string): string =>
  /^\S+(?::\d+)*:/.test(message) ? message : message[0].toUpperCase() + message.slice(1);

export const problemMarkup = ({ message, hint }: Problem): Markup =>
  html`<p>${sentence(message)}</p>${hint !== undefined && html`<p>${hint}</p>`}`;
