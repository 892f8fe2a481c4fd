import type { Comparison } from '../../compare/comparison.js';
import { identified } from '../charts/identity.js';
import { reliabilityChart } from '../charts/reliability.js';
import { html } from '../markup.js';
import { charts, reading, type Section } from './section.js';

export function calibrationSection(comparison: Comparison): Section {
  return {
    id: 'calibration',
    title: 'Calibration',
    body: html`${charts(identified(comparison).map(({ model, look }) => reliabilityChart(model, look, comparison.dataset.testRows)))}
${reading('Rows are grouped by how sure the model was of its answer. A dot on the diagonal is honest: of the rows it called 80 % sure, 80 % were right. Below the diagonal the model is too sure of itself, above it too modest. Large dots hold many rows; small ones say little, and the line leaves out those of fewer than five. ECE, the expected calibration error, is the mean distance from the diagonal, weighted by rows. It matters where a probability decides what happens next, such as whether a person looks at the case.')}`,
  };
}
