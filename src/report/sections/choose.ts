import type { Comparison, ModelResult } from '../../compare/comparison.js';
import { badge, identified, type Identity } from '../charts/identity.js';
import { bytes, duration, fixed, pValue, signed } from '../figures.js';
import { html, type Markup } from '../markup.js';
import { reading, type Section, wide } from './section.js';

interface Choice {
  readonly aim: string;
  readonly model: ModelResult;
  readonly reason: string;
}

/** Which model for which need, from the measured figures. */
export function chooseSection(comparison: Comparison): Section {
  const looks = new Map<ModelResult, Identity>(identified(comparison).map(({ model, look }) => [model, look]));
  return {
    id: 'choose',
    title: 'How to choose',
    body: html`${wide(
      'How to choose',
      html`<table><caption>What you care about, and what it costs</caption><thead><tr><th scope="col">If what counts is</th><th scope="col">take</th><th scope="col">because</th></tr></thead>
<tbody>${choices(comparison).map(({ aim, model, reason }) => row(aim, model, looks.get(model)!, reason))}</tbody></table>`,
    )}
${reading(
  'Begin with the simplest model within noise. Go to a more costly one only where the paired difference is clear and the errors it saves are worth its latency, size and the loss of a readable reason. Where the intervals are wide, more test rows will tell you more than another model.',
  'Models that start from pretrained weights gain most where training rows are few; the counting models catch up as rows grow. If you expect many more rows, compare again with them.',
)}`,
  };
}

const row = (aim: string, model: ModelResult, look: Identity, reason: string): Markup => html`<tr><th scope="row">${aim}</th><td>${badge(look)} ${model.name}</td><td>${reason}</td></tr>`;

const quality = ({ f1 }: ModelResult): number => f1.value ?? 0;
const least = (models: readonly ModelResult[], of: (model: ModelResult) => number): ModelResult => models.reduce((a, b) => (of(b) < of(a) ? b : a));

function choices({ models, verdict }: Comparison): Choice[] {
  const best = models.find(({ id }) => id === verdict.best)!;
  const simplest = models.find(({ id }) => id === verdict.simplestWithinNoise)!;
  const difference = ({ paired }: ModelResult): string => (paired === null ? 'It is also the best.' : `F1 against the best: ${signed(paired.f1Difference.value)} (${pValue(paired.f1Difference.p)}).`);
  // The floor is no choice: it says nothing about a text.
  const real = models.filter(({ id }) => id !== 'majority');
  const pool = real.length > 0 ? real : models;
  const fastest = least(pool, ({ cost }) => cost.latencyMs);
  const smallest = least(pool, ({ cost }) => cost.bytesOnDisk);
  const quickest = least(pool, ({ cost }) => cost.trainSeconds);
  const readable = pool.filter(({ interpretability }) => interpretability.level === 'high');
  const found: Choice[] = [
    { aim: 'quality alone', model: best, reason: `It has the highest weighted F1, ${fixed(best.f1.value)}.` },
    { aim: 'the least effort at no clear loss', model: simplest, reason: simplest === best ? 'Every simpler model is worse by more than chance explains.' : `The tests cannot tell it from the best. ${difference(simplest)}` },
    { aim: 'answers at once', model: fastest, reason: `${duration(fastest.cost.latencyMs / 1000)} a text${fastest === best ? '' : `, the best needs ${duration(best.cost.latencyMs / 1000)}`}. ${difference(fastest)}` },
    { aim: 'a small download', model: smallest, reason: `${bytes(smallest.cost.bytesOnDisk)}${smallest === best ? '' : `, the best has ${bytes(best.cost.bytesOnDisk)}`}. ${difference(smallest)}` },
    { aim: 'training often', model: quickest, reason: `${duration(quickest.cost.trainSeconds)}${quickest === best ? '' : `, the best needs ${duration(best.cost.trainSeconds)}`}. ${difference(quickest)}` },
  ];
  if (readable.length > 0) {
    const model = least(readable, (each) => -quality(each));
    found.push({ aim: 'a reason for every decision', model, reason: `${model.interpretability.why} ${difference(model)}` });
  }
  const honest = least(pool, ({ calibration }) => calibration.ece);
  found.push({ aim: 'probabilities one can rely on', model: honest, reason: `Its confidence is off by ${fixed(honest.calibration.ece)} on average (ECE). ${difference(honest)}` });
  return found;
}
