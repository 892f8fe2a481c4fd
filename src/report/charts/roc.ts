import * as Plot from '@observablehq/plot';
import type { Comparison } from '../../compare/comparison.js';
import { fixed, oneLine } from '../figures.js';
import type { Markup } from '../markup.js';
import { chart } from './draw.js';
import { identified } from './identity.js';

/**
 * ROC curves of all models for one class against the rest; undefined where the class is absent from the test
 * rows.
 */
export function rocChart(comparison: Comparison, classIndex: number): Markup | undefined {
  const name = oneLine(comparison.dataset.labelNames[classIndex], 24);
  const curves = identified(comparison)
    .map(({ model, look }) => ({ model, look, row: model.classes[classIndex] }))
    .filter(({ row }) => row.auc !== null && row.roc.falsePositiveRate.length > 0);
  if (curves.length === 0) return undefined;
  const areas = curves.map(({ model, look, row }) => `${look.number} ${model.name} ${fixed(row.auc)}`);
  const tick = { domain: [0, 1], ticks: [0, 0.2, 0.4, 0.6, 0.8, 1], grid: true, labelArrow: 'none' as const };
  return chart(
    {
      height: 330,
      x: { ...tick, label: 'false alarms: share of the other rows', labelAnchor: 'center' },
      y: { ...tick, label: 'found: share of its rows' },
      marks: [
        Plot.line(
          [
            [0, 0],
            [1, 1],
          ],
          { stroke: 'currentColor', strokeOpacity: 0.5, strokeWidth: 1 },
        ),
        // The first model last, on top of the others.
        ...curves.toReversed().map(({ row, look }) =>
          Plot.line(
            row.roc.falsePositiveRate.map((x, i) => [x, row.roc.truePositiveRate[i]]),
            { stroke: look.color, strokeWidth: 2, strokeDasharray: look.dash ?? 'none' },
          ),
        ),
      ],
    },
    {
      title: `“${name}” against the rest`,
      description: `ROC curves. AUC by model: ${areas.join('; ')}`,
    },
  );
}
