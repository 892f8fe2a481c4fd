import * as Plot from '@observablehq/plot';
import type { Comparison } from '../../compare/comparison.js';
import { grouped, percent, oneLine } from '../figures.js';
import type { Markup } from '../markup.js';
import { chart } from './draw.js';

/** Tokens of the training texts; a rule where texts are cut. */
export function lengthChart({ trainLengths, maxLength }: Comparison['dataset']): Markup | undefined {
  if (trainLengths.length === 0) return undefined;
  const sorted = [...trainLengths].sort((a, b) => a - b);
  const quantile = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const cut = sorted.filter((length) => length > maxLength).length;
  const longest = sorted.at(-1)!;
  // The few longest texts would press all others to the left.
  const limit = Math.max(quantile(0.995), Math.min(maxLength, longest) * 1.05);
  const size = Math.max(1, Math.ceil(limit / 30));
  const bins = new Map<number, number>();
  for (const length of sorted) {
    const bin = Math.min(Math.floor(length / size), Math.floor(limit / size));
    bins.set(bin, (bins.get(bin) ?? 0) + 1);
  }
  const bars = [...bins].map(([bin, rows]) => ({ from: bin * size, to: (bin + 1) * size, rows }));
  const shown = maxLength <= limit;
  const [median, most] = [quantile(0.5), quantile(0.95)];
  const whatIsCut =
    cut === 0
      ? `no text is longer than the ${maxLength} tokens that GPT-2 reads`
      : `GPT-2 reads ${maxLength} tokens of a text: ${grouped(cut)} (${percent(cut / sorted.length, 1)}) were cut`;
  const lastBar = longest > limit + size ? ' The last bar holds all that are longer.' : '';
  return chart(
    {
      x: {
        domain: [0, Math.max(...bars.map(({ to }) => to))],
        label: 'tokens in a text',
        labelAnchor: 'center',
        labelArrow: 'none',
        ticks: 6,
      },
      y: { label: 'training rows', grid: true, labelArrow: 'none', ticks: 5 },
      marks: [
        Plot.rect(bars, { x1: 'from', x2: 'to', y1: 0, y2: 'rows', fill: 'var(--series-1)', inset: 0.5 }),
        ...(shown
          ? [
              Plot.ruleX([maxLength], { stroke: 'currentColor', strokeWidth: 1.5, strokeDasharray: '4 3' }),
              Plot.text([maxLength], {
                x: (value: number) => value,
                frameAnchor: 'top',
                text: () => `cut at ${maxLength}`,
                textAnchor: 'end',
                dx: -5,
                dy: 2,
                fill: 'currentColor',
              }),
            ]
          : []),
        Plot.ruleY([0], { stroke: 'currentColor' }),
      ],
    },
    {
      title: 'Length of the training texts',
      description: `Shortest ${sorted[0]} tokens, median ${median}, 95 % have at most ${most}, longest ${longest}.`,
      note: `Median ${median}, longest ${grouped(longest)} tokens; ${whatIsCut}.${lastBar}`,
    },
  );
}

/** Share of each class in training and test rows. */
export function classChart({
  labelNames,
  trainCounts,
  testCounts,
  trainRows,
  testRows,
}: Comparison['dataset']): Markup {
  const rows = labelNames
    .flatMap((_, k) => [
      {
        k,
        set: 0,
        share: trainRows === 0 ? 0 : trainCounts[k] / trainRows,
        text: `${grouped(trainCounts[k])} train`,
      },
      {
        k,
        set: 1,
        share: testRows === 0 ? 0 : testCounts[k] / testRows,
        text: `${grouped(testCounts[k])} test`,
      },
    ])
    .map((row) => ({
      ...row,
      from: row.k + (row.set === 0 ? -0.1 : 0.18),
      to: row.k + (row.set === 0 ? 0.14 : 0.42),
      middle: row.k + (row.set === 0 ? 0.02 : 0.3),
    }));
  const most = Math.max(...rows.map(({ share }) => share), 0.01);
  const names = labelNames.map((name, k) => ({ k: k - 0.28, name: oneLine(name, 40) }));
  return chart(
    {
      height: labelNames.length * 54 + 60,
      marginLeft: 14,
      marginTop: 8,
      x: {
        domain: [0, most * 1.35],
        label: 'share of the rows',
        labelAnchor: 'center',
        labelArrow: 'none',
        tickFormat: (value: number) => percent(value),
        ticks: 4,
        grid: true,
      },
      y: { domain: [-0.5, labelNames.length - 0.5], reverse: true, axis: null },
      marks: [
        Plot.text(names, {
          frameAnchor: 'left',
          y: 'k',
          text: 'name',
          textAnchor: 'start',
          fill: 'currentColor',
          fontWeight: 600,
        }),
        Plot.rect(rows, {
          x1: 0,
          x2: 'share',
          y1: 'from',
          y2: 'to',
          fill: ({ set }: { set: number }) => `var(--series-${set === 0 ? 1 : 2})`,
        }),
        Plot.text(rows, {
          x: 'share',
          y: 'middle',
          text: 'text',
          textAnchor: 'start',
          dx: 5,
          fill: 'currentColor',
        }),
        Plot.ruleX([0], { stroke: 'currentColor' }),
      ],
    },
    {
      title: 'Rows of each class',
      description: labelNames
        .map(
          (name, k) => `${name}: ${grouped(trainCounts[k])} training and ${grouped(testCounts[k])} test rows`,
        )
        .join('; '),
    },
  );
}
