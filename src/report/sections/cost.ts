import type { Comparison } from '../../compare/comparison.js';
import { costChart } from '../charts/cost.js';
import { badge, identified } from '../charts/identity.js';
import { bytes, duration, grouped } from '../figures.js';
import { html } from '../markup.js';
import type { Section } from './section.js';
import { charts, reading } from './section.js';

const READING =
  'Up is better, left is cheaper. The horizontal axes are logarithmic: ' +
  'a step from one rule to the next is a factor of ten or more. ' +
  'A model is worth its cost where no other lies above and to the left of it; ' +
  'where two bars reach the same height, take the one further left.';

export function costSection(comparison: Comparison): Section {
  // Powers of ten stay powers of ten: 100 s, not 1 min 40 s.
  const time = {
    format: duration,
    tick: (seconds: number): string => (seconds < 1 ? duration(seconds) : `${grouped(seconds)} s`),
  };
  const models = identified(comparison).map(({ model, look }) => html`<li>${badge(look)} ${model.name}</li>`);
  return {
    id: 'cost',
    title: 'Quality against cost',
    body: html`<ul class="legend" aria-label="Models">${models}</ul>
${charts(
  costChart(comparison, {
    ...time,
    title: 'F1 against latency',
    label: 'one text, from text to class',
    of: ({ cost }) => cost.latencyMs / 1000,
  }),
  costChart(comparison, {
    ...time,
    title: 'F1 against training time',
    label: 'training',
    of: ({ cost }) => cost.trainSeconds,
  }),
  costChart(comparison, {
    title: 'F1 against size',
    label: 'all files of the model',
    of: ({ cost }) => cost.bytesOnDisk,
    format: bytes,
  }),
)}
${reading(READING)}`,
  };
}
