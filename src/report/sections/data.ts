import type { Comparison } from '../../compare/comparison.js';
import { classChart, lengthChart } from '../charts/data.js';
import { html } from '../markup.js';
import type { Section } from './section.js';
import { charts, reading } from './section.js';

const READING =
  'A class with few rows is learned badly and measured badly: ' +
  'its precision and recall have wide intervals that the weighted figures hide. ' +
  'Shares that differ between training and test rows shift every figure. ' +
  'What is cut from long texts GPT-2 never sees; the counting models see all.';

export function dataSection({ dataset }: Comparison): Section {
  return {
    id: 'data',
    title: 'The data',
    body: html`${charts(lengthChart(dataset), classChart(dataset))}
${reading(READING)}`,
  };
}
