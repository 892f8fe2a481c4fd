import type { Choice, Comparison } from '../../compare/comparison.js';
import { badge, identified } from '../charts/identity.js';
import { listed } from '../figures.js';
import type { Markup } from '../markup.js';
import { html } from '../markup.js';
import { table, textHeads } from '../tables.js';
import type { Section } from './section.js';
import { reading, wide } from './section.js';

/** Which model for which need, as the verdict has it; nothing where there is nothing to choose. */
export function chooseSection(comparison: Comparison): Section | undefined {
  const { choices, simplestFirst, margin } = comparison.verdict;
  if (choices.length === 0) return undefined;
  const name = (id: string): string => comparison.models.find((model) => model.id === id)!.name;
  const offers = table({
    caption: 'What you care about, and what it costs',
    heads: textHeads('If what counts is', 'take', 'because'),
    rows: choices.map((choice) => row(choice, comparison)),
  });
  return {
    id: 'choose',
    title: 'How to choose',
    body: html`${wide('How to choose', offers)}
${reading(
  `Offered are only models that may be the best or are shown to lose at most ${margin} F1, ` +
    'and none that another one of these equals or beats in F1, latency, ' +
    'size and what the choice is about (latencies below a millisecond, or within a factor of two, ' +
    'count as equal). Where a choice may lose more than that, it says how much: ' +
    'whether the gain is worth it is yours to say. More test rows narrow these bounds; ' +
    'more models do not.',
  `Simplest first, by what has to be kept and run: ${listed(simplestFirst.map(name))}.`,
  'Models that start from pretrained weights gain most where training rows are few; ' +
    'the counting models catch up as rows grow. If you expect many more rows, compare again with them.',
)}`,
  };
}

function row({ aim, model, reason }: Choice, comparison: Comparison): Markup {
  const { look, model: chosen } = identified(comparison).find((each) => each.model.id === model)!;
  return html`<tr><th scope="row">${aim}</th><td>${badge(look)} ${chosen.name}</td><td>${reason}</td></tr>`;
}
