import * as Plot from '@observablehq/plot';
import type { Comparison } from '../../compare/comparison.js';
import { fixed, oneLine } from '../figures.js';
import type { Markup } from '../markup.js';
import { chart } from './draw.js';

const MOST = 12;

/** Spaces at the ends and inside belong to an n-gram of characters. */
const visibleNgram = (ngram: string): string =>
  ngram.replace(/^\s+|\s+$/gu, (spaces) => '␣'.repeat(spaces.length));

/** The n-grams with the largest weights for a class. */
export function ngramChart(
  { label, ngrams }: Comparison['topNgrams'][number],
  largest: number,
): Markup | undefined {
  const rows = ngrams
    .slice(0, MOST)
    .map(({ ngram, weight }, i) => ({ i, ngram: oneLine(visibleNgram(ngram), 18), weight }));
  if (rows.length === 0) return undefined;
  const lowest = Math.min(0, ...rows.map(({ weight }) => weight));
  return chart(
    {
      height: rows.length * 22 + 56,
      marginLeft: 128,
      marginTop: 6,
      marginRight: 44,
      x: {
        domain: [lowest, Math.max(largest, 0.01)],
        label: 'weight',
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: 4,
        grid: true,
      },
      y: { domain: [-0.5, rows.length - 0.5], reverse: true, axis: null },
      marks: [
        Plot.rect(rows, {
          x1: 0,
          x2: 'weight',
          y1: ({ i }: { i: number }) => i - 0.36,
          y2: ({ i }: { i: number }) => i + 0.36,
          fill: 'var(--series-1)',
        }),
        Plot.text(rows, {
          frameAnchor: 'left',
          y: 'i',
          text: 'ngram',
          textAnchor: 'end',
          dx: -7,
          fill: 'currentColor',
        }),
        Plot.text(rows, {
          x: 'weight',
          y: 'i',
          text: ({ weight }: { weight: number }) => fixed(weight, 2),
          textAnchor: 'start',
          dx: 5,
          fill: 'currentColor',
        }),
        Plot.ruleX([0], { stroke: 'currentColor' }),
      ],
    },
    {
      title: `For “${oneLine(label, 24)}”`,
      description: rows.map(({ ngram, weight }) => `${ngram} ${fixed(weight, 2)}`).join('; '),
    },
  );
}
