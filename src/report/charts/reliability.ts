import * as Plot from '@observablehq/plot';
import type { ModelResult } from '../../compare/comparison.js';
import { counted, fixed, percent, oneLine } from '../figures.js';
import type { Markup } from '../markup.js';
import { chart } from './draw.js';
import type { Identity } from './identity.js';

/**
 * How often a model is right against how sure it says it is; the size of a dot is how many rows there are.
 */
export function reliabilityChart(model: ModelResult, look: Identity, rows: number): Markup {
  const bins = model.calibration.bins.filter((bin) => bin.rows > 0);
  // A bin of a few rows swings between 0 and 1; the line leaves it out.
  const enough = Math.max(5, rows / 100);
  const inWords = bins.map(
    (bin) =>
      `${counted(bin.rows, 'row')} with mean confidence ${percent(bin.meanConfidence)}: ` +
      `${percent(bin.accuracy)} right`,
  );
  const tick = { domain: [0, 1], ticks: [0, 0.2, 0.4, 0.6, 0.8, 1], grid: true, labelArrow: 'none' as const };
  return chart(
    {
      height: 300,
      x: { ...tick, label: 'mean confidence', labelAnchor: 'center' },
      y: { ...tick, label: 'share that was right' },
      r: { type: 'sqrt', domain: [0, rows], range: [2, 16] },
      marks: [
        Plot.text([[0.03, 0.96]], {
          text: () => `ECE ${fixed(model.calibration.ece)}`,
          textAnchor: 'start',
          fill: 'currentColor',
          fontWeight: 600,
        }),
        Plot.line(
          [
            [0, 0],
            [1, 1],
          ],
          { stroke: 'currentColor', strokeOpacity: 0.5, strokeWidth: 1 },
        ),
        Plot.link(bins, {
          x1: 'meanConfidence',
          x2: 'meanConfidence',
          y1: 'meanConfidence',
          y2: 'accuracy',
          stroke: look.color,
          strokeOpacity: 0.6,
          strokeDasharray: '2 2',
        }),
        Plot.line(
          bins.filter((bin) => bin.rows >= enough),
          { x: 'meanConfidence', y: 'accuracy', stroke: look.color, strokeWidth: 1.5 },
        ),
        Plot.dot(bins, {
          x: 'meanConfidence',
          y: 'accuracy',
          r: 'rows',
          fill: look.color,
          fillOpacity: 0.75,
          stroke: 'var(--surface)',
        }),
      ],
    },
    {
      title: `${look.number}  ${oneLine(model.name, 34)}`,
      description: `ECE ${fixed(model.calibration.ece)}. ${inWords.join('; ')}`,
    },
  );
}
