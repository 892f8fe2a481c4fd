/**
 * Charts as SVG in the page: Observable Plot draws into a document that linkedom provides. Colours are CSS
 * variables and currentColor, so that the page's style sheet decides for light and dark; sizes are for one
 * column of a phone, and a page lays several side by side.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { html, Markup } from '../markup.js';

/** Width of the drawing; the page scales it a little. */
export const CHART_WIDTH = 340;

export interface ChartText {
  readonly title: string;
  /** What is to be seen, for those who do not see it. */
  readonly description: string;
  /** Below the chart, for everyone. */
  readonly note?: string | undefined;
}

/** What is used here of an SVG element; the project does without TypeScript's DOM library. */
interface SvgElement {
  readonly outerHTML: string;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  remove(): void;
  querySelectorAll(selector: string): Iterable<SvgElement>;
}

const page = parseHTML('<!doctype html><html><body></body></html>') as unknown as {
  readonly document: object;
};

const GEOMETRY = ['d', 'x', 'y', 'x1', 'x2', 'y1', 'y2', 'cx', 'cy', 'r', 'width', 'height', 'transform'];
/**
 * What Plot says for assistive technology, which the chart's own text replaces, and marks for its style
 * sheet.
 */
const DROPPED = ['aria-label', 'aria-hidden', 'aria-description', 'class'];

/** A chart with its title above it. */
export function chart(options: Plot.PlotOptions, { title, description, note }: ChartText): Markup {
  const drawing = draw(options, `${title}. ${description}`);
  const below = note !== undefined && html`<p class="note">${note}</p>`;
  return html`<figure class="chart"><figcaption>${title}</figcaption>${drawing}${below}</figure>`;
}

function draw(options: Plot.PlotOptions, label: string): Markup {
  const drawn = Plot.plot({
    width: CHART_WIDTH,
    height: 250,
    marginTop: 26,
    marginBottom: 40,
    marginLeft: 44,
    marginRight: 14,
    ...options,
    document: page.document as never,
  }) as unknown as SvgElement;
  for (const style of [...drawn.querySelectorAll('style')]) style.remove();
  for (const element of [drawn, ...drawn.querySelectorAll('*')]) {
    for (const name of DROPPED) element.removeAttribute(name);
    for (const name of GEOMETRY) {
      const value = element.getAttribute(name);
      if (value !== null)
        element.setAttribute(
          name,
          value.replace(/-?\d+\.\d{3,}(?:e-?\d+)?/g, (long) => String(Number(Number(long).toFixed(2)))),
        );
    }
  }
  // Not by setAttribute: linkedom escapes no more than quotes in attributes.
  return new Markup(
    drawn.outerHTML.replace(/^<svg/, () => `<svg ${html`role="img" aria-label="${label}"`.toString()}`),
  );
}
