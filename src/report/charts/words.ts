import * as Plot from '@observablehq/plot';
import type { WordStudy } from '../../compare/comparison.js';
import { counted, oneLine } from '../figures.js';
import type { Markup } from '../markup.js';
import { chart, CHART_WIDTH } from './draw.js';
import { placeLabels } from './labels.js';

const FRAME = { height: 300, marginTop: 12, marginBottom: 14, marginLeft: 14, marginRight: 14 };

const SYMBOLS = [
  ['circle', '●'],
  ['square', '■'],
  ['diamond', '◆'],
  ['triangle', '▲'],
  ['star', '★'],
  ['cross', '✚'],
] as const;

/** A class is told from another by symbol and colour. */
export function classLook(label: number): {
  readonly color: string;
  readonly symbol: (typeof SYMBOLS)[number][0];
  readonly glyph: string;
} {
  const [symbol, glyph] = SYMBOLS[label % SYMBOLS.length];
  return { color: `var(--series-${(label % 8) + 1})`, symbol, glyph };
}

/** What Word2Vec sees: all occurrences in one place. */
export function staticPoint(study: WordStudy): Markup {
  const word = oneLine(study.word, 24);
  const occurrences = counted(study.occurrences.length, 'occurrence');
  return chart(
    {
      ...FRAME,
      x: { domain: [-1, 1], axis: null },
      y: { domain: [-1, 1], axis: null },
      marks: [
        Plot.frame({ stroke: 'currentColor', strokeOpacity: 0.25 }),
        Plot.dot([[0, 0]], { r: 11, fill: 'var(--series-1)' }),
        Plot.text([[0, 0]], {
          text: () => `“${word}”: ${study.occurrences.length} sentences, 1 point`,
          dy: 26,
          fill: 'currentColor',
        }),
      ],
    },
    {
      title: 'Word2Vec',
      description: `One point for all ${occurrences} of ${word}, whatever the sentence says.`,
    },
  );
}

/** What GPT-2 sees: each occurrence in its own place, numbered as the sentences beside it. */
export function contextualPoints(study: WordStudy, labelNames: readonly string[]): Markup {
  const points = study.occurrences.map((occurrence, i) => ({ ...occurrence, number: String(i + 1) }));
  // Both axes in the same unit: distances are what the picture is about.
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [width, height] = [
    CHART_WIDTH - FRAME.marginLeft - FRAME.marginRight,
    FRAME.height - FRAME.marginTop - FRAME.marginBottom,
  ];
  const unit =
    Math.max(
      (Math.max(...xs) - Math.min(...xs)) / width,
      (Math.max(...ys) - Math.min(...ys)) / height,
      1e-9,
    ) * 1.18;
  const [cx, cy] = [(Math.max(...xs) + Math.min(...xs)) / 2, (Math.max(...ys) + Math.min(...ys)) / 2];
  const places = points.map(
    ({ number, label, x, y }) => `${number} (${labelNames[label]}) at ${x.toFixed(1)}, ${y.toFixed(1)}`,
  );
  const labels = placeLabels(
    points.map(({ x, y, number }) => ({ x: (x - cx) / unit, y: (cy - y) / unit, text: number })),
    5,
    { left: -width / 2, right: width / 2, top: -height / 2, bottom: height / 2 },
  );
  return chart(
    {
      ...FRAME,
      x: { domain: [cx - (width / 2) * unit, cx + (width / 2) * unit], axis: null },
      y: { domain: [cy - (height / 2) * unit, cy + (height / 2) * unit], axis: null },
      marks: [
        Plot.frame({ stroke: 'currentColor', strokeOpacity: 0.25 }),
        ...points.map((point) =>
          Plot.dot([point], {
            x: 'x',
            y: 'y',
            r: 5,
            symbol: classLook(point.label).symbol,
            fill: classLook(point.label).color,
            stroke: 'var(--surface)',
            strokeWidth: 0.5,
          }),
        ),
        ...points.map((point, i) =>
          Plot.text([point], {
            x: 'x',
            y: 'y',
            text: 'number',
            fill: 'currentColor',
            stroke: 'var(--surface)',
            strokeWidth: 3,
            dx: labels[i].dx,
            dy: labels[i].dy,
            textAnchor: labels[i].anchor,
          }),
        ),
      ],
    },
    {
      title: 'GPT-2',
      description: `${counted(points.length, 'occurrence')}, each at its own place: ${places.join('; ')}`,
    },
  );
}
