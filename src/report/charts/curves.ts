import * as Plot from '@observablehq/plot';
import { significant } from '../figures.js';
import type { Markup } from '../markup.js';
import { chart } from './draw.js';

export interface Series {
  readonly name: string;
  readonly points: readonly { readonly step: number; readonly value: number }[];
  /** 'raw': a faint line with a running mean over it; 'line': a line; 'dots': few points, joined. */
  readonly style: 'raw' | 'line' | 'dots';
}

export interface CurveOptions {
  readonly title: string;
  /** Of the vertical axis. */
  readonly unit: string;
  readonly series: readonly Series[];
  readonly log?: boolean;
  /** Steps at which an epoch ends. */
  readonly epochEnds: readonly number[];
}

const COLORS = ['var(--series-1)', 'var(--series-2)', 'var(--series-3)', 'var(--series-4)'];
const SYMBOLS = ['circle', 'diamond', 'square', 'triangle'] as const;
/** A line of more points than this says no more. */
const MOST_POINTS = 1000;

const LOGARITHMIC: Plot.ScaleOptions = { type: 'log', ticks: 4, tickFormat: '~g' };

/** @param small whether the values are too small for decimals */
const linear = (small: boolean): Plot.ScaleOptions =>
  small ? { nice: true, tickFormat: exponential } : { nice: true };

function exponential(value: number): string {
  if (value === 0) return '0';
  return value.toExponential(value.toExponential().startsWith('1e') ? 0 : 1);
}

/** Something over the steps of a run. */
export function curveChart({ title, unit, series, log = false, epochEnds }: CurveOptions): Markup {
  const drawn = series.map((each) => ({ ...each, points: thinned(each.points) }));
  const last = Math.max(...drawn.flatMap(({ points }) => points.map(({ step }) => step)), 1);
  const values = drawn.flatMap(({ points }) => points.map(({ value }) => value));
  const several = drawn.length > 1;
  const small = Math.max(...values.map(Math.abs)) < 0.001;
  return chart(
    {
      marginRight: several ? 78 : 14,
      marginLeft: small ? 56 : 44,
      height: 230,
      x: { domain: [0, last], label: 'step', labelArrow: 'none', labelAnchor: 'center', ticks: 5 },
      y: {
        label: unit,
        grid: true,
        ticks: 5,
        labelArrow: 'none',
        ...(log ? LOGARITHMIC : linear(small)),
      },
      marks: [
        Plot.ruleX(epochEnds, { stroke: 'currentColor', strokeOpacity: 0.25, strokeDasharray: '2 3' }),
        ...drawn.flatMap(({ points, style }, i) => {
          const line = { x: 'step', y: 'value', stroke: COLORS[i % COLORS.length], strokeWidth: 1.8 };
          if (style === 'dots')
            return [
              Plot.line(points, line),
              Plot.dot(points, {
                x: 'step',
                y: 'value',
                symbol: SYMBOLS[i % SYMBOLS.length],
                r: 4.5,
                fill: COLORS[i % COLORS.length],
              }),
            ];
          if (style === 'line' || points.length < 20) return [Plot.line(points, line)];
          const k = Math.max(3, Math.round(points.length / 15));
          return [
            Plot.line(points, { ...line, strokeOpacity: 0.4, strokeWidth: 1 }),
            Plot.line(points, Plot.windowY({ k, strict: false }, { ...line, strokeWidth: 2.2 })),
          ];
        }),
        ...(several ? endLabels(drawn, log) : []),
      ],
    },
    {
      title,
      description: drawn.map(described).join('; '),
    },
  );
}

/** A series in words. */
function described({ name, points }: Series): string {
  const at = ({ step, value }: Series['points'][number]): string => `${significant(value)} at step ${step}`;
  const values = points.map(({ value }) => value);
  const lowest = significant(Math.min(...values));
  const highest = significant(Math.max(...values));
  return `${name}: from ${at(points[0])} to ${at(points.at(-1)!)}, lowest ${lowest}, highest ${highest}`;
}

/** Names at the ends of the lines, moved apart where they would overlap. */
function endLabels(series: readonly Series[], log: boolean): Plot.Markish[] {
  const at = (value: number): number => (log ? Math.log(value) : value);
  const values = series.flatMap(({ points }) => points.map(({ value }) => at(value)));
  const range = Math.max(...values) - Math.min(...values) || 1;
  const HEIGHT = 164;
  const ends = series
    .map(({ name, points }, i) => ({
      name,
      i,
      point: points.at(-1)!,
      y: (-HEIGHT * (at(points.at(-1)!.value) - Math.min(...values))) / range,
      dy: 0,
    }))
    .sort((a, b) => a.y - b.y);
  let previous = -Infinity;
  for (const end of ends) {
    const y = Math.max(end.y, previous + 13);
    end.dy = y - end.y;
    previous = y;
  }
  return ends.map(({ name, i, point, dy }) =>
    Plot.text([point], {
      x: 'step',
      y: 'value',
      text: () => name,
      textAnchor: 'start',
      dx: 9,
      dy,
      fill: COLORS[i % COLORS.length],
    }),
  );
}

/** Means of neighbouring points where there are too many. */
function thinned(points: Series['points']): Series['points'] {
  const size = Math.ceil(points.length / MOST_POINTS);
  if (size <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const group = points.slice(i * size, (i + 1) * size);
    return {
      step: group.at(-1)!.step,
      value: group.reduce((sum, { value }) => sum + value, 0) / group.length,
    };
  });
}
