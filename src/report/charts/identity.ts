/**
 * How one model is told from another in every chart: by number, colour, dashes and symbol, so that no meaning
 * hangs on colour alone.
 */
import type { Comparison, ModelResult } from '../../compare/comparison.js';
import type { Markup } from '../markup.js';
import { html } from '../markup.js';

export interface Identity {
  /** From 1, in the order of the table. */
  readonly number: number;
  readonly color: string;
  /** For stroke-dasharray; none: a whole line. */
  readonly dash: string | undefined;
}

/** Colours in the style sheet: --series-1 to --series-8. */
const COLORS = 8;
const DASHES = [undefined, '7 3', '2 2.5', '9 3 2 3', '4 4', '12 3', '2 5', '6 2 2 2 2 2'];

export const identity = (index: number): Identity => ({
  number: index + 1,
  color: `var(--series-${(index % COLORS) + 1})`,
  dash: DASHES[index % DASHES.length],
});

/** Models with what they look like. */
export const identified = ({
  models,
}: Comparison): { readonly model: ModelResult; readonly look: Identity }[] =>
  models.map((model, i) => ({ model, look: identity(i) }));

/** The number of a model in its colour, as it stands in tables and legends. */
export const badge = ({ number, color }: Identity): Markup =>
  html`<span class="badge" style="--color: ${color}">${number}</span>`;

/** A legend of lines. */
export function legend(comparison: Comparison): Markup {
  const items = identified(comparison).map(
    ({ model, look }) => html`<li>${sampleLine(look)}${badge(look)} ${model.name}</li>`,
  );
  return html`<ul class="legend" aria-label="Models">${items}</ul>`;
}

function sampleLine({ color, dash = 'none' }: Identity): Markup {
  const look = html`stroke="${color}" stroke-width="2.5" stroke-dasharray="${dash}"`;
  const line = html`<line x1="0" x2="40" y1="4" y2="4" ${look}/>`;
  return html`<svg class="sample" viewBox="0 0 40 8" aria-hidden="true">${line}</svg>`;
}
