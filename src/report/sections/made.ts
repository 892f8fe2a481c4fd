import type { Comparison } from '../../compare/comparison.js';
import { bytes, grouped } from '../figures.js';
import { html } from '../markup.js';
import type { Section } from './section.js';

/** How it was measured, so that it can be measured again. */
export function madeSection({ dataset, machine, seed, created, attuneVersion }: Comparison): Section {
  const rows: readonly (readonly [string, string])[] = [
    [
      'Data',
      `${dataset.name}: ${grouped(dataset.trainRows)} training and ${grouped(dataset.testRows)} test rows, ` +
        `the same for every model; ${dataset.labelNames.length} classes`,
    ],
    ['Seed', String(seed)],
    [
      'Machine',
      `${machine.processor}, ${machine.cores} cores, ${bytes(machine.memoryBytes)} memory; ` +
        `${machine.platform}, Node.js ${machine.node}`,
    ],
    ['Made', `${created}, attune ${attuneVersion}`],
    [
      'Intervals',
      '95 %, over the test rows: they say how the figures would vary with other test rows, ' +
        'not with other training rows or seeds. Accuracy: Clopper and Pearson 1934. F1: ' +
        'the same with the effective number of rows (Korn and Graubard 1998). AUC: bootstrap percentiles; ' +
        'of a perfect one, the bound of a share (Birnbaum and Klose 1957). Of the highest F1: ' +
        'allowing for the choice among the models that may be the best.',
    ],
    [
      'Comparison',
      'Multiple comparisons with the best (Hsu 1981); ' +
        'bounds from the largest studentised bootstrap difference (Romano and Wolf 2005), ' +
        'with exact ends where few rows differ. Error rates by simulation: docs/verdict.md of attune.',
    ],
    [
      'Times',
      'Measured on this machine while it did nothing else that attune knows of; ' +
        'on another machine they differ, their order mostly does not.',
    ],
  ];
  const facts = rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`);
  return {
    id: 'made',
    title: 'How this was made',
    body: html`<dl class="facts">${facts}</dl>`,
  };
}
