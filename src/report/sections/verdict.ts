import { FIGURES } from '../../compare/figures.js';
import type { Comparison, ModelResult } from '../../compare/comparison.js';
import { LEAST_OPTIMISM } from '../../compare/wording.js';
import { bytes, counted, duration, fixed, listed, signed } from '../figures.js';
import type { Markup } from '../markup.js';
import { html } from '../markup.js';
import { againstBestChart } from '../charts/against-best.js';
import { intervalChart } from '../charts/intervals.js';
import { identified } from '../charts/identity.js';
import type { Section } from './section.js';
import { charts, reading } from './section.js';

/** The answer in plain words, with how sure it is. */
export function verdictSection(comparison: Comparison): Section {
  const { sentences } = comparison.verdict;
  const [first, ...others] = sentences;
  const lead = first !== undefined && html`<p class="lead">${first}</p>`;
  return {
    id: 'verdict',
    title: 'The verdict',
    body: html`${lead}${others.map((sentence) => html`<p>${sentence}</p>`)}
<div class="cards">${highest(comparison)}${recommendation(comparison)}${certainty(comparison)}</div>
${charts(
  comparison.models.length > 1 && againstBestChart(comparison),
  intervalChart(comparison, 'Weighted F1 with 95 % intervals', 'weighted F1', 'f1'),
  intervalChart(comparison, 'Weighted AUC with 95 % intervals', 'weighted AUC', 'auc'),
)}
${reading(FIGURES.againstBest.reading, FIGURES.interval.reading)}`,
  };
}

const costOf = ({ cost }: ModelResult): string =>
  `${duration(cost.latencyMs / 1000)} a text, ${bytes(cost.bytesOnDisk)}`;

function highest({ models, verdict }: Comparison): Markup {
  const { best, low, high, optimism } = verdict;
  const model = models.find(({ id }) => id === best)!;
  const tooHigh =
    optimism >= LEAST_OPTIMISM ? `, about ${fixed(optimism)} too high because it was chosen for it` : '';
  const allowing = models.length > 1 ? ', the choice allowed for' : '';
  return card('Highest measured', model.name, [
    `weighted F1 ${fixed(model.f1.value)}${tooHigh}`,
    `95 % interval ${fixed(low)} to ${fixed(high)}${allowing}`,
    costOf(model),
  ]);
}

function recommendation({ models, verdict }: Comparison): Markup | false {
  if (models.length < 2) return false;
  const model = models.find(({ id }) => id === verdict.recommended);
  const title = `Recommended, at a margin of ${verdict.margin} F1`;
  if (!model) return card(title, 'None', ['The sentences above say why.']);
  const { difference, low } = model.againstBest!;
  return card(title, model.name, [
    `weighted F1 ${fixed(model.f1.value)}`,
    `${signed(difference)} against the best of the others, and no less than ${signed(low)}`,
    costOf(model),
  ]);
}

function certainty(comparison: Comparison): Markup {
  const { dataset, models, verdict } = comparison;
  const others = verdict.bestSet.length - 1;
  const inSet = identified(comparison).filter(
    ({ model }) => verdict.bestSet.includes(model.id) && model.id !== verdict.best,
  );
  const numbers = listed(inSet.map(({ look }) => String(look.number)));
  const line =
    others === 0
      ? 'The best is shown to be better than every other model.'
      : `${others} of ${counted(models.length - 1, 'other model')} may be as good as the best: ` +
        `${numbers} in the charts.`;
  return card('How sure this is', counted(dataset.testRows, 'test row'), [models.length > 1 && line]);
}

function card(title: string, name: string, lines: readonly (string | false)[]): Markup {
  const paragraphs = lines.map((line) => line !== false && html`<p>${line}</p>`);
  return html`<div class="card"><h3>${title}</h3><p class="name">${name}</p>${paragraphs}</div>`;
}
