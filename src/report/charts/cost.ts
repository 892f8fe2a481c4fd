import * as Plot from '@observablehq/plot';
import type { Comparison, ModelResult } from '../../compare/comparison.js';
import { fixed } from '../figures.js';
import type { Markup } from '../markup.js';
import { chart, CHART_WIDTH } from './draw.js';
import { identified } from './identity.js';
import { placeLabels } from './labels.js';

const HEIGHT = 300;
const MARGIN = { left: 44, right: 24, top: 26, bottom: 40 };

export interface CostAxis {
  readonly title: string;
  readonly label: string;
  readonly of: (model: ModelResult) => number | null;
  /** For the description. */
  readonly format: (value: number) => string;
  /** For the axis, where it differs. */
  readonly tick?: (value: number) => string;
}

/** Weighted F1 with its interval against a cost on a logarithmic axis; models are numbered. */
export function costChart(
  comparison: Comparison,
  { title, label, of, format, tick }: CostAxis,
): Markup | undefined {
  const measured = identified(comparison).flatMap(({ model, look }) => {
    const cost = of(model);
    return cost === null || model.f1.value === null
      ? []
      : [
          {
            model,
            look,
            cost,
            value: model.f1.value,
            low: model.f1.low ?? model.f1.value,
            high: model.f1.high ?? model.f1.value,
          },
        ];
  });
  if (measured.length === 0) return undefined;
  const positive = measured.map(({ cost }) => cost).filter((cost) => cost > 0);
  // A logarithmic axis has no zero.
  const floor = positive.length === 0 ? 1 : Math.min(...positive) / 3;
  const points = measured.map((point) => ({ ...point, x: point.cost > 0 ? point.cost : floor }));
  const [least, most] = [Math.min(...points.map(({ x }) => x)), Math.max(...points.map(({ x }) => x))];
  const lowest = Math.min(...points.map(({ low }) => low));
  const decades = Math.log10(most / least) + 0.6;
  const [left, right] = [least / 2, most * 2];
  const [bottom, top] = [Math.max(0, Math.floor((lowest - 0.02) * 10) / 10), 1];
  const pixel = ({ x, value }: { readonly x: number; readonly value: number }): { x: number; y: number } => ({
    x:
      MARGIN.left +
      (Math.log(x / left) / Math.log(right / left)) * (CHART_WIDTH - MARGIN.left - MARGIN.right),
    y: HEIGHT - MARGIN.bottom - ((value - bottom) / (top - bottom)) * (HEIGHT - MARGIN.top - MARGIN.bottom),
  });
  const labels = placeLabels(
    points.map((point) => ({ ...pixel(point), text: String(point.look.number) })),
    5,
    { left: MARGIN.left, right: CHART_WIDTH, top: MARGIN.top, bottom: HEIGHT - MARGIN.bottom },
  );
  return chart(
    {
      height: HEIGHT,
      marginLeft: MARGIN.left,
      marginRight: MARGIN.right,
      marginTop: MARGIN.top,
      marginBottom: MARGIN.bottom,
      x: {
        type: 'log',
        domain: [left, right],
        label,
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: powers(left, right, Math.max(1, Math.ceil(decades / 4))),
        tickFormat: tick ?? format,
        grid: true,
      },
      y: { domain: [bottom, top], label: 'weighted F1', labelArrow: 'none', grid: true, ticks: 5 },
      marks: points.flatMap(({ look, ...point }, i) => [
        Plot.ruleX([point], {
          x: 'x',
          y1: 'low',
          y2: 'high',
          stroke: look.color,
          strokeWidth: 2,
          strokeOpacity: 0.55,
        }),
        Plot.dot([point], {
          x: 'x',
          y: 'value',
          r: 5,
          fill: look.color,
          stroke: 'var(--surface)',
          strokeWidth: 1,
        }),
        Plot.text([point], {
          x: 'x',
          y: 'value',
          text: () => String(look.number),
          fill: look.color,
          stroke: 'var(--surface)',
          strokeWidth: 3,
          fontWeight: 700,
          dx: labels[i].dx,
          dy: labels[i].dy,
          textAnchor: labels[i].anchor,
        }),
      ]),
    },
    {
      title,
      description: points
        .map(
          ({ model, look, cost, value }) =>
            `${look.number} ${model.name}: ${format(cost)}, F1 ${fixed(value)}`,
        )
        .join('; '),
      note: positive.length < points.length ? 'A cost of zero is drawn at the left edge.' : undefined,
    },
  );
}

/** Powers of ten inside the bounds, every `step`-th. */
function powers(low: number, high: number, step: number): number[] {
  const first = Math.ceil(Math.log10(low));
  const last = Math.floor(Math.log10(high));
  return Array.from({ length: Math.max(0, Math.floor((last - first) / step) + 1) }, (_, i) =>
    Number(`1e${first + i * step}`),
  );
}
