import * as Plot from '@observablehq/plot';
import type { Comparison } from '../../compare/comparison.js';
import { oneLine, signed } from '../figures.js';
import type { Markup } from '../markup.js';
import { chart, CHART_WIDTH } from './draw.js';
import { identified } from './identity.js';

const ROW = 37;
/** What lies further below is cut off: such a model is far from any choice. */
const LOWEST = -0.3;

/** Every model's F1 minus the highest of the others, with simultaneous bounds, and the margin. */
export function againstBestChart(comparison: Comparison): Markup {
  const { margin } = comparison.verdict;
  const rows = identified(comparison).flatMap(({ model, look }, row) => {
    if (model.againstBest === null) return [];
    const { difference, low, high } = model.againstBest;
    return [{ difference, low, high, look, row, name: `${look.number}  ${oneLine(model.name, 42)}` }];
  });
  const from = Math.max(
    Math.min(LOWEST, -1.5 * margin),
    Math.min(-2 * margin, ...rows.map(({ low }) => low)),
  );
  const to = Math.max(margin, ...rows.map(({ high }) => high));
  const shown = rows.map((row) => ({ ...row, low: Math.max(from, row.low), high: Math.max(from, row.high) }));
  const description = rows
    .map(
      ({ name, difference, low, high }) =>
        `${name}: ${signed(difference)}, bounds ${signed(low)} to ${signed(high)}`,
    )
    .join('; ');
  const rule = (x: number): Plot.Markish =>
    Plot.ruleX([x], {
      stroke: 'currentColor',
      strokeOpacity: 0.55,
      strokeDasharray: x === 0 ? 'none' : '4 3',
    });
  return chart(
    {
      height: rows.length * ROW + 66,
      marginTop: 6,
      marginBottom: 44,
      marginLeft: 14,
      x: {
        domain: [from, to],
        label: 'F1 minus the highest of the others',
        labelAnchor: 'center',
        labelArrow: 'none',
        grid: true,
        ticks: 5,
        inset: 6,
      },
      y: { domain: [-0.5, rows.length - 0.5], reverse: true, axis: null },
      marks: [
        rule(0),
        rule(-margin),
        Plot.text(rows, {
          frameAnchor: 'left',
          y: 'row',
          text: 'name',
          dy: -8,
          dx: 0,
          textAnchor: 'start',
          fill: 'currentColor',
        }),
        ...shown.flatMap((row) => [
          Plot.link([row], {
            x1: 'low',
            x2: 'high',
            y1: 'row',
            y2: 'row',
            dy: 7,
            stroke: row.look.color,
            strokeWidth: 3,
          }),
          ...(row.difference >= from
            ? [Plot.dot([row], { x: 'difference', y: 'row', dy: 7, r: 5, fill: row.look.color })]
            : []),
        ]),
        Plot.text(rows, {
          frameAnchor: 'right',
          y: 'row',
          text: ({ difference }: { difference: number }) => signed(difference),
          dy: -8,
          textAnchor: 'end',
          fill: 'currentColor',
          fontVariant: 'tabular-nums',
        }),
      ],
      width: CHART_WIDTH,
    },
    {
      title: 'F1 against the best of the others, with simultaneous 95 % bounds',
      description,
      note: `Dashed: the margin, ${signed(-margin)}.`,
    },
  );
}
