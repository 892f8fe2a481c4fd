import * as Plot from '@observablehq/plot';
import { FINE_TUNED } from '../../compare/comparison.js';
import type { Comparison, ModelResult } from '../../compare/comparison.js';
import { fixed, listed, oneLine } from '../figures.js';
import type { Markup } from '../markup.js';
import { chart, CHART_WIDTH } from './draw.js';
import { identified } from './identity.js';

const ROW = 37;

/**
 * One metric of every model with its 95 % interval, best first, on one axis; of the fine-tuned model also
 * under other seeds.
 */
export function intervalChart(
  comparison: Comparison,
  title: string,
  axis: string,
  metric: 'f1' | 'auc',
): Markup {
  const seeds = (comparison.verdict.seeds?.runs ?? [])
    .slice(1)
    .map((run) => run[metric])
    .filter((value) => value !== null);
  const seedsOf = ({ id }: ModelResult): readonly number[] => (id === FINE_TUNED ? seeds : []);
  const rows = identified(comparison).map(({ model, look }, i) => ({
    ...model[metric],
    seeds: seedsOf(model),
    look,
    row: i,
    name: `${look.number}  ${oneLine(model.name, 42)}`,
  }));
  const known = rows.filter((row): row is typeof row & { value: number } => row.value !== null);
  const low = Math.min(...known.map((row) => row.low ?? row.value), ...seeds, 1);
  const from = Math.max(0, Math.floor((low - 0.02) * 10) / 10);
  const description = rows
    .map(({ name, value, low: from95, high, seeds: others }) => {
      const interval = from95 === null ? '' : `, 95 % interval ${fixed(from95)} to ${fixed(high)}`;
      const underOthers = listed(others.map((other) => fixed(other)));
      const spread = others.length === 0 ? '' : `, under other seeds ${underOthers}`;
      return `${name}: ${fixed(value)}${interval}${spread}`;
    })
    .join('; ');
  const best = known[0];
  const notes = [
    typeof best?.low === 'number' && 'Grey band: the interval of the first model.',
    seeds.length > 0 && 'Rings: the fine-tuning under other seeds.',
  ].filter((note) => note !== false);
  return chart(
    {
      height: rows.length * ROW + 66,
      marginTop: 6,
      marginBottom: 44,
      marginLeft: 14,
      x: {
        domain: [Math.min(from, 0.9), 1],
        label: axis,
        labelAnchor: 'center',
        labelArrow: 'none',
        grid: true,
        ticks: 5,
        inset: 6,
      },
      y: { domain: [-0.5, rows.length - 0.5], reverse: true, axis: null },
      marks: [
        ...(best && best.low !== null && best.high !== null
          ? [
              Plot.rect([best], {
                x1: 'low',
                x2: 'high',
                y1: -0.5,
                y2: rows.length - 0.5,
                fill: 'currentColor',
                fillOpacity: 0.07,
              }),
            ]
          : []),
        Plot.text(rows, {
          frameAnchor: 'left',
          y: 'row',
          text: 'name',
          dy: -8,
          dx: 0,
          textAnchor: 'start',
          fill: 'currentColor',
        }),
        ...known.flatMap((row) => [
          ...(row.low === null || row.high === null
            ? []
            : [
                Plot.link([row], {
                  x1: 'low',
                  x2: 'high',
                  y1: 'row',
                  y2: 'row',
                  dy: 7,
                  stroke: row.look.color,
                  strokeWidth: 3,
                }),
              ]),
          Plot.dot(
            row.seeds.map((value) => ({ value, row: row.row })),
            { x: 'value', y: 'row', dy: 7, r: 4, stroke: row.look.color, strokeWidth: 1.5 },
          ),
          Plot.dot([row], { x: 'value', y: 'row', dy: 7, r: 5, fill: row.look.color }),
        ]),
        Plot.text(rows, {
          frameAnchor: 'right',
          y: 'row',
          text: ({ value }: { value: number | null }) => (value === null ? 'undefined' : fixed(value)),
          dy: -8,
          textAnchor: 'end',
          fill: 'currentColor',
          fontVariant: 'tabular-nums',
        }),
      ],
      width: CHART_WIDTH,
    },
    { title, description, note: notes.length > 0 ? notes.join(' ') : undefined },
  );
}
