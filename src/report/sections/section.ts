import type { Content, Markup } from '../markup.js';
import { html } from '../markup.js';

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly body: Markup;
}

const HOW = html`<strong>How to read it.</strong> `;

/** How a figure is to be read. */
export const reading = (...paragraphs: readonly Content[]): Markup =>
  html`<div class="reading">${paragraphs.map((paragraph, i) => html`<p>${i === 0 && HOW}${paragraph}</p>`)}</div>`;

/** Charts side by side where there is room. */
export const charts = (...figures: readonly Content[]): Markup => html`<div class="charts">${figures}</div>`;

/** A part that is closed until asked for. */
export const details = (summary: Content, ...body: readonly Content[]): Markup =>
  html`<details><summary>${summary}</summary>${body}</details>`;

/** A table that may be wider than a phone: it scrolls by itself, with the keyboard, too. */
export const wide = (label: string, table: Markup): Markup =>
  html`<div class="wide" role="region" aria-label="${label}" tabindex="0">${table}</div>`;

export const renderSection = ({ id, title, body }: Section): Markup =>
  html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${body}</section>`;
