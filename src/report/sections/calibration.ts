import { FIGURES } from '../../compare/figures.js';
import type { Comparison } from '../../compare/comparison.js';
import { identified } from '../charts/identity.js';
import { reliabilityChart } from '../charts/reliability.js';
import { html } from '../markup.js';
import type { Section } from './section.js';
import { charts, reading } from './section.js';

export function calibrationSection(comparison: Comparison): Section {
  const figures = identified(comparison).map(({ model, look }) =>
    reliabilityChart(model, look, comparison.dataset.testRows),
  );
  return {
    id: 'calibration',
    title: 'Calibration',
    body: html`${charts(figures)}
${reading(FIGURES.calibration.reading)}`,
  };
}
