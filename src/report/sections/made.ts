import type { Comparison } from '../../compare/comparison.js';
import { bytes, grouped } from '../figures.js';
import { html } from '../markup.js';
import type { Section } from './section.js';

/** How it was measured, so that it can be measured again. */
export function madeSection({ dataset, machine, seed, created, attuneVersion }: Comparison): Section {
  const rows: readonly (readonly [string, string])[] = [
    ['Data', `${dataset.name}: ${grouped(dataset.trainRows)} training and ${grouped(dataset.testRows)} test rows, the same for every model; ${dataset.labelNames.length} classes`],
    ['Seed', String(seed)],
    ['Machine', `${machine.processor}, ${machine.cores} cores, ${bytes(machine.memoryBytes)} memory; ${machine.platform}, Node.js ${machine.node}`],
    ['Made', `${created}, attune ${attuneVersion}`],
    ['Intervals', '95 % percentile bootstrap over the test rows: they say how the figures would vary with other test rows, not with other training rows or seeds.'],
    ['Tests', 'Paired bootstrap of the weighted F1, and McNemar’s exact test, each model against the best. No correction for several comparisons.'],
    ['Times', 'Measured on this machine while it did nothing else that attune knows of; on another machine they differ, their order mostly does not.'],
  ];
  return { id: 'made', title: 'How this was made', body: html`<dl class="facts">${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>` };
}
