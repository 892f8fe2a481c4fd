import { FINE_TUNED } from '../../compare/comparison.js';
import type { Attribution, Comparison, WorstError } from '../../compare/comparison.js';
import { badge, identified } from '../charts/identity.js';
import { percent, shortened, signed } from '../figures.js';
import type { Markup } from '../markup.js';
import { html } from '../markup.js';
import type { Section } from './section.js';
import { details, reading, wide } from './section.js';

/** Longer texts are cut, with the whole one a click away. */
const SHOWN_CHARACTERS = 600;
const STRONGEST = 3;

export function errorsSection(comparison: Comparison): Section | undefined {
  const { worstErrors } = comparison;
  if (worstErrors.length === 0) return undefined;
  return {
    id: 'errors',
    title: 'The worst errors, and what each model said',
    body: html`${reading(
      'These are the test rows about which the models were most wrong. First see whether the label is right: some of the worst errors are mistakes of those who labelled. Then see whether all models fail, which speaks for a hard or ambiguous text, or one alone.',
      html`The highlighting is what moved the fine-tuned GPT-2 to its answer (gradient times input, token by token): <mark class="for">solid underline</mark> pushed towards it, <mark class="against">dashed underline</mark> against it; the stronger the colour, the more. It is a linear approximation around this one text, not a proof of what the model understood.`,
    )}
<ol class="errors">${worstErrors.map((error) => html`<li>${errorItem(error, comparison)}</li>`)}</ol>`,
  };
}

function errorItem(error: WorstError, comparison: Comparison): Markup {
  const { labelNames } = comparison.dataset;
  const explained = comparison.models.find(({ id }) => id === FINE_TUNED);
  const opinion = explained && error.opinions[explained.id];
  const opinions = identified(comparison).filter(({ model }) => Object.hasOwn(error.opinions, model.id));
  return html`<blockquote dir="auto">${error.attributions.length > 0 ? highlighted(error.attributions) : shortened(error.text, SHOWN_CHARACTERS)}</blockquote>
${[...error.text].length > SHOWN_CHARACTERS && details('The whole text', html`<p class="whole" dir="auto">${error.text}</p>`)}
<p class="truth">Test row ${error.row + 1}. Labelled <strong>${labelNames[error.label]}</strong>${opinion && error.attributions.length > 0 && html`; GPT-2 said <strong>${labelNames[opinion.label]}</strong>. ${strongest(error.attributions)}`}</p>
${wide(
  `Opinions on test row ${error.row + 1}`,
  html`<table class="small"><caption class="hidden">What each model said of test row ${error.row + 1}</caption><thead><tr><th scope="col">Model</th><th scope="col">Said</th><th scope="col" class="number">For the true class</th></tr></thead>
<tbody>${opinions.map(({ model, look }) => {
    const { label, probabilityOfTruth } = error.opinions[model.id];
    return html`<tr><th scope="row">${badge(look)} ${model.name}</th><td>${label === error.label ? '✓\u00a0' : '✗\u00a0'}${labelNames[label]}</td><td class="number"><span class="meter" style="--share: ${clamp(probabilityOfTruth).toFixed(3)}"></span><span class="share">${percent(probabilityOfTruth, 1)}</span></td></tr>`;
  })}</tbody></table>`,
)}`;
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
    return html`${space}<mark class="${score > 0 ? 'for' : 'against'}" style="--share: ${strength.toFixed(2)}" title="${signed(score)}">${word}</mark>`;
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
