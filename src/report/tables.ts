/** Tables of the report and of the demo page. */
import type { Content, Markup } from './markup.js';
import { html } from './markup.js';

export interface TableParts {
  /** Its class in the style sheet. */
  readonly kind?: 'small' | 'confusion' | undefined;
  readonly caption: Content;
  /** The caption is only for those who do not see the page. */
  readonly hiddenCaption?: boolean | undefined;
  /** The cells of the one row of heads. */
  readonly heads: Content;
  readonly rows: Content;
}

export function table({ kind, caption, hiddenCaption = false, heads, rows }: TableParts): Markup {
  const kindClass = kind !== undefined && html` class="${kind}"`;
  const captionClass = hiddenCaption && html` class="hidden"`;
  return html`<table${kindClass}><caption${captionClass}>${caption}</caption><thead><tr>${heads}</tr></thead>
<tbody>${rows}</tbody></table>`;
}

export const textHeads = (...titles: readonly Content[]): Markup[] =>
  titles.map((title) => html`<th scope="col">${title}</th>`);

export const numberHeads = (...titles: readonly Content[]): Markup[] =>
  titles.map((title) => html`<th scope="col" class="number">${title}</th>`);

export const numberCells = (...figures: readonly Content[]): Markup[] =>
  figures.map((figure) => html`<td class="number">${figure}</td>`);
