import { FINE_TUNED } from '../../compare/comparison.js';
import type { Attribution, Comparison, Opinion, WorstError } from '../../compare/comparison.js';
import { badge, identified } from '../charts/identity.js';
import { percent, shortened, signed } from '../figures.js';
import type { Content, Markup } from '../markup.js';
import { html } from '../markup.js';
import { numberCells, numberHeads, table, textHeads } from '../tables.js';
import type { Section } from './section.js';
import { details, reading, wide } from './section.js';

/** Longer texts are cut, with the whole one a click away. */
const SHOWN_CHARACTERS = 600;
const STRONGEST = 3;

const READING =
  'These are the test rows about which the models were most wrong. ' +
  'First see whether the label is right: some of the worst errors are mistakes of those who ' +
  'labelled. Then see whether all models fail, which speaks for a hard or ambiguous text, ' +
  'or one alone.';

const HIGHLIGHTING: Content = [
  'The highlighting is what moved the fine-tuned GPT-2 to its answer ',
  '(gradient times input, token by token): ',
  html`<mark class="for">solid underline</mark> pushed towards it, `,
  html`<mark class="against">dashed underline</mark> against it; the stronger the colour, the more. `,
  'It is a linear approximation around this one text, not a proof of what the model understood.',
];

export function errorsSection(comparison: Comparison): Section | undefined {
  const { worstErrors } = comparison;
  if (worstErrors.length === 0) return undefined;
  const items = worstErrors.map((error) => html`<li>${errorItem(error, comparison)}</li>`);
  return {
    id: 'errors',
    title: 'The worst errors, and what each model said',
    body: html`${reading(READING, HIGHLIGHTING)}
<ol class="errors">${items}</ol>`,
  };
}

function errorItem(error: WorstError, comparison: Comparison): Markup {
  const { labelNames } = comparison.dataset;
  const explained = comparison.models.find(({ id }) => id === FINE_TUNED);
  const opinion = explained && opinionOf(error, explained.id);
  const isExplained = error.attributions.length > 0;
  const shown = isExplained ? highlighted(error.attributions) : shortened(error.text, SHOWN_CHARACTERS);
  const whole =
    [...error.text].length > SHOWN_CHARACTERS &&
    details('The whole text', html`<p class="whole" dir="auto">${error.text}</p>`);
  const truth = html`Labelled <strong>${labelNames[error.label]}</strong>`;
  const why =
    opinion &&
    isExplained &&
    html`; GPT-2 said <strong>${labelNames[opinion.label]}</strong>. ${strongest(error.attributions)}`;
  const row = error.row + 1;
  return html`<blockquote dir="auto">${shown}</blockquote>
${whole}
<p class="truth">Test row ${row}. ${truth}${why}</p>
${wide(`Opinions on test row ${row}`, opinionTable(error, comparison))}`;
}

/** Own opinions only: an id such as "constructor" is no name of one. */
const opinionOf = ({ opinions }: WorstError, id: string): Opinion | undefined =>
  Object.hasOwn(opinions, id) ? opinions[id] : undefined;

function opinionTable(error: WorstError, comparison: Comparison): Markup {
  const { labelNames } = comparison.dataset;
  const rows = identified(comparison).flatMap(({ model, look }) => {
    const opinion = opinionOf(error, model.id);
    if (!opinion) return [];
    const { label, probabilityOfTruth } = opinion;
    const mark = label === error.label ? '✓\u00a0' : '✗\u00a0';
    const meter = html`<span class="meter" style="--share: ${clamp(probabilityOfTruth).toFixed(3)}"></span>`;
    const share = html`<span class="share">${percent(probabilityOfTruth, 1)}</span>`;
    const said = html`<td>${mark}${labelNames[label]}</td>`;
    return html`<tr><th scope="row">${badge(look)} ${model.name}</th>${said}${numberCells([meter, share])}</tr>`;
  });
  return table({
    kind: 'small',
    caption: `What each model said of test row ${error.row + 1}`,
    hiddenCaption: true,
    heads: [textHeads('Model', 'Said'), numberHeads('For the true class')],
    rows,
  });
}

const clamp = (value: number): number => Math.max(0, Math.min(1, value));

/** Tokens with a background as strong as their share of the strongest. */
function highlighted(attributions: readonly Attribution[]): Markup {
  const largest = Math.max(...attributions.map(({ score }) => Math.abs(score)), Number.MIN_VALUE);
  return html`${attributions.map(({ token, score }) => {
    const strength = Math.abs(score) / largest;
    if (strength < 0.08) return token;
    // The space before a word is part of its token; marked, it would look like a gap.
    const [, space, word] = /^(\s*)([^]*)$/u.exec(token)!;
    const kind = score > 0 ? 'for' : 'against';
    const look = html`class="${kind}" style="--share: ${strength.toFixed(2)}"`;
    return html`${space}<mark ${look} title="${signed(score)}">${word}</mark>`;
  })}`;
}

/** The same in words, for those who do not see the colours. */
function strongest(attributions: readonly Attribution[]): string {
  const named = (wanted: readonly Attribution[]): string =>
    wanted
      .slice(0, STRONGEST)
      .map(({ token, score }) => `“${shortened(token.trim(), 24)}” (${signed(score, 2)})`)
      .join(', ');
  const visible = attributions.filter(({ token }) => token.trim() !== '');
  const towards = visible.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score);
  const against = visible.filter(({ score }) => score < 0).sort((a, b) => a.score - b.score);
  return [
    towards.length > 0 && `Most towards it: ${named(towards)}.`,
    against.length > 0 && `Most against it: ${named(against)}.`,
  ]
    .filter(Boolean)
    .join(' ');
}
