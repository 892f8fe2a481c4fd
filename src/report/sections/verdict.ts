import { FIGURES } from '../../compare/figures.js';
import type { Comparison } from '../../compare/comparison.js';
import { bytes, counted, duration, fixed, listed, signed } from '../figures.js';
import { html, type Markup } from '../markup.js';
import { intervalChart } from '../charts/intervals.js';
import { identified } from '../charts/identity.js';
import { charts, reading, type Section } from './section.js';

/** The answer in plain words, with how sure it is. */
export function verdictSection(comparison: Comparison): Section {
  const { verdict, models, dataset } = comparison;
  const best = models.find(({ id }) => id === verdict.best)!;
  const simplest = models.find(({ id }) => id === verdict.simplestWithinNoise)!;
  const undecided = identified(comparison).filter(({ model }) => model.paired !== null && model.paired.f1Difference.p >= 0.05);
  const [first, ...others] = verdict.sentences;
  return {
    id: 'verdict',
    title: 'The verdict',
    body: html`${first !== undefined && html`<p class="lead">${first}</p>`}${others.map((sentence) => html`<p>${sentence}</p>`)}
<div class="cards">${card('Highest quality', best.name, [`weighted F1 ${fixed(best.f1.value)}`, `95 % interval ${fixed(best.f1.low)} to ${fixed(best.f1.high)}`, `${duration(best.cost.latencyMs / 1000)} a text, ${bytes(best.cost.bytesOnDisk)}`])}${
      simplest === best
        ? card('Simplest within noise', best.name, ['It is both: every simpler model is worse by more than chance explains.'])
        : card('Simplest within noise', simplest.name, [
            `weighted F1 ${fixed(simplest.f1.value)}`,
            simplest.paired && `${signed(simplest.paired.f1Difference.value)} to the best (95 % interval ${signed(simplest.paired.f1Difference.low)} to ${signed(simplest.paired.f1Difference.high)})`,
            `${duration(simplest.cost.latencyMs / 1000)} a text, ${bytes(simplest.cost.bytesOnDisk)}`,
          ])
    }${card('How sure this is', counted(dataset.testRows, 'test row'), [
      undecided.length === 0 ? 'The best differs from every other model by more than chance explains (paired bootstrap, 5 %).' : `${undecided.length} of ${counted(models.length - 1, 'other model')} cannot be told from the best (paired bootstrap, 5 %): ${listed(undecided.map(({ look }) => String(look.number)))} in the charts.`,
    ])}</div>
${charts(intervalChart(comparison, 'Weighted F1 with 95 % intervals', 'weighted F1', (model) => model.f1), intervalChart(comparison, 'Weighted AUC with 95 % intervals', 'weighted AUC', (model) => model.auc))}
${reading(FIGURES.interval.reading)}`,
  };
}

const card = (title: string, name: string, lines: readonly (string | null)[]): Markup =>
  html`<div class="card"><h3>${title}</h3><p class="name">${name}</p>${lines.map((line) => line !== null && html`<p>${line}</p>`)}</div>`;
