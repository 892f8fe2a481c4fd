/** Which model to take, in words that say how sure that is. */
import { SIMPLEST_FIRST } from './baselines.js';
import type { ModelResult, PairedTest, Verdict } from './comparison.js';

/** Tests with a p below this are taken as a difference. */
export const SIGNIFICANCE = 0.05;

/** Whether both paired tests leave open that the model is as good as the best. */
export const withinNoise = ({ paired }: Pick<ModelResult, 'paired'>): boolean => paired === null || (paired.f1Difference.p >= SIGNIFICANCE && paired.mcnemar.p >= SIGNIFICANCE);

/**
 * @param models best first
 * @param tuning the fine-tuned model against the linear probe on the untuned one
 */
export function verdictOf(models: readonly ModelResult[], testRows: number, tuning: PairedTest | undefined): Verdict {
  const best = models[0];
  const place = ({ id }: ModelResult): number => (SIMPLEST_FIRST as readonly string[]).indexOf(id);
  const simplest = models.filter(withinNoise).sort((a, b) => place(a) - place(b))[0];
  const sentences = [`${best.name} has the highest weighted F1 on the ${testRows} test rows: ${figure(best.f1.value)}${interval(best.f1.low, best.f1.high)}.`];
  if (simplest === best) {
    sentences.push(models.length > 1 && place(best) > 0 ? `No simpler model is within noise of it: the paired tests tell each of them from the best (p below ${SIGNIFICANCE}).` : 'It is the simplest model as well.');
  } else {
    const { f1Difference, mcnemar } = simplest.paired!;
    sentences.push(
      `The simplest model within noise of the best is ${simplest.name}: its F1 is ${figure(simplest.f1.value)}, a difference of ${signed(f1Difference.value)} (95 % interval ${signed(f1Difference.low)} to ${signed(f1Difference.high)}, p ${p(f1Difference.p)}); ${mcnemar.onlyThis} rows only it had right, ${mcnemar.onlyBest} only the best (p ${p(mcnemar.p)}).`,
    );
    sentences.push(`It answers a text in ${milliseconds(simplest.cost.latencyMs)} and takes ${bytes(simplest.cost.bytesOnDisk)}; the best needs ${milliseconds(best.cost.latencyMs)} and ${bytes(best.cost.bytesOnDisk)}.`);
  }
  if (tuning) {
    const { value, low, high, p: chance } = tuning.f1Difference;
    const meaning = chance >= SIGNIFICANCE ? 'that cannot be told from chance' : value > 0 ? 'fine-tuning is what makes the difference' : 'fine-tuning did harm; more rows or epochs may mend it';
    sentences.push(`Fine-tuning changes F1 by ${signed(value)} against a linear probe of the same model untuned (95 % interval ${signed(low)} to ${signed(high)}): ${meaning}.`);
  }
  const floor = models.find(({ id }) => id === 'majority');
  if (floor && floor !== best && withinNoise(floor)) sentences.push('Beware: not even the best can be told from always answering the most frequent class. More test rows, or better data, are needed before any of them is deployed.');
  const widths = models.flatMap(({ paired }) => (paired ? [(paired.f1Difference.high - paired.f1Difference.low) / 2] : [])).sort((a, b) => a - b);
  if (widths.length > 0) {
    sentences.push(`How sure is this? On ${testRows} test rows, differences in F1 of less than about ${figure(widths[widths.length >> 1])} drown in the luck of which rows were tested. Another seed of training moves the figures as well, and no interval here counts that.`);
  }
  return { best: best.id, simplestWithinNoise: simplest.id, sentences };
}

const figure = (value: number | null): string => (value === null ? 'undefined' : value.toFixed(3));
const interval = (low: number | null, high: number | null): string => (low === null || high === null ? '' : ` (95 % interval ${figure(low)} to ${figure(high)})`);
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
const p = (value: number): string => (value < 0.001 ? '< 0.001' : `= ${value.toFixed(3)}`);
const milliseconds = (ms: number): string => (ms < 0.1 ? 'less than 0.1 ms' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`);
const bytes = (count: number): string => (count < 1e6 ? `${Math.max(1, Math.round(count / 1000))} kB` : `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)} MB`);
